//! What the client wants: a code, nothing else. "clients SHOULD NOT use the implicit grant (response type token)"
//! (RFC 9700 section 2.1.2), so there is none to use.

use super::super::error::ErrorCode;
use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::client::GrantType;

pub(super) fn check(params: &Params, client: &Client) -> Result<(), OAuthError> {
    match params.get("response_type")? {
        None => Err(OAuthError::invalid_request("response_type is missing")),
        // Compared as text: no other order, case or repetition of words means the same.
        Some("code") if client.allows(GrantType::AuthorizationCode) => Ok(()),
        Some("code") => Err(OAuthError::unauthorized_client("This client may not use the authorization code grant")),
        Some(_) => Err(OAuthError::new(ErrorCode::UnsupportedResponseType, "response_type is code")),
    }
}
