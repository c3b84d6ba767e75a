//! Attempts to answer authorization requests.

use crate::domain::ids::RequestId;
use crate::domain::request::Attempt;
use crate::domain::request::Consented;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

impl Store {
    /// Begins an attempt; of this browser's attempts, the oldest beyond `max_per_browser` are deleted.
    pub async fn begin_attempt(&self, attempt: Attempt, max_per_browser: u32) -> Result<(), StoreError> {
        dispatch!(self, transaction, request::begin(attempt, i64::from(max_per_browser)))
    }

    /// As it is stored, open or not.
    pub async fn attempt(&self, id: RequestId) -> Result<Option<Attempt>, StoreError> {
        dispatch!(self, read, request::one(id))
    }

    /// Notes what somebody has just allowed; false when the attempt is not open or another browser's.
    pub async fn record_consent_on_attempt(
        &self,
        id: RequestId,
        browser: SecretHash,
        consented: Consented,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        dispatch!(self, statement, request::record_consent(id, browser, consented, now))
    }

    /// Notes that the person has chosen the account; false when the attempt is not open or another browser's.
    pub async fn select_account(&self, id: RequestId, browser: SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, statement, request::select_account(id, browser, now))
    }

    /// Ends an attempt without a code (denied, refused); false when it was answered before or has expired.
    pub async fn finish_attempt(&self, id: RequestId, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, statement, request::finish(id, now))
    }
}
