//! Clean-up: what has expired leaves the database, a little at a time.

use std::sync::PoisonError;
use std::time::Duration;

use crate::domain::time::Timestamp;

use super::Signet;
use super::audit::Event;
use super::error::FlowError;

/// How often a node sweeps.
pub const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How many rows of each kind one statement deletes, so that it never holds up the writers.
const BATCH: u32 = 500;

/// How long one sweep goes on at most. Not a number of rows: what a node can insert between two sweeps must not be more
/// than it deletes in one.
const LONGEST: Duration = Duration::from_secs(40);

/// How many families one sweep looks at, some tenth of a second of a core. More than a node can begin between two
/// sweeps, and ten million of them are seen within two hours.
const FAMILIES: u32 = 100_000;

impl Signet {
    /// Deletes expired rows in small batches until none is left or its time is up.
    ///
    /// # Errors
    /// [`FlowError::Store`]; what was deleted before stays deleted.
    pub async fn sweep(&self) -> Result<(), FlowError> {
        self.denylist.forget_expired(self.now());
        let began = self.clock.monotonic();
        // A clock that jumped ahead must not take away what lives.
        let now = self.now().min(self.steady_now());
        while self.clock.monotonic().saturating_sub(began) < LONGEST {
            let unused_since = now.minus(self.config.registration.forget_unused);
            let clients = self.store.sweep_unused_clients(unused_since, BATCH).await?;
            if clients > 0 {
                self.note(&Event::UnusedClientsRemoved { clients });
            }
            let swept = self.store.sweep(now, now.minus(self.config.telemetry.audit_keep), BATCH).await?;
            tracing::debug!(event = "swept", ?swept);
            if !swept.more(BATCH) && clients < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                break;
            }
        }
        self.sweep_families(now).await
    }

    /// Goes on where the last sweep stopped, and from the end to the beginning.
    async fn sweep_families(&self, now: Timestamp) -> Result<(), FlowError> {
        for _ in 0..FAMILIES / BATCH {
            let after = self.families_seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let swept = self.store.sweep_families(after, now, BATCH).await?;
            tracing::debug!(event = "swept", families = swept.gone);
            let is_end = swept.last.is_none();
            *self.families_seen.lock().unwrap_or_else(PoisonError::into_inner) = swept.last;
            if is_end {
                break;
            }
        }
        Ok(())
    }
}
