//! Tokens, made and signed. Nothing here touches the database, unless the view of the keys has grown old or a token
//! lives longer than any before it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::family::Family;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::domain::user::User;
use crate::keys::Ring;
use crate::protocol::access_token;
use crate::protocol::id_token;
use crate::protocol::token::exchange;
use crate::protocol::token::exchange::Exchange;
use crate::protocol::userinfo;

use super::Signet;
use super::error::FlowError;
use super::subject::Named;
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
    /// Whether an ID token goes with it when `openid` is granted.
    pub id_token: bool,
}

/// What tokens are signed with.
pub(super) struct Pen {
    ring: Arc<Ring>,
    at: Timestamp,
}

/// How often the keys are looked at anew because they have changed in between: once for each token, and once more.
const ATTEMPTS: usize = 5;

impl Signet {
    /// Signs an access token for a person, and an ID token when it is wanted and `openid` is granted.
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
        let ForUser { user, family, scope, audience, .. } = &content;
        let lifetime = self.access_token_lifetime(client);
        let id_token = (client.id_token_signed_response_alg, self.id_token_lifetime(client));
        let mut tokens = vec![(client.access_token_signed_response_alg, lifetime)];
        tokens.extend(scope.contains("openid").then_some(id_token));
        let pen = self.pen(&tokens).await?;
        let roles: Vec<Role> = user.roles.iter().cloned().collect();
        let jti = self.new_jti();
        let (sub, sid) = self.names(client, &user.id, family.session_id.as_ref());
        let access = access_token::Claims {
            iss: self.issuer(),
            sub: sub.as_str(),
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
            sid: sid.as_ref().map(SessionId::as_str),
            act: None,
        };
        let token = self.sign(&pen, client.access_token_signed_response_alg, access_token::TYPE, &access)?;
        let id_token = match content.id_token && scope.contains("openid") {
            true => Some(self.id_token(&pen, client, &content, Some(&token), now)?),
            false => None,
        };
        Ok(TokenResponse::new(AccessToken { token, expires_in: lifetime }, content.scope).with_id_token(id_token))
    }

    /// Signs an ID token alone, with what the scope tells of the person in it: there is no access token to ask UserInfo
    /// with.
    ///
    /// # Errors
    /// As [`Signet::mint_for_user`].
    pub async fn mint_id_token(
        &self,
        client: &Client,
        content: &ForUser<'_>,
        now: Timestamp,
    ) -> Result<String, FlowError> {
        let pen = self.pen(&[(client.id_token_signed_response_alg, self.id_token_lifetime(client))]).await?;
        self.id_token(&pen, client, content, None, now)
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
        let lifetime = self.access_token_lifetime(client);
        let pen = self.pen(&[(client.access_token_signed_response_alg, lifetime)]).await?;
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
            act: None,
        };
        let token = self.sign(&pen, client.access_token_signed_response_alg, access_token::TYPE, &claims)?;
        Ok(TokenResponse::new(AccessToken { token, expires_in: lifetime }, scope))
    }

    /// Signs an access token for a service that acts for a person (RFC 8693): what it says of the person is what the
    /// token presented says, but for the name that the service knows them by, and it ends with the same grant.
    ///
    /// # Errors
    /// As [`Signet::mint_for_user`].
    pub async fn mint_exchanged(
        &self,
        client: &Client,
        subject: &access_token::AccessToken,
        person: &Named,
        exchange: Exchange,
        now: Timestamp,
    ) -> Result<TokenResponse, FlowError> {
        let lifetime = self.access_token_lifetime(client);
        let pen = self.pen(&[(client.access_token_signed_response_alg, lifetime)]).await?;
        let expires_at = now.plus(lifetime).min(exchange.expires_by);
        let jti = self.new_jti();
        let claims = access_token::Claims {
            iss: self.issuer(),
            sub: person.sub.as_str(),
            aud: &exchange.audience,
            client_id: client.id.as_str(),
            iat: now.seconds(),
            exp: expires_at.seconds(),
            jti: &jti,
            scope: &exchange.scope,
            auth_time: subject.auth_time,
            acr: subject.acr.as_deref(),
            roles: &subject.roles,
            grant_id: subject.grant_id.as_ref().map(FamilyId::as_str),
            sid: person.sid.as_ref().map(SessionId::as_str),
            act: Some(&exchange.actor),
        };
        let token = self.sign(&pen, client.access_token_signed_response_alg, access_token::TYPE, &claims)?;
        let expires_in = Duration::from_secs(u64::try_from(expires_at.seconds() - now.seconds()).unwrap_or(0));
        Ok(TokenResponse::new(AccessToken { token, expires_in }, exchange.scope)
            .with_issued_token_type(exchange::ACCESS_TOKEN))
    }

    fn id_token(
        &self,
        pen: &Pen,
        client: &Client,
        content: &ForUser<'_>,
        access_token: Option<&str>,
        now: Timestamp,
    ) -> Result<String, FlowError> {
        let ForUser { user, family, nonce, scope, .. } = content;
        let algorithm = client.id_token_signed_response_alg;
        let lifetime = self.id_token_lifetime(client);
        let at_hash = access_token.map(|token| hash::half_hash(algorithm, token));
        let mut named = userinfo::named(user, &family.claims.id_token);
        if access_token.is_none() {
            // "when no Access Token is issued [...], the resulting Claims are returned in the ID Token" (Core section 5.4).
            named.extend(userinfo::of_scope(user, scope));
        }
        let (sub, sid) = self.names(client, &user.id, family.session_id.as_ref());
        let claims = id_token::Claims {
            iss: self.issuer(),
            sub: sub.as_str(),
            aud: client.id.as_str(),
            iat: now.seconds(),
            exp: now.plus(lifetime).seconds(),
            auth_time: family.authentication.time.seconds(),
            nonce: *nonce,
            acr: family.authentication.acr(),
            amr: &family.authentication.methods,
            sid: sid.as_ref().map(SessionId::as_str),
            at_hash: at_hash.as_deref(),
            named,
        };
        self.sign(pen, algorithm, id_token::TYPE, &claims)
    }

    fn access_token_lifetime(&self, client: &Client) -> Duration {
        client.lifetimes.access_token.unwrap_or(self.config.tokens.access_token)
    }

    fn id_token_lifetime(&self, client: &Client) -> Duration {
        client.lifetimes.id_token.unwrap_or(self.config.tokens.id_token)
    }

    pub(super) fn new_jti(&self) -> String {
        hash::random_id("tok_", self.entropy.as_ref())
    }

    /// The keys whose turn it is by our own clock at this very moment: all nodes switch at one instant. A key stays
    /// published until its last token has ended, so the database knows how long tokens of a key may live before it
    /// signs the first one that lives longer.
    pub(super) async fn pen(&self, tokens: &[(Algorithm, Duration)]) -> Result<Pen, FlowError> {
        let mut pen = Pen { ring: self.fresh_ring().await?, at: self.steady_now() };
        for _ in 0..ATTEMPTS {
            let mut too_long = None;
            for (algorithm, lifetime) in tokens {
                let key = pen.ring.signing_key(*algorithm, pen.at).ok_or(FlowError::NoKey(*algorithm))?;
                if key.longest_token < *lifetime {
                    too_long = Some((key.kid.clone(), *lifetime));
                }
            }
            let Some((kid, lifetime)) = too_long else { return Ok(pen) };
            // Another node may have done so, or have retired the key: then there is another one.
            self.store.raise_longest_token(kid, lifetime).await?;
            self.reload_keys().await?;
            pen = Pen { ring: self.ring.load(), at: self.steady_now() };
        }
        Err(FlowError::Internal("the keys change faster than they can be read"))
    }

    pub(super) fn sign(
        &self,
        pen: &Pen,
        algorithm: Algorithm,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, FlowError> {
        let signer = pen.ring.signer(algorithm, pen.at).ok_or(FlowError::NoKey(algorithm))?;
        let token = signer.sign(typ, claims)?;
        if typ == access_token::TYPE {
            pen.ring.has_made(&token);
        }
        self.watch.usage.count(signer.kid());
        Ok(token)
    }
}
