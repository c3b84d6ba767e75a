//! Random choices that a seed repeats: `SIGNET_TEST_SEED=17`. What the scheduler of the machine makes of them is its own.

use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::Entropy;
use signet::ambient::SeededEntropy;
use signet::ambient::SystemClock;

pub(crate) struct Dice {
    pub(crate) seed: u64,
    entropy: SeededEntropy,
}

impl Dice {
    /// Of `SIGNET_TEST_SEED`, or of the time.
    pub(crate) fn new() -> Self {
        let seed = std::env::var("SIGNET_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::try_from(SystemClock::new().unix_micros()).expect("after 1970"));
        Self { seed, entropy: SeededEntropy::new(seed) }
    }

    pub(crate) fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    /// To the microsecond.
    pub(crate) fn pause(&self, at_most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(at_most.as_micros()).expect("a short time").max(1)))
    }
}
