//! How a node learns that another one has changed something.

use std::time::Duration;

use super::Store;
use super::StoreError;
use super::dispatch;

/// Counters that move with every change to what they are named after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    pub clients: i64,
    pub keys: i64,
    pub denials: i64,
}

impl Store {
    pub async fn versions(&self) -> Result<Versions, StoreError> {
        dispatch!(self, read, version::all())
    }

    /// Returns when something that [`Versions`] counts may have changed since the last call, at the latest after
    /// `within`. For one watcher in each process.
    ///
    /// PostgreSQL says so by itself, after the commit, on a connection that only listens. While that connection is
    /// broken, or where a pooler in between swallows what it hears, `within` is all there is: the watcher looks for
    /// itself after each return. SQLite is looked at ten times a second, which also shows what
    /// another process has written.
    pub async fn wait_for_change(&self, within: Duration) {
        match self {
            Self::Sqlite(db) => db.wait_for_change(within).await,
            Self::Postgres(db) => db.wait_for_change(within).await,
            // Its nodes are told when to look.
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => {}
        }
    }
}
