//! Clean-up: what has expired leaves the database, a little at a time.

use std::time::Duration;

use super::Signet;
use super::error::FlowError;

/// How often a node sweeps.
pub const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How many rows of each kind one statement deletes, so that it never holds up the writers.
const BATCH: u32 = 500;

/// How many batches one sweep does at most.
const MOST_BATCHES: usize = 50;

impl Signet {
    /// Deletes expired rows in small batches until none is left or the sweep has done its share.
    ///
    /// # Errors
    /// [`FlowError::Store`]; what was deleted before stays deleted.
    pub async fn sweep(&self) -> Result<(), FlowError> {
        for _ in 0..MOST_BATCHES {
            let swept = self.store.sweep(self.now(), BATCH).await?;
            tracing::debug!(event = "swept", ?swept);
            if !swept.more(BATCH) {
                break;
            }
        }
        Ok(())
    }
}
