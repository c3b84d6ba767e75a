//! `grant_type=authorization_code`, RFC 6749 section 4.1.3.

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::code::Code;
use crate::domain::family::Family;
use crate::domain::family::Revocation;
use crate::domain::family::RevocationReason;
use crate::domain::ids::FamilyId;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::protocol::error::OAuthError;
use crate::protocol::token::TokenResponse;
use crate::protocol::token::code as rules;
use crate::protocol::token::code::CodeRequest;
use crate::store::code::RedeemCode;

use super::Signet;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::mint::IdTokenFor;
use super::mint::Subject;
use super::refresh::RefreshToken;

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
    pub async fn redeem(&self, caller: &AuthenticatedClient, request: &CodeRequest<'_>) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        if !client.allows(GrantType::AuthorizationCode) {
            return Err(OAuthError::unauthorized_client().into());
        }
        let now = self.now();
        let hash = hash::secret_hash(SecretKind::Code, request.code);
        let code = self.store.code(hash).await?.ok_or_else(OAuthError::invalid_grant)?;
        if let Err(fault) = rules::check(&code, request, client, now, hash::s256) {
            return self.reject(&code, client, fault, now).await;
        }
        let user = self.live_user(&code).await?;
        let family_id = self.new_family_id()?;
        let refresh = self.first_refresh_token(client, &code, &family_id);
        let family = self.family(&code, client, family_id, refresh.as_ref(), now);

        let subject = Subject::User {
            id: &user.id,
            roles: user.roles.iter().cloned().collect(),
            family: &family.id,
            authentication: &code.authentication,
        };
        let access = self.access_token(client, &subject, &code.scope, &client.audiences, now)?;
        let id_token = if code.scope.contains("openid") {
            let content = IdTokenFor {
                user: &user.id,
                session: Some(&code.session_id),
                nonce: code.nonce.as_deref(),
                authentication: &code.authentication,
            };
            Some(self.id_token(client, &content, &access.token, now)?)
        } else {
            None
        };

        let family_id = family.id.clone();
        match self.store.redeem_code(hash, now, family).await? {
            RedeemCode::Fresh => {
                tracing::info!(event = "code_redeemed", client_id = %client.id, sub = %user.id, grant_id = %family_id);
                Ok(TokenResponse {
                    access_token: access.token,
                    token_type: "Bearer",
                    expires_in: access.expires_in.as_secs(),
                    refresh_token: refresh.map(|refresh| refresh.value.reveal().to_owned()),
                    id_token,
                    scope: code.scope,
                })
            }
            RedeemCode::Replayed { family_id } => {
                tracing::warn!(event = "code_replayed", client_id = %client.id, grant_id = %family_id, "family revoked");
                Err(OAuthError::invalid_grant().into())
            }
            RedeemCode::Unknown => Err(OAuthError::invalid_grant().into()),
        }
    }

    /// A refused code. Another client learns nothing and changes nothing; the right client with a wrong verifier
    /// or a wrong redirect URI has lost the code: somebody may have stolen it.
    async fn reject(
        &self,
        code: &Code,
        client: &Client,
        fault: rules::Fault,
        now: Timestamp,
    ) -> Result<TokenResponse, FlowError> {
        tracing::info!(event = "code_refused", client_id = %client.id, reason = fault.reason());
        match fault {
            rules::Fault::Replayed { family_id } => {
                self.store.revoke_family(family_id, RevocationReason::CodeReplayed, now).await?;
            }
            rules::Fault::Verifier => {
                let dead = Family {
                    revoked: Some(Revocation { at: now, reason: RevocationReason::CodeReplayed }),
                    ..self.family(code, client, self.new_family_id()?, None, now)
                };
                self.store.redeem_code(code.hash, now, dead).await?;
            }
            rules::Fault::Other(_) => {}
        }
        Err(fault.into_error().into())
    }

    async fn live_user(&self, code: &Code) -> Result<User, FlowError> {
        let user = self.store.user(code.user_id.clone()).await?;
        Ok(user.filter(|user| !user.disabled).ok_or_else(OAuthError::invalid_grant)?)
    }

    fn new_family_id(&self) -> Result<FamilyId, FlowError> {
        FamilyId::new(hash::random_id("fam_", self.entropy.as_ref()))
            .map_err(|_| FlowError::Internal("made an unusable id"))
    }

    /// A refresh token goes to clients that registered the grant: with `offline_access`, or bound to the browser
    /// session for those that did not ask for it (OpenID Connect Core section 11 leaves both to the provider).
    fn first_refresh_token(&self, client: &Client, _code: &Code, family: &FamilyId) -> Option<RefreshToken> {
        client.allows(GrantType::RefreshToken).then(|| self.new_refresh_token(family, 1))
    }

    fn family(
        &self,
        code: &Code,
        client: &Client,
        id: FamilyId,
        refresh: Option<&RefreshToken>,
        now: Timestamp,
    ) -> Family {
        let tokens = &self.config.tokens;
        let lifetimes = &client.lifetimes;
        let (idle, absolute) = match refresh {
            Some(_) => (
                lifetimes.refresh_idle.unwrap_or(tokens.refresh_idle),
                lifetimes.refresh_absolute.unwrap_or(tokens.refresh_absolute),
            ),
            // Without a refresh token the family lives as long as its one access token.
            None => {
                let access = lifetimes.access_token.unwrap_or(tokens.access_token);
                (access, access)
            }
        };
        Family {
            id,
            client_id: code.client_id.clone(),
            user_id: code.user_id.clone(),
            session_id: Some(code.session_id.clone()),
            scope: code.scope.clone(),
            authentication: code.authentication.clone(),
            generation: i64::from(refresh.is_some()),
            current: refresh.map(|refresh| refresh.hash),
            previous: None,
            successor: None,
            rotated_at: None,
            created_at: now,
            idle_expires_at: now.plus(idle),
            expires_at: now.plus(absolute),
            revoked: None,
        }
    }
}
