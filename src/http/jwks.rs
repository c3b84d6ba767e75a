//! `/.well-known/jwks.json`, RFC 7517 section 5: from memory, never from the database.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::header::ETAG;
use actix_web::http::header::IF_NONE_MATCH;
use actix_web::http::header::USER_AGENT;
use actix_web::web::Bytes;

use super::App;
use super::extract::peer;

/// Served while the database is away, too: verifiers must never lose sight of the keys.
pub async fn jwks(web: App, request: HttpRequest) -> HttpResponse {
    let ring = web.signet.ring.load();
    let jwks = ring.jwks();
    let now = web.signet.now();
    let max_age = jwks.max_age(web.signet.steady_now()).as_secs();
    // HEAD shows nobody a key; a 304 says that its reader has them all.
    if request.method() == Method::GET {
        let from = peer::address(&request, &web.signet.config.server.trusted_proxies);
        let agent = request.headers().get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        web.signet.watch.readers.count(from, agent, &jwks.etag, now);
    }
    let unchanged = matches(&request, &jwks.etag);
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((CACHE_CONTROL, format!("public, max-age={max_age}")))
        .insert_header((ETAG, jwks.etag.as_str()))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    let response = if unchanged {
        response.finish()
    } else {
        response.insert_header((CONTENT_TYPE, "application/json")).body(Bytes::from_owner(Arc::clone(&jwks.body)))
    };
    std::future::ready(response).await
}

/// RFC 9110 section 13.1.2: a list of entity tags compared weakly, or `*`.
#[must_use]
pub fn matches(request: &HttpRequest, etag: &str) -> bool {
    request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}
