//! Noticing what other nodes and the command line have changed.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::keys::Ring;

use super::Signet;
use super::error::FlowError;

/// How often a node asks whether anything has changed, even when nobody told it so: one read of two small rows.
pub const POLL_EVERY: Duration = Duration::from_millis(500);

/// The wall clock and what time it must be differ by this much: somebody should look at the clock, or at the database's.
const CLOCK_IS_OFF: Duration = Duration::from_mins(5);

/// How old what the database has heard of the time may be.
const TELL_TIME_EVERY: Duration = Duration::from_mins(1);

impl Signet {
    /// What time it is, for what cannot be taken back: see [`crate::keys::steady`]. Never jumps.
    #[must_use]
    pub fn steady_now(&self) -> Timestamp {
        let (wall, monotonic) = (self.wall(), self.clock.monotonic());
        self.steady.lock().unwrap_or_else(PoisonError::into_inner).read(wall, monotonic)
    }

    /// Hears what other nodes are sure of, and tells them what we are.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub(super) async fn compare_clocks(&self) -> Result<(), FlowError> {
        let newest = self.store.newest_time().await?;
        let (wall, monotonic) = (self.wall(), self.clock.monotonic());
        let steady = {
            let mut clock = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
            clock.hear(newest.unwrap_or(Timestamp::EPOCH), wall, monotonic)
        };
        let (now, apart) = (self.now(), |one: Timestamp, other: Timestamp| one.since(other).max(other.since(one)));
        if apart(wall, steady).max(apart(wall, now)) > CLOCK_IS_OFF {
            tracing::warn!(event = "clock_is_off", clock = %wall, believed = %now, keys = %steady);
        }
        if newest.is_none_or(|newest| steady.since(newest) >= TELL_TIME_EVERY) {
            self.store.move_time_on(steady).await?;
        }
        Ok(())
    }

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
        let ring = self.ring.load().renewed(&keys, &self.vault)?.with_version(version);
        self.ring.swap(Arc::new(ring));
        self.ring.confirm(read_at);
        tracing::debug!(event = "keys_loaded", keys = keys.len());
        Ok(())
    }
}
