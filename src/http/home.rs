//! `/`: what somebody sees who types the issuer into a browser.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::App;
use super::page::contexts::HomePage;
use super::respond;

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    if web.signet.dev {
        return respond::see_other("/playground", &[]);
    }
    let page = HomePage { issuer: web.signet.issuer().to_owned() };
    std::future::ready(respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page)).await
}
