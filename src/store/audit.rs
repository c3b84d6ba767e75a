//! The audit trail: what happened, in order. Entries are added and never changed; the database itself sees to it.

use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// One entry, bounded and escaped by whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    /// A stable name such as `signed_in`.
    pub event: String,
    /// Who did it: `person`, `client`, `server`, `cli`.
    pub actor: String,
    pub client_id: Option<String>,
    pub sub: Option<String>,
    pub kid: Option<String>,
    /// The network it came from: /24 or /48.
    pub address: Option<String>,
    /// The reference id of the request.
    pub reference: Option<String>,
    /// A JSON object.
    pub detail: String,
}

/// An entry and its number, which grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub id: i64,
    pub entry: Entry,
}

impl Store {
    /// Adds entries in their order: all of them or none.
    pub async fn append_audit(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        dispatch!(self, transaction, audit::append(entries))
    }

    /// At most `limit` entries after number `id`, oldest first.
    pub async fn audit_after(&self, id: i64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        dispatch!(self, read, audit::after(id, i64::from(limit)))
    }

    /// The newest `limit` entries, oldest first.
    pub async fn newest_audit(&self, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        dispatch!(self, read, audit::newest(i64::from(limit)))
    }
}
