//! How a node learns that another one has changed something.

use super::Store;
use super::StoreError;
use super::dispatch;

/// Counters that move with every change to what they are named after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    pub clients: i64,
    pub keys: i64,
}

impl Store {
    pub async fn versions(&self) -> Result<Versions, StoreError> {
        dispatch!(self, read, version::all())
    }
}
