//! Who may use an access token at our own resources, and what UserInfo tells them.

use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;

use crate::domain::client::Client;
use crate::domain::family::Family;
use crate::domain::user::User;
use crate::keys::Ring;
use crate::protocol::access_token;
use crate::protocol::access_token::AccessToken;
use crate::protocol::error::OAuthError;
use crate::protocol::userinfo;

use super::Signet;
use super::error::FlowError;

/// An access token that is ours, valid now, and whose client, family and user still stand.
#[derive(Debug)]
pub struct LiveToken {
    pub claims: AccessToken,
    /// Whom it was issued to.
    pub client: Arc<Client>,
    /// The user and the grant, unless a service speaks for itself.
    pub person: Option<(User, Family)>,
}

impl Signet {
    /// Checks an access token: form, key, signature, type, issuer, audience, time, then that nothing behind it was
    /// revoked.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_token` and the reason. [`FlowError::Store`]: a database that does not
    /// answer never means that a token is good.
    pub async fn check_access_token(&self, token: &str, audience: &str) -> Result<LiveToken, FlowError> {
        let claims = self.verify_access_token(&*self.fresh_ring().await?, token, audience)?;
        let client = self.client(&claims.client_id).await?.filter(|client| !client.disabled).ok_or_else(revoked)?;
        let Some(grant_id) = claims.grant_id.clone() else { return Ok(LiveToken { claims, client, person: None }) };
        let found = self.store.userinfo(grant_id, claims.subject.clone()).await?;
        let (family, user) = found.ok_or_else(revoked)?;
        if family.revoked.is_some() || user.disabled {
            return Err(revoked().into());
        }
        Ok(LiveToken { claims, client, person: Some((user, family)) })
    }

    fn verify_access_token(&self, ring: &Ring, token: &str, audience: &str) -> Result<AccessToken, OAuthError> {
        let verified = ring.verify(token).map_err(|fault| {
            OAuthError::invalid_token("The access token has no good signature of ours").detail(fault.to_string())
        })?;
        let typ = verified.typ.unwrap_or_default();
        let claims = Value::Object(verified.claims);
        Ok(access_token::verify(&typ, &claims, self.issuer(), audience, self.now())?)
    }

    /// The UserInfo answer, OpenID Connect Core section 5.3: claims by the scope of the token.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `insufficient_scope` or `invalid_token`.
    pub fn userinfo(&self, token: &LiveToken) -> Result<Map<String, Value>, FlowError> {
        userinfo::check(&token.claims)?;
        let (user, family) = token.person.as_ref().ok_or(FlowError::Internal("a person's token without a person"))?;
        let mut claims = userinfo::claims(user, &token.claims.scope);
        claims.extend(userinfo::named(user, &family.claims.userinfo));
        Ok(claims)
    }
}

fn revoked() -> OAuthError {
    OAuthError::invalid_token("The access token has been revoked")
}
