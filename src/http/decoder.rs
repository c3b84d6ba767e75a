//! `/tools/jwt`: what is in a token and what an API would answer to it. The page works in the browser alone; no token
//! ever comes here.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::App;
use super::page::contexts::DecoderPage;
use super::respond;

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let audience = if web.signet.dev { web.signet.demo_api() } else { String::new() };
    let page = DecoderPage::new(web.signet.issuer(), &audience);
    std::future::ready(respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page)).await
}
