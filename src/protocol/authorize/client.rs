//! Who asks.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::ids::ClientId;

/// The one sentence for everything that is wrong with client or redirect URI, so that nobody can ask us which
/// clients exist.
pub(super) const PUBLIC: &str = "client_id or redirect_uri is missing, unknown or not registered";

/// The identifier to look the client up with.
///
/// # Errors
/// A page: `client_id` is missing, sent twice, or cannot be one.
pub fn client_id(params: &Params) -> Result<ClientId, OAuthError> {
    let text = params
        .get("client_id")
        .map_err(|fault| OAuthError::invalid_request(PUBLIC).detail(format!("client_id: {:?}", fault.kind)))?
        .ok_or_else(|| OAuthError::invalid_request(PUBLIC).detail("client_id is missing"))?;
    ClientId::new(text).map_err(|_| OAuthError::invalid_request(PUBLIC).detail("client_id cannot be one"))
}

/// A disabled client is as unknown as one that never was.
pub(super) fn check<'a>(params: &Params, client: Option<&'a Client>) -> Result<&'a Client, OAuthError> {
    let id = client_id(params)?;
    client
        .filter(|client| client.id == id && !client.disabled)
        .ok_or_else(|| OAuthError::invalid_request(PUBLIC).detail(format!("no enabled client {id}")))
}
