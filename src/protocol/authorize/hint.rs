//! Whose sign-in the client can use, by the ID token that it sends along (`id_token_hint`).

use super::super::error::OAuthError;
use super::super::id_token_hint::Hint;
use super::super::id_token_hint::bad_hint;
use crate::domain::client::Client;
use crate::domain::ids::Subject;
use crate::domain::request::AuthorizationRequest;

/// The request of `client` for the person of its hint and nobody else: "If the End-User identified by the ID Token is
/// already logged in [...] then the Authorization Server returns a positive response; otherwise, it MUST return an
/// error, such as `login_required`" (OpenID Connect Core section 3.1.2.1, for `prompt=none`).
///
/// # Errors
/// `invalid_request` for a hint that was issued to another client, or about another person than `claims` names.
pub fn with_hint(
    request: AuthorizationRequest,
    hint: &Hint,
    client: &Client,
) -> Result<AuthorizationRequest, OAuthError> {
    hint.is_for(client)?;
    let person = Subject::new(&hint.sub).map_err(|_| bad_hint("sub cannot be one"))?;
    if request.subject.as_ref().is_some_and(|named| *named != person) {
        return Err(OAuthError::invalid_request("claims and id_token_hint name different people"));
    }
    Ok(AuthorizationRequest { subject: Some(person), ..request })
}
