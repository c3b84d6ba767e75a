//! How the answer travels.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::request::ResponseMode;

/// The mode that errors travel in: the one asked for when it is one of ours, else the default of `code`.
pub(super) fn for_errors(params: &Params) -> ResponseMode {
    params.get("response_mode").ok().flatten().and_then(ResponseMode::parse).unwrap_or_default()
}

pub(super) fn check(params: &Params) -> Result<(), OAuthError> {
    match params.get("response_mode")? {
        Some(text) if ResponseMode::parse(text).is_none() => {
            Err(OAuthError::invalid_request("response_mode is query or form_post"))
        }
        _ => Ok(()),
    }
}
