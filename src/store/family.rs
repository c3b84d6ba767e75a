//! Refresh families.

use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::UserId;
use crate::domain::place::Place;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;

use super::Store;
use super::StoreError;
use super::dispatch;
#[cfg(feature = "simulation")]
use super::simulation::Fault;
#[cfg(feature = "simulation")]
use super::simulation::fault;

/// How many families of one user at one client may be alive. Beyond it the oldest is [`RevocationReason::Superseded`]:
/// its refresh token ends, its access tokens live out their minutes.
pub const MOST_ALIVE: i64 = 500;

/// One step of a family from its current token to the next.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Hash of the token that was presented; the step takes place only if it is the current one.
    pub presented: SecretHash,
    /// Hash of the token that follows it.
    pub next: SecretHash,
    /// The token that follows it, sealed under the one presented.
    pub successor: Vec<u8>,
    /// Where the presented token came from.
    pub from: Option<Place>,
    pub now: Timestamp,
    /// The new idle end.
    pub idle_expires_at: Timestamp,
}

/// What became of a new family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginFamily {
    Begun,
    /// The user or the client is disabled or gone.
    Gone,
    /// The user has another password than the one that was presented.
    PasswordChanged,
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
    /// Begins a family without a code, and revokes the one whose place it takes (`Logout`; immediately when
    /// that was another user's). `proven` is the hash that a
    /// password was compared with: by now it may be another's.
    pub async fn begin_family(
        &self,
        family: Family,
        replaces: Option<FamilyId>,
        proven: Option<PasswordHash>,
    ) -> Result<BeginFamily, StoreError> {
        dispatch!(self, transaction, family::begin(family, replaces, proven))
    }

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
    pub async fn userinfo(&self, id: FamilyId) -> Result<Option<(Family, User)>, StoreError> {
        dispatch!(self, read, family::with_user(id))
    }

    /// What a refresh needs, in one question: the family and its user, as they are stored; no user when it is gone.
    pub async fn family_and_user(&self, id: FamilyId) -> Result<Option<(Family, Option<User>)>, StoreError> {
        dispatch!(self, read, family::and_user(id))
    }

    /// Moves the idle end on without rotating. False when the token presented is not the current one or the family
    /// has ended.
    pub async fn keep_family(
        &self,
        id: FamilyId,
        presented: SecretHash,
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        dispatch!(self, statement, family::keep(id, presented, now, idle_expires_at))
    }

    /// Of any number of rotations of one token at once, one is [`RotateFamily::Rotated`].
    pub async fn rotate_family(&self, id: FamilyId, rotation: Rotation) -> Result<RotateFamily, StoreError> {
        #[cfg(feature = "simulation")]
        {
            if let Some(db) = self.with(Fault::ReadThenWriteRotation) {
                return fault::rotate_after_reading(db, id, rotation).await;
            }
            if let Some(db) = self.with(Fault::RotationIgnoresRevocation) {
                return fault::rotate_in_spite_of_revocation(db, id, rotation).await;
            }
        }
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
