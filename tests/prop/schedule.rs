//! A life of signing keys under random policies, pauses, clock jumps, rotations by hand and revocations.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::domain::window::Window;
use signet::keys::policy::Jitter;
use signet::keys::policy::Policy;
use signet::keys::revocation::revoke;
use signet::keys::schedule::Action;
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
    Revoke {
        key: prop::sample::Index,
        flush: bool,
    },
    /// The process is killed after so many writes of its next plan.
    Crash(usize),
    /// By seconds from now on.
    Pause(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let algorithm = || prop_oneof![Just(Algorithm::Es256), Just(Algorithm::Rs256)];
    prop_oneof![
        6 => (0..60 * 24 * 3600_i64).prop_map(Event::Clock),
        2 => (0..7200_i64).prop_map(Event::Clock),
        1 => (-400 * 24 * 3600..0_i64).prop_map(Event::Clock),
        1 => (algorithm(), any::<bool>()).prop_map(|(algorithm, force)| Event::Rotate { algorithm, force }),
        1 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(key, flush)| Event::Revoke { key, flush }),
        1 => (0..3_usize).prop_map(Event::Crash),
        1 => (0..30 * 24 * HOUR).prop_map(Event::Pause),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let limits = || prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), Just(Duration::from_micros(1))];
    let time = move |most: u64| prop_oneof![1 => limits(), 6 => (0..most).prop_map(Duration::from_secs)];
    let window = prop_oneof![Just(None), Just(Window::parse("Tue-Thu 09:00-16:00 Europe/Berlin"))];
    let jitter = (0..=5_u32, any::<u64>()).prop_map(|(percent, seed)| Jitter { percent, seed });
    (proptest::option::of(time(120 * 24 * HOUR)), time(30 * 24 * HOUR), time(72 * HOUR), window, jitter).prop_map(
        |(rotate_every, publish_ahead, retire_for, window, jitter)| Policy {
            rotate_every,
            publish_ahead,
            retire_for,
            window,
            jitter,
            paused_until: None,
        },
    )
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

    /// The first `writes` of the actions: then the process is killed. `promised`: whether a key may only sign after
    /// `publish_ahead`.
    fn carry_out(&mut self, actions: &[Action], writes: usize, now: Timestamp, policy: &Policy, promised: bool) {
        for action in actions.iter().take(writes) {
            match action {
                Action::Create { kid, algorithm, state } => {
                    assert!(matches!(state, KeyState::Next | KeyState::Active));
                    if *state == KeyState::Active {
                        let published = self.keys.values().any(|key| {
                            key.algorithm == *algorithm && matches!(key.state, KeyState::Active | KeyState::Next)
                        });
                        assert!(!published, "a key signs unpublished although there was another");
                    }
                    self.create(kid, *algorithm, *state, now);
                }
                Action::Plan { kid, retire, at, leaves_at } => {
                    assert!(*leaves_at >= at.plus(policy.retire_for));
                    assert!(*at >= now, "planned for the past");
                    let next = self.keys.get_mut(kid).unwrap();
                    assert_eq!(next.state, KeyState::Next);
                    if promised && retire.is_some() {
                        assert!(next.published_at.plus(policy.publish_ahead) <= *at, "{kid} signs too early");
                        assert!(now.plus(policy.lead()) <= *at, "other nodes cannot know in time");
                    }
                    next.activates_at = Some(*at);
                }
                Action::Activate { kid, algorithm, retire, at, leaves_at, successor } => {
                    assert!(*leaves_at >= at.plus(policy.retire_for));
                    assert!(*at <= now);
                    if let Some(retire) = retire {
                        let old = self.keys.get_mut(retire).unwrap();
                        assert_eq!(old.state, KeyState::Active);
                        (old.state, old.sealed_private) = (KeyState::Retired, None);
                        (old.retired_at, old.leaves_at) = (Some(*at), Some(*leaves_at));
                    }
                    let new = self.keys.get_mut(kid).unwrap();
                    assert_eq!(new.state, KeyState::Next);
                    (new.state, new.activates_at, new.activated_at) = (KeyState::Active, None, Some(*at));
                    if let Some(successor) = successor {
                        self.create(successor, *algorithm, KeyState::Next, now);
                    }
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

    fn create(&mut self, kid: &KeyId, algorithm: Algorithm, state: KeyState, now: Timestamp) {
        let key = SigningKey {
            kid: kid.clone(),
            algorithm,
            state,
            public_jwk: String::new(),
            sealed_private: Some(Vec::new()),
            published_at: now,
            activates_at: None,
            activated_at: (state == KeyState::Active).then_some(now),
            retired_at: None,
            leaves_at: None,
            revoked_at: None,
            revoked_reason: None,
        };
        assert!(self.keys.insert(kid.clone(), key).is_none(), "{kid} was taken");
    }

    /// As the store does: one transaction, so there is no moment without a key that signs.
    fn revoke(&mut self, kid: &KeyId, flush: bool, now: Timestamp) {
        let Ok(change) = revoke(&self.rows(), kid, now, flush) else { return };
        let key = self.keys.get_mut(kid).unwrap();
        assert_eq!(key.state, change.state);
        (key.state, key.revoked_at, key.activates_at) = (KeyState::Revoked, Some(now), None);
        if let Some(next) = change.activate {
            let next = self.keys.get_mut(&next).unwrap();
            assert_eq!(next.state, KeyState::Next);
            (next.state, next.activates_at, next.activated_at) = (KeyState::Active, None, Some(now));
        }
        for (kid, state) in change.create {
            self.create(&kid, change.algorithm, state, now);
        }
    }

    fn assert_invariants(&self) {
        for algorithm in Algorithm::ALL {
            assert_eq!(self.of(algorithm, KeyState::Active).len(), 1);
            assert_eq!(self.of(algorithm, KeyState::Next).len(), 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_through_a_whole_life(policy in policy(), events in prop::collection::vec(event(), 1..60)) {
        let mut house = House::default();
        let mut policy = policy;
        let mut now = Timestamp::from_seconds(1_795_348_800);
        house.carry_out(&plan(&[], &Algorithm::ALL, now, &policy), usize::MAX, now, &policy, true);
        for event in events {
            let before = now;
            let mut writes = usize::MAX;
            match event {
                Event::Clock(seconds) => now = Timestamp::from_seconds(now.seconds() + seconds),
                Event::Rotate { algorithm, force } => {
                    if let Ok(actions) = rotate(&house.rows(), algorithm, now, &policy, force) {
                        house.carry_out(&actions, usize::MAX, now, &policy, false);
                        house.assert_invariants();
                    }
                }
                Event::Revoke { key, flush } => {
                    let kids: Vec<KeyId> = house.keys.keys().cloned().collect();
                    house.revoke(key.get(&kids), flush, now);
                    house.assert_invariants();
                }
                Event::Crash(after) => writes = after,
                Event::Pause(seconds) => policy.paused_until = Some(now.plus(Duration::from_secs(seconds))),
            }
            let actions = plan(&house.rows(), &Algorithm::ALL, now, &policy);
            if now < before {
                let plans = |action: &Action| matches!(action, Action::Plan { .. });
                prop_assert!(actions.iter().all(plans), "a clock that jumped back changed something: {actions:?}");
            }
            if policy.is_paused(now) {
                let plans = |action: &Action| matches!(action, Action::Plan { .. });
                prop_assert!(!actions.iter().any(plans), "planned in a pause: {actions:?}");
            }
            house.carry_out(&actions, writes, now, &policy, true);
            house.assert_invariants();
            if writes == usize::MAX {
                // What is written down late may ask for more at once: the old key may leave, or the new one is due.
                for _ in 0..2 {
                    let more = plan(&house.rows(), &Algorithm::ALL, now, &policy);
                    house.carry_out(&more, usize::MAX, now, &policy, true);
                    house.assert_invariants();
                }
                let more = plan(&house.rows(), &Algorithm::ALL, now, &policy);
                prop_assert_eq!(more, vec![], "a third look finds more to do");
            }
        }
    }

    #[test]
    fn two_nodes_that_plan_at_once_plan_the_same(policy in policy(), later in 0..400 * 24 * HOUR) {
        let start = Timestamp::from_seconds(1_795_348_800);
        let mut house = House::default();
        house.carry_out(&plan(&[], &Algorithm::ALL, start, &policy), usize::MAX, start, &policy, true);
        let now = start.plus(Duration::from_secs(later));
        let mut reversed = house.rows();
        reversed.reverse();
        let twice = [Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Rs256];
        prop_assert_eq!(plan(&house.rows(), &Algorithm::ALL, now, &policy), plan(&reversed, &twice, now, &policy));
    }
}
