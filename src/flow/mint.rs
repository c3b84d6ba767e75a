//! Tokens, made and signed. Nothing here touches the database, unless the view of the keys has grown old.

use std::time::Duration;

use serde::Serialize;

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::family::Family;
use crate::domain::ids::SessionId;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::domain::user::User;
use crate::keys::Ring;
use crate::protocol::access_token;
use crate::protocol::id_token;
use crate::protocol::userinfo;

use super::Signet;
use super::error::FlowError;
use super::tokens::TokenResponse;

/// A signed access token, RFC 9068.
#[derive(Debug)]
pub struct AccessToken {
    pub(super) token: String,
    pub(super) expires_in: Duration,
}

/// What a token response says about a person.
#[derive(Debug)]
pub struct ForUser<'a> {
    pub user: &'a User,
    pub family: &'a Family,
    /// At most what the family was granted.
    pub scope: Scope,
    /// `aud` of the access token; not empty.
    pub audience: &'a [String],
    pub nonce: Option<&'a str>,
}

impl Signet {
    /// Signs an access token for a person, and an ID token when `openid` is granted.
    ///
    /// # Errors
    /// [`FlowError::NoKey`] when no key of the client's algorithms is active; [`FlowError::Store`] when nobody knows
    /// any more which key signs.
    pub async fn mint_for_user(
        &self,
        client: &Client,
        content: ForUser<'_>,
        now: Timestamp,
    ) -> Result<TokenResponse, FlowError> {
        let ring = self.fresh_ring().await?;
        let ForUser { user, family, scope, audience, .. } = &content;
        let lifetime = self.access_token_lifetime(client);
        let roles: Vec<Role> = user.roles.iter().cloned().collect();
        let jti = self.new_jti();
        let access = access_token::Claims {
            iss: self.issuer(),
            sub: user.id.as_str(),
            aud: audience,
            client_id: client.id.as_str(),
            iat: now.seconds(),
            exp: now.plus(lifetime).seconds(),
            jti: &jti,
            scope,
            auth_time: Some(family.authentication.time.seconds()),
            acr: Some(family.authentication.acr()),
            roles: &roles,
            grant_id: Some(family.id.as_str()),
            sid: family.session_id.as_ref().map(SessionId::as_str),
        };
        let token = self.sign(&ring, client.access_token_signed_response_alg, access_token::TYPE, &access)?;
        let id_token = match scope.contains("openid") {
            true => Some(self.id_token(&ring, client, &content, &token, now)?),
            false => None,
        };
        Ok(TokenResponse::new(AccessToken { token, expires_in: lifetime }, content.scope).with_id_token(id_token))
    }

    /// Signs an access token for a client that speaks for itself: `sub` "identif[ies] the client application" (RFC
    /// 9068 section 2.2).
    ///
    /// # Errors
    /// As [`Signet::mint_for_user`].
    pub async fn mint_for_service(
        &self,
        client: &Client,
        scope: Scope,
        audience: &[String],
        now: Timestamp,
    ) -> Result<TokenResponse, FlowError> {
        let ring = self.fresh_ring().await?;
        let lifetime = self.access_token_lifetime(client);
        let jti = self.new_jti();
        let claims = access_token::Claims {
            iss: self.issuer(),
            sub: client.id.as_str(),
            aud: audience,
            client_id: client.id.as_str(),
            iat: now.seconds(),
            exp: now.plus(lifetime).seconds(),
            jti: &jti,
            scope: &scope,
            auth_time: None,
            acr: None,
            roles: &[],
            grant_id: None,
            sid: None,
        };
        let token = self.sign(&ring, client.access_token_signed_response_alg, access_token::TYPE, &claims)?;
        Ok(TokenResponse::new(AccessToken { token, expires_in: lifetime }, scope))
    }

    fn id_token(
        &self,
        ring: &Ring,
        client: &Client,
        content: &ForUser<'_>,
        access_token: &str,
        now: Timestamp,
    ) -> Result<String, FlowError> {
        let ForUser { user, family, nonce, .. } = content;
        let algorithm = client.id_token_signed_response_alg;
        let lifetime = client.lifetimes.id_token.unwrap_or(self.config.tokens.id_token);
        let at_hash = hash::half_hash(algorithm, access_token);
        let claims = id_token::Claims {
            iss: self.issuer(),
            sub: user.id.as_str(),
            aud: client.id.as_str(),
            iat: now.seconds(),
            exp: now.plus(lifetime).seconds(),
            auth_time: family.authentication.time.seconds(),
            nonce: *nonce,
            acr: family.authentication.acr(),
            amr: &family.authentication.methods,
            sid: family.session_id.as_ref().map(SessionId::as_str),
            at_hash: Some(&at_hash),
            named: userinfo::named(user, &family.claims.id_token),
        };
        self.sign(ring, algorithm, id_token::TYPE, &claims)
    }

    fn access_token_lifetime(&self, client: &Client) -> Duration {
        client.lifetimes.access_token.unwrap_or(self.config.tokens.access_token)
    }

    fn new_jti(&self) -> String {
        hash::random_id("tok_", self.entropy.as_ref())
    }

    /// Signs with the key whose turn it is by our own clock at this very moment: all nodes switch at one instant.
    pub(super) fn sign(
        &self,
        ring: &Ring,
        algorithm: Algorithm,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, FlowError> {
        let signer = ring.signer(algorithm, self.now()).ok_or(FlowError::NoKey(algorithm))?;
        let token = signer.sign(typ, claims)?;
        self.watch.usage.count(signer.kid());
        Ok(token)
    }
}
