//! `sector_identifier_uri`, OpenID Connect Registration section 5.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::wrong;
use crate::crypto::json;
use crate::domain::client::Client;
use crate::protocol::error::OAuthError;

/// Checks the document that was fetched: "The values registered in `redirect_uris` MUST be included in the elements of the
/// array, or registration MUST fail."
///
/// # Errors
/// `invalid_client_metadata`.
pub fn check_document(document: &[u8], client: &Client) -> Result<(), OAuthError> {
    const NAME: &str = "sector_identifier_uri";
    let shape = || wrong(NAME, "its document is no JSON array of texts");
    let Ok(Json::Array(items)) = json::strict(document) else { return Err(shape()) };
    let listed: BTreeSet<&str> = items.iter().map(Json::as_str).collect::<Option<_>>().ok_or_else(shape)?;
    match client.redirect_uris.iter().find(|uri| !listed.contains(uri.as_str())) {
        Some(missing) => Err(wrong(NAME, format!("its document lacks {missing}"))),
        None => Ok(()),
    }
}
