//! Proof key for code exchange, RFC 7636.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::client::ResponseType;
use crate::domain::request::CodeChallenge;

pub(super) fn check(
    params: &Params,
    client: &Client,
    response_type: ResponseType,
) -> Result<Option<CodeChallenge>, OAuthError> {
    // Without a code there is nothing to verify; what protects these answers is the nonce.
    if response_type.is_front_channel() {
        return Ok(None);
    }
    match (params.get("code_challenge")?, params.get("code_challenge_method")?) {
        // "public clients MUST use PKCE" (RFC 9700 section 2.1.1).
        (None, None) if client.pkce_required() => {
            Err(OAuthError::invalid_request("code_challenge is missing: this client must use PKCE (RFC 7636)"))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(OAuthError::invalid_request("code_challenge_method without code_challenge")),
        // An absent method means plain (RFC 7636 section 4.3), which shows the verifier to everyone who sees the request.
        (Some(_), None) => Err(OAuthError::invalid_request("code_challenge_method is missing: it must be S256")),
        (Some(challenge), Some("S256")) => {
            CodeChallenge::parse(challenge).map(Some).map_err(|fault| OAuthError::invalid_request(fault.to_string()))
        }
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("code_challenge_method must be S256")),
    }
}
