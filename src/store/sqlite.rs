//! SQLite: one thread writes (see `sqlite/writer.rs`), readers have connections of their own beside it. WAL lets them
//! go on while a batch is being written; a reader sees every commit that was answered before it asked.

mod connection;
#[expect(clippy::duplicate_mod, reason = "each statement is written once and compiled for both backends")]
#[path = "sql/mod.rs"]
pub(super) mod sql;
mod writer;

use std::fmt;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use futures_util::FutureExt;

use super::Options;
use super::error::StoreError;
use super::version::Versions;
use writer::Writer;

pub(super) use connection::Conn;
pub(super) use connection::RunQueryDsl;
pub(super) use writer::Unit;

/// A SQLite database.
pub struct Sqlite {
    path: PathBuf,
    options: Options,
    readers: Mutex<Vec<Conn<'static>>>,
    writer: Writer,
    /// What [`Sqlite::wait_for_change`] saw last.
    seen: Mutex<Option<Versions>>,
}

/// How often the counters are looked at while somebody waits for a change: a read of two rows, some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    pub(super) fn open(path: PathBuf, options: Options) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::unavailable(format!("{} is not there: migrate makes it", path.display())));
        }
        let writer = Writer::start(path.clone(), options.statement_timeout)?;
        Ok(Self { path, options, readers: Mutex::new(Vec::new()), writer, seen: Mutex::default() })
    }

    /// Runs a job on the writing thread; answers when it is on the disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        unit: Unit,
        job: impl FnOnce(&mut Conn<'static>) -> Option<Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.submit(unit, job).await
    }

    /// Reads in place: it takes some microseconds, less than a change of thread.
    pub(super) fn read<T>(
        &self,
        job: impl FnOnce(&mut Conn<'static>) -> Option<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let waiting = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut conn = match waiting {
            Some(conn) => conn,
            None => reader(&self.path, self.options.statement_timeout)?,
        };
        let outcome = job(&mut conn).unwrap_or_else(|| Err(not_ready()));
        // After trouble the next reader opens the file anew.
        if matches!(outcome, Ok(_) | Err(StoreError::Corrupt { .. } | StoreError::Conflict { .. })) {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < self.options.max_connections {
                readers.push(conn);
            }
        }
        outcome
    }

    /// For want of space or of a lock, or because the file must not be written to.
    pub(super) fn last_write_failed(&self) -> bool {
        self.writer.last_one_failed()
    }

    pub(super) async fn wait_for_change(&self, within: Duration) {
        let mut left = within;
        while !self.has_changed() && !left.is_zero() {
            let pause = left.min(LOOK_EVERY);
            tokio::time::sleep(pause).await;
            left = left.saturating_sub(pause);
        }
    }

    /// A database that cannot be read has not changed yet; that it cannot be read the watcher finds out by itself.
    fn has_changed(&self) -> bool {
        let now = self.read(|conn| sql::version::all(conn).now_or_never()).ok();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = now.is_some() && *seen != now;
        *seen = now.or(*seen);
        changed
    }
}

fn not_ready() -> StoreError {
    StoreError::internal("a statement waited for something that is not the database")
}

/// Who changes users and clients here is the one writing thread, so nothing needs to be held.
mod hold {
    use std::future::Ready;
    use std::future::ready;

    use super::Conn;
    use super::StoreError;

    pub(super) fn user(_conn: &mut Conn<'_>, _id: &str) -> Ready<Result<(), StoreError>> {
        ready(Ok(()))
    }

    pub(super) fn user_for_change(_conn: &mut Conn<'_>, _id: &str) -> Ready<Result<(), StoreError>> {
        ready(Ok(()))
    }

    pub(super) fn client(_conn: &mut Conn<'_>, _id: &str) -> Ready<Result<(), StoreError>> {
        ready(Ok(()))
    }
}

/// Nobody listens: other processes look at the counters themselves.
mod announce {
    use std::future::Ready;
    use std::future::ready;

    use super::Conn;
    use super::StoreError;

    pub(super) fn change(_conn: &mut Conn<'_>, _what: &'static str) -> Ready<Result<(), StoreError>> {
        ready(Ok(()))
    }
}

/// synchronous=FULL: a commit that was answered survives a power cut. With NORMAL a redeemed code or a rotated token
/// could come back to life.
fn committer(path: &Path, patience: Duration) -> Result<Conn<'static>, StoreError> {
    let mut conn = connect(path, patience)?;
    conn.batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 2000;")?;
    Ok(Conn::new(conn))
}

fn reader(path: &Path, patience: Duration) -> Result<Conn<'static>, StoreError> {
    let mut conn = connect(path, patience)?;
    conn.batch_execute("PRAGMA query_only = ON;")?;
    Ok(Conn::new(conn))
}

/// Opens the file, which must be there.
pub(super) fn connect(path: &Path, patience: Duration) -> Result<SqliteConnection, StoreError> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            other => write!(uri, "%{other:02x}").map_err(|error| StoreError::internal(error.to_string()))?,
        }
    }
    uri.push_str("?mode=rw");
    let mut conn = SqliteConnection::establish(&uri)?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {};", patience.as_millis()))?;
    Ok(conn)
}
