//! `id_token_hint`: an ID token of ours that comes back, at the authorization endpoint (OpenID Connect Core section
//! 3.1.2.1) and when somebody signs out (RP-Initiated Logout section 2).

use serde_json::Map;
use serde_json::Value;

use super::error::OAuthError;
use crate::domain::client::Client;
use crate::domain::ids::ClientId;

/// What such a token says. Its signature has been checked, and its age does not matter: "The OP SHOULD accept ID
/// Tokens when the RP identified by the ID Token's aud claim and/or sid claim has a current session or had a recent
/// session at the OP, even when the exp time has passed" (RP-Initiated Logout section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub client_id: ClientId,
    pub sub: String,
    pub sid: Option<String>,
}

impl Hint {
    /// Reads the claims of an ID token whose signature is ours.
    ///
    /// # Errors
    /// `invalid_request` when it is not one that we have issued: another `iss`, no `sub`, not exactly one `aud`.
    pub fn read(claims: &Map<String, Value>, issuer: &str) -> Result<Self, OAuthError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        // "When an id_token_hint parameter is present, the OP MUST validate that it was the issuer of the ID Token."
        // (RP-Initiated Logout section 2)
        if text("iss") != Some(issuer) {
            return Err(bad_hint("of another issuer"));
        }
        let client_id = text("aud").and_then(|aud| ClientId::new(aud).ok()).ok_or_else(|| bad_hint("aud"))?;
        let sub = text("sub").ok_or_else(|| bad_hint("sub"))?.to_owned();
        Ok(Self { client_id, sub, sid: text("sid").map(str::to_owned) })
    }

    /// That it was issued to the client that shows it: what another one was told of a person is not its to use.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn is_for(&self, client: &Client) -> Result<(), OAuthError> {
        if self.client_id == client.id { Ok(()) } else { Err(bad_hint("issued to another client")) }
    }
}

/// The one sentence for every fault of a hint; `why` is for the log.
#[must_use]
pub fn bad_hint(why: impl Into<String>) -> OAuthError {
    OAuthError::invalid_request("The id_token_hint is not an ID token of this server").detail(why)
}
