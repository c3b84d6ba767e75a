//! `grant_type=authorization_code`, RFC 6749 section 4.1.3.

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::code::Code;
use crate::domain::family::Family;
use crate::domain::family::Revocation;
use crate::domain::family::RevocationReason;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::protocol::error::OAuthError;
use crate::protocol::params;
use crate::protocol::params::Params;
use crate::protocol::token as grants;
use crate::protocol::token::code as rules;
use crate::protocol::token::code::CodeRequest;
use crate::protocol::token::resource;
use crate::store::code::RedeemCode;

use super::Signet;
use super::audit::Event;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::family::Begins;
use super::mint::ForUser;
use super::tokens::TokenResponse;

impl Signet {
    /// Exchanges a code for tokens.
    ///
    /// The tokens are signed first and the code is redeemed last, by one conditional write: whoever wins it hands
    /// out what has been signed, everybody else throws it away. A second use ends what the first one began
    /// (RFC 6749 section 4.1.2: the server "SHOULD revoke (when possible) all tokens previously issued based on
    /// that authorization code").
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_grant` for every fault of the code; [`FlowError::Store`].
    pub async fn redeem(&self, caller: &AuthenticatedClient, form: &Params) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        grants::check_grant(client, GrantType::AuthorizationCode)?;
        let request = CodeRequest::read(form)?;
        let now = self.now();
        let hash = hash::secret_hash(SecretKind::Code, request.code.reveal());
        let (code, user) = self.store.code_and_user(hash).await?.ok_or_else(unknown_code)?;
        if let Err(refused) = rules::check(&code, &request, client, now, hash::s256) {
            if refused.burns {
                self.burn(&code, client, now).await?;
            }
            return Err(refused.error.into());
        }
        let user = user
            .filter(|user| !user.disabled)
            .ok_or_else(|| rules::invalid_code().detail("the person is disabled or gone"))?;
        let audience = resource::audience(form, client, &code.resources, &code.scope, self.issuer())?;

        let family_id = self.new_family_id(now)?;
        let refresh = client.allows(GrantType::RefreshToken).then(|| self.new_refresh_token(&family_id, 1));
        let family = self.new_family(family_id, begins(&code), client, refresh.as_ref(), now);
        let content = ForUser {
            user: &user,
            family: &family,
            scope: code.scope.clone(),
            audience: &audience,
            nonce: code.nonce.as_deref(),
            id_token: true,
        };
        let tokens = self.mint_for_user(client, content, now).await?;

        let family_id = family.id.clone();
        match self.store.redeem_code(hash, now, family).await? {
            RedeemCode::Fresh => {
                tracing::info!(event = "code_redeemed", client_id = %client.id, sub = %user.id, grant_id = %family_id);
                Ok(tokens.with_refresh_token(refresh.map(|refresh| refresh.value.reveal().to_owned())))
            }
            RedeemCode::Replayed { family_id } => {
                self.learn_denials().await?;
                let detail = format!("the code has been used before; grant {family_id} of its first use is revoked");
                self.note(&Event::CodeReplayed { client_id: client.id.clone(), grant_id: family_id });
                Err(rules::invalid_code().detail(detail).into())
            }
            RedeemCode::Unknown => Err(unknown_code().into()),
        }
    }

    /// The answer of response types `id_token` and `id_token token`: a code that never leaves this house is redeemed at
    /// once, so that these tokens end with the same things as all others. Nothing when the session has ended meanwhile.
    ///
    /// # Errors
    /// As [`Signet::mint_for_user`]; [`FlowError::Refused`] when the client has no audience for these resources.
    pub(super) async fn redeem_here(
        &self,
        code: &Code,
        client: &Client,
        user: &User,
        response_type: ResponseType,
    ) -> Result<Option<Vec<(&'static str, String)>>, FlowError> {
        let now = self.now();
        let audience =
            resource::audience(&Params::none(params::TOKEN), client, &code.resources, &code.scope, self.issuer())?;
        let family = self.new_family(self.new_family_id(now)?, begins(code), client, None, now);
        let content = ForUser {
            user,
            family: &family,
            scope: code.scope.clone(),
            audience: &audience,
            nonce: code.nonce.as_deref(),
            id_token: true,
        };
        let tokens = match response_type {
            ResponseType::IdToken => vec![("id_token", self.mint_id_token(client, &content, now).await?)],
            _ => self.mint_for_user(client, content, now).await?.into_parameters(),
        };
        let redeemed = self.store.redeem_code(code.hash, now, family).await?;
        Ok((redeemed == RedeemCode::Fresh).then_some(tokens))
    }

    /// Spends a code on a family that is dead from the start: whoever has the code but not its verifier may have
    /// stolen it, and nobody shall use it any more.
    async fn burn(&self, code: &Code, client: &Client, now: Timestamp) -> Result<(), FlowError> {
        self.note(&Event::CodeBurnt { client_id: client.id.clone() });
        let dead = Family {
            revoked: Some(Revocation { at: now, reason: RevocationReason::CodeReplayed }),
            ..self.new_family(self.new_family_id(now)?, begins(code), client, None, now)
        };
        self.store.redeem_code(code.hash, now, dead).await?;
        Ok(())
    }
}

fn begins(code: &Code) -> Begins {
    Begins {
        client_id: code.client_id.clone(),
        user_id: code.user_id.clone(),
        session_id: Some(code.session_id.clone()),
        scope: code.scope.clone(),
        resources: code.resources.clone(),
        claims: code.claims.clone(),
        authentication: code.authentication.clone(),
    }
}

fn unknown_code() -> OAuthError {
    rules::invalid_code().detail("no such code")
}
