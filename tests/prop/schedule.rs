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
use signet::keys::schedule::KEEP_EXPIRED;
use signet::keys::schedule::plan;
use signet::keys::schedule::rotate;
use signet::keys::steady::SteadyClock;

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
    /// Another configuration: the longest token lives so many seconds.
    Lifetime(u64),
    /// Another configuration: one more algorithm, if there is one.
    Add,
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
        1 => (60..48 * HOUR).prop_map(Event::Lifetime),
        1 => Just(Event::Add),
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
            longest_token: Duration::ZERO,
            skew: Duration::from_mins(5),
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
                Action::Begin { keys } => {
                    assert!(!self.keys.values().any(SigningKey::has_signed), "a key signs unpublished");
                    for (kid, algorithm) in keys {
                        self.create(kid, *algorithm, KeyState::Active, now, policy);
                    }
                }
                Action::Create { kid, algorithm } => self.create(kid, *algorithm, KeyState::Next, now, policy),
                Action::Raise { kid, longest_token } => {
                    let key = self.keys.get_mut(kid).unwrap();
                    assert!(
                        key.longest_token < *longest_token && matches!(key.state, KeyState::Next | KeyState::Active)
                    );
                    key.longest_token = *longest_token;
                }
                Action::Plan { kid, retire, at, leaves_at } => {
                    let longest = retire.as_ref().map_or(Duration::ZERO, |kid| self.keys[kid].longest_token);
                    assert!(*leaves_at >= at.plus(policy.retire_for.max(longest)));
                    assert!(*at >= now, "planned for the past");
                    let next = self.keys.get_mut(kid).unwrap();
                    assert_eq!(next.state, KeyState::Next);
                    if promised {
                        assert!(next.published_at.plus(policy.publish_ahead) <= *at, "{kid} signs too early");
                        assert!(now.plus(policy.lead()) <= *at, "other nodes cannot know in time");
                    }
                    next.activates_at = Some(*at);
                }
                Action::Activate { kid, algorithm, retire, longest_token, at, leaves_at, successor } => {
                    assert!(*leaves_at >= at.plus(policy.retire_for));
                    assert!(*at <= now);
                    if let Some(retire) = retire {
                        let old = self.keys.get_mut(retire).unwrap();
                        assert_eq!(old.state, KeyState::Active);
                        assert!(old.longest_token <= *longest_token, "the database would refuse it");
                        assert!(*leaves_at >= at.plus(old.longest_token), "{retire} leaves before its last token ends");
                        (old.state, old.sealed_private) = (KeyState::Retired, None);
                        (old.retired_at, old.leaves_at) = (Some(*at), Some(*leaves_at));
                    }
                    let new = self.keys.get_mut(kid).unwrap();
                    assert_eq!(new.state, KeyState::Next);
                    (new.state, new.activates_at, new.activated_at) = (KeyState::Active, None, Some(*at));
                    if let Some(successor) = successor {
                        self.create(successor, *algorithm, KeyState::Next, now, policy);
                    }
                }
                Action::Expire { kid } => {
                    let key = self.keys.get_mut(kid).unwrap();
                    assert_eq!(key.state, KeyState::Retired);
                    assert!(key.leaves_at.unwrap() < now, "{kid} leaves too early");
                    key.state = KeyState::Expired;
                }
                Action::Forget { kid } => {
                    let key = self.keys.remove(kid).unwrap();
                    assert_eq!(key.state, KeyState::Expired);
                    assert!(now.since(key.leaves_at.unwrap()) >= KEEP_EXPIRED, "{kid} is forgotten too early");
                }
            }
        }
    }

    fn create(&mut self, kid: &KeyId, algorithm: Algorithm, state: KeyState, now: Timestamp, policy: &Policy) {
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
            longest_token: policy.longest_token,
            leaves_at: None,
            revoked_at: None,
            revoked_reason: None,
        };
        assert!(self.keys.insert(kid.clone(), key).is_none(), "{kid} was taken");
    }

    /// As the store does: one transaction, so there is no moment without a key that signs.
    fn revoke(&mut self, kid: &KeyId, flush: bool, now: Timestamp, policy: &Policy) {
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
            self.create(&kid, change.algorithm, state, now, policy);
        }
    }

    /// `late`: algorithms that need not sign yet.
    fn assert_invariants(&self, late: &[Algorithm]) {
        for algorithm in Algorithm::ALL {
            let (active, next) = (self.of(algorithm, KeyState::Active).len(), self.of(algorithm, KeyState::Next).len());
            if late.contains(&algorithm) {
                assert!(active <= next && next <= 1, "{algorithm}: {active} active, {next} next");
            } else {
                assert_eq!((active, next), (1, 1), "{algorithm}");
            }
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
        let mut algorithms = vec![Algorithm::Es256, Algorithm::Rs256];
        let late = [Algorithm::Ps256, Algorithm::EdDsa];
        house.carry_out(&plan(&[], &algorithms, now, &policy), usize::MAX, now, &policy, true);
        for event in events {
            let before = now;
            let mut writes = usize::MAX;
            match event {
                Event::Clock(seconds) => now = Timestamp::from_seconds(now.seconds() + seconds),
                Event::Rotate { algorithm, force } => {
                    if let Ok(actions) = rotate(&house.rows(), algorithm, now, &policy, force) {
                        house.carry_out(&actions, usize::MAX, now, &policy, false);
                        house.assert_invariants(&late);
                    }
                }
                Event::Revoke { key, flush } => {
                    let kids: Vec<KeyId> = house.keys.keys().cloned().collect();
                    house.revoke(key.get(&kids), flush, now, &policy);
                    house.assert_invariants(&late);
                }
                Event::Crash(after) => writes = after,
                Event::Pause(seconds) => policy.paused_until = Some(now.plus(Duration::from_secs(seconds))),
                Event::Lifetime(seconds) => policy.longest_token = Duration::from_secs(seconds),
                Event::Add => algorithms.extend(late.into_iter().find(|late| !algorithms.contains(late))),
            }
            let actions = plan(&house.rows(), &algorithms, now, &policy);
            if now < before {
                let plans = |action: &Action| matches!(action, Action::Plan { .. });
                prop_assert!(actions.iter().all(plans), "a clock that jumped back changed something: {actions:?}");
            }
            if policy.is_paused(now) {
                let plans = |action: &Action| matches!(action, Action::Plan { .. });
                prop_assert!(!actions.iter().any(plans), "planned in a pause: {actions:?}");
            }
            house.carry_out(&actions, writes, now, &policy, true);
            house.assert_invariants(&late);
            if writes == usize::MAX {
                // What is written down late may ask for more at once: the old key may leave, or the new one is due.
                for _ in 0..2 {
                    let more = plan(&house.rows(), &algorithms, now, &policy);
                    house.carry_out(&more, usize::MAX, now, &policy, true);
                    house.assert_invariants(&late);
                }
                let more = plan(&house.rows(), &algorithms, now, &policy);
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

    /// Three nodes whose wall clocks do what they like; what they are sure of is written down and heard by the others.
    #[test]
    fn no_clock_that_jumps_makes_time_pass(
        walls in prop::collection::vec((0..3_usize, -10_000_000_i64..10_000_000, 0..86_400_u64, any::<bool>()), 1..80),
    ) {
        let start = Timestamp::from_seconds(1_795_348_800);
        let mut nodes = [SteadyClock::start(start, Some(start), None, Duration::ZERO); 3];
        let mut off = [0; 3];
        let (mut passed, mut newest) = (Duration::ZERO, start);
        for (node, seconds, later, restarts) in walls {
            off[node] = seconds;
            passed += Duration::from_secs(later);
            let truth = start.plus(passed);
            let wall = |node: usize| Timestamp::from_seconds(truth.seconds() + off[node]);
            if restarts {
                // The database has a clock of its own, which is right.
                nodes[node] = SteadyClock::start(wall(node), Some(truth), Some(newest), passed);
            }
            // Twice around, so that each has heard of the others.
            for (turn, number) in [0, 1, 2, 0, 1, 2].into_iter().enumerate() {
                let (clock, before) = (&mut nodes[number], newest);
                let now = clock.hear(newest, wall(number), passed);
                prop_assert!(now >= before, "time went back");
                newest = newest.max(now);
                let bend = passed / 1000 + Duration::from_micros(1);
                prop_assert!(now <= truth.plus(bend), "{} s ahead", now.since(truth).as_secs());
                // Behind is harmless, but nobody stays there.
                prop_assert!(turn < 3 || truth.since(now) <= bend, "{} s behind", truth.since(now).as_secs());
                prop_assert_eq!(clock.read(Timestamp::from_micros(i64::MAX), passed), now, "a jump alone does nothing");
            }
        }
    }
}
