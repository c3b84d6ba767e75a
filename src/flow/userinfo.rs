//! Who may use an access token at our own resources, and what UserInfo tells them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use crate::crypto::jws::typ;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::protocol::access_token;
use crate::protocol::access_token::Accept;
use crate::protocol::access_token::AccessToken;
use crate::protocol::error::OAuthError;
use crate::protocol::userinfo;

use super::Signet;
use super::error::FlowError;

/// What the UserInfo endpoint says.
#[derive(Debug)]
pub enum UserInfo {
    Plain(Map<String, Value>),
    /// The same as a signed JWT.
    Signed(String),
}

/// An access token that is ours, valid now, not denied, and whose client still stands.
#[derive(Debug)]
pub struct VerifiedToken {
    pub claims: AccessToken,
    /// All that is signed, also what [`AccessToken`] has no name for.
    pub payload: Map<String, Value>,
    /// Whom it was issued to.
    pub client: Arc<Client>,
}

impl Signet {
    /// Checks an access token: form, key, signature, type, issuer, audience, time, client, and that it is not denied.
    /// All of it in memory: the database is asked only when this node has lost touch with it, or meets a client for
    /// the first time.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_token` and the reason. [`FlowError::Store`]: a database that does not
    /// answer never means that a token is good.
    pub async fn check_access_token<'a>(
        &self,
        token: &str,
        accept: impl Into<Accept<'a>>,
    ) -> Result<VerifiedToken, FlowError> {
        let denylist = self.fresh_denylist().await?;
        let (claims, payload) = self.read_access_token(token, accept).await?;
        if denylist.is_denied(&claims) {
            return Err(revoked().into());
        }
        let client =
            self.client(&claims.client_id).await?.filter(|client| good_for(client, &claims)).ok_or_else(revoked)?;
        Ok(VerifiedToken { claims, payload, client })
    }

    /// What a token of ours says, denied or not: form, key, signature, type, issuer, audience and time.
    pub(super) async fn read_access_token<'a>(
        &self,
        token: &str,
        accept: impl Into<Accept<'a>>,
    ) -> Result<(AccessToken, Map<String, Value>), FlowError> {
        let verified = self.fresh_ring().await?.verify(token).map_err(|fault| {
            OAuthError::invalid_token("The access token has no good signature of ours").detail(fault.to_string())
        })?;
        let payload = Value::Object(verified.claims);
        let typ = verified.typ.unwrap_or_default();
        let claims = access_token::verify(&typ, &payload, self.issuer(), accept, self.now());
        match (claims.map_err(OAuthError::from)?, payload) {
            (claims, Value::Object(payload)) => Ok((claims, payload)),
            _ => Err(FlowError::Internal("a payload that is no object")),
        }
    }

    /// The UserInfo answer, OpenID Connect Core section 5.3: claims by the scope of the token, signed when the client has
    /// registered an algorithm for it.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `insufficient_scope` or `invalid_token`; [`FlowError::NoKey`] when no key of the
    /// client's algorithm is active; [`FlowError::Store`].
    pub async fn userinfo(&self, token: &VerifiedToken) -> Result<UserInfo, FlowError> {
        let claims = self.known_of(token).await?;
        let client = &token.client;
        let Some(algorithm) = client.userinfo_signed_response_alg else { return Ok(UserInfo::Plain(claims)) };
        // It is read at once; nobody keeps it.
        let pen = self.pen(&[(algorithm, Duration::ZERO)]).await?;
        let signed = userinfo::Signed { iss: self.issuer(), aud: client.id.as_str(), claims: &claims };
        Ok(UserInfo::Signed(self.sign(&pen, algorithm, typ::USERINFO, &signed)?))
    }

    async fn known_of(&self, token: &VerifiedToken) -> Result<Map<String, Value>, FlowError> {
        userinfo::check(&token.claims)?;
        // The family too: it knows the claims that were asked for one by one.
        let VerifiedToken { claims: AccessToken { subject, scope, .. }, client, .. } = token;
        let found = self.behind(&token.claims).await?;
        // It names the person as its client knows them, or it was never issued.
        let stands = |user: &User| !user.disabled && self.subject(client, &user.id) == *subject;
        let (family, user) = found.filter(|(_, user)| stands(user)).ok_or_else(revoked)?;
        let mut claims = userinfo::claims(subject, &user, scope);
        claims.extend(userinfo::named(&user, &family.claims.userinfo));
        Ok(claims)
    }
}

/// Whether the client that a token was issued to is this one: not disabled, and not a later one that has taken the name of
/// one that was deleted. A token without a grant is known by nothing else. Both times are of the clock that all nodes share.
pub(super) fn good_for(client: &Client, claims: &AccessToken) -> bool {
    !client.disabled && client.created_at.seconds() <= claims.issued_at.seconds()
}

fn revoked() -> OAuthError {
    OAuthError::invalid_token("The access token has been revoked")
}
