//! What time it is, for all nodes of one database.
//!
//! Codes, refresh tokens, sessions and proofs that count once are rows with times in them, and what one node writes another
//! one reads. Wall clocks of nodes are apart: by one that is ahead, a code of another node has expired, and a repeated
//! refresh comes too late, which looks like theft. So the nodes of a server on PostgreSQL all go by its clock: each knows
//! by how much that is ahead of its own monotonic clock, which does not jump, and asks again with every look for changes.
//! SQLite has no clock but ours, and no nodes: there it is the wall clock.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::domain::time::Timestamp;

use super::Signet;
use super::error::FlowError;

/// Nobody has asked a database.
const UNKNOWN: i64 = i64::MIN;

/// How far the clock of the database is ahead of the monotonic clock of this process.
#[derive(Debug)]
pub(crate) struct CommonTime {
    /// In microseconds.
    ahead: AtomicI64,
}

impl Default for CommonTime {
    fn default() -> Self {
        Self { ahead: AtomicI64::new(UNKNOWN) }
    }
}

impl CommonTime {
    fn read(&self, monotonic: Duration) -> Option<Timestamp> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        (ahead != UNKNOWN).then(|| Timestamp::from_micros(ahead).plus(monotonic))
    }

    /// The database was asked at `asked`, and its answer `time` was there at `answered`. In between lies the moment that it
    /// speaks of; what fits into that stays as it was, so that a slow answer moves nothing.
    fn hear(&self, time: Timestamp, asked: Duration, answered: Duration) {
        let (least, most) = (time.minus(answered).micros(), time.minus(asked).micros());
        let ahead = match self.ahead.load(Ordering::Relaxed) {
            UNKNOWN => least.midpoint(most),
            ahead => ahead.max(least).min(most),
        };
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}

impl Signet {
    /// What time it is for all nodes of this installation: the clock of the database, once [`Signet::follow_database`] has
    /// heard it, else the wall clock. Both may jump. What must not take a jump for the passing of time asks
    /// [`Signet::steady_now`].
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.common_time.read(self.clock.monotonic()).unwrap_or_else(|| self.wall())
    }

    /// What the clock of this machine shows.
    pub(super) fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.unix_micros())
    }

    /// Goes by the clock of the database, if it has one.
    ///
    /// # Errors
    /// [`FlowError::Store`]: time goes on from what was heard last.
    pub async fn follow_database(&self) -> Result<(), FlowError> {
        let asked = self.clock.monotonic();
        if let Some(time) = self.store.database_time().await? {
            self.common_time.hear(time, asked, self.clock.monotonic());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::CommonTime;
    use super::Duration;
    use super::Timestamp;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_348_800);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_known_before_the_first_answer() {
        assert_eq!(CommonTime::default().read(at(5)), None);
    }

    #[test]
    fn the_first_answer_speaks_of_the_middle() {
        let time = CommonTime::default();
        time.hear(NOON, at(10), at(14));
        assert_eq!(time.read(at(12)), Some(NOON));
        assert_eq!(time.read(at(100)), Some(NOON.plus(at(88))), "it goes on by itself");
    }

    #[test]
    fn an_answer_that_fits_moves_nothing_and_another_one_no_further_than_it_must() {
        let time = CommonTime::default();
        time.hear(NOON, at(10), at(10));
        for (answer, asked, answered, now) in [
            (NOON.plus(at(3)), 10, 16, NOON),
            // Both ends of what it allows.
            (NOON.plus(at(10)), 20, 29, NOON),
            (NOON.plus(at(19)), 20, 29, NOON),
            (NOON.plus(at(20)), 20, 29, NOON.plus(at(1))),
            (NOON.plus(at(9)), 20, 29, NOON),
            (NOON.plus(at(8)), 20, 28, NOON),
            (NOON.plus(at(7)), 20, 28, NOON.minus(at(1))),
        ] {
            time.hear(answer, at(asked), at(answered));
            assert_eq!(time.read(at(10)), Some(now), "{answer:?} between {asked} and {answered}");
        }
    }

    #[test]
    fn two_nodes_agree_whatever_their_own_clocks_began_with() {
        let [one, other] = [CommonTime::default(), CommonTime::default()];
        one.hear(NOON, at(5), at(5));
        other.hear(NOON.plus(at(60)), at(1_000_000), at(1_000_000));
        assert_eq!(one.read(at(125)), other.read(at(1_000_060)));
    }

    #[test]
    fn nothing_overflows() {
        let time = CommonTime::default();
        time.hear(Timestamp::from_micros(i64::MAX), Duration::ZERO, Duration::MAX);
        assert!(time.read(Duration::MAX).is_some());
        time.hear(Timestamp::from_micros(i64::MIN), Duration::ZERO, Duration::ZERO);
        time.hear(NOON, at(1), at(1));
        assert_eq!(time.read(at(1)), Some(NOON));
    }
}
