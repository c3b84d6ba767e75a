//! Signing keys. Every change also moves `Versions::keys` on, in the same transaction. Where a new private half comes in,
//! the canary of the master key that it is sealed under must still be in force: a server that has the old master key
//! after a reseal changes nothing.

use std::time::Duration;

use crate::domain::ids::KeyId;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;
#[cfg(feature = "simulation")]
use super::simulation::Fault;

/// What became of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateKey {
    Created,
    /// A kid is taken, an algorithm has its one key of that state, or the master key is another one: somebody was faster.
    Exists,
}

/// A change of guard, written down after the instant at which all nodes have made it.
#[derive(Debug, Clone)]
pub struct Activation {
    /// The next key that signs from `at` on.
    pub kid: KeyId,
    /// The active key that stopped to sign then; its private half is destroyed.
    pub retire: Option<KeyId>,
    /// The longest token of the retired key, as `leaves_at` takes it into account.
    pub longest_token: Duration,
    /// When the retired key leaves the JWKS.
    pub leaves_at: Option<Timestamp>,
    pub at: Timestamp,
    /// The new next key, published in the same transaction: there is never none.
    pub successor: Option<SigningKey>,
    /// Of the master key that `successor` is sealed under.
    pub canary: Vec<u8>,
}

/// The end of a key before its time.
#[derive(Debug, Clone)]
pub struct Revocation {
    pub kid: KeyId,
    /// The state in which the plan saw it.
    pub state: KeyState,
    pub reason: String,
    pub now: Timestamp,
    /// The next key that signs in its place from `now` on.
    pub activate: Option<KeyId>,
    /// Keys that take a place that becomes free.
    pub create: Vec<SigningKey>,
    /// Of the master key that these are sealed under.
    pub canary: Vec<u8>,
}

/// What became of a planned change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKeys {
    Changed,
    /// The keys are no longer in the states that the plan saw; nothing was changed.
    Stale,
}

impl Store {
    /// All keys, ended ones too, by the time of their publication.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        dispatch!(self, read, key::all())
    }

    /// Publishes new keys: all of them or none.
    pub async fn create_keys(&self, keys: Vec<SigningKey>, canary: Vec<u8>) -> Result<CreateKey, StoreError> {
        match dispatch!(self, transaction, key::create(keys, canary)) {
            Ok(()) => Ok(CreateKey::Created),
            Err(StoreError::Conflict { .. }) => Ok(CreateKey::Exists),
            Err(error) => Err(error),
        }
    }

    /// Notes that a next or active key signs tokens that live so long.
    pub async fn raise_longest_token(&self, kid: KeyId, longest: Duration) -> Result<ChangeKeys, StoreError> {
        outcome(dispatch!(self, transaction, key::raise_longest_token(kid, longest)))
    }

    /// Sets the instants from which next keys sign: all of them, or none when one is to sign sooner already.
    pub async fn plan_activations(&self, plans: Vec<(KeyId, Timestamp)>) -> Result<ChangeKeys, StoreError> {
        outcome(dispatch!(self, transaction, key::plan_activations(plans)))
    }

    pub async fn activate_key(&self, activation: Activation) -> Result<ChangeKeys, StoreError> {
        #[cfg(feature = "simulation")]
        let activation = match self.with(Fault::OldKeyDroppedEarly) {
            Some(_) => Activation { leaves_at: Some(activation.at), ..activation },
            None => activation,
        };
        outcome(dispatch!(self, transaction, key::activate(activation)))
    }

    /// A retired key leaves the JWKS; false when it is not retired.
    pub async fn expire_key(&self, kid: KeyId) -> Result<bool, StoreError> {
        dispatch!(self, transaction, key::expire(kid))
    }

    /// Deletes an expired key; false when it is not expired.
    pub async fn forget_key(&self, kid: KeyId) -> Result<bool, StoreError> {
        dispatch!(self, transaction, key::forget(kid))
    }

    /// The private half is destroyed; whoever signs in its place does so in the same transaction.
    pub async fn revoke_key(&self, revocation: Revocation) -> Result<ChangeKeys, StoreError> {
        outcome(dispatch!(self, transaction, key::revoke(revocation)))
    }
}

fn outcome(result: Result<(), StoreError>) -> Result<ChangeKeys, StoreError> {
    match result {
        Ok(()) => Ok(ChangeKeys::Changed),
        Err(StoreError::Conflict { .. }) => Ok(ChangeKeys::Stale),
        Err(error) => Err(error),
    }
}
