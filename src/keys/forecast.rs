//! What the schedule will do with each key, as long as nobody interferes. For people: nothing acts on it.

use super::policy::Policy;
use super::schedule::oldest;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// The life of one key. What is `None` does not happen, or nobody can say when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast {
    pub signs_from: Option<Timestamp>,
    pub signs_until: Option<Timestamp>,
    pub leaves_jwks: Option<Timestamp>,
}

/// The life of `key`, which is one of `keys`. Times to come are planned ones.
#[must_use]
pub fn forecast(key: &SigningKey, keys: &[SigningKey], policy: &Policy) -> Forecast {
    match key.state {
        KeyState::Next => Forecast { signs_from: change_of_guard(key, keys, policy), ..Forecast::default() },
        KeyState::Active => {
            let next = oldest(keys, key.algorithm, KeyState::Next);
            let signs_until = match next {
                Some(next) => change_of_guard(next, keys, policy),
                None => policy.due(key),
            };
            let leaves_jwks = signs_until.map(|until| until.plus(policy.retirement(key)));
            Forecast { signs_from: Some(since(key)), signs_until, leaves_jwks }
        }
        KeyState::Retired | KeyState::Expired => {
            Forecast { signs_from: key.activated_at, signs_until: key.retired_at, leaves_jwks: key.leaves_at }
        }
        KeyState::Revoked => Forecast {
            signs_from: key.activated_at,
            signs_until: key.activated_at.and(key.retired_at.or(key.revoked_at)),
            leaves_jwks: key.revoked_at,
        },
    }
}

fn change_of_guard(next: &SigningKey, keys: &[SigningKey], policy: &Policy) -> Option<Timestamp> {
    policy.change_of_guard(oldest(keys, next.algorithm, KeyState::Active), next)
}

/// The first key of an algorithm signs from its publication on.
fn since(active: &SigningKey) -> Timestamp {
    active.activated_at.unwrap_or(active.published_at)
}

#[cfg(test)]
mod tests {
    use super::Forecast;
    use super::forecast;
    use crate::domain::ids::KeyId;
    use crate::domain::key::Algorithm;
    use crate::domain::key::KeyState;
    use crate::domain::key::SigningKey;
    use crate::domain::time::Timestamp;
    use crate::keys::policy::Jitter;
    use crate::keys::policy::Policy;
    use std::time::Duration;

    const DAY: u64 = 24 * 60 * 60;

    fn day(number: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(number * DAY))
    }

    fn key(kid: &str, state: KeyState, published: u64) -> SigningKey {
        SigningKey {
            kid: KeyId::new(kid).unwrap(),
            algorithm: Algorithm::Es256,
            state,
            public_jwk: String::new(),
            sealed_private: None,
            published_at: day(published),
            activates_at: None,
            activated_at: None,
            retired_at: None,
            longest_token: Duration::ZERO,
            leaves_at: None,
            revoked_at: None,
            revoked_reason: None,
        }
    }

    fn policy(rotate_every: Option<u64>) -> Policy {
        let days = |days| Duration::from_secs(days * DAY);
        Policy {
            rotate_every: rotate_every.map(days),
            publish_ahead: days(14),
            retire_for: days(1),
            longest_token: Duration::ZERO,
            skew: Duration::ZERO,
            window: None,
            jitter: Jitter::default(),
            paused_until: None,
        }
    }

    #[test]
    fn a_young_next_key_keeps_the_active_one_in_office() {
        let keys = [key("a", KeyState::Active, 0), key("b", KeyState::Next, 80)];
        let [active, next] = &keys;
        let expected = |until, leaves| Forecast { signs_from: Some(day(0)), signs_until: until, leaves_jwks: leaves };
        assert_eq!(forecast(active, &keys, &policy(Some(90))), expected(Some(day(94)), Some(day(95))));
        assert_eq!(forecast(next, &keys, &policy(Some(90))).signs_from, Some(day(94)));
        assert_eq!(forecast(active, &keys, &policy(None)), expected(None, None));
        assert_eq!(forecast(next, &keys, &policy(None)), Forecast::default());
    }
}
