//! Remembered consents.

use crate::domain::consent::Consent;
use crate::domain::ids::ClientId;
use crate::domain::ids::UserId;

use super::Store;
use super::StoreError;
use super::dispatch;

impl Store {
    pub async fn consent(&self, user_id: UserId, client_id: ClientId) -> Result<Option<Consent>, StoreError> {
        dispatch!(self, read, consent::one(user_id, client_id))
    }

    /// All that a user has allowed for good, by client.
    pub async fn consents_of_user(&self, user_id: UserId) -> Result<Vec<Consent>, StoreError> {
        dispatch!(self, read, consent::of_user(user_id))
    }

    /// Adds the scope to what is remembered for this user and client.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the user or the client is gone.
    pub async fn remember_consent(&self, consent: Consent) -> Result<(), StoreError> {
        dispatch!(self, transaction, consent::remember(consent))
    }
}
