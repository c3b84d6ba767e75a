//! JSON bodies, as strictly read as forms are: one media type, a size, a deadline, no member twice.

use actix_web::HttpRequest;
use actix_web::web::Payload;
use serde::de::DeserializeOwned;

use crate::crypto::json::strict;

use super::form;
use super::form::BodyError;
use super::form::BodyLimits;

/// Reads a JSON object. Which members there are, `T` says.
///
/// # Errors
/// [`BodyError`] when it is no JSON, too large, too slow or cut off, or has other members than `T`.
pub async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    limits: BodyLimits,
) -> Result<T, BodyError> {
    if !form::is_media_type(request, "application/json") {
        return Err(BodyError::NotJson);
    }
    let value = strict(&form::read(request, payload, limits).await?)?;
    // An array would be taken for an object whose members are in order.
    if !value.is_object() {
        return Err(BodyError::Members);
    }
    serde_json::from_value(value).map_err(|_| BodyError::Members)
}

/// The same where a body may be missing.
///
/// # Errors
/// As [`json`].
pub async fn json_if_any<T: DeserializeOwned + Default>(
    request: &HttpRequest,
    payload: Payload,
    limits: BodyLimits,
) -> Result<T, BodyError> {
    if form::has_body(request) { json(request, payload, limits).await } else { Ok(T::default()) }
}
