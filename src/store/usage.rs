//! How much each key signs, by the hour.

use crate::domain::ids::KeyId;

use super::Store;
use super::StoreError;
use super::dispatch;

/// Tokens that a key signed within an hour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usage {
    pub kid: KeyId,
    /// Hours since 1970.
    pub hour: i64,
    pub tokens: i64,
}

impl Store {
    /// Adds to what has been counted.
    pub async fn add_key_usage(&self, usage: Vec<Usage>) -> Result<(), StoreError> {
        dispatch!(self, transaction, usage::add(usage))
    }

    /// What was counted from an hour on, that hour included.
    pub async fn key_usage(&self, from_hour: i64) -> Result<Vec<Usage>, StoreError> {
        dispatch!(self, read, usage::since(from_hour))
    }
}
