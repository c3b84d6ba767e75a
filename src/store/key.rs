//! Signing keys. Every change also moves `Versions::keys` on, in the same transaction.

use crate::domain::ids::KeyId;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// What became of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateKey {
    Created,
    /// The kid is taken, or the algorithm has its one key of that state: another node was faster.
    Exists,
}

/// A change of guard.
#[derive(Debug, Clone)]
pub struct Activation {
    /// The next key that signs from now on.
    pub kid: KeyId,
    /// The active key that stops signing; its private half is destroyed.
    pub retire: Option<KeyId>,
    /// When the retired key leaves the JWKS.
    pub leaves_at: Option<Timestamp>,
    pub now: Timestamp,
}

/// What became of a change of guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivateKey {
    Activated,
    /// The keys are no longer in the states that the plan saw; nothing was changed.
    Stale,
}

impl Store {
    /// All keys, ended ones too, by the time of their publication.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        dispatch!(self, read, key::all())
    }

    pub async fn create_key(&self, key: SigningKey) -> Result<CreateKey, StoreError> {
        dispatch!(self, transaction, key::create(key))
    }

    pub async fn activate_key(&self, activation: Activation) -> Result<ActivateKey, StoreError> {
        match dispatch!(self, transaction, key::activate(activation)) {
            Ok(()) => Ok(ActivateKey::Activated),
            Err(StoreError::Conflict { .. }) => Ok(ActivateKey::Stale),
            Err(error) => Err(error),
        }
    }

    /// A retired key leaves the JWKS; false when it is not retired.
    pub async fn expire_key(&self, kid: KeyId) -> Result<bool, StoreError> {
        dispatch!(self, transaction, key::expire(kid))
    }

    /// From any state; the private half is destroyed. False when it was revoked before or is unknown.
    pub async fn revoke_key(&self, kid: KeyId, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, transaction, key::revoke(kid, now))
    }
}
