//! Where the answer may go. Compared as bytes with what is registered; never parsed, never normalised.

use super::super::error::OAuthError;
use super::super::params::Params;
use super::client::PUBLIC;
use crate::domain::client::Client;

/// Always needed, also when the client has registered just one (OpenID Connect Core section 3.1.2.1).
pub(super) fn check<'a>(params: &'a Params, client: &Client) -> Result<&'a str, OAuthError> {
    let presented = params
        .get("redirect_uri")
        .map_err(|fault| OAuthError::invalid_request(PUBLIC).detail(format!("redirect_uri: {:?}", fault.kind)))?
        .ok_or_else(|| OAuthError::invalid_request(PUBLIC).detail("redirect_uri is missing"))?;
    if !client.redirects_to(presented) {
        let detail = format!("redirect_uri {presented:?} is not registered for client {}", client.id);
        return Err(OAuthError::invalid_request(PUBLIC).detail(detail));
    }
    Ok(presented)
}
