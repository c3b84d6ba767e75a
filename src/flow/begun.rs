//! How many sign-ins were begun from where. Nobody has proved anything by then, and each leaves a row of some KiB.

use moka::Entry;
use moka::sync::Cache;

use crate::config::limits::Rate;
use crate::domain::time::Timestamp;

const MOST_ADDRESSES: u64 = 100_000;

/// Counts by address prefix, in memory and per node: a flood costs no write.
#[derive(Debug)]
pub struct Begun {
    /// When a window began, and what was begun in it.
    seen: Cache<String, (Timestamp, u32)>,
    allowed: Rate,
}

impl Begun {
    #[must_use]
    pub fn new(allowed: Rate) -> Self {
        let seen = Cache::builder().max_capacity(MOST_ADDRESSES).time_to_live(allowed.window).build();
        Self { seen, allowed }
    }

    /// Counts one more, and says whether it may be begun.
    #[must_use]
    pub fn take(&self, from: &str, now: Timestamp) -> bool {
        let Rate { limit, window } = self.allowed;
        let count = |seen: Option<Entry<_, (Timestamp, u32)>>| match seen.map(Entry::into_value) {
            // A clock that was set back begins a new window.
            Some((began, taken)) if began <= now && now.since(began) < window => (began, taken.saturating_add(1)),
            _ => (now, 1),
        };
        self.seen.entry_by_ref(from).and_upsert_with(count).into_value().1 <= limit
    }
}
