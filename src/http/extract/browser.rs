//! What a browser shows of itself: its cookies and languages.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;

use crate::domain::secret::Secret;
use crate::flow::authorize::BrowserCookies;
use crate::http::cookie::Cookie;
use crate::http::cookie::Cookies;

/// Reads session and browser cookie.
#[must_use]
pub fn cookies(request: &HttpRequest, cookies: Cookies) -> BrowserCookies {
    let read = |cookie| cookies.read(request.headers(), cookie).map(Secret::new);
    BrowserCookies { session: read(Cookie::Session), browser: read(Cookie::Browser) }
}

/// The languages a browser prefers, as it says it.
#[must_use]
pub fn accept_language(request: &HttpRequest) -> Option<&str> {
    request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
}
