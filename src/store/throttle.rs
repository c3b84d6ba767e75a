//! Counting what must not be tried too often.

use std::time::Duration;

use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// How often something may be tried.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Tries in a window.
    pub limit: u32,
    pub window: Duration,
    /// How long the first try beyond the limit blocks.
    pub block: Duration,
}

/// Whether this try may go ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    Allowed,
    /// Not before this much time has passed.
    Wait(Duration),
}

impl Store {
    /// Counts a try of `bucket` and says whether it may go ahead. To be called before the costly part.
    pub async fn throttle_take(
        &self,
        bucket: [u8; 32],
        now: Timestamp,
        policy: Policy,
    ) -> Result<Throttle, StoreError> {
        dispatch!(self, statement, throttle::take(bucket, now, policy))
    }

    /// Gives one try of `bucket` back: it was taken before anybody knew that it would succeed.
    pub async fn throttle_give_back(&self, bucket: [u8; 32]) -> Result<(), StoreError> {
        dispatch!(self, statement, throttle::give_back(bucket))
    }

    /// Forgets the tries of `bucket`, after one that succeeded.
    pub async fn throttle_clear(&self, bucket: [u8; 32]) -> Result<(), StoreError> {
        dispatch!(self, statement, throttle::clear(bucket))
    }
}
