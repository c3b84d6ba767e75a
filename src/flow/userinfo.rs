//! Who may use an access token at our own resources, and what UserInfo tells them.

use std::sync::Arc;

use serde_json::Value;

use crate::crypto::json;
use crate::crypto::jws::Unverified;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::protocol::access_token;
use crate::protocol::access_token::Verified;
use crate::protocol::bearer::BearerError;
use crate::protocol::userinfo;

use super::Signet;
use super::error::FlowError;

/// What a token at one of our resources turned out to be.
#[derive(Debug)]
pub enum TokenCheck<T> {
    Good(T),
    Refused(BearerError),
}

/// An access token that is ours, valid now, and whose family and user still stand.
#[derive(Debug)]
pub struct LiveToken {
    pub claims: Verified,
    /// Whom it was issued to.
    pub client: Arc<Client>,
    /// The user, unless a service speaks for itself.
    pub user: Option<User>,
}

impl Signet {
    /// Checks an access token: form, key, signature, type, issuer, time, then that nothing behind it was revoked.
    ///
    /// # Errors
    /// [`FlowError::Store`]: a database that does not answer never means that a token is good.
    pub async fn check_access_token(&self, token: &str, audience: &str) -> Result<TokenCheck<LiveToken>, FlowError> {
        let claims = match self.verify_access_token(token, audience) {
            Ok(claims) => claims,
            Err(refused) => return Ok(TokenCheck::Refused(refused)),
        };
        let revoked = Ok(TokenCheck::Refused(BearerError::Revoked));
        let Some(client) = self.client(&claims.client_id).await?.filter(|client| !client.disabled) else {
            return revoked;
        };
        let Some(grant_id) = claims.grant_id.clone() else {
            return Ok(TokenCheck::Good(LiveToken { claims, client, user: None }));
        };
        let Some((family, user)) = self.store.family_with_user(grant_id).await? else { return revoked };
        if family.revoked.is_some() || user.disabled || user.id.as_str() != claims.sub {
            return revoked;
        }
        Ok(TokenCheck::Good(LiveToken { claims, client, user: Some(user) }))
    }

    fn verify_access_token(&self, token: &str, audience: &str) -> Result<Verified, BearerError> {
        let unverified = Unverified::parse(token).map_err(|_| BearerError::Malformed)?;
        let ring = self.ring.load();
        let kid = unverified.kid().ok_or(BearerError::UnknownKey)?;
        let verifier = ring.verifier(kid).ok_or(BearerError::UnknownKey)?;
        let payload = verifier.verify(&unverified).map_err(|_| BearerError::Signature)?;
        let claims = json::strict_object(&payload).map_err(|_| BearerError::Malformed)?;
        access_token::verify(unverified.typ(), &Value::Object(claims), self.issuer(), audience, self.now())
    }

    /// The UserInfo answer, OpenID Connect Core section 5.3: claims by the scope of the token.
    #[must_use]
    pub fn userinfo(&self, token: &LiveToken) -> TokenCheck<Value> {
        let Some(user) = &token.user else { return TokenCheck::Refused(BearerError::InsufficientScope("openid")) };
        if !token.claims.scope.contains("openid") {
            return TokenCheck::Refused(BearerError::InsufficientScope("openid"));
        }
        TokenCheck::Good(userinfo::claims(user, &token.claims.scope))
    }
}
