//! Assertions of clients, each of which is used once.

use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

impl Store {
    /// Uses up the assertion of this hash, which is refused for its age from `until` on. False when it was used before;
    /// of any number at once, one is true.
    pub async fn spend_assertion(&self, hash: [u8; 32], until: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, statement, assertion::spend(hash, until))
    }
}
