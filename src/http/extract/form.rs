//! Bodies of POST requests, as bytes: one media type, a size, a deadline.
//!
//! The framework's own extractor turns invalid UTF-8 into U+FFFD, inflates compressed bodies and waits for ever for
//! a slow one; none of that is wanted where codes and secrets arrive.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use futures_util::StreamExt;

use crate::crypto::json::JsonError;
use crate::protocol::params::Known;
use crate::protocol::params::Params;
use crate::protocol::params::Unreadable;

/// Why a body was not read. The connection is closed: the rest of the body may still be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body must be application/x-www-form-urlencoded in UTF-8, without content encoding")]
    MediaType,
    #[error("the body must be application/json in UTF-8, without content encoding")]
    NotJson,
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body was cut off")]
    Broken,
    #[error("parameters belong in the body, not in the query")]
    Query,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("the body must be a JSON object with the members of this endpoint and no others")]
    Members,
}

impl BodyError {
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::MediaType | Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Query | Self::Unreadable(_) | Self::Json(_) | Self::Members => StatusCode::BAD_REQUEST,
        }
    }
}

/// How much is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub bytes: usize,
    pub time: Duration,
}

/// Reads a form. Which parameters are wrong is said by [`Params`], not here.
///
/// # Errors
/// [`BodyError`] when it is no form, too large, too slow or cut off.
pub async fn form(
    request: &HttpRequest,
    payload: Payload,
    limits: BodyLimits,
    known: &'static [Known],
) -> Result<Params, BodyError> {
    Ok(Params::parse(&[&body(request, payload, limits).await?], known)?)
}

/// Reads a form together with the query, as one list of parameters.
///
/// # Errors
/// As [`form`].
pub async fn form_and_query(
    request: &HttpRequest,
    payload: Payload,
    limits: BodyLimits,
    known: &'static [Known],
) -> Result<Params, BodyError> {
    let body = body(request, payload, limits).await?;
    Ok(Params::parse(&[request.query_string().as_bytes(), &body], known)?)
}

async fn body(request: &HttpRequest, payload: Payload, limits: BodyLimits) -> Result<Vec<u8>, BodyError> {
    if !is_media_type(request, "application/x-www-form-urlencoded") {
        return Err(BodyError::MediaType);
    }
    read(request, payload, limits).await
}

/// Reads a form at an endpoint that looks at nothing but its body.
///
/// "Parameters sent in the request URI" would end up in logs: client credentials "MUST NOT be included in the
/// request URI" (RFC 6749 section 2.3.1).
///
/// # Errors
/// [`BodyError`], also for any query.
pub async fn form_only(
    request: &HttpRequest,
    payload: Payload,
    limits: BodyLimits,
    known: &'static [Known],
) -> Result<Params, BodyError> {
    if !request.query_string().is_empty() {
        return Err(BodyError::Query);
    }
    form(request, payload, limits, known).await
}

/// A parameter of one of our own forms. One that is repeated or unreadable counts as absent: no page of ours sends it.
#[must_use]
pub fn text<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).ok().flatten()
}

/// Whether the request has a body at all.
#[must_use]
pub fn has_body(request: &HttpRequest) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).map(|value| value.as_bytes() != b"0");
    length.unwrap_or_else(|| request.headers().contains_key("transfer-encoding"))
}

pub(super) async fn read(request: &HttpRequest, payload: Payload, limits: BodyLimits) -> Result<Vec<u8>, BodyError> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limits.bytes) {
        return Err(BodyError::TooLarge);
    }
    let body = tokio::time::timeout(limits.time, collect(payload, limits.bytes, announced.unwrap_or(0)));
    body.await.map_err(|_| BodyError::TooSlow)?
}

async fn collect(mut payload: Payload, limit: usize, announced: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::with_capacity(announced);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn is_media_type(request: &HttpRequest, wanted: &str) -> bool {
    if request.headers().contains_key(CONTENT_ENCODING) {
        return false;
    }
    let mut types = request.headers().get_all(CONTENT_TYPE);
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = first.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let named = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted));
    named
        && parts
            .all(|part| part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\""))
}
