//! How long ago the person may have signed in.

use super::super::error::OAuthError;
use super::super::params::Params;

/// Whole seconds in decimal digits, at most 2^63 - 1.
pub(super) fn check(params: &Params) -> Result<Option<u64>, OAuthError> {
    let Some(text) = params.get("max_age")? else { return Ok(None) };
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Some)
        .ok_or_else(|| OAuthError::invalid_request("max_age is a whole number of seconds"))
}
