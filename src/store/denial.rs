//! Denials: access tokens that are refused before they expire. The denylist of every node is made of these.

use crate::domain::denial::Denial;
use crate::domain::ids::TokenId;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// What a node does not know yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDenials {
    pub entries: Vec<Denial>,
    /// Every denial up to this number is in `entries`, or was asked to be left out.
    pub seq: i64,
}

impl Store {
    /// Denies one access token until it expires. False when it was denied before.
    pub async fn deny_token(&self, id: TokenId, expires_at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, transaction, denial::token(id, expires_at, now))
    }

    /// The denials after number `seq`; 0 for all. The numbers are those that the counter `denials` took, and
    /// transactions that move it commit in its order: none can appear later behind one that was seen.
    pub async fn denials_since(&self, seq: i64) -> Result<NewDenials, StoreError> {
        dispatch!(self, read, denial::since(seq))
    }
}
