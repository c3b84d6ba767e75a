//! Bringing a database up to this version. Several nodes may start at once: one migrates, the others wait.
//!
//! These are plain blocking functions with a thread of their own, because the migrations of diesel cannot run on a
//! worker of the server.

use std::error::Error;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::EmbeddedMigrations;
use diesel_migrations::MigrationHarness;
use diesel_migrations::embed_migrations;
use tokio::runtime::Runtime;

use super::Address;
use super::error::StoreError;
use super::postgres::Connector;
use super::postgres::Patience;
use super::sqlite;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// How long one node waits for another that is migrating.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations that were applied, in order; empty when there was nothing to do.
    pub applied: Vec<String>,
}

/// One migration and how a database stands to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    pub name: String,
    pub progress: Progress,
}

/// How a database stands to a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Applied,
    Pending,
    /// Applied by a newer version: this one does not know it.
    Unknown,
}

/// Applies what is missing. Makes the SQLite file, readable by its owner only, when it is not there.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Address`]; [`StoreError::Internal`] when a migration fails, which leaves
/// the database as it was before that migration.
pub fn migrate(url: &str) -> Result<MigrationReport, StoreError> {
    let address = Address::parse(url)?;
    apart(|| match address {
        Address::Sqlite(path) => {
            create(&path)?;
            let mut conn = sqlite::connect(&path, PATIENCE)?;
            journal(&mut conn)?;
            conn.immediate_transaction(|conn| run(conn, SQLITE))
        }
        Address::Postgres(url) => {
            let (_driver, mut conn) = postgres(&url)?;
            // Ends with the connection. The number is ours: no other program takes the same lock.
            conn.batch_execute(&format!(
                "SET lock_timeout = '{}s'; SELECT pg_advisory_lock(7307199815126545)",
                PATIENCE.as_secs()
            ))?;
            run(&mut conn, POSTGRES)
        }
    })
}

/// How the database stands to the migrations of this version.
///
/// # Errors
/// As [`migrate`]. A SQLite file that is not there has everything pending.
pub fn status(url: &str) -> Result<Vec<MigrationState>, StoreError> {
    let address = Address::parse(url)?;
    apart(|| match address {
        Address::Sqlite(path) if !path.exists() => compare::<diesel::sqlite::Sqlite>(&[], &SQLITE),
        Address::Sqlite(path) => {
            let mut conn = sqlite::connect(&path, PATIENCE)?;
            let applied = applied(&mut conn)?;
            compare::<diesel::sqlite::Sqlite>(&applied, &SQLITE)
        }
        Address::Postgres(url) => {
            let (_driver, mut conn) = postgres(&url)?;
            let applied = applied(&mut conn)?;
            compare::<diesel::pg::Pg>(&applied, &POSTGRES)
        }
    })
}

/// A database that lives as long as its connection.
#[cfg(feature = "simulation")]
pub(super) fn in_memory(conn: &mut SqliteConnection) -> Result<MigrationReport, StoreError> {
    run(conn, SQLITE)
}

fn run<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
) -> Result<MigrationReport, StoreError> {
    let known = known::<DB>(&source)?;
    let versions = harness.run_pending_migrations(source).map_err(refused)?;
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    let applied = known.into_iter().filter(|(version, _)| versions.contains(version)).map(|(_, name)| name).collect();
    Ok(MigrationReport { applied })
}

fn applied<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<Vec<String>, StoreError> {
    let mut versions: Vec<String> =
        harness.applied_migrations().map_err(refused)?.iter().map(ToString::to_string).collect();
    versions.sort();
    Ok(versions)
}

fn compare<DB: Backend>(applied: &[String], source: &EmbeddedMigrations) -> Result<Vec<MigrationState>, StoreError> {
    let known = known::<DB>(source)?;
    let unknown = applied.iter().filter(|version| !known.iter().any(|(own, _)| own == *version));
    let unknown: Vec<_> =
        unknown.map(|version| MigrationState { name: version.clone(), progress: Progress::Unknown }).collect();
    let own = known.iter().map(|(version, name)| {
        let progress = if applied.contains(version) { Progress::Applied } else { Progress::Pending };
        MigrationState { name: name.clone(), progress }
    });
    Ok(own.chain(unknown).collect())
}

/// Version and name of each migration of ours, in order.
fn known<DB: Backend>(source: &EmbeddedMigrations) -> Result<Vec<(String, String)>, StoreError> {
    let migrations = MigrationSource::<DB>::migrations(source).map_err(refused)?;
    let mut known: Vec<_> = migrations
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()))
        .collect();
    known.sort();
    Ok(known)
}

fn refused(error: Box<dyn Error + Send + Sync>) -> StoreError {
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => (*error).into(),
        Err(error) => StoreError::internal(error.to_string()),
    }
}

/// The journal mode is kept in the file. Changing it needs the file for oneself, without waiting for it.
fn journal(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut attempts = 0;
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL;") {
            Ok(()) => return Ok(()),
            Err(_) if attempts < 100 => {
                attempts += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes the file before SQLite does, so that it is never open to others. The files beside it get the same mode.
fn create(path: &Path) -> Result<(), StoreError> {
    let unavailable = |error: std::io::Error| StoreError::unavailable(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unavailable)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unavailable(error)),
        _ => Ok(()),
    }
}

pub(super) fn postgres(url: &str) -> Result<(Runtime, AsyncConnectionWrapper<AsyncPgConnection>), StoreError> {
    let driver = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| StoreError::unavailable(error.to_string()))?;
    let patience = Patience { connect: Duration::from_secs(5), statement: None };
    let connector = Connector::new(url, patience, driver.handle().clone())?;
    let link = driver.block_on(connector.connect())?;
    Ok((driver, AsyncConnectionWrapper::from(link.into_conn())))
}

/// Runs on a thread without a runtime, which the synchronous side of diesel needs.
pub(super) fn apart<T: Send, E: From<StoreError> + Send>(work: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E> {
    let outcome = std::thread::scope(|scope| scope.spawn(work).join());
    outcome.unwrap_or_else(|_| Err(StoreError::internal("work on a database panicked").into()))
}
