//! SQLite and PostgreSQL behind one type. Each method is one short transaction, named by intent.
//!
//! ```text
//! client.rs, code.rs, family.rs ...   what a noun promises: methods of `Store`, outcome enums
//!        |  dispatch                  `read`: one or more SELECTs
//!        |                            `statement`: one write, whole by itself (SELECTs may follow it)
//!        v                            `transaction`: all or nothing
//!                                     `together`: the same, when nothing but the database itself can stop it half-way
//! sql/                                the statements, written once, compiled for both backends
//!        |
//! sqlite.rs    one committing writer thread; reads on connections beside it
//! postgres.rs  shared pipelined connections; a pool for transactions
//! ```
//!
//! A secret never gets here: what must not be guessed arrives as a hash.

pub mod assertion;
pub mod audit;
pub mod client;
pub mod code;
pub mod consent;
pub mod custody;
pub mod denial;
pub mod error;
pub mod family;
pub mod instance;
pub mod key;
pub mod logout;
pub mod migrate;
mod postgres;
pub mod reader;
pub mod registration;
pub mod relay;
pub mod request;
mod rows;
mod schema;
pub mod session;
#[cfg(feature = "simulation")]
pub mod simulation;
mod sqlite;
pub mod sweep;
pub mod throttle;
pub mod transfer;
pub mod usage;
pub mod user;
pub mod version;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use error::StoreError;

use postgres::Postgres;
use sqlite::Sqlite;

/// The database of one installation. Cheap to clone.
#[derive(Clone)]
pub enum Store {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
    /// Of tests only.
    #[cfg(feature = "simulation")]
    Simulated(Arc<simulation::Simulated>),
}

/// How much a store may use, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Connections to PostgreSQL in all; readers of SQLite.
    pub max_connections: usize,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one call may take before it counts as [`StoreError::Unavailable`].
    pub statement_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_connections: 12, connect_timeout: Duration::from_secs(3), statement_timeout: Duration::from_secs(5) }
    }
}

impl Store {
    /// Opens the database at `url`: `sqlite:///absolute/path`, `sqlite://relative/path` or `postgres://...`.
    /// Makes and changes nothing: see [`migrate::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Address`] for another scheme, [`StoreError::Unavailable`] when the SQLite file is not there. A
    /// PostgreSQL server may be down now and come up later, so it is not asked.
    pub fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        match Address::parse(url)? {
            Address::Sqlite(path) => Ok(Self::Sqlite(Arc::new(Sqlite::open(path, options)?))),
            Address::Postgres(url) => Ok(Self::Postgres(Arc::new(Postgres::open(&url, options)?))),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may have a password in it.
        f.write_str(match self {
            Self::Sqlite(_) => "Store::Sqlite",
            Self::Postgres(_) => "Store::Postgres",
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => "Store::Simulated",
        })
    }
}

enum Address {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Address {
    fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains(['?', '\0']) || path.starts_with(':') {
                return Err(StoreError::Address("sqlite:// is followed by the path of a file"));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err(StoreError::Address("it begins with sqlite:// or postgres://"))
    }
}

/// One line of dispatch: the same statement, compiled for either backend. Arguments are moved in, because SQLite runs
/// writes on its own thread and PostgreSQL runs transactions where a disconnected client cannot cut them.
macro_rules! dispatch {
    ($store:expr, read, $($call:ident)::+ ( $($argument:expr),* $(,)? )) => {
        match $store {
            #[cfg(feature = "simulation")]
            $crate::store::Store::Simulated(db) => {
                db.call($crate::store::simulation::Work::Read, stringify!($($call)::+), move |conn| {
                    futures_util::FutureExt::now_or_never($crate::store::sqlite::sql::$($call)::+(conn, $($argument),*))
                })
                .await
            }
            $crate::store::Store::Sqlite(db) => {
                db.read(|conn| futures_util::FutureExt::now_or_never($crate::store::sqlite::sql::$($call)::+(conn, $($argument),*)))
            }
            $crate::store::Store::Postgres(db) => {
                let shared = db.shared().await?;
                let mut conn = shared.conn();
                let outcome = db.bounded($crate::store::postgres::sql::$($call)::+(&mut conn, $($argument),*)).await;
                shared.settle(outcome)
            }
        }
    };
    ($store:expr, statement, $($call:ident)::+ ( $($argument:expr),* $(,)? )) => {
        match $store {
            #[cfg(feature = "simulation")]
            $crate::store::Store::Simulated(db) => {
                db.call($crate::store::simulation::Work::Statement, stringify!($($call)::+), move |conn| {
                    futures_util::FutureExt::now_or_never($crate::store::sqlite::sql::$($call)::+(conn, $($argument),*))
                })
                .await
            }
            $crate::store::Store::Sqlite(db) => {
                db.write($crate::store::sqlite::Unit::Statement, move |conn| {
                    futures_util::FutureExt::now_or_never($crate::store::sqlite::sql::$($call)::+(conn, $($argument),*))
                })
                .await
            }
            $crate::store::Store::Postgres(db) => {
                let shared = db.shared().await?;
                let mut conn = shared.conn();
                let outcome = db.bounded($crate::store::postgres::sql::$($call)::+(&mut conn, $($argument),*)).await;
                shared.settle(outcome)
            }
        }
    };
    ($store:expr, transaction, $($job:tt)+) => { $crate::store::dispatch!(@ $store, Transaction, $($job)+) };
    ($store:expr, together, $($job:tt)+) => { $crate::store::dispatch!(@ $store, Together, $($job)+) };
    (@ $store:expr, $unit:ident, $($call:ident)::+ ( $($argument:expr),* $(,)? )) => {
        match $store {
            #[cfg(feature = "simulation")]
            $crate::store::Store::Simulated(db) => {
                db.call($crate::store::simulation::Work::$unit, stringify!($($call)::+), move |conn| {
                    futures_util::FutureExt::now_or_never($crate::store::sqlite::sql::$($call)::+(conn, $($argument),*))
                })
                .await
            }
            $crate::store::Store::Sqlite(db) => {
                db.write($crate::store::sqlite::Unit::$unit, move |conn| {
                    futures_util::FutureExt::now_or_never($crate::store::sqlite::sql::$($call)::+(conn, $($argument),*))
                })
                .await
            }
            $crate::store::Store::Postgres(db) => {
                let pool = db.pool();
                db.uncut(async move {
                    let transaction = pool.begin().await?;
                    let mut conn = transaction.conn()?;
                    let outcome = $crate::store::postgres::sql::$($call)::+(&mut conn, $($argument),*).await;
                    transaction.end(outcome).await
                })
                .await
            }
        }
    };
}
use dispatch;
