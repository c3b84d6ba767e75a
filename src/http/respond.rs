//! Answers that many endpoints give.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::LOCATION;
use actix_web::http::header::SET_COOKIE;
use serde::Serialize;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::browser;
use super::page::Page;
use super::page::contexts::ErrorKind;
use super::page::i18n::Locale;
use super::page::i18n::Preference;

/// A page, in the language of whoever asked.
#[must_use]
pub fn page<P: Page>(web: &Web, locale: Locale, status: StatusCode, page: &P) -> HttpResponse {
    let html = web.pages.render(locale, page);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "text/html; charset=utf-8"));
    response.insert_header((CONTENT_SECURITY_POLICY, html.csp));
    response.body(html.body)
}

/// The language for a request: what the application asked for, then the cookie, then the browser's own wish.
#[must_use]
pub fn locale(web: &Web, request: &HttpRequest, ui_locales: &[String]) -> Locale {
    let cookie = web.cookies.read(request.headers(), Cookie::Locale);
    let accept_language = browser::accept_language(request);
    web.pages.locale(&Preference { ui_locales, cookie: cookie.as_deref(), accept_language })
}

/// On to another page. "303 (See Other)" turns a POST into a GET, so that credentials are not sent again
/// (RFC 9700 section 4.12).
#[must_use]
pub fn see_other(location: &str, cookies: &[String]) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::SEE_OTHER);
    // Every location was percent-encoded by whoever built it; one that still cannot be a header is our own fault.
    let Ok(location) = HeaderValue::from_str(location) else {
        tracing::error!("a location that is no header value");
        return HttpResponse::InternalServerError().finish();
    };
    response.insert_header((LOCATION, location));
    let mut response = response.finish();
    add_cookies(response.headers_mut(), cookies);
    response
}

/// Adds `Set-Cookie` headers.
pub fn add_cookies(headers: &mut HeaderMap, cookies: &[String]) {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            headers.append(SET_COOKIE, value);
        }
    }
}

/// JSON that nobody may keep.
#[must_use]
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(body) {
        Ok(bytes) => HttpResponse::build(status).insert_header((CONTENT_TYPE, "application/json")).body(bytes),
        Err(fault) => {
            tracing::error!(%fault, "an answer could not be written as JSON");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// The path exists, the method does not.
pub async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    let allow = match request.match_pattern().as_deref() {
        Some("/token" | "/revoke" | "/auth/login" | "/auth/refresh" | "/auth/logout") => "POST, OPTIONS",
        Some("/introspect" | "/register") => "POST",
        Some("/register/{client_id}") => "GET, PUT, DELETE",
        Some("/demo-api") => "GET, OPTIONS",
        Some("/userinfo") => "GET, POST, OPTIONS",
        Some(path) if path.starts_with("/.well-known/") => "GET, HEAD, OPTIONS",
        Some("/" | "/tools/jwt") => "GET, HEAD",
        Some(
            "/gateway"
            | "/check_session"
            | "/authorize/{request}"
            | "/assets/{file}"
            | "/health/live"
            | "/health/ready",
        ) => "GET",
        _ => "GET, POST",
    };
    std::future::ready(HttpResponse::MethodNotAllowed().insert_header((ALLOW, allow)).finish()).await
}

/// No such path.
pub async fn not_found(web: App, request: HttpRequest) -> HttpResponse {
    std::future::ready(error::plain_page(&web, &request, StatusCode::NOT_FOUND, ErrorKind::NotFound)).await
}
