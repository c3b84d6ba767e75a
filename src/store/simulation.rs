//! A database that a simulation holds in its hands: it decides when each call gets its turn, whether it fails, and
//! whether the caller ever hears of it. The statements are the real ones. Behind the feature `simulation`, which only
//! the tests of this package turn on.

pub mod fault;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

use super::Store;
use super::StoreError;
use super::migrate;
use super::sqlite::Conn;
use super::sqlite::Sqlite;
use super::sqlite::Unit;

pub use fault::Fault;

/// What a call is, as `dispatch!` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Read,
    Statement,
    Transaction,
    Together,
}

/// Decides over the calls of one node.
pub trait Fate: fmt::Debug + Send + Sync {
    /// What becomes of the call of this name.
    fn of(&self, call: &'static str, work: Work) -> Turn;
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// How often others get a turn before it takes place.
    pub before: u32,
    pub outcome: Outcome,
    /// How often others get a turn before its caller hears of it.
    pub after: u32,
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Runs,
    /// Nothing takes place.
    Fails,
    /// It takes place, and the caller is told that the database is away.
    AnswerLost,
}

/// One node's way to the database.
pub struct Simulated {
    base: Base,
    fate: Arc<dyn Fate>,
    fault: Option<Fault>,
}

/// What is behind the simulation.
#[derive(Debug, Clone)]
pub enum Base {
    /// In memory, on the thread of the caller.
    Memory(Arc<Memory>),
    /// The real thing, with its file and its writing thread.
    File(Arc<Sqlite>),
}

impl Base {
    /// What is behind a real SQLite store.
    #[must_use]
    pub fn of(store: &Store) -> Option<Self> {
        match store {
            Store::Sqlite(db) => Some(Self::File(Arc::clone(db))),
            Store::Simulated(db) => Some(db.base.clone()),
            Store::Postgres(_) => None,
        }
    }
}

impl Store {
    #[must_use]
    pub fn simulated(base: Base, fate: Arc<dyn Fate>, fault: Option<Fault>) -> Self {
        Self::Simulated(Arc::new(Simulated { base, fate, fault }))
    }

    /// The simulation, if it has this fault.
    pub(super) fn with(&self, fault: Fault) -> Option<&Simulated> {
        match self {
            Self::Simulated(db) if db.fault == Some(fault) => Some(db),
            _ => None,
        }
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl Simulated {
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: Work,
        name: &'static str,
        job: impl FnOnce(&mut Conn<'static>) -> Option<Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.fate.of(name, work);
        Wait(turn.before).await;
        if turn.outcome == Outcome::Fails {
            return Err(StoreError::unavailable("the simulation says so"));
        }
        let answer = match (&self.base, work) {
            (Base::Memory(memory), _) => memory.run(work, job),
            (Base::File(db), Work::Read) => db.read(job),
            (Base::File(db), Work::Statement) => db.write(Unit::Statement, job).await,
            (Base::File(db), Work::Transaction) => db.write(Unit::Transaction, job).await,
            (Base::File(db), Work::Together) => db.write(Unit::Together, job).await,
        };
        Wait(turn.after).await;
        match turn.outcome {
            Outcome::AnswerLost => Err(StoreError::unavailable("the simulation lost the answer")),
            _ => answer,
        }
    }
}

/// Lets others have so many turns.
struct Wait(u32);

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.0.checked_sub(1) {
            None => Poll::Ready(()),
            Some(left) => {
                self.0 = left;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// A SQLite database in memory, which forgets a whole history at once.
pub struct Memory {
    conn: Mutex<Conn<'static>>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    /// An empty database with all its tables.
    ///
    /// # Errors
    /// As [`migrate::migrate`].
    pub fn migrated() -> Result<Self, StoreError> {
        let mut conn = SqliteConnection::establish(":memory:")?;
        migrate::in_memory(&mut conn)?;
        conn.batch_execute("PRAGMA foreign_keys = ON; BEGIN;")?;
        Ok(Self { conn: Mutex::new(Conn::new(conn)) })
    }

    /// What is written from now on can be forgotten.
    ///
    /// # Errors
    /// [`StoreError::Internal`] for a mistake of the caller.
    pub fn begin_history(&self) -> Result<(), StoreError> {
        self.execute("SAVEPOINT history")
    }

    /// Forgets all that was written since.
    ///
    /// # Errors
    /// [`StoreError::Internal`] without a beginning.
    pub fn forget_history(&self) -> Result<(), StoreError> {
        self.execute("ROLLBACK TO history; RELEASE history")
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner).batch_execute(sql)
    }

    fn run<T>(
        &self,
        work: Work,
        job: impl FnOnce(&mut Conn<'static>) -> Option<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = || StoreError::internal("a statement waited for something that is not the database");
        if matches!(work, Work::Read | Work::Statement) {
            return job(&mut conn).unwrap_or_else(|| Err(waited()));
        }
        conn.batch_execute("SAVEPOINT job")?;
        let outcome = job(&mut conn).unwrap_or_else(|| Err(waited()));
        conn.batch_execute(if outcome.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" })?;
        outcome
    }

    /// Every value of every table, for whoever looks for what must not be there.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner).image()
    }
}
