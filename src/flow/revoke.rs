//! Ending what was granted. Every end is written to the database first and then known to this node at once; the others
//! learn of it within a second.

use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::TokenId;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

use super::Signet;
use super::error::FlowError;

impl Signet {
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
