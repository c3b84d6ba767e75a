//! Which keys there should be: pure functions of the keys there are, the time and the policy.
//!
//! Each algorithm has one `active` key and a published `next` one. A key signs once verifiers have had
//! [`Policy::publish_ahead`] to find it. A `retired` key leaves the JWKS after the last token it signed has expired.

use std::time::Duration;

use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// How keys come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a key signs; `None` or zero: until somebody says otherwise.
    pub rotate_every: Option<Duration>,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// How long a key stays published after it signed last: the longest lifetime of a token, and some skew.
    pub retire_for: Duration,
}

/// One change of the keys in the database. Carried out in the order given; each may find that another node was faster,
/// which is as good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a key, `next` or, for an algorithm that has no key, `active`.
    Create { kid: KeyId, algorithm: Algorithm, state: KeyState },
    /// The `next` key signs from now on. `retire` signs no longer, loses its private half and leaves at `leaves_at`.
    Activate { kid: KeyId, retire: Option<KeyId>, leaves_at: Timestamp },
    /// The `retired` key leaves the JWKS.
    Expire { kid: KeyId },
}

/// Why a rotation by hand is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no next {0} key is published yet")]
    NoNext(Algorithm),
    #[error("{kid} may sign from {ready_at}: verifiers may not have seen it yet")]
    TooYoung { kid: KeyId, ready_at: Timestamp },
}

/// What should be changed now. Empty when all is as it should be; carrying it out leaves nothing to do at the same
/// moment. A clock that jumps back only delays.
#[must_use]
pub fn plan(keys: &[SigningKey], algorithms: &[Algorithm], now: Timestamp, policy: &Policy) -> Vec<Action> {
    let mut plan = Plan { keys, now, policy, actions: Vec::new() };
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithms.contains(algorithm)) {
        plan.algorithm(algorithm);
    }
    plan.expire();
    plan.actions
}

/// What a rotation of one algorithm by hand changes. `force` activates a key that not every verifier may have seen.
///
/// # Errors
/// [`Refused`]; [`Refused::NoNext`] even with `force`, because a key that was never published helps nobody.
pub fn rotate(
    keys: &[SigningKey],
    algorithm: Algorithm,
    now: Timestamp,
    policy: &Policy,
    force: bool,
) -> Result<Vec<Action>, Refused> {
    let next = oldest(keys, algorithm, KeyState::Next).ok_or(Refused::NoNext(algorithm))?;
    if !force && !is_ready(next, now, policy) {
        return Err(Refused::TooYoung {
            kid: next.kid.clone(),
            ready_at: next.published_at.plus(policy.publish_ahead),
        });
    }
    let mut plan = Plan { keys, now, policy, actions: Vec::new() };
    plan.replace(algorithm, oldest(keys, algorithm, KeyState::Active), next);
    Ok(plan.actions)
}

struct Plan<'a> {
    keys: &'a [SigningKey],
    now: Timestamp,
    policy: &'a Policy,
    actions: Vec<Action>,
}

impl Plan<'_> {
    fn algorithm(&mut self, algorithm: Algorithm) {
        let active = oldest(self.keys, algorithm, KeyState::Active);
        let next = oldest(self.keys, algorithm, KeyState::Next);
        match (active, next) {
            // The first key signs at once: nobody can have an older one in mind.
            (None, None) => {
                self.create(algorithm, KeyState::Active);
                self.create(algorithm, KeyState::Next);
            }
            // The active key was revoked: the next one has at least been published.
            (None, Some(next)) => self.replace(algorithm, None, next),
            (Some(_), None) => self.create(algorithm, KeyState::Next),
            (Some(active), Some(next)) => {
                if self.is_due(active) && is_ready(next, self.now, self.policy) {
                    self.replace(algorithm, Some(active), next);
                }
            }
        }
    }

    fn is_due(&self, active: &SigningKey) -> bool {
        let since = active.activated_at.unwrap_or(active.published_at);
        self.policy.rotate_every.is_some_and(|every| !every.is_zero() && self.now.since(since) >= every)
    }

    /// Activates `next`, and makes another one unless there is.
    fn replace(&mut self, algorithm: Algorithm, active: Option<&SigningKey>, next: &SigningKey) {
        self.actions.push(Action::Activate {
            kid: next.kid.clone(),
            retire: active.map(|active| active.kid.clone()),
            leaves_at: self.latest().plus(self.policy.retire_for),
        });
        let another =
            |key: &&SigningKey| key.algorithm == algorithm && key.state == KeyState::Next && key.kid != next.kid;
        if !self.keys.iter().any(|key| another(&key)) {
            self.create(algorithm, KeyState::Next);
        }
    }

    /// Now, unless the clock has jumped back behind what was done already: the tokens of that time live on.
    fn latest(&self) -> Timestamp {
        let moments = |key: &SigningKey| [Some(key.published_at), key.activated_at, key.retired_at];
        self.keys.iter().flat_map(moments).flatten().fold(self.now, Timestamp::max)
    }

    fn create(&mut self, algorithm: Algorithm, state: KeyState) {
        let date = date(self.now);
        let algorithm_name = algorithm.as_str().to_ascii_lowercase();
        // One more name than there are keys, so one of them is free.
        let free = (0..=self.keys.len() + self.actions.len())
            .filter_map(|number| KeyId::new(format!("{date}-{algorithm_name}-{}", letters(number))).ok())
            .find(|kid| !self.is_taken(kid));
        if let Some(kid) = free {
            self.actions.push(Action::Create { kid, algorithm, state });
        }
    }

    fn is_taken(&self, kid: &KeyId) -> bool {
        let planned = |action: &Action| matches!(action, Action::Create { kid: made, .. } if made == kid);
        self.keys.iter().any(|key| key.kid == *kid) || self.actions.iter().any(planned)
    }

    fn expire(&mut self) {
        let over = |key: &&SigningKey| {
            key.state == KeyState::Retired && key.leaves_at.is_some_and(|leaves_at| leaves_at < self.now)
        };
        let actions = self.keys.iter().filter(over).map(|key| Action::Expire { kid: key.kid.clone() });
        self.actions.extend(actions);
    }
}

fn is_ready(next: &SigningKey, now: Timestamp, policy: &Policy) -> bool {
    next.published_at.plus(policy.publish_ahead) <= now
}

/// The key of this state that was published first.
fn oldest(keys: &[SigningKey], algorithm: Algorithm, state: KeyState) -> Option<&SigningKey> {
    keys.iter()
        .filter(|key| key.algorithm == algorithm && key.state == state)
        .min_by(|a, b| (a.published_at, &a.kid).cmp(&(b.published_at, &b.kid)))
}

/// `2026-11-22`, in UTC. Far beyond the calendar the seconds since 1970 must do.
fn date(now: Timestamp) -> String {
    match jiff::Timestamp::from_second(now.seconds()) {
        Ok(instant) => instant.strftime("%Y-%m-%d").to_string(),
        Err(_) => now.seconds().to_string(),
    }
}

/// a to z, then aa, ab and so on.
fn letters(number: usize) -> String {
    let last = ('a'..='z').nth(number % 26).unwrap_or('a');
    match number / 26 {
        0 => last.to_string(),
        more => letters(more - 1) + &last.to_string(),
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
