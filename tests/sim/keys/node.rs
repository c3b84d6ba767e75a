//! One node of ours: a clock that is a little off or has jumped, and a view of the keys that is a little old.

use std::rc::Rc;
use std::time::Duration;

use signet::domain::key::Algorithm;
use signet::domain::time::Timestamp;
use signet::keys::handle::STALE_AFTER;
use signet::keys::ring::signing;
use signet::keys::steady::SteadyClock;

use super::fault::Fault;
use super::table::Keys;
use super::table::Table;

/// How old what the table has heard of the time may be, as `flow::sync` has it.
const TELL_TIME_EVERY: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Node {
    steady: SteadyClock,
    keys: Rc<Keys>,
    published: u64,
    /// When it last reached the database.
    confirmed_at: Option<Timestamp>,
    /// Until then the database is away for this node.
    pub(crate) cut_off_until: Timestamp,
}

impl Node {
    /// `wall`: its own clock, `database`: that of the database.
    pub(crate) fn started(wall: Timestamp, database: Timestamp, table: &Table) -> Self {
        Self {
            steady: SteadyClock::start(wall, Some(database), table.newest, monotonic(table)),
            keys: Rc::default(),
            published: 0,
            confirmed_at: None,
            cut_off_until: Timestamp::EPOCH,
        }
    }

    /// What time it takes it to be.
    pub(crate) fn believes(&mut self, wall: Timestamp, table: &Table) -> Timestamp {
        match table.fault {
            Some(Fault::TrustsItsClock) => wall,
            _ => self.steady.read(wall, monotonic(table)),
        }
    }

    pub(crate) fn compare_clocks(&mut self, wall: Timestamp, table: &mut Table) {
        let newest = table.newest.unwrap_or(Timestamp::EPOCH);
        let now = self.steady.hear(newest, wall, monotonic(table));
        if table.newest.is_none_or(|newest| now.since(newest) >= TELL_TIME_EVERY) {
            table.newest = Some(now);
        }
    }

    pub(crate) fn poll(&mut self, table: &Table) {
        if table.true_time >= self.cut_off_until {
            if !Rc::ptr_eq(&self.keys, &table.keys) {
                self.keys = Rc::clone(&table.keys);
                self.published = self.keys.published();
            }
            self.confirmed_at = Some(table.true_time);
        }
    }

    /// The number of the key that signs a token of this moment, which lives so long; none when the view is old and the
    /// database is away, or there is no key yet.
    pub(crate) fn sign(
        &mut self,
        table: &mut Table,
        algorithm: Algorithm,
        wall: Timestamp,
        lifetime: Duration,
    ) -> Option<u8> {
        if table.fault != Some(Fault::SignsByOldView) {
            let age = self.confirmed_at.map_or(Duration::MAX, |at| table.true_time.since(at));
            if age > STALE_AFTER {
                self.poll(table);
                self.confirmed_at.filter(|at| *at == table.true_time)?;
            }
        }
        if table.fault == Some(Fault::SignsAtOnce) {
            let of_algorithm = self.keys.rows.iter().filter(|key| key.algorithm == algorithm);
            return of_algorithm.max_by_key(|key| key.published_at).map(|key| self.keys.number(key));
        }
        let now = self.believes(wall, table);
        let mut key = signing(&self.keys.rows, algorithm, now)?;
        if key.longest_token < lifetime && table.fault != Some(Fault::ForgetsLongTokens) {
            if table.true_time < self.cut_off_until {
                return None;
            }
            let kid = key.kid.clone();
            table.version += i64::from(table.raise(&kid, lifetime));
            self.poll(table);
            key = signing(&self.keys.rows, algorithm, now).filter(|key| key.longest_token >= lifetime)?;
        }
        Some(self.keys.number(key))
    }

    /// What `/.well-known/jwks.json` answers: from memory, also while the database is away.
    pub(crate) fn jwks(&self) -> u64 {
        self.published
    }
}

/// The monotonic clock of every node: its rate is right, its beginning means nothing.
fn monotonic(table: &Table) -> Duration {
    table.true_time.since(Timestamp::EPOCH)
}
