//! What happened, for whoever has to find out later: one log line and one row of the audit table for each event.
//!
//! Events of a sign-in go into a bounded buffer that a task writes every second, so that nobody waits for the audit
//! table and a flood of wrong passwords costs one write a second. Events of an administrator and of the key schedule
//! are written before their caller goes on. Nothing is refused because the table cannot be written: the log line is
//! out already, rows wait in the buffer until the database is back, and what no longer fits is counted and the count
//! is itself an entry.

mod event;

use std::collections::VecDeque;
use std::fmt::Write;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value as Json;

use crate::domain::ids::ClientId;
use crate::domain::ids::KeyId;
use crate::domain::ids::UserId;
use crate::domain::place::Place;
use crate::store::audit::Entry;

use super::Signet;
use super::error::FlowError;
use super::readers::network;

pub use event::Event;
pub use event::KeyChange;

/// How often a server writes what is waiting.
pub const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Entries that may wait: some minutes of a heavy attack, a few megabytes.
const MOST_WAITING: usize = 10_000;
/// Entries in one transaction.
const BATCH: usize = 200;
/// Bytes of any text of an entry, and of its detail.
const LONGEST: usize = 255;
const LONGEST_DETAIL: usize = 1024;

/// The request that is being answered, for events that come of it.
#[derive(Debug, Clone)]
pub struct Origin {
    pub reference: String,
    pub address: IpAddr,
    /// `User-Agent`, as sent.
    pub user_agent: String,
    client: Arc<OnceLock<ClientId>>,
}

impl Origin {
    #[must_use]
    pub fn new(reference: String, address: IpAddr, user_agent: String) -> Self {
        Self { reference, address, user_agent, client: Arc::default() }
    }

    /// Where the client will be that the request names, once it was looked up. It need not have proved anything.
    #[must_use]
    pub fn named_client(&self) -> Arc<OnceLock<ClientId>> {
        Arc::clone(&self.client)
    }
}

tokio::task_local! {
    static ORIGIN: Origin;
}

/// Runs the answering of a request; every event in it says where it came from.
pub fn on_behalf_of<F: Future>(origin: Origin, answering: F) -> impl Future<Output = F::Output> {
    ORIGIN.scope(origin, answering)
}

/// Says which client the request names that is being answered. Only for clients that exist: anything else may be a
/// secret in the wrong place.
pub(super) fn names_client(id: &ClientId) {
    // Without a request there is nobody to tell, and the first word stands.
    let _ = ORIGIN.try_with(|origin| origin.client.set(id.clone()));
}

/// The reference id of the request that is being answered.
pub(super) fn reference() -> Option<String> {
    ORIGIN.try_with(|origin| origin.reference.clone()).ok()
}

/// Where the request comes from that is being answered.
pub(super) fn place() -> Option<Place> {
    ORIGIN.try_with(|origin| Place::new(&network(origin.address).to_string(), &origin.user_agent)).ok()
}

/// Entries on their way to the table.
#[derive(Debug, Default)]
pub struct Audit {
    waiting: Mutex<VecDeque<Entry>>,
    dropped: AtomicU64,
    dropped_in_all: AtomicU64,
    flushing: tokio::sync::Mutex<()>,
    actor: OnceLock<&'static str>,
}

impl Audit {
    /// Says who this process acts for when no request is being answered. Without it: `server`.
    pub fn act_as(&self, actor: &'static str) {
        // The first word stands; a process does not change whom it acts for.
        let _ = self.actor.set(actor);
    }

    /// Entries that wait for the database.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Entries that found no room since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped_in_all.load(Ordering::Relaxed)
    }

    fn push(&self, entry: Entry) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING {
            waiting.push_back(entry);
        } else {
            // The oldest stay: they tell how it began.
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.dropped_in_all.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Vec<Entry> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = waiting.len().min(BATCH);
        waiting.drain(..batch).collect()
    }

    fn put_back(&self, batch: Vec<Entry>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in batch.into_iter().rev() {
            waiting.push_front(entry);
        }
    }
}

impl Signet {
    /// Logs an event and puts it in line for the audit table. Never waits.
    pub fn note(&self, event: &Event) {
        let origin = ORIGIN.try_with(Clone::clone).ok();
        let address = event.address().or_else(|| origin.as_ref().map(|origin| origin.address));
        let detail = Json::Object(event.detail()).to_string();
        let (name, reference) = (event.name(), origin.as_ref().map(|origin| origin.reference.as_str()));
        let (client_id, sub) = (event.client_id().map(ClientId::as_str), event.sub().map(UserId::as_str));
        let kid = event.kid().map(KeyId::as_str);
        let from = address.map(tracing::field::display);
        if event.is_alarming() {
            tracing::warn!(event = name, client_id, sub, kid, address = from, reference, detail);
        } else {
            tracing::info!(event = name, client_id, sub, kid, address = from, reference, detail);
        }
        self.watch.metrics.count(event);
        let actor = match (&origin, sub) {
            (Some(_), None) if client_id.is_some() => "client",
            (Some(_), _) => "person",
            (None, _) => self.watch.audit.actor.get().copied().unwrap_or("server"),
        };
        let bounded = |text: &str| printable(text, LONGEST);
        self.watch.audit.push(Entry {
            at: self.now(),
            event: name.to_owned(),
            actor: actor.to_owned(),
            client_id: client_id.map(bounded),
            sub: sub.map(bounded),
            kid: kid.map(bounded),
            address: address.map(|address| network(address).to_string()),
            reference: reference.map(bounded),
            detail: if detail.len() <= LONGEST_DETAIL { detail } else { r#"{"cut":true}"#.to_owned() },
        });
    }

    /// Logs an event and writes it to the audit table before it returns. When that fails the entry stays in line, and
    /// the log says so: what has happened has happened.
    pub async fn record(&self, event: &Event) {
        self.note(event);
        if let Err(cause) = self.flush_audit().await {
            tracing::warn!(event = "audit_waits", of = event.name(), cause = cause.for_the_log());
        }
    }

    /// Writes what is waiting, in order.
    ///
    /// # Errors
    /// [`FlowError::Store`]: what was not written goes on waiting. An entry may be written twice when the database
    /// did not say whether it had written it.
    pub async fn flush_audit(&self) -> Result<(), FlowError> {
        let audit = &self.watch.audit;
        let _alone = audit.flushing.lock().await;
        loop {
            let batch = audit.take();
            if batch.is_empty() {
                break;
            }
            if let Err(cause) = self.store.append_audit(batch.clone()).await {
                audit.put_back(batch);
                return Err(cause.into());
            }
        }
        let entries = audit.dropped.swap(0, Ordering::Relaxed);
        if entries > 0 {
            self.note(&Event::AuditDropped { entries });
        }
        Ok(())
    }
}

/// At most `most` bytes of printable ASCII; everything else is written as an escape, so that no text commands a
/// terminal, breaks a line or turns its direction.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        let before = safe.len();
        if character.is_ascii_graphic() || character == ' ' {
            safe.push(character);
        } else if write!(safe, "{}", character.escape_unicode()).is_err() {
            break;
        }
        if safe.len() > most {
            safe.truncate(before);
            break;
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn au_01_nothing_breaks_a_line_or_commands_a_terminal() {
        assert_eq!(printable("a b\r\nc\u{1b}[2J\u{202e}\u{e4}", 255), r"a b\u{d}\u{a}c\u{1b}[2J\u{202e}\u{e4}");
        assert_eq!(printable(&"x".repeat(70_000), 255).len(), 255);
        // An escape is never cut in the middle.
        assert_eq!(printable("abc\n", 6), "abc");
    }
}
