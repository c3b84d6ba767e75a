//! How the answer travels.

use super::super::error::OAuthError;
use super::super::params::Params;
use super::response_type;
use crate::domain::client::ResponseType;
use crate::domain::request::ResponseMode;

/// The mode that errors travel in: the one asked for when the answer may travel in it, else the default of the response
/// type, which is `query` for `code` and for what is unknown.
pub(super) fn for_errors(params: &Params, front_channel: bool) -> ResponseMode {
    let kind = response_type::asked(params, front_channel).unwrap_or(ResponseType::Code);
    let asked = params.get("response_mode").ok().flatten().and_then(ResponseMode::parse);
    asked.filter(|mode| fits(*mode, kind)).unwrap_or_else(|| default(kind))
}

pub(super) fn check(params: &Params, kind: ResponseType) -> Result<(), OAuthError> {
    match params.get("response_mode")? {
        Some(text) if !ResponseMode::parse(text).is_some_and(|mode| fits(mode, kind)) => {
            Err(OAuthError::invalid_request(match kind.is_front_channel() {
                true => "response_mode is fragment or form_post",
                false => "response_mode is query or form_post",
            }))
        }
        _ => Ok(()),
    }
}

/// "The default Response Mode for this Response Type is the fragment encoding and the query encoding MUST NOT be used"
/// (OAuth 2.0 Multiple Response Type Encoding Practices section 3, of `id_token`). A code has no business in a fragment.
const fn fits(mode: ResponseMode, kind: ResponseType) -> bool {
    match mode {
        ResponseMode::FormPost => true,
        ResponseMode::Query => !kind.is_front_channel(),
        ResponseMode::Fragment => kind.is_front_channel(),
    }
}

const fn default(kind: ResponseType) -> ResponseMode {
    if kind.is_front_channel() { ResponseMode::Fragment } else { ResponseMode::Query }
}
