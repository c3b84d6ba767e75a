//! Where the ring in force is, and how old it may be.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ring::Ring;

/// How old a view of the keys may be that tokens are signed by. Nodes look twice a second, so an older one means that
/// the database is away, and that a planned change may have been missed.
pub const STALE_AFTER: Duration = Duration::from_secs(10);

/// The current ring. Clones share it.
#[derive(Debug, Clone)]
pub struct RingHandle {
    current: Arc<RwLock<Arc<Ring>>>,
    /// On the monotonic clock, in microseconds.
    confirmed_at: Arc<AtomicU64>,
}

impl RingHandle {
    /// `monotonic`: when the ring was read from the database.
    #[must_use]
    pub fn new(ring: Ring, monotonic: Duration) -> Self {
        Self {
            current: Arc::new(RwLock::new(Arc::new(ring))),
            confirmed_at: Arc::new(AtomicU64::new(micros(monotonic))),
        }
    }

    /// The ring as it is now. Load it once for each request, so that one answer is of one ring.
    #[must_use]
    pub fn load(&self) -> Arc<Ring> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another ring in place, for all clones at once; unless there is a newer one, which two loads at the same
    /// time may lead to.
    pub fn swap(&self, ring: Arc<Ring>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if ring.version() >= current.version() {
            *current = ring;
        }
    }

    /// Notes that the ring was what the database has, when `monotonic` was read off the monotonic clock: before asking.
    pub fn confirm(&self, monotonic: Duration) {
        self.confirmed_at.fetch_max(micros(monotonic), Ordering::Relaxed);
    }

    /// Whether the ring was confirmed within [`STALE_AFTER`].
    #[must_use]
    pub fn is_fresh(&self, monotonic: Duration) -> bool {
        let age = micros(monotonic).saturating_sub(self.confirmed_at.load(Ordering::Relaxed));
        Duration::from_micros(age) <= STALE_AFTER
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
