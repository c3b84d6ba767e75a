//! Passwords, hashed a few at a time.
//!
//! One hash takes 19 MiB and some 10 ms of a core. A few threads of their own do nothing else: so many hashes run at
//! once and no more, the memory of one hash serves the next, and the scheduler puts them behind whatever answers
//! requests. Who waits too long is told to come back. A flood of logins neither eats the memory nor slows the issuing
//! of tokens.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::RecvTimeoutError;
use crossbeam_channel::Sender;
use tokio::sync::oneshot;

use crate::ambient::Entropy;
use crate::crypto::password;
use crate::crypto::password::Decoy;
use crate::crypto::password::Memory;
use crate::crypto::password::Params;
use crate::domain::secret::Secret;
use crate::domain::user::PasswordHash;

use super::error::FlowError;

/// How many may wait for each thread. More could not be served within any time that people wait.
const WAITING_PER_THREAD: usize = 512;

/// How far the scheduler prefers other threads, on the scale of nice(1).
const NICENESS: i32 = 10;

/// How long a thread without work keeps the memory of a hash.
const KEEP_MEMORY: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The bounded place where passwords are hashed.
#[derive(Clone)]
pub struct Passwords {
    jobs: Sender<Job>,
    params: Params,
    wait: Duration,
    decoys: Arc<Decoys>,
}

/// The work that a wrong password is given beyond its own, so that all of them take as long: whether there is a user, or one whose
/// hash is from before the parameters were changed, cannot be told from the time.
struct Decoys {
    /// With the parameters in force.
    today: Decoy,
    /// With each of those that some user's hash has been met with since the start.
    others: Mutex<Vec<Decoy>>,
    entropy: Arc<dyn Entropy>,
}

/// Of hashes that were imported from elsewhere: the cost of one wrong password must not grow without end.
const MOST_DECOYS: usize = 4;

impl Passwords {
    /// `concurrent` hashes at once; others wait at most `wait` for theirs.
    ///
    /// # Errors
    /// When the parameters are beyond what Argon2 allows, or the machine gives no thread.
    pub fn new(
        params: Params,
        concurrent: usize,
        wait: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, FlowError> {
        let today = Decoy::new(&params, entropy.as_ref())?;
        let decoys = Arc::new(Decoys { today, others: Mutex::default(), entropy });
        let threads = concurrent.max(1);
        let (jobs, queue) = crossbeam_channel::bounded(threads * WAITING_PER_THREAD);
        for number in 0..threads {
            let queue = queue.clone();
            let thread = thread::Builder::new().name(format!("passwords-{number}"));
            thread.spawn(move || work(&queue)).map_err(|_| FlowError::Internal("no thread for passwords"))?;
        }
        Ok(Self { jobs, params, wait, decoys })
    }

    /// Whether the password is right. `None` stands for a user who does not exist or has no password: the same
    /// work is done, so that the time says nothing.
    ///
    /// # Errors
    /// [`FlowError::Busy`] when no turn came in time.
    pub async fn verify(&self, hash: Option<PasswordHash>, presented: Secret) -> Result<bool, FlowError> {
        let decoys = Arc::clone(&self.decoys);
        self.run(move |memory| {
            let right = hash.as_ref().is_some_and(|hash| memory.verify(hash, presented.reveal()));
            if !right {
                for decoy in decoys.besides(hash.as_ref().and_then(password::params_of)) {
                    decoy.verify(memory, presented.reveal());
                }
            }
            right
        })
        .await
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`FlowError::Busy`] when no turn came in time; [`FlowError::Password`] for a password over the limit.
    pub async fn hash(&self, password: Secret, entropy: Arc<dyn Entropy>) -> Result<PasswordHash, FlowError> {
        let params = self.params;
        Ok(self.run(move |memory| memory.hash(password.reveal(), &params, entropy.as_ref())).await??)
    }

    /// Whether a hash was made with other parameters than those in force.
    #[must_use]
    pub fn is_outdated(&self, hash: &PasswordHash) -> bool {
        password::needs_rehash(hash, &self.params)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, FlowError> {
        let busy = || FlowError::Busy { retry_after: self.wait };
        let ((turn, begun), (answer, result)) = (oneshot::channel(), oneshot::channel());
        let job: Job = Box::new(move |memory| {
            // Whoever asked may have given up while waiting: then nothing is left to do.
            if turn.send(()).is_ok() {
                let _ = answer.send(work(memory));
            }
        });
        self.jobs.try_send(job).map_err(|_| busy())?;
        // Only the waiting is bounded: what has begun is nearly done.
        match tokio::time::timeout(self.wait, begun).await {
            Ok(_) => result.await.map_err(|_| FlowError::Internal("hashing did not finish")),
            Err(_) => Err(busy()),
        }
    }
}

impl Decoys {
    /// Those with other parameters than a verification had; `None` when there was no hash to verify. Its own are remembered.
    fn besides(&self, done: Option<Params>) -> Vec<Decoy> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |params: &Params| others.iter().chain([&self.today]).any(|decoy| decoy.params() == *params);
        if let Some(params) = done.filter(|params| !known(params) && others.len() < MOST_DECOYS) {
            others.extend(Decoy::new(&params, self.entropy.as_ref()));
        }
        others.iter().chain([&self.today]).filter(|decoy| Some(decoy.params()) != done).cloned().collect()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("params", &self.params)
            .field("waiting", &self.jobs.len())
            .finish_non_exhaustive()
    }
}

/// Ends when the last [`Passwords`] is gone.
fn work(queue: &Receiver<Job>) {
    // Of this thread alone. A machine that does not allow it hashes at the priority of everything else.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let mut memory = Memory::default();
    loop {
        let job = match queue.recv_timeout(KEEP_MEMORY) {
            Err(RecvTimeoutError::Timeout) => {
                memory = Memory::default();
                queue.recv().ok()
            }
            next => next.ok(),
        };
        let Some(job) = job else { return };
        // A panic costs its own answer and no thread.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut memory))));
    }
}

#[cfg(test)]
mod tests {
    use super::Decoy;
    use super::Memory;
    use super::Passwords;
    use crate::ambient::OsEntropy;
    use crate::crypto::password::Params;
    use crate::domain::secret::Secret;
    use crate::flow::error::FlowError;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    fn passwords(concurrent: usize, wait: Duration) -> Passwords {
        let params = Params { memory_kib: 8192, iterations: 1, parallelism: 1 };
        Passwords::new(params, concurrent, wait, Arc::new(OsEntropy)).unwrap()
    }

    #[tokio::test]
    async fn lg_11_never_more_at_once_than_allowed() {
        let passwords = passwords(2, Duration::from_secs(20));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut flood = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let (passwords, running, most) = (passwords.clone(), Arc::clone(&running), Arc::clone(&most));
            flood.spawn(async move {
                let work = move |_: &mut Memory| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                passwords.run(work).await.unwrap();
            });
        }
        flood.join_all().await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn lg_11_who_waits_too_long_is_told_and_costs_nothing_more() {
        let passwords = passwords(1, Duration::from_millis(50));
        let (go, gate) = crossbeam_channel::bounded::<()>(0);
        let held = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.run(move |_| gate.recv()).await }
        });
        tokio::task::yield_now().await;
        let refused = passwords.verify(None, Secret::new("x")).await;
        assert!(matches!(refused, Err(FlowError::Busy { .. })), "{refused:?}");
        drop(go);
        assert!(held.await.unwrap().unwrap().is_err(), "what has begun is finished");
        let passwords = Passwords { wait: Duration::from_secs(20), ..passwords };
        assert!(!passwords.verify(None, Secret::new("x")).await.unwrap());
    }

    #[test]
    fn lg_02_every_wrong_password_costs_the_same() {
        let today = Params { memory_kib: 8192, iterations: 1, parallelism: 1 };
        let decoys = passwords(1, Duration::ZERO).decoys;
        let work = |done: Option<Params>| {
            let mut costs: Vec<Params> = decoys.besides(done).iter().map(Decoy::params).chain(done).collect();
            costs.sort_by_key(|params| params.iterations);
            costs
        };
        assert_eq!(work(None), [today]);
        assert_eq!(work(Some(today)), [today]);
        let old = |iterations| Params { iterations, ..today };
        assert_eq!(work(Some(old(2))), [today, old(2)], "a user from before the parameters were changed");
        for done in [None, Some(today), Some(old(2))] {
            assert_eq!(work(done), [today, old(2)], "{done:?}");
        }
        for iterations in 3..20 {
            work(Some(old(iterations)));
        }
        assert_eq!(work(None).len(), 1 + super::MOST_DECOYS);
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer() {
        let passwords = passwords(1, Duration::from_secs(20));
        let lost = passwords.run(|_| assert!(std::hint::black_box(false), "on purpose")).await;
        assert!(matches!(lost, Err(FlowError::Internal(_))));
        let hash = passwords.hash(Secret::new("right"), Arc::new(OsEntropy)).await.unwrap();
        assert!(passwords.verify(Some(hash.clone()), Secret::new("right")).await.unwrap());
        assert!(!passwords.verify(Some(hash), Secret::new("wrong")).await.unwrap());
    }
}
