//! What belongs to the installation as a whole.

use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::Store;
use super::StoreError;
use super::dispatch;

const NEWEST_TIME: &str = "newest_time";
/// Nothing but a row to write.
const WRITABLE: &str = "writable";

fn time(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_micros(i64::from_be_bytes(bytes))
}

/// What became of the first administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUp {
    Done,
    /// The link was used before, has expired, or never was. Nothing was changed.
    LinkGone,
    /// Another user has this id or this e-mail address. Nothing was changed; the link still works.
    EmailTaken,
}

impl Store {
    /// Whether the database answers, has our tables, and can be written to. PostgreSQL is connected to only where it
    /// can; a SQLite file is tried when the last write has failed, for a full disk can be read from for ever.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Self::Sqlite(db) = self
            && db.last_write_failed()
        {
            self.set_instance_value(WRITABLE, Some(Vec::new())).await?;
        }
        dispatch!(self, read, instance::ping())
    }

    pub async fn instance_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        dispatch!(self, read, instance::value(name))
    }

    /// What is stored under `name` now: `bytes`, unless somebody was faster.
    pub async fn put_instance_value_if_absent(&self, name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let name = name.to_owned();
        dispatch!(self, statement, instance::put_if_absent(name, bytes))
    }

    /// Stores `bytes` under `name`, over what was there; nothing takes it away.
    pub async fn set_instance_value(&self, name: &str, bytes: Option<Vec<u8>>) -> Result<(), StoreError> {
        let name = name.to_owned();
        dispatch!(self, transaction, instance::set(name, bytes))
    }

    /// The newest instant that a node was sure of; nothing on a new database.
    pub async fn newest_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.instance_value(NEWEST_TIME).await?.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(time))
    }

    /// Says that it is `at`, for sure. An earlier instant changes nothing.
    pub async fn move_time_on(&self, at: Timestamp) -> Result<(), StoreError> {
        // Most significant byte first, so that later is greater.
        let bytes = at.max(Timestamp::EPOCH).micros().to_be_bytes().to_vec();
        dispatch!(self, transaction, instance::raise(NEWEST_TIME, bytes))
    }

    /// What time it is on the server of the database. SQLite has no clock but ours.
    pub async fn database_time(&self) -> Result<Option<Timestamp>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(None),
            Self::Postgres(db) => {
                let shared = db.shared().await?;
                let mut conn = shared.conn();
                let outcome = db.bounded(super::postgres::clock::time(&mut conn)).await;
                shared.settle(outcome).map(Some)
            }
        }
    }

    /// Makes a setup link; earlier ones end.
    pub async fn put_setup_link(&self, hash: SecretHash, expires_at: Timestamp) -> Result<(), StoreError> {
        dispatch!(self, transaction, instance::put_setup_link(hash, expires_at))
    }

    /// Whether the link is good, without using it.
    pub async fn setup_link(&self, hash: SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, read, instance::setup_link(hash, now))
    }

    /// Uses the link and creates the user, or does neither.
    pub async fn set_up(&self, hash: SecretHash, user: User, now: Timestamp) -> Result<SetUp, StoreError> {
        dispatch!(self, transaction, instance::set_up(hash, user, now))
    }
}
