//! Clean-up: what has expired leaves the database, a little at a time.

use std::time::Duration;

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
        Ok(())
    }
}
