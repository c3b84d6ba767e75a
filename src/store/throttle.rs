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

    /// The same for something that several budgets pay for; none after the first that has nothing left.
    pub async fn throttle_take_of_each(
        &self,
        buckets: Vec<([u8; 32], Policy)>,
        now: Timestamp,
    ) -> Result<Throttle, StoreError> {
        dispatch!(self, together, throttle::take_of_each(buckets, now))
    }

    /// Gives one try of each bucket back, which was taken before anybody knew what would come of it, and forgets all tries
    /// of one after a try that succeeded.
    pub async fn throttle_settle(&self, back: Vec<[u8; 32]>, forgotten: Option<[u8; 32]>) -> Result<(), StoreError> {
        dispatch!(self, together, throttle::settle(back, forgotten))
    }
}
