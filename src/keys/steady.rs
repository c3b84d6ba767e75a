//! What time it is, for decisions that cannot be taken back: when a key signs, when one leaves.
//!
//! Wall clocks jump: somebody sets them, a virtual machine wakes up with another one. A node whose clock is a week ahead
//! would sign with a key that nobody has seen and take others out of the JWKS. So the wall clock is believed at the
//! start, when nothing better is known, and the clock of the database server beside it. From then on time passes as
//! the monotonic clock says; the wall clock only bends it a little. What other nodes are sure of is written in the
//! database, and pulls forward whoever is behind.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// How far the wall clock may bend time: one second in so many. Clocks that drift or are slewed stay well below.
const BEND: u32 = 1000;

/// A clock that does not jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SteadyClock {
    at: Timestamp,
    /// When it was `at`, on the monotonic clock.
    monotonic: Duration,
}

impl SteadyClock {
    /// `wall`: the clock of this machine. `database`: that of the database server, if it has one; the earlier of the two
    /// is believed. `newest`: the newest instant that a node was sure of.
    #[must_use]
    pub fn start(wall: Timestamp, database: Option<Timestamp>, newest: Option<Timestamp>, monotonic: Duration) -> Self {
        let believed = database.map_or(wall, |database| database.min(wall));
        Self { at: newest.map_or(believed, |newest| newest.max(believed)), monotonic }
    }

    /// What time it is. Never earlier than before.
    pub fn read(&mut self, wall: Timestamp, monotonic: Duration) -> Timestamp {
        let passed = monotonic.saturating_sub(self.monotonic);
        let bend = passed / BEND;
        self.at = wall.max(self.at.plus(passed.saturating_sub(bend))).min(self.at.plus(passed.saturating_add(bend)));
        self.monotonic = self.monotonic.max(monotonic);
        self.at
    }

    /// Another node was sure of `newest`, a moment ago: what has passed here until now is part of it.
    pub fn hear(&mut self, newest: Timestamp, wall: Timestamp, monotonic: Duration) -> Timestamp {
        self.at = self.read(wall, monotonic).max(newest);
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;
    use super::SteadyClock;
    use super::Timestamp;

    const DAY: Duration = Duration::from_hours(24);
    const NOON: Timestamp = Timestamp::from_seconds(1_795_348_800);

    #[test]
    fn follows_a_clock_that_does_not_jump() {
        let mut clock = SteadyClock::start(NOON, None, None, DAY);
        for second in [0, 1, 60, 3600, 400 * 86_400] {
            let passed = Duration::from_secs(second);
            assert_eq!(clock.read(NOON.plus(passed), DAY + passed), NOON.plus(passed));
        }
    }

    #[test]
    fn a_jump_in_either_direction_only_bends_it() {
        for wall in [NOON.plus(30 * DAY), NOON.minus(30 * DAY), Timestamp::from_micros(i64::MAX)] {
            let mut clock = SteadyClock::start(NOON, None, None, Duration::ZERO);
            for minute in 1..=1440 {
                clock.read(wall, Duration::from_mins(minute));
            }
            let (at, bend) = (clock.read(wall, DAY), DAY / 1000);
            assert_eq!(at, if wall > NOON { NOON.plus(DAY + bend) } else { NOON.plus(DAY.saturating_sub(bend)) });
            // The clock is right again: so is this, little by little.
            let mut now = DAY;
            while now < 3 * DAY {
                now += Duration::from_mins(1);
                clock.read(NOON.plus(now), now);
            }
            assert_eq!(clock.read(NOON.plus(now), now), NOON.plus(now));
        }
    }

    #[test]
    fn at_the_start_it_asks_around() {
        let start = |wall, database, newest| SteadyClock::start(wall, database, newest, DAY).at;
        assert_eq!(start(NOON, None, None), NOON);
        assert_eq!(start(NOON.plus(DAY), Some(NOON), None), NOON, "two clocks are not wrong in the same way");
        assert_eq!(start(NOON, Some(NOON.plus(DAY)), None), NOON);
        assert_eq!(start(NOON.minus(DAY), None, Some(NOON)), NOON, "others were further");
        assert_eq!(start(NOON.plus(DAY), None, Some(NOON)), NOON.plus(DAY), "all were down for a day");
    }

    #[test]
    fn what_passed_is_counted_once() {
        let mut one = SteadyClock::start(NOON, None, None, Duration::ZERO);
        let mut other = one;
        for day in 1..100 {
            let (wall, passed) = (NOON.plus(day * DAY), day * DAY);
            let newest = one.read(wall, passed);
            assert_eq!(other.hear(newest, wall, passed), wall);
            assert_eq!(one.hear(other.read(wall, passed), wall, passed), wall);
        }
    }

    #[test]
    fn others_pull_forward_and_never_back() {
        let mut clock = SteadyClock::start(NOON, None, None, DAY);
        assert_eq!(clock.hear(NOON.minus(DAY), NOON, DAY), NOON);
        assert_eq!(clock.hear(NOON.plus(DAY), NOON, DAY), NOON.plus(DAY));
        assert_eq!(clock.read(NOON, DAY), NOON.plus(DAY));
        assert_eq!(clock.read(NOON, Duration::ZERO), NOON.plus(DAY), "nor does the monotonic clock go back");
    }
}
