//! One node of ours: a clock that is a little off, and a view of the keys that is a little old.

use std::rc::Rc;
use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::keys::handle::STALE_AFTER;
use signet::keys::ring::signing;

use crate::fault::Fault;
use crate::table::Table;

#[derive(Debug)]
pub(crate) struct Node {
    /// By how much its clock is ahead; behind when negative.
    pub(crate) skew: i64,
    keys: Rc<Vec<SigningKey>>,
    published: Rc<[KeyId]>,
    /// When it last reached the database.
    confirmed_at: Option<Timestamp>,
    /// Until then the database is away for this node.
    pub(crate) cut_off_until: Timestamp,
}

impl Node {
    pub(crate) fn started(skew: i64) -> Self {
        Self {
            skew,
            keys: Rc::default(),
            published: Rc::default(),
            confirmed_at: None,
            cut_off_until: Timestamp::EPOCH,
        }
    }

    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.micros() + self.skew)
    }

    pub(crate) fn poll(&mut self, table: &Table, now: Timestamp) {
        if now >= self.cut_off_until {
            if !Rc::ptr_eq(&self.keys, &table.keys) {
                self.keys = Rc::clone(&table.keys);
                self.published =
                    self.keys.iter().filter(|key| key.state.is_published()).map(|key| key.kid.clone()).collect();
            }
            self.confirmed_at = Some(now);
        }
    }

    /// The key that a token of this moment is signed with; none when the view is old and the database is away.
    pub(crate) fn sign(&mut self, table: &Table, algorithm: Algorithm, now: Timestamp) -> Option<KeyId> {
        if table.fault != Some(Fault::SignsByOldView) {
            let age = self.confirmed_at.map_or(Duration::MAX, |at| now.since(at));
            if age > STALE_AFTER {
                self.poll(table, now);
                self.confirmed_at.filter(|at| *at == now)?;
            }
        }
        if table.fault == Some(Fault::SignsAtOnce) {
            let newest = self.keys.iter().filter(|key| key.algorithm == algorithm).max_by_key(|key| key.published_at);
            return newest.map(|key| key.kid.clone());
        }
        signing(&self.keys, algorithm, self.clock(now)).map(|key| key.kid.clone())
    }

    /// What `/.well-known/jwks.json` answers: from memory, also while the database is away.
    pub(crate) fn jwks(&self) -> Rc<[KeyId]> {
        Rc::clone(&self.published)
    }
}
