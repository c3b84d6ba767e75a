//! Ten years, one random step after the other.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use rand::Rng;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::time::Timestamp;
use signet::domain::window::Window;
use signet::keys::policy::Jitter;
use signet::keys::policy::Policy;
use signet::keys::schedule;
use signet::keys::schedule::Action;

use crate::fault::Fault;
use crate::node::Node;
use crate::reader::HABITS;
use crate::reader::LEEWAY;
use crate::reader::Reader;
use crate::table::Table;

const START: Timestamp = Timestamp::from_seconds(1_795_348_800);
const YEARS_10: Duration = Duration::from_hours(3652 * 24);
const DAY: Duration = Duration::from_hours(24);
/// Clocks of our nodes may be this far off.
const SKEW_SECONDS: i64 = 60;
/// The longest token.
const TOKEN: Duration = Duration::from_hours(1);
const ALGORITHMS: [Algorithm; 1] = [Algorithm::Es256];

/// What must never happen.
#[derive(Debug)]
pub(crate) enum Broken {
    Rejected { reader: &'static str, kid: KeyId, at: Timestamp, age: Duration },
    Unpublished { kid: KeyId, at: Timestamp },
    TooEarly { kid: KeyId, at: Timestamp },
    Keys { what: &'static str, count: usize, at: Timestamp },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { reader, kid, at, age } => {
                write!(f, "at {at} the reader \"{reader}\" refuses a good token of {kid}, {} s old", age.as_secs())
            }
            Self::Unpublished { kid, at } => {
                write!(f, "at {at} a token is signed with {kid}, which is not in the JWKS")
            }
            Self::TooEarly { kid, at } => write!(f, "at {at} a token is signed with {kid}, published too shortly"),
            Self::Keys { what, count, at } => write!(f, "at {at} there are {count} {what} keys"),
        }
    }
}

/// What came of a good history.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) checked: u64,
    pub(crate) rotations: u64,
}

impl History {
    pub(crate) fn add(&mut self, other: &Self) {
        self.checked += other.checked;
        self.rotations += other.rotations;
    }
}

pub(crate) struct World {
    random: StdRng,
    now: Timestamp,
    policy: Policy,
    table: Table,
    nodes: Vec<Node>,
    readers: Vec<Reader>,
    /// Tokens that may still be presented: key and end.
    tokens: Vec<(KeyId, Timestamp, Timestamp)>,
    published: BTreeMap<KeyId, Timestamp>,
    history: History,
    /// The version of the table that was looked at last.
    checked: i64,
}

impl World {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let window = random.random_bool(0.3).then(|| Window::parse("Tue-Thu 09:00-16:00 Europe/Berlin")).flatten();
        let policy = Policy {
            rotate_every: Some(DAY * random.random_range(30..=120)),
            publish_ahead: DAY * 14,
            retire_for: TOKEN + Duration::from_hours(1),
            window,
            jitter: Jitter { percent: random.random_range(0..=5), seed: random.next_u64() },
            paused_until: None,
        };
        let skew = |random: &mut StdRng| random.random_range(-SKEW_SECONDS..=SKEW_SECONDS) * 1_000_000;
        let nodes = (0..3).map(|_| Node::started(skew(&mut random))).collect();
        let readers = HABITS.into_iter().map(|habit| Reader::started(habit, START)).collect();
        Self {
            random,
            now: START,
            policy,
            table: Table { fault, ..Table::default() },
            nodes,
            readers,
            tokens: Vec::new(),
            published: BTreeMap::new(),
            history: History::default(),
            checked: 0,
        }
    }

    pub(crate) fn run(mut self) -> Result<History, Broken> {
        let end = START.plus(YEARS_10);
        self.tend_all()?;
        while self.now < end {
            let step = self.step();
            self.now = self.now.plus(step);
            self.happen();
            self.tend_all()?;
            self.use_tokens()?;
        }
        Ok(self.history)
    }

    /// Hours while nothing is planned; seconds around a change of guard and until the old key has left.
    fn step(&mut self) -> Duration {
        let near = self.table.keys.iter().any(|key| {
            let moments = [key.activates_at, key.retired_at, key.leaves_at];
            moments
                .into_iter()
                .flatten()
                .any(|at| self.now.plus(Duration::from_mins(2)) >= at && self.now <= at.plus(Duration::from_mins(2)))
        });
        let far = self.table.keys.iter().any(|key| key.activates_at.is_some() || key.state == KeyState::Retired);
        match (near, far) {
            (true, _) => Duration::from_millis(self.random.random_range(200..30_000)),
            (false, true) => Duration::from_secs(
                self.random.random_range(20..=110) * if self.random.random_bool(0.8) { 5 } else { 1 },
            ),
            (false, false) => Duration::from_mins(self.random.random_range(5..=2400)),
        }
    }

    /// Restarts, clocks that are set, a database that is away for one node, somebody at the command line, pauses.
    fn happen(&mut self) {
        let node = self.random.random_range(0..self.nodes.len());
        let skew = self.random.random_range(-SKEW_SECONDS..=SKEW_SECONDS) * 1_000_000;
        match self.random.random_range(0..1000) {
            0..20 => self.nodes[node] = Node::started(skew),
            20..40 => self.nodes[node].skew = skew,
            40..60 => {
                let away = Duration::from_secs(self.random.random_range(1..4 * 3600));
                self.nodes[node].cut_off_until = self.now.plus(away);
            }
            60..64 => self.rotate_by_hand(node),
            64..66 => self.policy.paused_until = Some(self.now.plus(DAY * self.random.random_range(1..30))),
            66..70 => self.policy.paused_until = None,
            _ => {}
        }
    }

    fn rotate_by_hand(&mut self, node: usize) {
        let clock = self.nodes[node].clock(self.now);
        for algorithm in ALGORITHMS {
            if let Ok(actions) = schedule::rotate(&self.table.keys, algorithm, clock, &self.policy, false) {
                for action in actions {
                    self.table.carry_out(&action, clock);
                }
            }
        }
    }

    /// Every node looks at the schedule. Each plans from what it saw before any of them wrote, and may stop between any
    /// two writes.
    fn tend_all(&mut self) -> Result<(), Broken> {
        let seen = Rc::clone(&self.table.keys);
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        let first = self.random.random_range(0..order.len());
        order.rotate_left(first);
        for node in order {
            if self.now < self.nodes[node].cut_off_until {
                continue;
            }
            let clock = self.nodes[node].clock(self.now);
            // Half of the time a node has looked before the others wrote.
            let fresh = self.random.random_bool(0.5);
            let view = Rc::clone(if fresh { &self.table.keys } else { &seen });
            for action in schedule::plan(&view, &ALGORITHMS, clock, &self.policy) {
                // The process is killed between two writes.
                if self.random.random_bool(0.02) && !self.table.keys.is_empty() {
                    self.nodes[node] = Node::started(self.nodes[node].skew);
                    break;
                }
                let rotates = matches!(action, Action::Activate { .. });
                if self.table.carry_out(&action, clock) {
                    self.history.rotations += u64::from(rotates);
                }
            }
        }
        self.check_table()?;
        // Within a second all see what was written; sometimes a node is asked before that.
        for node in 0..self.nodes.len() {
            if self.random.random_bool(0.8) {
                self.nodes[node].poll(&self.table, self.now);
            }
        }
        Ok(())
    }

    fn check_table(&mut self) -> Result<(), Broken> {
        if self.table.version == self.checked {
            return Ok(());
        }
        self.checked = self.table.version;
        for key in self.table.keys.iter() {
            self.published.entry(key.kid.clone()).or_insert(self.now);
        }
        for algorithm in ALGORITHMS {
            let count =
                |state| self.table.keys.iter().filter(|key| key.algorithm == algorithm && key.state == state).count();
            for (what, count) in [("active", count(KeyState::Active)), ("next", count(KeyState::Next))] {
                let started = self.now > START.plus(Duration::from_hours(24));
                if count > 1 || (count == 0 && started) {
                    return Err(Broken::Keys { what, count, at: self.now });
                }
            }
        }
        Ok(())
    }

    fn use_tokens(&mut self) -> Result<(), Broken> {
        let now = self.now;
        for algorithm in ALGORITHMS {
            for node in 0..self.nodes.len() {
                let Some(kid) = self.nodes[node].sign(&self.table, algorithm, now) else { continue };
                self.check_signature(&kid)?;
                let last = self.tokens.iter().rev().find(|(last, ..)| *last == kid);
                // One token in five minutes of each key is enough; the newest lives longest.
                if last.is_none_or(|(_, signed_at, _)| now.since(*signed_at) > Duration::from_mins(5))
                    || self.near_retired()
                {
                    self.tokens.push((kid, now, now.plus(TOKEN + LEEWAY)));
                }
            }
        }
        self.tokens.retain(|(_, _, end)| *end > now);
        let excess = self.tokens.len().saturating_sub(60);
        self.tokens.drain(..excess);
        self.present()
    }

    fn near_retired(&self) -> bool {
        self.table.keys.iter().any(|key| key.activates_at.is_some() && key.signs_at(self.now))
    }

    fn check_signature(&self, kid: &KeyId) -> Result<(), Broken> {
        let at = self.now;
        let key = self.table.keys.iter().find(|key| key.kid == *kid);
        if key.is_none_or(|key| !key.state.is_published()) {
            return Err(Broken::Unpublished { kid: kid.clone(), at });
        }
        // The very first key of an algorithm has nobody who could know another one.
        let published_at = self.published.get(kid).copied().unwrap_or(at);
        let skew = Duration::from_secs(2 * SKEW_SECONDS.unsigned_abs());
        if published_at > START.plus(DAY) && published_at.plus(self.policy.publish_ahead) > at.plus(skew) {
            return Err(Broken::TooEarly { kid: kid.clone(), at });
        }
        Ok(())
    }

    /// Every reader is shown the oldest and the newest good token, and some other one.
    fn present(&mut self) -> Result<(), Broken> {
        let Self { readers, nodes, tokens, random, now, history, .. } = self;
        let serving: Vec<Rc<[KeyId]>> = nodes.iter().map(Node::jwks).filter(|jwks| !jwks.is_empty()).collect();
        if serving.is_empty() || tokens.is_empty() {
            return Ok(());
        }
        for reader in readers {
            let node = random.random_range(0..serving.len());
            reader.live(*now, &serving[node]);
            if random.random_bool(0.5) {
                continue;
            }
            let some = random.random_range(0..tokens.len());
            for token in [0, some, tokens.len() - 1] {
                let (kid, signed_at, _) = &tokens[token];
                history.checked += 1;
                if !reader.accepts(kid, *now, &serving[node]) {
                    let age = now.since(*signed_at);
                    return Err(Broken::Rejected { reader: reader.habit.name, kid: kid.clone(), at: *now, age });
                }
            }
        }
        Ok(())
    }
}
