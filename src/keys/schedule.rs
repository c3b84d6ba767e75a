//! Which keys there should be: pure functions of the keys there are, the time and the policy.
//!
//! Each algorithm has one `active` key and a published `next` one. When the next key takes over is planned ahead and
//! stored with it: one instant for all nodes, each of which switches by its own clock, without any write. What has
//! happened is written down afterwards. A `retired` key leaves the JWKS after the last token it signed has expired.
//!
//! Only a new installation signs at once. An algorithm that is added later waits like any next key: until then readers
//! that keep the JWKS would refuse what it signs, so it is as if it were not configured.

use std::time::Duration;

use super::name;
use super::policy::Policy;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// How long before its instant a rotation by hand is stored: nodes look twice a second.
pub const LEAD_UNPLANNED: Duration = Duration::from_secs(2);

/// How long after its instant a change of guard is written down, which destroys the private half of the old key: a
/// node whose clock is a little behind still signs with it.
pub const SETTLE_AFTER: Duration = Duration::from_secs(2);

/// How long the public half of an expired key is kept, so that an old `id_token_hint` is understood.
pub const KEEP_EXPIRED: Duration = Duration::from_hours(400 * 24);

/// One change of the keys in the database. Carried out in the order given; each may find that another node was faster,
/// which is as good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the keys that a new installation signs with from now on: all of them, or none. Were one made alone, the
    /// others would come to an installation that is no longer new.
    Begin { keys: Vec<(KeyId, Algorithm)> },
    /// Make a `next` key.
    Create { kid: KeyId, algorithm: Algorithm },
    /// Tokens that the key signs may live so long from now on.
    Raise { kid: KeyId, longest_token: Duration },
    /// The `next` key is to sign from `at` on, in place of `retire`, which then leaves at `leaves_at`.
    Plan { kid: KeyId, retire: Option<KeyId>, at: Timestamp, leaves_at: Timestamp },
    /// The `next` key signs since `at`. `retire` signs no longer, loses its private half and leaves at `leaves_at`, which
    /// takes tokens that live `longest_token` into account. `successor` is made and published as the new `next` key, at the same moment.
    Activate {
        kid: KeyId,
        algorithm: Algorithm,
        retire: Option<KeyId>,
        longest_token: Duration,
        at: Timestamp,
        leaves_at: Timestamp,
        successor: Option<KeyId>,
    },
    /// The `retired` key leaves the JWKS.
    Expire { kid: KeyId },
    /// The `expired` key is deleted.
    Forget { kid: KeyId },
}

/// Why a rotation by hand is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no next {0} key is published yet")]
    NoNext(Algorithm),
    #[error("{kid} may sign from {ready_at}: verifiers may not have seen it yet")]
    TooYoung { kid: KeyId, ready_at: Timestamp },
    #[error("{kid} signs from {at} on already")]
    UnderWay { kid: KeyId, at: Timestamp },
}

/// What should be changed now. Empty when all is as it should be; carrying it out leaves nothing to do at the same
/// moment. A clock that jumps back only delays.
#[must_use]
pub fn plan(keys: &[SigningKey], algorithms: &[Algorithm], now: Timestamp, policy: &Policy) -> Vec<Action> {
    let mut plan = Plan { keys, now, policy, actions: Vec::new() };
    let algorithms = || Algorithm::ALL.into_iter().filter(|algorithm| algorithms.contains(algorithm));
    if plan.is_new_installation() {
        plan.begin(algorithms());
    }
    plan.raise();
    for algorithm in algorithms() {
        plan.algorithm(algorithm);
    }
    plan.expire();
    plan.forget();
    plan.actions
}

/// What a rotation of one algorithm by hand changes: the next key signs from [`LEAD_UNPLANNED`] on. `force` says so of
/// a key that not every verifier may have seen.
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
    let at = now.plus(LEAD_UNPLANNED);
    if let Some(planned) = next.activates_at.filter(|planned| *planned <= at) {
        return Err(Refused::UnderWay { kid: next.kid.clone(), at: planned });
    }
    let ready_at = policy.ready_at(next);
    if !force && now < ready_at {
        return Err(Refused::TooYoung { kid: next.kid.clone(), ready_at });
    }
    let mut plan = Plan { keys, now, policy, actions: Vec::new() };
    plan.set(oldest(keys, algorithm, KeyState::Active), next, at);
    Ok(plan.actions)
}

/// Writes down at once what is past its instant, without [`SETTLE_AFTER`]: for a change that builds on it.
#[must_use]
pub fn settle(keys: &[SigningKey], algorithm: Algorithm, now: Timestamp, policy: &Policy) -> Vec<Action> {
    let mut plan = Plan { keys, now, policy, actions: Vec::new() };
    if let Some(next) = oldest(keys, algorithm, KeyState::Next)
        && let Some(at) = next.activates_at.filter(|at| *at <= now)
    {
        plan.activate(algorithm, oldest(keys, algorithm, KeyState::Active), next, at);
    }
    plan.actions
}

/// The key of this state that was published first.
#[must_use]
pub fn oldest(keys: &[SigningKey], algorithm: Algorithm, state: KeyState) -> Option<&SigningKey> {
    keys.iter()
        .filter(|key| key.algorithm == algorithm && key.state == state)
        .min_by(|a, b| (a.published_at, &a.kid).cmp(&(b.published_at, &b.kid)))
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
            (_, None) => self.create(algorithm),
            // Clients rely on this algorithm, or on us: the next key has at least been published.
            (None, Some(next)) if self.has_signed(algorithm) || self.is_new_installation() => {
                self.activate(algorithm, None, next, self.now);
            }
            (active, Some(next)) => match next.activates_at {
                Some(at) if at.plus(SETTLE_AFTER) <= self.now => self.activate(algorithm, active, next, at),
                Some(_) => {}
                None => self.look_ahead(active, next),
            },
        }
    }

    fn has_signed(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algorithm == algorithm && key.has_signed())
    }

    /// Nobody can have a key of ours in mind as long as none has signed.
    fn is_new_installation(&self) -> bool {
        !self.keys.iter().any(SigningKey::has_signed)
    }

    fn begin(&mut self, algorithms: impl Iterator<Item = Algorithm>) {
        let unpublished = algorithms.filter(|algorithm| oldest(self.keys, *algorithm, KeyState::Next).is_none());
        let keys: Vec<_> = unpublished.filter_map(|algorithm| Some((self.name(algorithm)?, algorithm))).collect();
        if !keys.is_empty() {
            self.actions.push(Action::Begin { keys });
        }
    }

    /// A key that signs, or may do so at its instant, without being looked at.
    fn raise(&mut self) {
        let longest_token = self.policy.longest_token;
        let signs = |key: &&SigningKey| {
            matches!(key.state, KeyState::Next | KeyState::Active) && key.longest_token < longest_token
        };
        let actions = self.keys.iter().filter(signs);
        self.actions.extend(actions.map(|key| Action::Raise { kid: key.kid.clone(), longest_token }));
    }

    /// Plans the change of guard once it is near, but never at less than the lead: all nodes must know of it in time.
    fn look_ahead(&mut self, active: Option<&SigningKey>, next: &SigningKey) {
        let Some(due) = self.policy.change_of_guard(active, next) else { return };
        let lead = self.policy.lead();
        if self.policy.is_paused(self.now) || self.now < due.minus(lead.saturating_mul(2)) {
            return;
        }
        let at = self.policy.in_window(due.max(self.now.plus(lead)));
        self.set(active, next, at);
    }

    fn set(&mut self, active: Option<&SigningKey>, next: &SigningKey, at: Timestamp) {
        self.actions.push(Action::Plan {
            kid: next.kid.clone(),
            retire: active.map(|active| active.kid.clone()),
            at,
            leaves_at: self.leaves_at(active, at),
        });
    }

    fn activate(&mut self, algorithm: Algorithm, active: Option<&SigningKey>, next: &SigningKey, at: Timestamp) {
        let another =
            |key: &SigningKey| key.algorithm == algorithm && key.state == KeyState::Next && key.kid != next.kid;
        let successor = if self.keys.iter().any(another) { None } else { self.name(algorithm) };
        self.actions.push(Action::Activate {
            kid: next.kid.clone(),
            algorithm,
            retire: active.map(|active| active.kid.clone()),
            longest_token: active.map_or(Duration::ZERO, |active| self.policy.longest_token_of(active)),
            at,
            leaves_at: self.leaves_at(active, at),
            successor,
        });
    }

    /// When the key that signed until `at` leaves. If the clock has jumped back behind what was done already, the tokens
    /// of that time live on.
    fn leaves_at(&self, active: Option<&SigningKey>, at: Timestamp) -> Timestamp {
        let moments = |key: &SigningKey| [Some(key.published_at), key.activated_at, key.retired_at];
        let latest = self.keys.iter().flat_map(moments).flatten().fold(at, Timestamp::max);
        latest.plus(active.map_or(self.policy.retire_for, |active| self.policy.retirement(active)))
    }

    fn create(&mut self, algorithm: Algorithm) {
        let kid = self.name(algorithm);
        self.actions.extend(kid.map(|kid| Action::Create { kid, algorithm }));
    }

    fn name(&self, algorithm: Algorithm) -> Option<KeyId> {
        // Names of one algorithm differ from those of another by themselves; only where keys begin does one plan name
        // two of the same.
        let planned = self.actions.iter().flat_map(|action| match action {
            Action::Begin { keys } => keys.as_slice(),
            _ => &[],
        });
        let planned = planned.map(|(kid, _)| kid);
        name::free(self.keys.iter().map(|key| &key.kid).chain(planned), algorithm, self.now)
    }

    fn expire(&mut self) {
        let over = |key: &&SigningKey| {
            key.state == KeyState::Retired && key.leaves_at.is_some_and(|leaves_at| leaves_at < self.now)
        };
        let actions = self.keys.iter().filter(over).map(|key| Action::Expire { kid: key.kid.clone() });
        self.actions.extend(actions);
    }

    fn forget(&mut self) {
        let over = |key: &&SigningKey| {
            let ended = key.leaves_at.map(|leaves_at| leaves_at.plus(KEEP_EXPIRED));
            key.state == KeyState::Expired && ended.is_some_and(|ended| ended < self.now)
        };
        let actions = self.keys.iter().filter(over).map(|key| Action::Forget { kid: key.kid.clone() });
        self.actions.extend(actions);
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
