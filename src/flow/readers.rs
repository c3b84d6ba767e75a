//! Who reads the JWKS: counted in memory while it is served, written every few seconds; and what a rotation would mean
//! to each reader.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::keys::readers::Habits;
use crate::keys::readers::Until;
use crate::store::reader::OTHER;
use crate::store::reader::Reader;

use super::Signet;
use super::error::FlowError;

/// How often counts are written.
pub const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// Readers that are told apart in memory, and of one network: whoever invents names uses up their own share.
const MOST: usize = 10_000;
const MOST_OF_ONE_NETWORK: usize = 32;
/// Bytes of a User-Agent that are kept.
const AGENT: usize = 80;
/// Rows in one transaction.
const BATCH: usize = 200;
/// A reader that has been quiet this long is known by the database alone.
const FORGET_AFTER: Duration = Duration::from_hours(1);
/// Another node may serve the keys as they were this long before.
const NODE_LAG: Duration = Duration::from_secs(2);

/// The network of an address: /24 or /48. What is kept about a reader says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    V4([u8; 3]),
    V6([u16; 3]),
    /// All that are not told apart.
    Other,
}

/// The network of an address.
#[must_use]
pub fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Network::V4([a, b, c])
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Network::V6([a, b, c])
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Self::V6([a, b, c]) => write!(f, "{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)),
            Self::Other => f.write_str(OTHER),
        }
    }
}

#[derive(Debug)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
    /// Since the last flush.
    fetches: i64,
    etag: String,
}

/// Counts fetches of the JWKS.
#[derive(Debug, Default)]
pub struct Readers {
    seen: Mutex<Book>,
    requests: AtomicU64,
}

#[derive(Debug, Default)]
struct Book {
    networks: HashMap<Network, HashMap<Box<str>, Seen>>,
    distinct: usize,
}

impl Readers {
    /// One fetch. `etag` names the JWKS that was served, or that the reader has already.
    pub fn count(&self, address: IpAddr, agent: &[u8], etag: &str, now: Timestamp) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut kept = [0; AGENT];
        let agent = cut(agent, &mut kept);
        let mut book = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        if let Some(known) = book.networks.get_mut(&network).and_then(|agents| agents.get_mut(agent)) {
            known.fetches = known.fetches.saturating_add(1);
            known.last = known.last.max(now);
            if known.etag != etag {
                etag.clone_into(&mut known.etag);
            }
            return;
        }
        let (network, agent) = if book.distinct >= MOST { (Network::Other, OTHER) } else { (network, agent) };
        let agents = book.networks.entry(network).or_default();
        let agent = if agents.len() >= MOST_OF_ONE_NETWORK { OTHER } else { agent };
        let before = agents.len();
        let new = || Seen { first: now, last: now, fetches: 0, etag: etag.to_owned() };
        let counted = agents.entry(agent.into()).or_insert_with(new);
        counted.fetches = counted.fetches.saturating_add(1);
        counted.last = counted.last.max(now);
        let new = agents.len() - before;
        book.distinct += new;
    }

    /// Fetches since the start.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What was counted since the last time, in one order on all nodes.
    fn take(&self, now: Timestamp) -> Vec<(Network, Reader)> {
        let mut book = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        for (network, agents) in &mut book.networks {
            for (agent, seen) in agents.iter_mut().filter(|(_, seen)| seen.fetches > 0) {
                let reader = Reader {
                    address: network.to_string(),
                    agent: agent.to_string(),
                    first_at: seen.first,
                    last_at: seen.last,
                    fetches: std::mem::take(&mut seen.fetches),
                    etag: seen.etag.clone(),
                };
                taken.push((*network, reader));
            }
            agents.retain(|_, seen| now.since(seen.last) < FORGET_AFTER);
        }
        book.networks.retain(|_, agents| !agents.is_empty());
        book.distinct = book.networks.values().map(HashMap::len).sum();
        taken.sort_by(|(_, a), (_, b)| (&a.address, &a.agent).cmp(&(&b.address, &b.agent)));
        taken
    }

    fn put_back(&self, untold: &[(Network, Reader)]) {
        let mut book = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (network, reader) in untold {
            if let Some(known) = book.networks.get_mut(network).and_then(|agents| agents.get_mut(reader.agent.as_str()))
            {
                known.fetches = known.fetches.saturating_add(reader.fetches);
            }
        }
    }
}

/// At most 80 bytes of printable ASCII; other bytes become `?`.
fn cut<'a>(agent: &[u8], kept: &'a mut [u8; AGENT]) -> &'a str {
    let length = agent.len().min(AGENT);
    for (to, from) in kept.iter_mut().zip(agent) {
        *to = if from.is_ascii_graphic() || *from == b' ' { *from } else { b'?' };
    }
    match kept.get(..length).map(std::str::from_utf8) {
        Some(Ok(text)) if !text.is_empty() => text,
        _ => "-",
    }
}

impl Signet {
    /// Writes what was counted.
    ///
    /// # Errors
    /// [`FlowError::Store`]: what was not written is counted again next time.
    pub async fn flush_readers(&self) -> Result<(), FlowError> {
        let taken = self.watch.readers.take(self.now());
        for (done, batch) in taken.chunks(BATCH).enumerate() {
            let rows = batch.iter().map(|(_, reader)| reader.clone()).collect();
            if let Err(cause) = self.store.count_readers(rows).await {
                self.watch.readers.put_back(taken.get(done * BATCH..).unwrap_or_default());
                return Err(cause.into());
            }
        }
        Ok(())
    }

    /// Who has read the JWKS within ninety days, the latest first. Counts of other nodes are up to ten seconds old.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn readers(&self) -> Result<Vec<Reader>, FlowError> {
        Ok(self.store.readers().await?)
    }
}

/// What signing with `next` from now on would mean to the readers of the JWKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every reader has seen the key, or reads again when it meets it.
    Safe,
    /// The reader that would fail longest, and until when.
    WouldFail { reader: Reader, until: Until },
}

/// Whether a reader was given a JWKS with this key in it.
#[must_use]
pub fn has_seen(reader: &Reader, key: &SigningKey) -> bool {
    reader.last_at >= key.published_at.plus(NODE_LAG)
}

/// How long one reader would refuse tokens of `next` if it signed from `now` on.
#[must_use]
pub fn would_fail(reader: &Reader, next: &SigningKey, now: Timestamp) -> Until {
    if has_seen(reader, next) {
        return Until::Now;
    }
    Habits::of(&reader.agent).accepts_new(reader.last_at, now)
}

/// Judges a rotation to `next`, by the worst off of all readers.
#[must_use]
pub fn verdict(readers: &[Reader], next: &SigningKey, now: Timestamp) -> Verdict {
    let worst = readers.iter().map(|reader| (would_fail(reader, next, now), reader)).max_by_key(|(until, _)| *until);
    match worst {
        Some((until, reader)) if until > Until::Now => Verdict::WouldFail { reader: reader.clone(), until },
        _ => Verdict::Safe,
    }
}

#[cfg(test)]
#[path = "readers_tests.rs"]
mod tests;
