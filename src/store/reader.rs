//! Who fetches the JWKS.

use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// How many readers are told apart. Those beyond are one: [`OTHER`].
pub const MOST_READERS: i64 = 10_000;

/// Address and agent of the reader that stands for all those that are not told apart.
pub const OTHER: &str = "other";

/// A program that reads the keys, as far as it can be told from others: by its network and by what it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// /24 or /48.
    pub address: String,
    /// User-Agent, cut and made printable.
    pub agent: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// How often: all told when read from the store; since the last count when given to it.
    pub fetches: i64,
    /// Entity tag of the newest JWKS it was given.
    pub etag: String,
}

impl Store {
    /// Adds to what is known about readers. At most [`MOST_READERS`] rows; a newcomer beyond is counted as [`OTHER`].
    pub async fn count_readers(&self, fetched: Vec<Reader>) -> Result<(), StoreError> {
        dispatch!(self, transaction, reader::count(fetched, MOST_READERS))
    }

    /// All readers, the latest first.
    pub async fn readers(&self) -> Result<Vec<Reader>, StoreError> {
        dispatch!(self, read, reader::all())
    }
}
