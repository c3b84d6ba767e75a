//! What the client wants: a code, or tokens in the answer itself. "clients SHOULD NOT use the implicit grant" (RFC 9700
//! section 2.1.2), so these count only where the configuration turns them on and the client is registered for them. There
//! is no access token alone: `response_type=token` is unknown.

use super::super::error::ErrorCode;
use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::client::SecurityProfile;

/// What is asked for, as far as this server knows it; not whether this client may have it.
pub(super) fn asked(params: &Params, front_channel: bool) -> Option<ResponseType> {
    let text = params.get("response_type").ok().flatten()?;
    ResponseType::parse(text).filter(|kind| front_channel || !kind.is_front_channel())
}

pub(super) fn check(params: &Params, client: &Client, front_channel: bool) -> Result<ResponseType, OAuthError> {
    if params.get("response_type")?.is_none() {
        return Err(OAuthError::invalid_request("response_type is missing"));
    }
    let kind = asked(params, front_channel).ok_or_else(|| unsupported(front_channel))?;
    permitted(kind, client, front_channel)?;
    if kind.is_front_channel() {
        // "nonce REQUIRED." (OpenID Connect Core section 3.2.2.1)
        if params.get("nonce")?.is_none_or(str::is_empty) {
            return Err(OAuthError::invalid_request("nonce is missing: an ID token in the answer must carry one"));
        }
        let openid = params.get("scope")?.is_some_and(|scope| scope.split(' ').any(|value| value == "openid"));
        if !openid {
            return Err(OAuthError::invalid_request("scope has no openid, without which there is no ID token"));
        }
    }
    Ok(kind)
}

/// Whether this client may have such an answer now; asked again before it is given.
///
/// # Errors
/// `unsupported_response_type`, `unauthorized_client`.
pub fn permitted(kind: ResponseType, client: &Client, front_channel: bool) -> Result<(), OAuthError> {
    if !kind.is_front_channel() {
        if client.allows(GrantType::AuthorizationCode) && client.response_types.contains(&kind) {
            return Ok(());
        }
        return Err(OAuthError::unauthorized_client("This client may not use the authorization code grant"));
    }
    if !front_channel {
        return Err(unsupported(front_channel));
    }
    // Tokens of FAPI 2.0 are bound to a key of the client, and nobody shows one here.
    if client.security_profile == SecurityProfile::Fapi2 || !client.response_types.contains(&kind) {
        return Err(OAuthError::unauthorized_client("This client may not use this response_type"));
    }
    Ok(())
}

fn unsupported(front_channel: bool) -> OAuthError {
    let known = match front_channel {
        true => "response_type is code, id_token, or id_token token",
        false => "response_type is code",
    };
    OAuthError::new(ErrorCode::UnsupportedResponseType, known)
}
