//! Tokens, made and signed. Nothing here touches the database.

use std::time::Duration;

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::TokenId;
use crate::domain::ids::UserId;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::session::Authentication;
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::protocol::access_token;
use crate::protocol::id_token;

use super::Signet;
use super::error::FlowError;

/// A signed access token, RFC 9068.
#[derive(Debug)]
pub struct AccessToken {
    pub token: String,
    pub expires_in: Duration,
}

/// Whom an access token speaks for.
#[derive(Debug)]
pub enum Subject<'a> {
    /// A user who has signed in, RFC 9068 section 2.2.
    User { id: &'a UserId, roles: Vec<Role>, family: &'a FamilyId, authentication: &'a Authentication },
    /// The client itself: "the value of sub" identifies "the client application" (RFC 9068 section 2.2).
    Service,
}

/// What an ID token says, OpenID Connect Core section 2.
#[derive(Debug)]
pub struct IdTokenFor<'a> {
    pub user: &'a UserId,
    pub session: Option<&'a SessionId>,
    pub nonce: Option<&'a str>,
    pub authentication: &'a Authentication,
}

impl Signet {
    /// Signs an access token.
    ///
    /// # Errors
    /// [`FlowError::NoKey`] when no key of the client's algorithm is active.
    pub fn access_token(
        &self,
        client: &Client,
        subject: &Subject<'_>,
        scope: &Scope,
        audience: &[String],
        now: Timestamp,
    ) -> Result<AccessToken, FlowError> {
        let expires_in = client.lifetimes.access_token.unwrap_or(self.config.tokens.access_token);
        let jti = TokenId::new(hash::random_id("tok_", self.entropy.as_ref()))
            .map_err(|_| FlowError::Internal("made an unusable id"))?;
        let issuer = self.issuer();
        let default_audience;
        let audience = if audience.is_empty() {
            default_audience = [issuer.to_owned()];
            default_audience.as_slice()
        } else {
            audience
        };
        let claims = match subject {
            Subject::User { id, roles, family, authentication } => access_token::Claims::for_user(
                issuer, client, id, roles, family, authentication, scope, audience, &jti, now, expires_in,
            ),
            Subject::Service => {
                access_token::Claims::for_service(issuer, client, scope, audience, &jti, now, expires_in)
            }
        };
        let token = self.sign(client.access_token_signed_response_alg, access_token::TYP, &claims)?;
        Ok(AccessToken { token, expires_in })
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// [`FlowError::NoKey`] when no key of the client's algorithm is active.
    pub fn id_token(
        &self,
        client: &Client,
        content: &IdTokenFor<'_>,
        access_token: &str,
        now: Timestamp,
    ) -> Result<String, FlowError> {
        let algorithm = client.id_token_signed_response_alg;
        let lifetime = client.lifetimes.id_token.unwrap_or(self.config.tokens.id_token);
        let at_hash = hash::half_hash(algorithm, access_token);
        let claims = id_token::Claims::new(
            self.issuer(),
            &client.id,
            content.user,
            content.session,
            content.nonce,
            content.authentication,
            &at_hash,
            now,
            lifetime,
        );
        self.sign(algorithm, id_token::TYP, &claims)
    }

    fn sign(&self, algorithm: Algorithm, typ: &str, claims: &impl serde::Serialize) -> Result<String, FlowError> {
        let ring = self.ring.load();
        let signer = ring.signer(algorithm).ok_or(FlowError::NoKey(algorithm))?;
        Ok(signer.sign(typ, claims)?)
    }
}
