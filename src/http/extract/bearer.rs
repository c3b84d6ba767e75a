//! The access token of a request to a protected resource, RFC 6750 section 2.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::WWW_AUTHENTICATE;

use crate::http::respond;
use crate::protocol::bearer;
use crate::protocol::bearer::BearerError;
use crate::protocol::params::Params;

/// Takes the token from the header or from a form body; never from the query, which ends up in logs.
///
/// # Errors
/// [`BearerError`] for none, for two, and for one that is no token.
pub fn token(request: &HttpRequest, body: Option<&Params>) -> Result<String, BearerError> {
    let headers: Vec<&[u8]> = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
    bearer::token(&headers, body)
}

/// The answer to a token that is missing or not good enough: 400, 401 or 403 with a challenge.
#[must_use]
pub fn challenge(request: &HttpRequest, refused: &BearerError) -> HttpResponse {
    tracing::info!(
        event = "token_refused",
        reference = %crate::http::reference::Reference::of(request),
        reason = %refused,
    );
    let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = match refused.body() {
        Some(body) => respond::json(status, &body),
        None => HttpResponse::build(status).finish(),
    };
    if let Ok(value) = HeaderValue::from_str(&refused.challenge()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
