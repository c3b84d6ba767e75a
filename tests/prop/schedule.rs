//! A life of signing keys under random policies, pauses, clock jumps, rotations by hand and revocations.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::keys::schedule::Action;
use signet::keys::schedule::Policy;
use signet::keys::schedule::plan;
use signet::keys::schedule::rotate;

const HOUR: u64 = 3600;

/// What happens to the house between two looks at the clock.
#[derive(Debug, Clone)]
enum Event {
    /// The clock moves, by seconds; perhaps back.
    Clock(i64),
    Rotate {
        algorithm: Algorithm,
        force: bool,
    },
    RevokeActive(Algorithm),
}

fn event() -> impl Strategy<Value = Event> {
    let algorithm = || prop_oneof![Just(Algorithm::Es256), Just(Algorithm::Rs256)];
    prop_oneof![
        6 => (0..60 * 24 * 3600_i64).prop_map(Event::Clock),
        2 => (0..7200_i64).prop_map(Event::Clock),
        1 => (-400 * 24 * 3600..0_i64).prop_map(Event::Clock),
        1 => (algorithm(), any::<bool>()).prop_map(|(algorithm, force)| Event::Rotate { algorithm, force }),
        1 => algorithm().prop_map(Event::RevokeActive),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let seconds = |most: u64| prop_oneof![1 => Just(0), 4 => 0..most].prop_map(Duration::from_secs);
    (proptest::option::of(seconds(120 * 24 * HOUR)), seconds(30 * 24 * HOUR), seconds(72 * HOUR))
        .prop_map(|(rotate_every, publish_ahead, retire_for)| Policy { rotate_every, publish_ahead, retire_for })
}

/// The database, as far as it matters here.
#[derive(Debug, Default, Clone)]
struct House {
    keys: BTreeMap<KeyId, SigningKey>,
}

impl House {
    fn rows(&self) -> Vec<SigningKey> {
        self.keys.values().cloned().collect()
    }

    fn of(&self, algorithm: Algorithm, state: KeyState) -> Vec<&SigningKey> {
        self.keys.values().filter(|key| key.algorithm == algorithm && key.state == state).collect()
    }

    /// `promised`: whether a key may only sign after `publish_ahead`.
    fn carry_out(&mut self, actions: &[Action], now: Timestamp, policy: &Policy, promised: bool) {
        for action in actions {
            match action {
                Action::Create { kid, algorithm, state } => {
                    assert!(matches!(state, KeyState::Next | KeyState::Active));
                    if *state == KeyState::Active {
                        let published = self.keys.values().any(|key| {
                            key.algorithm == *algorithm && matches!(key.state, KeyState::Active | KeyState::Next)
                        });
                        assert!(!published, "a key signs unpublished although there was another");
                    }
                    let key = SigningKey {
                        kid: kid.clone(),
                        algorithm: *algorithm,
                        state: *state,
                        public_jwk: String::new(),
                        sealed_private: Some(Vec::new()),
                        published_at: now,
                        activated_at: (*state == KeyState::Active).then_some(now),
                        retired_at: None,
                        leaves_at: None,
                        revoked_at: None,
                    };
                    assert!(self.keys.insert(kid.clone(), key).is_none(), "{kid} was taken");
                }
                Action::Activate { kid, retire, leaves_at } => {
                    assert!(*leaves_at >= now.plus(policy.retire_for));
                    if let Some(retire) = retire {
                        let old = self.keys.get_mut(retire).unwrap();
                        assert_eq!(old.state, KeyState::Active);
                        (old.state, old.sealed_private) = (KeyState::Retired, None);
                        (old.retired_at, old.leaves_at) = (Some(now), Some(*leaves_at));
                    }
                    let new = self.keys.get_mut(kid).unwrap();
                    assert_eq!(new.state, KeyState::Next);
                    if promised && retire.is_some() {
                        assert!(new.published_at.plus(policy.publish_ahead) <= now, "{kid} signs too early");
                    }
                    (new.state, new.activated_at) = (KeyState::Active, Some(now));
                }
                Action::Expire { kid } => {
                    let key = self.keys.get_mut(kid).unwrap();
                    assert_eq!(key.state, KeyState::Retired);
                    assert!(key.leaves_at.unwrap() < now, "{kid} leaves too early");
                    key.state = KeyState::Expired;
                }
            }
        }
    }

    fn assert_invariants(&self) {
        for algorithm in Algorithm::ALL {
            assert_eq!(self.of(algorithm, KeyState::Active).len(), 1);
            assert!(!self.of(algorithm, KeyState::Next).is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_through_a_whole_life(policy in policy(), events in prop::collection::vec(event(), 1..60)) {
        let mut house = House::default();
        let mut now = Timestamp::from_seconds(1_795_348_800);
        house.carry_out(&plan(&[], &Algorithm::ALL, now, &policy), now, &policy, true);
        for event in events {
            let before = now;
            match event {
                Event::Clock(seconds) => now = Timestamp::from_seconds(now.seconds() + seconds),
                Event::Rotate { algorithm, force } => {
                    if let Ok(actions) = rotate(&house.rows(), algorithm, now, &policy, force) {
                        house.carry_out(&actions, now, &policy, !force);
                        house.assert_invariants();
                    }
                }
                Event::RevokeActive(algorithm) => {
                    let active = house.of(algorithm, KeyState::Active).first().map(|key| key.kid.clone());
                    if let Some(key) = active.and_then(|kid| house.keys.get_mut(&kid)) {
                        (key.state, key.revoked_at) = (KeyState::Revoked, Some(now));
                    }
                }
            }
            let actions = plan(&house.rows(), &Algorithm::ALL, now, &policy);
            if now < before {
                prop_assert!(actions.is_empty(), "a clock that jumped back changed something: {actions:?}");
            }
            house.carry_out(&actions, now, &policy, true);
            house.assert_invariants();
            prop_assert_eq!(plan(&house.rows(), &Algorithm::ALL, now, &policy), vec![], "a second look finds more to do");
        }
    }

    #[test]
    fn two_nodes_that_plan_at_once_plan_the_same(policy in policy(), later in 0..400 * 24 * HOUR) {
        let start = Timestamp::from_seconds(1_795_348_800);
        let mut house = House::default();
        house.carry_out(&plan(&[], &Algorithm::ALL, start, &policy), start, &policy, true);
        let now = start.plus(Duration::from_secs(later));
        let mut reversed = house.rows();
        reversed.reverse();
        let twice =
            [Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Rs256];
        prop_assert_eq!(plan(&house.rows(), &Algorithm::ALL, now, &policy), plan(&reversed, &twice, now, &policy));
    }
}
