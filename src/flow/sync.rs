//! Noticing what other nodes and the command line have changed.

use std::sync::Arc;
use std::time::Duration;

use crate::keys::Ring;

use super::Signet;
use super::error::FlowError;

/// How often a node asks whether anything has changed, even when nobody told it so: one read of two small rows.
pub const POLL_EVERY: Duration = Duration::from_millis(500);

impl Signet {
    /// Loads what others have changed since the last look.
    ///
    /// # Errors
    /// [`FlowError::Store`]: the old view stays, until it is too old to be believed. [`FlowError::Keys`] likewise.
    pub async fn notice_changes(&self) -> Result<(), FlowError> {
        let asked_at = self.clock.monotonic();
        let known = self.denylist.seq();
        let current = match self.store.versions().await {
            Ok(current) => current,
            Err(error) => {
                self.denylist.start_over();
                return Err(error.into());
            }
        };
        self.clients.forget_unless(current.clients);
        self.learn_denials_up_to(current.denials, known, asked_at).await?;
        if current.keys == self.ring.load().version() {
            self.ring.confirm(asked_at);
        } else {
            self.reload_keys().await?;
        }
        Ok(())
    }

    /// The keys, as the database had them a moment ago.
    ///
    /// # Errors
    /// [`FlowError::Store`] when the last look is too long ago and another one is not possible: a planned change or a
    /// revocation may have been missed, so nothing is signed and nothing believed by the old view.
    pub async fn fresh_ring(&self) -> Result<Arc<Ring>, FlowError> {
        let asked_at = self.clock.monotonic();
        if !self.ring.is_fresh(asked_at) {
            if self.store.versions().await?.keys == self.ring.load().version() {
                self.ring.confirm(asked_at);
            } else {
                self.reload_keys().await?;
            }
        }
        Ok(self.ring.load())
    }

    /// Builds a new ring from the store and swaps it in whole.
    ///
    /// # Errors
    /// [`FlowError::Store`]; [`FlowError::Keys`] when a key cannot be used: the old ring stays.
    pub async fn reload_keys(&self) -> Result<(), FlowError> {
        let read_at = self.clock.monotonic();
        // The number first: the keys are at least as new as it says.
        let version = self.store.versions().await?.keys;
        let keys = self.store.signing_keys().await?;
        let ring = Ring::build(&keys, &self.vault, self.config.keys.jwks_max_age)?.with_version(version);
        self.ring.swap(Arc::new(ring));
        self.ring.confirm(read_at);
        tracing::debug!(event = "keys_loaded", keys = keys.len());
        Ok(())
    }
}
