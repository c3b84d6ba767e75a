//! Changes of what is sealed under the master key: keys that come in from elsewhere, and another master key for all.

use crate::domain::ids::KeyId;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// Where the canary of the master key is kept: [`Store::instance_value`].
pub const CANARY: &str = "master_key_canary";

/// Where the sealed secret of pairwise subjects is kept.
pub const SUBJECT_SECRET: &str = "subject_secret";

/// A key from elsewhere that becomes the next one.
#[derive(Debug, Clone)]
pub struct Adoption {
    pub key: SigningKey,
    /// The next key of the same algorithm that it replaces. It has never signed, and is revoked.
    pub replaces: Option<KeyId>,
    /// The canary of the master key that `key` is sealed under.
    pub canary: Vec<u8>,
    pub now: Timestamp,
}

/// What became of a key from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdoptKey {
    Adopted,
    /// The keys, or the master key, are no longer what the caller saw; nothing was changed.
    Stale,
}

/// One private half under the old and under the new master key.
#[derive(Debug, Clone)]
pub struct Resealed {
    pub kid: KeyId,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

/// The secret of pairwise subjects under the old and under the new master key.
#[derive(Debug, Clone)]
pub struct ResealedSecret {
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

impl Store {
    /// The sealed secret of pairwise subjects: `sealed`, unless somebody was faster. `canary` is that of the master key
    /// that it is sealed under, which must still be in force.
    pub async fn put_subject_secret(&self, sealed: Vec<u8>, canary: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        dispatch!(self, transaction, custody::put_subject_secret(sealed, canary))
    }

    /// Publishes a key that was made elsewhere as the next one.
    pub async fn adopt_key(&self, adoption: Adoption) -> Result<AdoptKey, StoreError> {
        match dispatch!(self, transaction, custody::adopt(adoption)) {
            Ok(()) => Ok(AdoptKey::Adopted),
            Err(StoreError::Conflict { .. }) => Ok(AdoptKey::Stale),
            Err(error) => Err(error),
        }
    }

    /// Exchanges everything that is sealed under the master key, and its canary, in one transaction. `keys` must be all
    /// private halves that there are, `subjects` the secret when there is one, and `old_canary` must still be in force; else nothing is changed and the answer is
    /// false.
    pub async fn reseal_keys(
        &self,
        keys: Vec<Resealed>,
        subjects: Option<ResealedSecret>,
        old_canary: Vec<u8>,
        new_canary: Vec<u8>,
    ) -> Result<bool, StoreError> {
        match dispatch!(self, transaction, custody::reseal(keys, subjects, old_canary, new_canary)) {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
