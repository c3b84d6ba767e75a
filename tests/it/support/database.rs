//! A database of its own for each test, and one suite for every backend.

use std::future::Future;
use std::time::Duration;

use signet::store::Options;
use signet::store::Store;
use signet::store::migrate::migrate;
use tempfile::TempDir;

use super::postgres::Cluster;
use super::postgres::left_out;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
}

impl Database {
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = match kind {
            Kind::Sqlite => {
                let url = format!("sqlite://{}", folder.path().join("signet.db").display());
                migrate(&url).unwrap();
                url
            }
            Kind::Postgres => Cluster::shared()?.database(),
        };
        let store = Store::open(&url, options()).unwrap();
        Some(Self { store, url, folder })
    }

    /// Another node on the same database.
    pub(crate) fn another_node(&self) -> Store {
        Store::open(&self.url, options()).unwrap()
    }
}

/// Short limits: what hangs should be seen in a test's time.
pub(crate) fn options() -> Options {
    Options { max_connections: 8, connect_timeout: Duration::from_secs(2), statement_timeout: Duration::from_secs(4) }
}

/// Runs one case on one backend, or says that it cannot.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, case: impl FnOnce(Database) -> F) {
    match Database::new(kind) {
        Some(database) => block_on(case(database)),
        None => left_out(),
    }
}

pub(crate) fn block_on<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

/// Makes `sqlite::NOUN::CASE` and `postgres::NOUN::CASE` of each `NOUN::CASE`, an `async fn(Database)`.
macro_rules! on_every_backend {
    ($($noun:ident { $($case:ident),* $(,)? })*) => {
        mod sqlite {$(
            mod $noun {$(
                #[test]
                fn $case() {
                    crate::support::database::run(crate::support::database::Kind::Sqlite, super::super::$noun::$case);
                }
            )*}
        )*}
        mod postgres {$(
            mod $noun {$(
                #[test]
                fn $case() {
                    crate::support::database::run(crate::support::database::Kind::Postgres, super::super::$noun::$case);
                }
            )*}
        )*}
    };
}
pub(crate) use on_every_backend;
