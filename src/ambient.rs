//! Time and randomness, as parameters.
//!
//! Everything that needs the current time or a random value takes a [`Clock`] or an [`Entropy`]. This is the only
//! file that reads the real ones; `.clippy.toml` forbids the rest of the house to. A test or a simulation passes
//! [`ManualClock`] and [`SeededEntropy`] and replays exactly.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use rand::Rng;
use rand::SeedableRng;
use rand::TryRng;
use rand::rngs::StdRng;
#[expect(clippy::disallowed_types, reason = "the one place that reads the real random generator")]
use rand::rngs::SysRng;

/// A source of time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z. May jump: wall clocks do.
    fn unix_micros(&self) -> i64;

    /// Time passed since some fixed moment; never goes backwards. For measuring how long something took.
    fn monotonic(&self) -> Duration;
}

/// A source of unpredictable bytes.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `out` with bytes that nobody can predict.
    fn fill(&self, out: &mut [u8]);
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    fn unix_micros(&self) -> i64 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    fn monotonic(&self) -> Duration {
        Instant::now().saturating_duration_since(self.started)
    }
}

/// The random generator of the operating system.
#[derive(Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        if SysRng.try_fill_bytes(out).is_err() {
            // A provider without randomness must not go on in any way: no error path is safe here.
            std::process::abort();
        }
    }
}

/// A clock that stands still until it is told to move. For tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
    /// By how much the wall clock is ahead.
    off_by: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `unix_micros`.
    #[must_use]
    pub const fn at(unix_micros: i64) -> Self {
        Self { micros: AtomicI64::new(unix_micros), off_by: AtomicI64::new(0) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Makes the wall clock jump, to be wrong by so many microseconds from now on. No time passes.
    pub fn put_off_by(&self, micros: i64) {
        self.off_by.store(micros, Ordering::SeqCst);
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, unix_micros: i64) {
        self.micros.store(unix_micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_micros(&self) -> i64 {
        self.micros.load(Ordering::SeqCst).saturating_add(self.off_by.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// A generator that repeats itself for the same seed. For tests and simulations only.
pub struct SeededEntropy {
    generator: Mutex<StdRng>,
}

impl SeededEntropy {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { generator: Mutex::new(StdRng::seed_from_u64(seed)) }
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy")
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        self.generator.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
    }
}
