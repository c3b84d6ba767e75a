//! `/check_session`: the frame of OpenID Connect Session Management 1.0. Its script answers pages of clients, in the
//! browser; no message of theirs reaches this server.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::App;
use super::cookie::Cookie;
use super::page::contexts::CheckSessionPage;
use super::respond;

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let page = CheckSessionPage { cookie: web.cookies.name(Cookie::State) };
    std::future::ready(respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page)).await
}
