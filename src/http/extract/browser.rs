//! What a browser shows of itself: its cookies and languages.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;

use crate::domain::secret::Secret;
use crate::flow::authorize::BrowserCookies;
use crate::flow::login::address_prefix;
use crate::http::Web;
use crate::http::cookie::Cookie;

use super::peer;

/// Reads session and browser cookie, and where they come from.
#[must_use]
pub fn cookies(web: &Web, request: &HttpRequest) -> BrowserCookies {
    let read = |cookie| web.cookies.read(request.headers(), cookie).map(Secret::new);
    let from = address_prefix(peer::address(request, &web.signet.config.server.trusted_proxies));
    BrowserCookies { session: read(Cookie::Session), browser: read(Cookie::Browser), from }
}

/// The languages a browser prefers, as it says it.
#[must_use]
pub fn accept_language(request: &HttpRequest) -> Option<&str> {
    request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
}
