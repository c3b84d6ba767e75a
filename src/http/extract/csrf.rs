//! That a form was filled in on our own page, in the browser that was given it.

use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;

use crate::crypto::hash;
use crate::flow::Signet;

/// The token of a form: bound to the browser cookie and to what the form is for.
#[must_use]
pub fn token(signet: &Signet, browser: &str, purpose: &str) -> String {
    hash::base64url(&signet.secrets.csrf.mac(format!("{browser}\0{purpose}").as_bytes()))
}

/// Whether a posted form may be acted upon: it carries the token of this browser, and the browser itself does not
/// say that it comes from elsewhere.
#[must_use]
pub fn is_genuine(
    signet: &Signet,
    request: &HttpRequest,
    browser: Option<&str>,
    purpose: &str,
    posted: Option<&str>,
) -> bool {
    let (Some(browser), Some(posted)) = (browser, posted) else { return false };
    let expected = token(signet, browser, purpose);
    hash::constant_time_eq(expected.as_bytes(), posted.as_bytes()) && is_same_origin(signet, request)
}

/// `Sec-Fetch-Site` and `Origin`, where the browser sends them. An issuer has no path, so it is its own origin. `Origin: null` is what a page with
/// `Referrer-Policy: no-referrer` sends for its own forms, so it counts only against `Sec-Fetch-Site`.
#[must_use]
pub fn is_same_origin(signet: &Signet, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(actix_web::http::header::HeaderValue::as_bytes);
    let site = header("sec-fetch-site");
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return false;
    }
    match header(ORIGIN.as_str()) {
        None => true,
        Some(b"null") => site.is_some(),
        Some(origin) => origin == signet.issuer().as_bytes(),
    }
}
