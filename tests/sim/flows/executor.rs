//! Whose turn it is, decided by dice. A task goes on until it asks the database for something, and then waits for its
//! next turn.

use std::cell::Cell;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use signet::store::simulation::Fate;
use signet::store::simulation::Outcome;
use signet::store::simulation::Turn;
use signet::store::simulation::Work;
use tokio::runtime::Runtime;

use super::ops::Answer;
use super::plan::Trouble;

thread_local! {
    static SCRIPT: RefCell<Option<Rc<Script>>> = const { RefCell::new(None) };
}

/// What becomes of the calls of one task.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) troubles: Vec<(u32, Trouble)>,
    calls: Cell<u32>,
}

impl Script {
    pub(crate) fn of(troubles: Vec<(u32, Trouble)>) -> Rc<Self> {
        Rc::new(Self { troubles, calls: Cell::new(0) })
    }
}

/// The fate of whichever task is running. Outside of tasks, nothing goes wrong.
#[derive(Debug)]
pub(crate) struct Scripted;

impl Fate for Scripted {
    fn of(&self, _: &'static str, _: Work) -> Turn {
        let mut turn = Turn { before: 0, outcome: Outcome::Runs, after: 0 };
        SCRIPT.with_borrow(|script| {
            let Some(script) = script else { return };
            let call = script.calls.get();
            script.calls.set(call + 1);
            turn.before = 1;
            for (_, trouble) in script.troubles.iter().filter(|(at, _)| *at == call) {
                match trouble {
                    Trouble::Fails => turn.outcome = Outcome::Fails,
                    Trouble::AnswerLost => turn.outcome = Outcome::AnswerLost,
                    Trouble::Slow => turn.before = 12,
                    Trouble::AnswerSlow => turn.after = 12,
                }
            }
        });
        turn
    }
}

/// Set when a task can go on.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

pub(crate) struct Task {
    pub(crate) id: usize,
    pub(crate) node: usize,
    future: Pin<Box<dyn Future<Output = Answer>>>,
    script: Rc<Script>,
    flag: Arc<Flag>,
}

pub(crate) struct Executor {
    pub(crate) tasks: Vec<Task>,
    runtime: Rc<Runtime>,
    /// Whether a real thread writes to the database.
    threads: bool,
}

/// Nobody can go on.
pub(crate) struct Stuck;

impl Executor {
    pub(crate) fn new(runtime: Rc<Runtime>, threads: bool) -> Self {
        Self { tasks: Vec::new(), runtime, threads }
    }

    pub(crate) fn start(
        &mut self,
        id: usize,
        node: usize,
        script: Rc<Script>,
        future: impl Future<Output = Answer> + 'static,
    ) {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.push(Task { id, node, future: Box::pin(future), script, flag });
    }

    /// One turn of one task. Its number and answer when it ends with it; nothing under way is an answer too.
    pub(crate) fn turn(&mut self, dice: &mut Dice) -> Result<Option<(usize, Answer)>, Stuck> {
        if self.tasks.is_empty() {
            return Ok(None);
        }
        let ready = self.ready()?;
        let at = ready[dice.below(ready.len())];
        let task = &mut self.tasks[at];
        task.flag.0.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&task.flag));
        let _inside = self.runtime.enter();
        SCRIPT.set(Some(Rc::clone(&task.script)));
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        SCRIPT.set(None);
        match polled {
            Poll::Ready(answer) => {
                let task = self.tasks.remove(at);
                Ok(Some((task.id, answer)))
            }
            Poll::Pending => Ok(None),
        }
    }

    fn ready(&self) -> Result<Vec<usize>, Stuck> {
        let woken = || -> Vec<usize> {
            let tasks = self.tasks.iter().enumerate();
            tasks.filter(|(_, task)| task.flag.0.load(Ordering::Acquire)).map(|(at, _)| at).collect()
        };
        let ready = woken();
        // Whoever waits for a thread gets what it works at now, whatever the scheduler of this machine thinks.
        if ready.len() < self.tasks.len() {
            let (done, wait) = mpsc::channel();
            self.runtime.spawn_blocking(move || done.send(()));
            let _ = wait.recv();
        }
        let mut ready = woken();
        let mut left = if self.threads { 400_000 } else { 1 };
        while ready.is_empty() {
            left -= 1;
            if left == 0 {
                return Err(Stuck);
            }
            thread::sleep(Duration::from_micros(50));
            ready = woken();
        }
        Ok(ready)
    }
}

/// Small numbers from a seed: what splitmix64 makes of it.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % end
    }
}
