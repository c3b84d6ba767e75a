//! Refresh families.

use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::UserId;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::Store;
use super::StoreError;
use super::dispatch;

/// One step of a family from its current token to the next.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Hash of the token that was presented; the step takes place only if it is the current one.
    pub presented: SecretHash,
    /// Hash of the token that follows it.
    pub next: SecretHash,
    /// The token that follows it, sealed under the one presented.
    pub successor: Vec<u8>,
    pub now: Timestamp,
    /// The new idle end.
    pub idle_expires_at: Timestamp,
}

/// What became of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotateFamily {
    /// The family as it is now.
    Rotated(Family),
    /// The token presented was not the current one, or the family has ended; the family as it is now.
    Lost(Family),
    Unknown,
}

impl Store {
    pub async fn family(&self, id: FamilyId) -> Result<Option<Family>, StoreError> {
        dispatch!(self, read, family::one(id))
    }

    /// All families of a user, ended ones too, oldest first.
    pub async fn families_of_user(&self, user_id: UserId) -> Result<Vec<Family>, StoreError> {
        dispatch!(self, read, family::of_user(user_id))
    }

    /// All families of a client, ended ones too, oldest first.
    pub async fn families_of_client(&self, client_id: ClientId) -> Result<Vec<Family>, StoreError> {
        dispatch!(self, read, family::of_client(client_id))
    }

    /// How many families of a client have a refresh token that would still be accepted.
    pub async fn live_families_of_client(&self, client_id: ClientId, now: Timestamp) -> Result<i64, StoreError> {
        dispatch!(self, read, family::live_of_client(client_id, now))
    }

    /// What userinfo needs, in one question: the family and its user, as they are stored.
    pub async fn userinfo(&self, id: FamilyId, user_id: UserId) -> Result<Option<(Family, User)>, StoreError> {
        dispatch!(self, read, family::with_user(id, user_id))
    }

    /// Of any number of rotations of one token at once, one is [`RotateFamily::Rotated`].
    pub async fn rotate_family(&self, id: FamilyId, rotation: Rotation) -> Result<RotateFamily, StoreError> {
        dispatch!(self, statement, family::rotate(id, rotation))
    }

    /// False when the family had been revoked before, or is unknown: the first reason stays. But a reach of
    /// [`Reach::Immediate`] also catches the access tokens of one that was revoked before.
    pub async fn revoke_family(
        &self,
        id: FamilyId,
        reason: RevocationReason,
        reach: Reach,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        dispatch!(self, transaction, family::revoke(id, reason, reach, now))
    }

    /// How many families ended by this.
    pub async fn revoke_families_of_user(
        &self,
        user_id: UserId,
        reason: RevocationReason,
        reach: Reach,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        dispatch!(self, transaction, family::revoke_of_user(user_id, reason, reach, now))
    }
}
