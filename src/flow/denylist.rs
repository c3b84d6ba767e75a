//! The denylist: access tokens that are refused although they have not expired, in the memory of each node.
//!
//! ```text
//! a revocation  --one transaction-->  table `denials`, numbered   --notice_changes-->  memory of every node
//!                                                                 (told at once, and asked twice a second)
//! ```
//!
//! Where `denylist.url` names a Redis server, entries go that way too (see `relay.rs`).
//!
//! A look-up is a look into memory. It counts only while this node has compared itself with the database within
//! [`STALE_AFTER`]; after that the database is asked first, and when it does not answer, nothing is believed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::domain::denial::Denial;
use crate::domain::denial::Denied;
use crate::domain::ids::FamilyId;
use crate::domain::ids::TokenId;
use crate::domain::time::Timestamp;
use crate::protocol::access_token::AccessToken;
use crate::store::denial::NewDenials;

use super::Signet;
use super::error::FlowError;
use super::relay;

/// How long a node may go without looking at the database before it no longer trusts its memory. This is the bound on
/// how long a revoked token can go on being accepted anywhere.
pub const STALE_AFTER: Duration = Duration::from_secs(1);

/// What is denied, as this node knows it.
#[derive(Debug)]
pub struct Denylist {
    entries: RwLock<Entries>,
    /// On the monotonic clock, in microseconds; 0 for never.
    confirmed_at: AtomicU64,
    relayed: AtomicBool,
    /// For the relay, which takes the other end when it runs.
    to_announce: mpsc::Sender<Denial>,
    waiting: Mutex<Option<mpsc::Receiver<Denial>>>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Each with the time from which on it need not be here.
    tokens: HashMap<TokenId, Timestamp>,
    grants: HashMap<FamilyId, Timestamp>,
    /// The number of the last denial that is in here.
    seq: i64,
}

impl Entries {
    /// What is there already is never shortened, whoever says so.
    fn add(&mut self, Denial { denied, expires_at }: Denial) {
        let end = match denied {
            Denied::Token(id) => self.tokens.entry(id).or_insert(expires_at),
            Denied::Grant(id) => self.grants.entry(id).or_insert(expires_at),
        };
        *end = expires_at.max(*end);
    }
}

impl Denylist {
    /// All denials there are, as they were read from the database at `monotonic` or later.
    #[must_use]
    pub fn new(all: NewDenials, monotonic: Duration) -> Self {
        let (to_announce, waiting) = mpsc::channel(relay::MOST_WAITING);
        let list = Self {
            entries: RwLock::default(),
            confirmed_at: AtomicU64::new(0),
            relayed: AtomicBool::new(false),
            to_announce,
            waiting: Mutex::new(Some(waiting)),
        };
        list.absorb(all);
        list.confirm(monotonic);
        list
    }

    /// Whether this token is refused, by its `jti` or by its family.
    #[must_use]
    pub fn is_denied(&self, token: &AccessToken) -> bool {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.tokens.contains_key(&token.id)
            || token.grant_id.as_ref().is_some_and(|grant| entries.grants.contains_key(grant))
    }

    /// Whether what is in memory was compared with the database within [`STALE_AFTER`].
    #[must_use]
    pub fn is_fresh(&self, monotonic: Duration) -> bool {
        let age = micros(monotonic).saturating_sub(self.confirmed_at.load(Ordering::Relaxed));
        Duration::from_micros(age) <= STALE_AFTER
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.tokens.len() + entries.grants.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the last denial that is in here.
    pub(super) fn seq(&self) -> i64 {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).seq
    }

    /// Whether denials also come by way of Redis now.
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        self.relayed.load(Ordering::Relaxed)
    }

    /// Says what it was before.
    pub(super) fn set_relayed(&self, relayed: bool) -> bool {
        self.relayed.swap(relayed, Ordering::Relaxed)
    }

    pub(super) fn take_waiting(&self) -> Option<mpsc::Receiver<Denial>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Everything that is denied.
    pub(super) fn entries(&self) -> Vec<Denial> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let tokens = entries.tokens.iter().map(|(id, end)| (Denied::Token(id.clone()), end));
        let grants = entries.grants.iter().map(|(id, end)| (Denied::Grant(id.clone()), end));
        tokens.chain(grants).map(|(denied, end)| Denial { denied, expires_at: *end }).collect()
    }

    /// What another node has announced.
    pub(super) fn hear(&self, denial: Denial) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).add(denial);
    }

    fn absorb(&self, new: NewDenials) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for denial in new.entries {
            entries.add(denial);
        }
        entries.seq = entries.seq.max(new.seq);
    }

    /// The next look is at everything. For when the database may be another one than before: a backup, or a replica
    /// that took over before it had everything, and that gives numbers anew.
    pub(super) fn start_over(&self) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).seq = 0;
    }

    /// Notes that nothing was missing when `monotonic` was read off the monotonic clock: before asking.
    fn confirm(&self, monotonic: Duration) {
        self.confirmed_at.fetch_max(micros(monotonic), Ordering::Relaxed);
    }

    /// An entry lives no longer than what it denies.
    pub(super) fn forget_expired(&self, now: Timestamp) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.tokens.retain(|_, expires_at| *expires_at > now);
        entries.grants.retain(|_, expires_at| *expires_at > now);
    }
}

impl Signet {
    /// Learns what was denied since the last time. Whoever has revoked something calls this before answering, so that
    /// this node refuses at once what the others will refuse within a second.
    ///
    /// # Errors
    /// [`FlowError::Store`]: what was denied before stays denied, and soon nothing is believed any more.
    pub async fn learn_denials(&self) -> Result<(), FlowError> {
        let new = self.store.denials_since(self.denylist.seq()).await?;
        if self.config.denylist.url.is_some() {
            for denial in &new.entries {
                // Without room it is announced later, with everything; the others learn of it from the database.
                let _ = self.denylist.to_announce.try_send(denial.clone());
            }
        }
        self.denylist.absorb(new);
        Ok(())
    }

    /// The same when the counter stood at `seq` at `asked_at` or later, and this node knew of `known` before that.
    pub(super) async fn learn_denials_up_to(&self, seq: i64, known: i64, asked_at: Duration) -> Result<(), FlowError> {
        if seq < known {
            self.denylist.start_over();
        }
        if seq != known {
            self.learn_denials().await?;
        }
        self.denylist.confirm(asked_at);
        Ok(())
    }

    /// Whether news of denials come by every way that is configured. When they do not, each check of a token asks the
    /// database, or the database is the only way.
    #[must_use]
    pub fn denylist_is_fed(&self) -> bool {
        let relayed = self.config.denylist.url.is_none() || self.denylist.is_relayed();
        relayed && self.denylist.is_fresh(self.clock.monotonic())
    }

    /// The denylist, as the database had it a moment ago.
    ///
    /// # Errors
    /// [`FlowError::Store`] when the last look is too long ago and another one is not possible.
    pub async fn fresh_denylist(&self) -> Result<&Denylist, FlowError> {
        if !self.denylist.is_fresh(self.clock.monotonic()) {
            self.notice_changes().await?;
        }
        Ok(&self.denylist)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
