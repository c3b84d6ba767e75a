//! Noticing what other nodes and the command line have changed.

use std::time::Duration;

use crate::store::version::Versions;

use super::Signet;
use super::error::FlowError;

/// How often a node asks whether anything has changed, even when nobody told it so: one read of two small rows.
pub const POLL_EVERY: Duration = Duration::from_millis(500);

impl Signet {
    /// Loads what has changed since `seen`, and says what is known now.
    ///
    /// # Errors
    /// [`FlowError::Store`]: the old view stays in force. [`FlowError::Keys`] likewise.
    pub async fn notice_changes(&self, seen: Versions) -> Result<Versions, FlowError> {
        let current = self.store.versions().await?;
        if current.clients != seen.clients {
            self.clients.forget();
        }
        if current.keys != seen.keys {
            self.reload_keys().await?;
        }
        Ok(current)
    }
}
