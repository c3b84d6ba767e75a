//! The one thread that writes. It takes what is waiting, at most [`BATCH`] jobs, into one transaction and answers all
//! of them after the COMMIT: one fsync for many writes, without ever waiting for a batch to fill.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::RecvTimeoutError;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;
use tokio::sync::oneshot;

use crate::store::error::StoreError;

use super::Conn;
use super::committer;
use super::connection::Fixed;
use super::not_ready;

const BATCH: usize = 64;
const QUEUE: usize = 1024;
/// After this long without a job the WAL is copied into the file, when nobody waits for it.
const IDLE: Duration = Duration::from_millis(500);

/// What SQLite has to undo when a job fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Unit {
    /// One writing statement: SQLite undoes it by itself.
    Statement,
    /// Several: they run inside a savepoint.
    Transaction,
    /// Several, none of which fails unless the database does: then the whole batch is undone. A savepoint would copy each
    /// page before it is changed.
    Together,
}

pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    failing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(path: PathBuf, patience: Duration) -> Result<Self, StoreError> {
        let (jobs, waiting) = bounded(QUEUE);
        let failing = Arc::new(AtomicBool::new(false));
        let desk = Desk { jobs: waiting, path, patience, conn: None, unchecked: false, failing: Arc::clone(&failing) };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.work())
            .map_err(|error| StoreError::unavailable(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), failing, thread: Some(thread) })
    }

    pub(super) fn last_one_failed(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) async fn submit<T: Send + 'static>(
        &self,
        unit: Unit,
        job: impl FnOnce(&mut Conn<'static>) -> Option<Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let run = move |conn: Result<&mut Conn<'static>, StoreError>| {
            let outcome = conn.and_then(|conn| job(conn).unwrap_or_else(|| Err(not_ready())));
            let verdict = match &outcome {
                Ok(_) => Verdict::Keep,
                Err(StoreError::Conflict { .. }) => Verdict::Undo,
                Err(_) => Verdict::UndoAndStop,
            };
            let reply = move |failure: Option<StoreError>| {
                // Whoever asked may have gone; the write stands all the same.
                let _ = answer.send(failure.map_or(outcome, Err));
            };
            (verdict, Box::new(reply) as Reply)
        };
        let full = || StoreError::unavailable("the queue of the writer is full");
        let jobs = self.jobs.as_ref().ok_or_else(full)?;
        jobs.try_send(Job { unit, run: Box::new(run) }).map_err(|_| full())?;
        answered.await.unwrap_or_else(|_| Err(StoreError::internal("the writer dropped a job")))
    }
}

impl Drop for Writer {
    /// Waits for what was accepted.
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Reply = Box<dyn FnOnce(Option<StoreError>) + Send>;
type Run = Box<dyn FnOnce(Result<&mut Conn<'static>, StoreError>) -> (Verdict, Reply) + Send>;

struct Job {
    unit: Unit,
    run: Run,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Keep,
    Undo,
    /// More than a constraint went wrong: SQLite may have undone the whole transaction, which COMMIT will tell.
    UndoAndStop,
    /// Half of it may be done, and nothing can take that back alone.
    UndoAll,
}

struct Desk {
    jobs: Receiver<Job>,
    path: PathBuf,
    patience: Duration,
    conn: Option<Conn<'static>>,
    unchecked: bool,
    failing: Arc<AtomicBool>,
}

impl Desk {
    fn work(mut self) {
        loop {
            let next = if self.unchecked {
                self.jobs.recv_timeout(IDLE)
            } else {
                self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(job) => self.batch(job),
                Err(RecvTimeoutError::Timeout) => self.checkpoint(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn batch(&mut self, first: Job) {
        let mut conn = match self.begin() {
            Ok(conn) => conn,
            Err(error) => {
                self.failing.store(true, Ordering::Relaxed);
                // Those behind have waited as well: one after the other, each would wait for the whole time limit again.
                for job in std::iter::once(first).chain(self.jobs.try_iter().take(QUEUE)) {
                    let (_, reply) = (job.run)(Err(error.clone()));
                    reply(None);
                }
                return;
            }
        };
        let mut replies = Vec::new();
        let mut next = Some(first);
        let (mut sound, mut failing) = (true, false);
        while let Some(job) = next.take() {
            match catch_unwind(AssertUnwindSafe(|| perform(&mut conn, job))) {
                Ok((verdict, reply)) => {
                    replies.push(reply);
                    failing |= verdict == Verdict::UndoAndStop;
                    sound &= verdict != Verdict::UndoAll;
                    let goes_on = matches!(verdict, Verdict::Keep | Verdict::Undo);
                    if goes_on && replies.len() < BATCH {
                        next = self.another();
                    }
                }
                Err(_panic) => sound = false,
            }
        }
        let committed = if sound {
            conn.run(Fixed::Commit)
        } else {
            Err(StoreError::unavailable("another write of the same batch failed badly"))
        };
        // Without a COMMIT the connection is dropped, and with it everything that the batch did.
        if committed.is_ok() {
            self.conn = Some(conn);
            self.unchecked = true;
        }
        let failure = committed.err();
        self.failing.store(failing || failure.is_some(), Ordering::Relaxed);
        for reply in replies {
            reply(failure.clone());
        }
    }

    fn begin(&mut self) -> Result<Conn<'static>, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => committer(&self.path, self.patience)?,
        };
        conn.run(Fixed::Begin)?;
        Ok(conn)
    }

    /// A commit costs as much as many jobs. Before it, whoever is about to bring one gets a turn on this core; when
    /// nobody is, that takes no time.
    fn another(&self) -> Option<Job> {
        self.jobs.try_recv().ok().or_else(|| {
            std::thread::yield_now();
            self.jobs.try_recv().ok()
        })
    }

    fn checkpoint(&mut self) {
        self.unchecked = false;
        if let Some(conn) = &mut self.conn
            && conn.run(Fixed::Checkpoint).is_err()
        {
            self.conn = None;
        }
    }
}

fn perform(conn: &mut Conn<'static>, job: Job) -> (Verdict, Reply) {
    match job.unit {
        Unit::Statement => return (job.run)(Ok(conn)),
        Unit::Together => {
            let (verdict, reply) = (job.run)(Ok(conn));
            return (if verdict == Verdict::Keep { verdict } else { Verdict::UndoAll }, reply);
        }
        Unit::Transaction => {}
    }
    if let Err(error) = conn.run(Fixed::Savepoint) {
        return (job.run)(Err(error));
    }
    let (verdict, reply) = (job.run)(Ok(conn));
    let undone = if verdict == Verdict::Keep { Ok(()) } else { conn.run(Fixed::RollbackToSavepoint) };
    match undone.and_then(|()| conn.run(Fixed::Release)) {
        Ok(()) => (verdict, reply),
        Err(error) => (Verdict::UndoAndStop, Box::new(move |failure| reply(Some(failure.unwrap_or(error))))),
    }
}
