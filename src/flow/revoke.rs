//! Ending what was granted. Every end is written to the database first and then known to this node at once; the others
//! learn of it within a second.

use crate::domain::denial::Denied;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::TokenId;
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::protocol::access_token::Accept;
use crate::protocol::error::OAuthError;
use crate::protocol::id_token;
use crate::protocol::introspection;
use crate::protocol::params::Params;

use super::Signet;
use super::audit::Event;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::refresh;

/// A token of ours.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// Whom it was issued to.
    pub client_id: ClientId,
    /// Who stands behind it, unless a service speaks for itself.
    pub sub: Option<UserId>,
    /// What ends with it: the token alone, or its grant.
    pub what: Denied,
    pub expires_at: Timestamp,
}

impl Signet {
    /// Token revocation, RFC 7009. A refresh token ends its grant, with every access token of it, whatever its number: a
    /// client may ask with one that it has used already. An access token ends alone, for a client may have several.
    ///
    /// "invalid tokens do not cause an error response" (section 2.2), and neither does a token of another client: the
    /// answer is the same and nothing happens, so that nobody learns what a token is by trying to revoke it.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_request` without a token, `unsupported_token_type` for an ID token;
    /// [`FlowError::Store`]: whether it is revoked is not known, so the client must try again.
    pub async fn revoke(&self, caller: &AuthenticatedClient, form: &Params) -> Result<(), FlowError> {
        let token = introspection::token(form)?;
        let client_id = &caller.client().id;
        match self.recognise(token).await? {
            Some(found) if found.client_id == *client_id => {
                self.revoke_recognised(&found, RevocationReason::Client, Reach::Immediate).await.map(|_| ())
            }
            Some(found) => {
                tracing::info!(event = "foreign_token_not_revoked", %client_id, owner = %found.client_id);
                Ok(())
            }
            // "The authorization server does not support the revocation of the presented token type."
            None if self.is_id_token(token).await? => {
                Err(OAuthError::unsupported_token_type("ID tokens cannot be revoked").into())
            }
            None => Ok(()),
        }
    }

    /// What a token is, whoever asks; nothing for one that is not ours or ended long ago. What it says of its type is
    /// not needed: "an authorization server MAY ignore this parameter" (`token_type_hint`, RFC 7009 section 2.1).
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn recognise(&self, token: &str) -> Result<Option<Recognised>, FlowError> {
        if refresh::looks_like_one(token) {
            let found = self.family_behind(&Secret::new(token)).await?;
            return Ok(found.map(|(family, ..)| Recognised {
                client_id: family.client_id,
                sub: Some(family.user_id),
                what: Denied::Grant(family.id),
                expires_at: family.expires_at,
            }));
        }
        match self.read_access_token(token, Accept::Everything).await {
            Ok((claims, _)) => Ok(Some(Recognised {
                sub: self.behind(&claims).await?.map(|(_, user)| user.id),
                client_id: claims.client_id,
                what: Denied::Token(claims.id),
                expires_at: claims.expires_at,
            })),
            Err(FlowError::Refused(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Revokes what was recognised, and writes it down. `reach` is for a grant. False when it was revoked before.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether it is revoked is not known.
    pub async fn revoke_recognised(
        &self,
        found: &Recognised,
        reason: RevocationReason,
        reach: Reach,
    ) -> Result<bool, FlowError> {
        let revoked = match &found.what {
            Denied::Grant(id) => self.revoke_family(id, reason, reach).await?,
            Denied::Token(id) => self.deny_token(id, found.expires_at).await?,
        };
        if revoked {
            let Recognised { client_id, sub, what, .. } = found.clone();
            self.note(&Event::TokenRevoked { client_id, sub, what });
        }
        Ok(revoked)
    }

    async fn is_id_token(&self, token: &str) -> Result<bool, FlowError> {
        let verified = self.fresh_ring().await?.verify(token);
        Ok(verified.is_ok_and(|verified| verified.typ.as_deref() == Some(id_token::TYPE)))
    }

    /// Ends a family. False when it had ended before, or is unknown.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether it has ended is not known.
    pub async fn revoke_family(
        &self,
        id: &FamilyId,
        reason: RevocationReason,
        reach: Reach,
    ) -> Result<bool, FlowError> {
        let ended = self.store.revoke_family(id.clone(), reason, reach, self.now()).await?;
        self.learn_denials().await?;
        Ok(ended)
    }

    /// Ends all families of a user, and says how many.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether they have ended is not known.
    pub async fn revoke_families_of_user(
        &self,
        id: &UserId,
        reason: RevocationReason,
        reach: Reach,
    ) -> Result<usize, FlowError> {
        let ended = self.store.revoke_families_of_user(id.clone(), reason, reach, self.now()).await?;
        self.learn_denials().await?;
        Ok(ended)
    }

    /// Signs a user out everywhere: all sessions, unused codes and families end.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether they have ended is not known.
    pub async fn sign_out_everywhere(
        &self,
        id: &UserId,
        reason: RevocationReason,
        reach: Reach,
    ) -> Result<(), FlowError> {
        self.store.sign_out_user(id.clone(), reason, reach, self.now()).await?;
        self.learn_denials().await
    }

    /// Ends a session with its codes and its families without `offline_access`. False when it had ended before.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether it has ended is not known.
    pub async fn end_session(&self, id: &SessionId, reach: Reach) -> Result<bool, FlowError> {
        let ended = self.store.end_session(id.clone(), reach, self.now()).await?;
        self.gateway.forget_sessions();
        self.learn_denials().await?;
        Ok(ended)
    }

    /// Denies one access token until it expires. False when it was denied before.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether it is denied is not known.
    pub async fn deny_token(&self, id: &TokenId, expires_at: Timestamp) -> Result<bool, FlowError> {
        let denied = self.store.deny_token(id.clone(), expires_at, self.now()).await?;
        self.learn_denials().await?;
        Ok(denied)
    }
}
