//! What the client asks for.
//!
//! - Values that the client may not have are dropped: "The authorization server MAY fully or partially ignore the
//!   scope requested by the client" (RFC 6749 section 3.3). The token response says what was granted. If nothing is
//!   left, or `openid` would be dropped (the client waits for an ID token), the request is refused.
//! - `openid` is not needed; without it the flow is plain OAuth 2.0 and there is no ID token.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::request::Prompt;
use crate::domain::scope::Scope;

pub(super) fn check(
    params: &Params,
    client: &Client,
    prompt: Prompt,
    response_type: ResponseType,
) -> Result<Scope, OAuthError> {
    // "MUST either process the request using a pre-defined default value or fail the request indicating an invalid
    // scope" (RFC 6749 section 3.3).
    let text = params.get("scope")?.ok_or_else(|| OAuthError::invalid_scope("scope is missing"))?;
    let asked = Scope::parse(text).map_err(|fault| OAuthError::invalid_scope(fault.to_string()))?;
    if asked.contains("openid") && !client.scope.contains("openid") {
        return Err(OAuthError::invalid_scope("This client may not ask for openid"));
    }
    let mut granted = asked.intersection(&client.scope);
    // It "MUST ignore the offline_access request unless the Client is using a response_type value that would result in an
    // Authorization Code being returned" (OpenID Connect Core section 11).
    if response_type.is_front_channel() || !offline_access(client, prompt) {
        granted = granted.without("offline_access");
    }
    if granted.is_empty() {
        return Err(OAuthError::invalid_scope("This client may ask for none of these scope values"));
    }
    Ok(granted)
}

/// "MUST ensure that the prompt parameter contains consent unless other conditions for processing the request
/// permitting offline access to the requested resources are in place", else "it MUST ignore the `offline_access` request"
/// (OpenID Connect Core section 11). The other condition is that the operator trusts the client as its own.
fn offline_access(client: &Client, prompt: Prompt) -> bool {
    client.allows(GrantType::RefreshToken) && (prompt.consent || client.first_party)
}
