//! Token exchange, RFC 8693: a service that was called with a person's access token gets one of its own, to call the
//! next service on behalf of the same person. Everything only narrows: scope, audience, time.

use std::fmt;

use super::super::access_token::AccessToken;
use super::super::access_token::Actor;
use super::super::error::OAuthError;
use super::super::params::Params;
use super::resource;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The one type of token that is taken and given, RFC 8693 section 3.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How many services may act in a row.
const LONGEST_CHAIN: usize = 4;

/// Scope values that stay with whom they were granted to: there is neither an ID token nor a refresh token here.
const NOT_PASSED_ON: [&str; 2] = ["openid", "offline_access"];

/// A request, RFC 8693 section 2.1.
#[derive(Clone)]
pub struct ExchangeRequest {
    pub subject_token: Secret,
    pub actor_token: Option<Secret>,
    pub scope: Option<Scope>,
}

impl ExchangeRequest {
    /// # Errors
    /// `unauthorized_client` for a client without the grant and for a public one; `invalid_request` when a parameter is
    /// missing or names another type of token; `invalid_scope`.
    pub fn read(form: &Params, client: &Client) -> Result<Self, OAuthError> {
        super::check_grant(client, GrantType::TokenExchange)?;
        // Without proof of who asks, whoever finds a token could have it widened to other audiences.
        if client.is_public() {
            return Err(OAuthError::unauthorized_client("A public client cannot exchange tokens"));
        }
        let token = form.get("subject_token")?.ok_or_else(|| missing("subject_token is missing"))?;
        let kind = form.get("subject_token_type")?.ok_or_else(|| missing("subject_token_type is missing"))?;
        is_access_token(kind)?;
        let actor_token = form.get("actor_token")?;
        match (actor_token, form.get("actor_token_type")?) {
            (None, None) => {}
            // "REQUIRED when the actor_token parameter is present in the request but MUST NOT be included otherwise."
            (Some(_), None) => return Err(missing("actor_token_type is missing")),
            (None, Some(_)) => return Err(missing("actor_token_type without actor_token")),
            (Some(_), Some(kind)) => is_access_token(kind)?,
        }
        if let Some(kind) = form.get("requested_token_type")? {
            is_access_token(kind)?;
        }
        let scope = form.get("scope")?.map(Scope::parse).transpose();
        let scope = scope.map_err(|fault| OAuthError::invalid_scope(fault.to_string()))?;
        Ok(Self { subject_token: Secret::new(token), actor_token: actor_token.map(Secret::new), scope })
    }
}

impl fmt::Debug for ExchangeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeRequest").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Which audiences a subject token may have: who exchanges it must be whom it was sent to.
#[must_use]
pub fn accepted_subjects(client: &Client) -> Vec<String> {
    client.resources.iter().cloned().chain([client.id.to_string()]).collect()
}

/// Which audiences an actor token may have: anything that the client itself may ask for. That it is the client's own is
/// looked at in [`check`].
#[must_use]
pub fn accepted_actors(client: &Client, issuer: &str) -> Vec<String> {
    let own = accepted_subjects(client);
    own.into_iter().chain(client.audiences.iter().cloned()).chain([issuer.to_owned()]).collect()
}

/// What the new token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub scope: Scope,
    /// `aud`; not empty.
    pub audience: Vec<String>,
    pub actor: Actor,
    /// It may end earlier.
    pub expires_by: Timestamp,
}

/// Decides. `subject` and `actor` have been verified: ours, live, and meant for whom [`accepted_subjects`] and
/// [`accepted_actors`] name.
///
/// # Errors
/// `invalid_request` when one of the tokens may not be used so, `invalid_target`, `invalid_scope`.
pub fn check(
    form: &Params,
    request: &ExchangeRequest,
    client: &Client,
    subject: &AccessToken,
    actor: Option<&AccessToken>,
    issuer: &str,
) -> Result<Exchange, OAuthError> {
    // A service that calls for itself has its own credentials; only what a person began is passed on.
    if !subject.is_of_a_person() {
        return Err(OAuthError::invalid_request("No person stands behind the subject token"));
    }
    if actor.is_some_and(|actor| actor.client_id != client.id || actor.actor.is_some()) {
        return Err(OAuthError::invalid_request("The actor token was not issued to this client"));
    }
    let acting = actor.map_or(client.id.as_str(), |actor| actor.subject.as_str());
    if !may_act(subject, acting, client, issuer) {
        return Err(OAuthError::invalid_request("The subject token names somebody else who may act"));
    }
    let actor_now = Actor { sub: acting.to_owned(), act: subject.actor.clone().map(Box::new) };
    if actor_now.depth() > LONGEST_CHAIN {
        return Err(OAuthError::invalid_request("Too many services have passed this token on"));
    }
    Ok(Exchange {
        scope: narrow(request.scope.as_ref(), subject, client)?,
        audience: resource::targets(form, client)?,
        actor: actor_now,
        expires_by: actor.map_or(subject.expires_at, |actor| actor.expires_at.min(subject.expires_at)),
    })
}

/// "The `may_act` claim makes a statement that one party is authorized to become the actor" (RFC 8693 section 4.4). A
/// member that we do not know might be the one that matters.
fn may_act(subject: &AccessToken, acting: &str, client: &Client, issuer: &str) -> bool {
    let Some(allowed) = &subject.may_act else { return true };
    allowed.contains_key("sub")
        && allowed.iter().all(|(name, value)| match name.as_str() {
            "sub" => value == acting,
            "iss" => value == issuer,
            "client_id" => value == client.id.as_str(),
            _ => false,
        })
}

fn narrow(asked: Option<&Scope>, subject: &AccessToken, client: &Client) -> Result<Scope, OAuthError> {
    let allowed = subject.scope.intersection(&client.scope).without_any(&NOT_PASSED_ON);
    match asked {
        None => Ok(allowed),
        Some(asked) if asked.is_subset(&allowed) => Ok(asked.clone()),
        Some(_) => {
            Err(OAuthError::invalid_scope("scope is more than the subject token has and this client may pass on"))
        }
    }
}

/// The answer to a token that is not accepted: "If either the `subject_token` or `actor_token` are invalid for any
/// reason [...] the value of the `error` parameter MUST be the `invalid_request` error code" (RFC 8693 section 2.2.2).
#[must_use]
pub fn unacceptable(which: &str, why: &OAuthError) -> OAuthError {
    let told = OAuthError::invalid_request(format!("{which}: {}", why.description()));
    match why.private_detail() {
        Some(detail) => told.detail(detail),
        None => told,
    }
}

fn is_access_token(kind: &str) -> Result<(), OAuthError> {
    if kind == ACCESS_TOKEN {
        return Ok(());
    }
    Err(OAuthError::invalid_request("Only access tokens are exchanged, for access tokens"))
}

fn missing(sentence: &'static str) -> OAuthError {
    OAuthError::invalid_request(sentence)
}

#[cfg(test)]
mod tests;
