//! How keys come and go.

use std::time::Duration;

use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::domain::window::Window;

/// How long before its instant a scheduled change of guard is stored.
const LEAD_PLANNED: Duration = Duration::from_hours(1);

/// What the schedule goes by. The same on all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a key signs; `None` or zero: until somebody says otherwise.
    pub rotate_every: Option<Duration>,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// How long a key stays published after it signed last, at least.
    pub retire_for: Duration,
    /// The longest lifetime of any token that is issued now.
    pub longest_token: Duration,
    /// How long a key stays published after its last token has ended: clocks of verifiers may be off.
    pub skew: Duration,
    /// When scheduled changes of guard may be; always, if there is none.
    pub window: Option<Window>,
    pub jitter: Jitter,
    /// Nothing is planned until then.
    pub paused_until: Option<Timestamp>,
}

/// Puts rotations off by some of `rotate_every`, so that not all installations of a house rotate at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter {
    /// The most that a rotation is put off.
    pub percent: u32,
    /// Of this installation.
    pub seed: u64,
}

impl Policy {
    /// From when on `next` may sign.
    #[must_use]
    pub fn ready_at(&self, next: &SigningKey) -> Timestamp {
        next.published_at.plus(self.publish_ahead)
    }

    /// When `next` takes over as far as can be told now: the active key has signed long enough, and `next` has been
    /// published long enough. `None` when keys rotate by hand only.
    #[must_use]
    pub fn change_of_guard(&self, active: Option<&SigningKey>, next: &SigningKey) -> Option<Timestamp> {
        if let Some(planned) = next.activates_at {
            return Some(planned);
        }
        let due = match active {
            Some(active) => self.due(active)?.max(self.ready_at(next)),
            None => self.ready_at(next),
        };
        let due = self.paused_until.map_or(due, |until| due.max(until.plus(self.lead())));
        Some(self.in_window(due))
    }

    /// When the active key has signed long enough.
    #[must_use]
    pub fn due(&self, active: &SigningKey) -> Option<Timestamp> {
        let every = self.rotate_every.filter(|every| !every.is_zero())?;
        // The first key of an algorithm signs from its publication on.
        let since = active.activated_at.unwrap_or(active.published_at);
        Some(since.plus(every).plus(self.jitter.of(every, active.kid.as_str())))
    }

    /// How long a key stays published after it signed last: until the longest token that it may have signed, now or
    /// under an earlier configuration, has ended for everybody.
    #[must_use]
    pub fn retirement(&self, key: &SigningKey) -> Duration {
        self.retire_for.max(self.longest_token_of(key).saturating_add(self.skew))
    }

    #[must_use]
    pub fn longest_token_of(&self, key: &SigningKey) -> Duration {
        key.longest_token.max(self.longest_token)
    }

    #[must_use]
    pub fn in_window(&self, at: Timestamp) -> Timestamp {
        self.window.as_ref().map_or(at, |window| window.at_or_after(at))
    }

    #[must_use]
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// How long before its instant a change of guard is stored, at least: far longer than any node is behind.
    #[must_use]
    pub fn lead(&self) -> Duration {
        LEAD_PLANNED.min(self.publish_ahead / 2)
    }
}

impl Jitter {
    fn of(self, every: Duration, kid: &str) -> Duration {
        let most = every / 100 * self.percent;
        // FNV-1a, then the last step of splitmix64: nothing is secret here, it only has to be spread out.
        let hash = kid.bytes().fold(0xcbf2_9ce4_8422_2325 ^ self.seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = u32::try_from((hash ^ (hash >> 31)) % 1000).unwrap_or(0);
        most / 1000 * share
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;
    use super::Jitter;

    #[test]
    fn jitter_is_spread_bounded_and_the_same_everywhere() {
        let every = Duration::from_hours(24 * 90);
        let jitter = Jitter { percent: 5, seed: 7 };
        let mut shares: Vec<Duration> = (0..100).map(|key| jitter.of(every, &format!("2026-11-22-{key}"))).collect();
        assert!(shares.iter().all(|share| *share < every / 20));
        assert_eq!(jitter.of(every, "a"), jitter.of(every, "a"));
        shares.sort();
        shares.dedup();
        assert!(shares.len() > 80 && shares[10] < every / 100 && shares[shares.len() - 10] > every / 30);
        assert_eq!(Jitter::default().of(every, "a"), Duration::ZERO);
        assert!(jitter.of(Duration::MAX, "a") < Duration::MAX);
    }
}
