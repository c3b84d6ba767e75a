//! Authorization codes.

use crate::domain::code::Code;
use crate::domain::family::Family;
use crate::domain::ids::FamilyId;
use crate::domain::ids::RequestId;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::Store;
use super::StoreError;
use super::dispatch;
#[cfg(feature = "simulation")]
use super::simulation::Fault;
#[cfg(feature = "simulation")]
use super::simulation::fault;

/// What became of a new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueCode {
    Issued,
    /// The attempt was answered before, has expired, or is gone: nothing was issued.
    AttemptGone,
}

/// What became of a redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedeemCode {
    /// First use: the family has begun.
    Fresh,
    /// Used before. The family of the first use has been revoked.
    Replayed { family_id: FamilyId },
    /// No such code of this client and user, or expired; or its user, client or session has ended since.
    Unknown,
}

impl Store {
    /// Issues a code and answers the attempt `finishes` with it, both or neither.
    pub async fn issue_code(
        &self,
        code: Code,
        finishes: Option<RequestId>,
        now: Timestamp,
    ) -> Result<IssueCode, StoreError> {
        if finishes.is_none() {
            return dispatch!(self, statement, code::issue(code, None, now));
        }
        dispatch!(self, transaction, code::issue(code, finishes, now))
    }

    /// As it is stored, used, expired or not.
    pub async fn code(&self, hash: SecretHash) -> Result<Option<Code>, StoreError> {
        dispatch!(self, read, code::one(hash))
    }

    /// What a redemption needs, in one question: the code and its user, as they are stored; no user when it is gone.
    pub async fn code_and_user(&self, hash: SecretHash) -> Result<Option<(Code, Option<User>)>, StoreError> {
        dispatch!(self, read, code::and_user(hash))
    }

    /// Redeems a code and begins `family`, both or neither; of any number at once, one is [`RedeemCode::Fresh`].
    /// Call it after every other check: it spends the code, and a second call revokes the family of the first.
    pub async fn redeem_code(
        &self,
        hash: SecretHash,
        now: Timestamp,
        family: Family,
    ) -> Result<RedeemCode, StoreError> {
        #[cfg(feature = "simulation")]
        if let Some(db) = self.with(Fault::ReadThenWriteRedemption) {
            return fault::redeem_after_reading(db, hash, now, family).await;
        }
        dispatch!(self, together, code::redeem(hash, now, family))
    }
}
