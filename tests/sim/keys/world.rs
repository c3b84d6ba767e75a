//! Ten years, from one moment when something may happen to the next: nothing is looked at in between, because nothing
//! changes there.

use std::rc::Rc;
use std::time::Duration;

use rand::Rng;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::domain::window::Window;
use signet::keys::policy::Jitter;
use signet::keys::policy::Policy;
use signet::keys::schedule;
use signet::keys::schedule::Action;

use super::fate::seconds;
use super::fault::Fault;
use super::node::Node;
use super::outcome::Broken;
use super::outcome::History;
use super::reader;
use super::reader::LEEWAY;
use super::reader::Reader;
use super::table::Table;

const START: Timestamp = Timestamp::from_seconds(1_795_348_800);
const YEARS_10: Duration = Duration::from_hours(3652 * 24);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);
/// Clocks may be this far off all the time.
pub(crate) const SKEW_SECONDS: i64 = 60;
/// By how much a key may sign too early: clocks that are off, and one in a thousand of the time that a clock is wrong.
const SLACK: Duration = Duration::from_mins(30);
/// Around each instant of the plan every moment counts.
const NEAR: Duration = Duration::from_secs(75);
const TOKENS: usize = 64;

struct Token {
    key: u8,
    signed_at: Timestamp,
    ends_at: Timestamp,
}

/// A wall clock: a little off, and sometimes far.
#[derive(Debug)]
pub(crate) struct Wall {
    pub(crate) skew: i64,
    pub(crate) jump: i64,
}

impl Wall {
    pub(crate) fn shows(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.micros() + self.skew + self.jump)
    }
}

pub(crate) struct World {
    pub(crate) random: StdRng,
    pub(crate) now: Timestamp,
    pub(crate) policy: Policy,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) table: Table,
    pub(crate) nodes: Vec<Node>,
    /// Of the nodes, and the last one of the database.
    pub(crate) walls: Vec<Wall>,
    pub(crate) jumped_until: Timestamp,
    readers: Vec<Reader>,
    /// Tokens that may still be presented, the oldest first.
    tokens: Vec<Token>,
    happens_at: Timestamp,
    pub(crate) history: History,
    /// The version of the table that was looked at last.
    checked: i64,
}

impl World {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let window = random.random_bool(0.3).then(|| Window::parse("Tue-Thu 09:00-16:00 Europe/Berlin")).flatten();
        let percent = if random.random_bool(0.5) { 0 } else { random.random_range(1..=5) };
        let policy = Policy {
            rotate_every: Some(DAY * random.random_range(60..=200)),
            publish_ahead: DAY * 14,
            retire_for: Duration::ZERO,
            longest_token: HOUR,
            skew: HOUR,
            window,
            jitter: Jitter { percent, seed: random.next_u64() },
            paused_until: None,
        };
        let mut table = Table::new(fault, START);
        table.newest = Some(START);
        let walls: Vec<Wall> =
            (0..4).map(|_| Wall { skew: seconds(&mut random, -SKEW_SECONDS..SKEW_SECONDS), jump: 0 }).collect();
        let nodes = (0..3).map(|node| Node::started(walls[node].shows(START), walls[3].shows(START), &table)).collect();
        Self {
            random,
            now: START,
            policy,
            algorithms: Algorithm::ALL.into(),
            table,
            nodes,
            walls,
            jumped_until: START,
            readers: reader::all(START),
            tokens: Vec::new(),
            happens_at: START.plus(DAY),
            history: History::default(),
            checked: 0,
        }
    }

    pub(crate) fn run(mut self) -> Result<History, Broken> {
        // In every second history one algorithm is added after some years.
        let late = Algorithm::ALL[self.random.random_range(0..4)];
        let added_at = START.plus(DAY * self.random.random_range(1..2000));
        if self.random.random_bool(0.5) {
            self.algorithms.retain(|algorithm| *algorithm != late);
        }
        let end = START.plus(YEARS_10);
        self.tend_all()?;
        while self.now < end {
            let next = self.next_moment().min(end);
            self.pass(next);
            if self.now >= self.happens_at {
                self.happen();
                self.happens_at = self.now.plus(HOUR * self.random.random_range(1..600));
            }
            if self.now >= self.jumped_until {
                self.walls.iter_mut().for_each(|wall| wall.jump = 0);
            }
            if self.now >= added_at && !self.algorithms.contains(&late) {
                self.algorithms.push(late);
            }
            self.tend_all()?;
            self.use_tokens()?;
            self.history.steps += 1;
        }
        Ok(self.history)
    }

    /// The next moment at which the plan, a reader or fate may do something.
    fn next_moment(&mut self) -> Timestamp {
        let now = self.now;
        let mut next = self.happens_at;
        if self.jumped_until > now {
            next = next.min(self.jumped_until);
        }
        // The old view of a node that is cut off lasts until then and no longer.
        let cut_off = self.nodes.iter().map(|node| node.cut_off_until);
        next = cut_off.filter(|until| *until > now).fold(next, Timestamp::min);
        let published = self.table.keys.published();
        if self.tokens.iter().any(|token| published & (1 << token.key) == 0) {
            // A good token of a key that has left: somebody will soon show it.
            next = next.min(now.plus(Duration::from_secs(self.random.random_range(60..1200))));
        }
        let lead = self.policy.lead().saturating_mul(2);
        // What the nodes take for the time may be bent by then.
        let ahead = self.table.newest.map_or(0, |newest| newest.micros() - now.micros());
        let truly = |at: Timestamp| Timestamp::from_micros(at.micros() - ahead);
        for key in &self.table.keys.rows {
            let instant = match key.state {
                KeyState::Next => key.activates_at,
                KeyState::Retired => key.leaves_at,
                _ => None,
            };
            if let Some(at) = instant.map(truly) {
                let moment = if now < at.minus(NEAR) {
                    at.minus(NEAR)
                } else {
                    now.plus(Duration::from_millis(self.random.random_range(500..60_000)))
                };
                next = next.min(moment);
            }
            if let Some(left) = key.leaves_at.map(|at| truly(at).since(now)).filter(|left| *left > NEAR) {
                // Its tokens are still about.
                next = next.min(now.plus(left / 100 * self.random.random_range(30..80)));
            }
            if key.state == KeyState::Next && key.activates_at.is_none() {
                let active = schedule::oldest(&self.table.keys.rows, key.algorithm, KeyState::Active);
                let due = self.policy.change_of_guard(active, key).map(|due| truly(due.minus(lead)));
                next = next.min(match due {
                    Some(due) if due > now => due,
                    _ => now.plus(Duration::from_secs(self.random.random_range(600..20_000))),
                });
            }
        }
        next.max(now.plus(Duration::from_millis(200)))
    }

    /// Time passes, and nothing changes in it.
    fn pass(&mut self, to: Timestamp) {
        if to.since(self.now) > Duration::from_secs(2) {
            self.nodes.iter_mut().for_each(|node| node.poll(&self.table));
        }
        let serving = self.serving();
        for reader in &mut self.readers {
            if !serving.is_empty() {
                let jwks = serving[self.random.random_range(0..serving.len())];
                reader.live(self.now, to, jwks, &mut self.random);
            }
        }
        self.now = to;
        self.table.true_time = to;
        // They have done so every half a minute.
        for node in [0, 1, 2, 0, 1, 2] {
            if to >= self.nodes[node].cut_off_until {
                self.nodes[node].compare_clocks(self.walls[node].shows(to), &mut self.table);
            }
        }
    }

    fn serving(&self) -> Vec<u64> {
        self.nodes.iter().map(Node::jwks).filter(|jwks| *jwks != 0).collect()
    }

    /// The nodes look at the schedule. Each plans from what it saw before any of them wrote, or a moment later, and may
    /// stop between any two writes.
    fn tend_all(&mut self) -> Result<(), Broken> {
        let seen = Rc::clone(&self.table.keys);
        let first = self.random.random_range(0..self.nodes.len());
        for node in 0..self.nodes.len() {
            let node = (node + first) % self.nodes.len();
            if self.now >= self.nodes[node].cut_off_until && (node == first || self.random.random_bool(0.4)) {
                let fresh = self.random.random_bool(0.5);
                let view = Rc::clone(if fresh { &self.table.keys } else { &seen });
                self.tend(node, &view.rows);
            }
        }
        self.check_table()?;
        // Within a second all see what was written; sometimes a node is asked before that.
        for node in &mut self.nodes {
            if self.random.random_bool(0.8) {
                node.poll(&self.table);
            }
        }
        Ok(())
    }

    fn tend(&mut self, node: usize, view: &[SigningKey]) {
        let wall = self.walls[node].shows(self.now);
        self.nodes[node].compare_clocks(wall, &mut self.table);
        let clock = self.nodes[node].believes(wall, &self.table);
        for action in schedule::plan(view, &self.algorithms, clock, &self.policy) {
            // The process is killed between two writes.
            if self.random.random_bool(0.02) && !self.table.keys.rows.is_empty() {
                self.restart(node);
                break;
            }
            if self.table.carry_out(&action, clock, self.policy.longest_token) {
                // Fate likes the hours before a change.
                if matches!(action, Action::Plan { .. }) && self.random.random_bool(0.5) {
                    let soon = self.now.plus(Duration::from_mins(self.random.random_range(0..150)));
                    self.happens_at = self.happens_at.min(soon);
                }
                self.history.rotations += u64::from(matches!(action, Action::Activate { .. }));
            }
        }
    }

    fn check_table(&mut self) -> Result<(), Broken> {
        if self.table.version == self.checked {
            return Ok(());
        }
        self.checked = self.table.version;
        for algorithm in Algorithm::ALL {
            let (mut active, mut next, mut any) = (0, 0, 0);
            for key in self.table.keys.rows.iter().filter(|key| key.algorithm == algorithm) {
                active += usize::from(key.state == KeyState::Active);
                next += usize::from(key.state == KeyState::Next);
                any += usize::from(key.has_signed());
            }
            // An algorithm that was added has a next key only, until that has been published long enough.
            let settled = any > 0 && self.now > START.plus(DAY);
            for (what, count) in [("active", active), ("next", next)] {
                if count > 1 || (count == 0 && settled) {
                    return Err(Broken::Keys { what, count, algorithm, at: self.now });
                }
            }
        }
        Ok(())
    }

    fn use_tokens(&mut self) -> Result<(), Broken> {
        let now = self.now;
        self.tokens.retain(|token| token.ends_at > now);
        for at in 0..self.algorithms.len() {
            let algorithm = self.algorithms[at];
            let changing = self
                .table
                .keys
                .rows
                .iter()
                .any(|key| key.algorithm == algorithm && key.activates_at.is_some_and(|at| now.plus(NEAR) >= at));
            let some = self.random.random_range(0..self.nodes.len());
            for node in 0..self.nodes.len() {
                if node != some && !changing {
                    continue;
                }
                let wall = self.walls[node].shows(now);
                let lifetime = self.policy.longest_token;
                let Some(key) = self.nodes[node].sign(&mut self.table, algorithm, wall, lifetime) else { continue };
                self.check_signature(key)?;
                self.tokens.push(Token { key, signed_at: now, ends_at: now.plus(lifetime + LEEWAY) });
            }
        }
        if self.tokens.len() > TOKENS {
            self.forget_some();
        }
        self.present()
    }

    /// The newest token of each key is the one that matters, so others go.
    fn forget_some(&mut self) {
        let mut newest = [usize::MAX; 64];
        for (at, token) in self.tokens.iter().enumerate() {
            newest[usize::from(token.key)] = at;
        }
        let length = self.tokens.len();
        let mut at = 0;
        self.tokens.retain(|token| {
            at += 1;
            newest[usize::from(token.key)] == at - 1 || at + TOKENS / 2 > length
        });
    }

    fn check_signature(&self, key: u8) -> Result<(), Broken> {
        let at = self.now;
        if self.table.keys.published() & (1 << key) == 0 {
            return Err(Broken::Unpublished { key, at });
        }
        // The very first keys have nobody who could know other ones.
        let published_at = self.table.published_at[usize::from(key)];
        let published_for = at.since(published_at);
        if published_at > START.plus(DAY) && published_for + SLACK < self.policy.publish_ahead {
            return Err(Broken::TooEarly { key, at, published_for });
        }
        Ok(())
    }

    /// Every second reader is shown the oldest and the newest good token, and some others.
    fn present(&mut self) -> Result<(), Broken> {
        let serving = self.serving();
        let Self { readers, tokens, random, now, history, .. } = self;
        if serving.is_empty() || tokens.is_empty() {
            return Ok(());
        }
        for reader in readers {
            let chance = random.next_u64();
            if chance & 1 == 0 {
                continue;
            }
            let jwks = serving[usize::try_from(chance >> 60).unwrap() % serving.len()];
            let some = |shift: u32| usize::try_from((chance >> shift) & 0xffff).unwrap() % tokens.len();
            for token in [0, some(1), some(17), some(33), tokens.len() - 1] {
                let token = &tokens[token];
                history.checked += 1;
                if !reader.accepts(token.key, *now, jwks) {
                    let age = now.since(token.signed_at);
                    return Err(Broken::Rejected { reader: reader.name, key: token.key, at: *now, age });
                }
            }
        }
        Ok(())
    }
}
