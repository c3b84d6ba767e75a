use std::time::Duration;

use super::*;
use crate::domain::window::Window;
use crate::keys::policy::Jitter;

const DAY: Duration = Duration::from_hours(24);
const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);
const POLICY: Policy = Policy {
    rotate_every: Some(Duration::from_hours(24 * 90)),
    publish_ahead: Duration::from_hours(24 * 14),
    retire_for: DAY,
    longest_token: Duration::ZERO,
    skew: Duration::ZERO,
    window: None,
    jitter: Jitter { percent: 0, seed: 0 },
    paused_until: None,
};
const HOUR: Duration = Duration::from_hours(1);

fn kid(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn key(name: &str, state: KeyState, published_at: Timestamp) -> SigningKey {
    SigningKey {
        kid: kid(name),
        algorithm: Algorithm::Es256,
        state,
        public_jwk: String::new(),
        sealed_private: None,
        published_at,
        activates_at: None,
        activated_at: (state == KeyState::Active).then_some(published_at),
        retired_at: None,
        longest_token: Duration::ZERO,
        leaves_at: None,
        revoked_at: None,
        revoked_reason: None,
    }
}

fn create(name: &str, algorithm: Algorithm) -> Action {
    Action::Create { kid: kid(name), algorithm }
}

fn plan_es256(keys: &[SigningKey], now: Timestamp) -> Vec<Action> {
    plan(keys, &[Algorithm::Es256], now, &POLICY)
}

#[test]
fn the_first_start_makes_two_keys_for_each_algorithm() {
    let actions = plan(&[], &[Algorithm::Rs256, Algorithm::Es256], NOW, &POLICY);
    assert_eq!(
        actions,
        [
            Action::Begin {
                keys: vec![
                    (kid("2026-11-22-es256-a"), Algorithm::Es256),
                    (kid("2026-11-22-rs256-a"), Algorithm::Rs256),
                ]
            },
            create("2026-11-22-es256-b", Algorithm::Es256),
            create("2026-11-22-rs256-b", Algorithm::Rs256),
        ]
    );
    assert_eq!(plan(&[], &[], NOW, &POLICY), []);
}

fn plan_b(at: Timestamp) -> Action {
    Action::Plan { kid: kid("b"), retire: Some(kid("a")), at, leaves_at: at.plus(DAY) }
}

fn activate_b(at: Timestamp, retire: Option<KeyId>, successor: &str) -> Action {
    let leaves_at = at.plus(DAY);
    let successor = Some(kid(successor));
    let longest_token = Duration::ZERO;
    Action::Activate { kid: kid("b"), algorithm: Algorithm::Es256, retire, longest_token, at, leaves_at, successor }
}

#[test]
fn a_change_of_guard_is_planned_ahead_and_written_down_afterwards() {
    let mut keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    let due = NOW.plus(90 * DAY);
    let micro = Duration::from_micros(1);
    assert_eq!(plan_es256(&keys, due.minus(2 * HOUR + micro)), []);
    assert_eq!(plan_es256(&keys, due.minus(2 * HOUR)), [plan_b(due)]);
    assert_eq!(plan_es256(&keys, due), [plan_b(due.plus(HOUR))], "never at less than an hour");
    keys[1].published_at = due.minus(13 * DAY);
    assert_eq!(plan_es256(&keys, due), [], "published too shortly");
    assert_eq!(plan_es256(&keys, due.plus(DAY)), [plan_b(due.plus(DAY + HOUR))]);
    keys[1].activates_at = Some(due);
    assert_eq!(plan_es256(&keys, due.plus(SETTLE_AFTER).minus(micro)), []);
    let settled = [activate_b(due, Some(kid("a")), "2027-02-20-es256-a")];
    assert_eq!(plan_es256(&keys, due.plus(SETTLE_AFTER)), settled);
    assert_eq!(settle(&keys, Algorithm::Es256, due, &POLICY), settled);
    assert_eq!(settle(&keys, Algorithm::Es256, due.minus(micro), &POLICY), []);
    assert_eq!(settle(&keys, Algorithm::Rs256, due, &POLICY), [], "it has no next key");
    let third = [&keys[..], &[key("c", KeyState::Next, due)]].concat();
    let mut alone = activate_b(due, Some(kid("a")), "none");
    if let Action::Activate { successor, leaves_at, .. } = &mut alone {
        (*successor, *leaves_at) = (None, due.plus(DAY));
    }
    assert_eq!(settle(&third, Algorithm::Es256, due, &POLICY), [alone], "there is a successor already");
}

#[test]
fn a_window_and_a_pause_put_it_off() {
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    // A Saturday.
    let due = NOW.plus(90 * DAY);
    let window = Window::parse("Tue-Thu 09:00-16:00 Europe/Berlin");
    let policy = Policy { window, ..POLICY };
    let tuesday = due.plus(2 * DAY + 20 * HOUR);
    assert_eq!(plan(&keys, &[Algorithm::Es256], due, &policy), []);
    assert_eq!(plan(&keys, &[Algorithm::Es256], tuesday.minus(2 * HOUR), &policy), [plan_b(tuesday)]);
    let late = tuesday.plus(6 * HOUR + HOUR / 2);
    let wednesday = tuesday.plus(DAY);
    assert_eq!(plan(&keys, &[Algorithm::Es256], late, &policy), [plan_b(wednesday)]);

    let until = due.plus(10 * DAY);
    let policy = Policy { paused_until: Some(until), ..POLICY };
    assert_eq!(plan(&keys, &[Algorithm::Es256], until.minus(HOUR), &policy), []);
    assert_eq!(plan(&keys, &[Algorithm::Es256], until, &policy), [plan_b(until.plus(HOUR))]);
}

#[test]
fn a_clock_that_jumps_back_only_delays() {
    let mut retired = key("r", KeyState::Retired, NOW);
    retired.leaves_at = Some(NOW.plus(DAY));
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW), retired];
    for now in [NOW, NOW.minus(400 * DAY), Timestamp::EPOCH, Timestamp::from_micros(i64::MIN)] {
        assert_eq!(plan_es256(&keys, now), []);
    }
}

#[test]
fn never_means_never() {
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    for rotate_every in [None, Some(Duration::ZERO)] {
        let policy = Policy { rotate_every, ..POLICY };
        assert_eq!(plan(&keys, &[Algorithm::Es256], NOW.plus(36_500 * DAY), &policy), []);
    }
}

#[test]
fn a_retired_key_leaves_after_its_time() {
    let mut retired = key("r", KeyState::Retired, NOW);
    retired.leaves_at = Some(NOW.plus(DAY));
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW), retired];
    assert_eq!(plan_es256(&keys, NOW.plus(DAY)), []);
    let expire = [Action::Expire { kid: kid("r") }];
    assert_eq!(plan_es256(&keys, NOW.plus(DAY).plus(Duration::from_micros(1))), expire);
    assert_eq!(plan(&keys, &[], NOW.plus(2 * DAY), &POLICY), expire, "also when its algorithm is no longer used");
}

#[test]
fn after_a_revocation_the_next_key_takes_over_at_once() {
    let mut keys = [key("a", KeyState::Revoked, NOW), key("b", KeyState::Next, NOW)];
    keys[0].activated_at = Some(NOW);
    let now = NOW.plus(DAY);
    assert_eq!(plan_es256(&keys, now), [activate_b(now, None, "2026-11-23-es256-a")]);
}

#[test]
fn an_algorithm_that_is_added_later_is_published_before_it_signs() {
    let both = [Algorithm::Es256, Algorithm::Rs256];
    let mut keys = vec![key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    let now = NOW.plus(DAY);
    assert_eq!(plan(&keys, &both, now, &POLICY), [create("2026-11-23-rs256-a", Algorithm::Rs256)]);
    keys.push(SigningKey { algorithm: Algorithm::Rs256, ..key("r", KeyState::Next, now) });
    let ready = now.plus(14 * DAY);
    assert_eq!(plan(&keys, &both, ready.minus(3 * HOUR), &POLICY), []);
    let leaves_at = ready.plus(DAY);
    let planned = Action::Plan { kid: kid("r"), retire: None, at: ready, leaves_at };
    assert_eq!(plan(&keys, &both, ready.minus(2 * HOUR), &POLICY), [planned]);
    let never = Policy { rotate_every: None, ..POLICY };
    assert_eq!(plan(&keys, &both, ready.minus(2 * HOUR), &never).len(), 1, "it is no rotation");
    keys[2].activates_at = Some(ready);
    assert_eq!(plan(&keys, &both, ready, &POLICY), []);
    let after = plan(&keys, &both, ready.plus(SETTLE_AFTER), &POLICY);
    assert!(matches!(&after[..], [Action::Activate { retire: None, successor: Some(_), .. }]), "{after:?}");
    // Somebody who insists need not wait.
    keys[2].activates_at = None;
    assert!(rotate(&keys, Algorithm::Rs256, now, &POLICY, false).is_err());
    assert!(rotate(&keys, Algorithm::Rs256, now, &POLICY, true).is_ok());
}

#[test]
fn a_new_installation_signs_with_what_was_imported() {
    let keys = [key("b", KeyState::Next, NOW)];
    let actions = plan(&keys, &[Algorithm::Es256, Algorithm::Rs256], NOW, &POLICY);
    let first = Action::Begin { keys: vec![(kid("2026-11-22-rs256-a"), Algorithm::Rs256)] };
    assert_eq!(actions[0], first);
    assert!(actions.contains(&activate_b(NOW, None, "2026-11-22-es256-a")), "{actions:?}");
}

#[test]
fn a_key_outlives_the_longest_token_that_it_ever_signed() {
    let mut keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    let policy = Policy { retire_for: Duration::ZERO, longest_token: HOUR, skew: HOUR, ..POLICY };
    let raise = |name| Action::Raise { kid: kid(name), longest_token: HOUR };
    assert_eq!(plan(&keys, &[], NOW, &policy), [raise("a"), raise("b")]);
    keys[0].longest_token = 24 * HOUR;
    keys[1].longest_token = HOUR;
    assert_eq!(plan(&keys, &[], NOW, &policy), [], "it never falls");
    keys[1].activates_at = Some(NOW);
    let settled = settle(&keys, Algorithm::Es256, NOW, &policy);
    let [Action::Activate { leaves_at, longest_token, .. }] = &settled[..] else { panic!("{settled:?}") };
    assert_eq!((*leaves_at, *longest_token), (NOW.plus(25 * HOUR), 24 * HOUR));
}

#[test]
fn an_expired_key_is_forgotten_and_a_revoked_one_is_not() {
    let mut expired = key("e", KeyState::Expired, NOW);
    expired.leaves_at = Some(NOW);
    let mut revoked = key("r", KeyState::Revoked, NOW);
    revoked.leaves_at = Some(NOW);
    let keys = [key("a", KeyState::Active, NOW), expired, revoked];
    assert_eq!(plan(&keys, &[], NOW.plus(KEEP_EXPIRED), &POLICY), []);
    let forget = [Action::Forget { kid: kid("e") }];
    assert_eq!(plan(&keys, &[], NOW.plus(KEEP_EXPIRED + HOUR), &POLICY), forget);
}

/// 400 days: longer than anybody keeps an ID token to sign out with.
#[test]
fn an_expired_key_is_kept_for_400_days() {
    assert_eq!(KEEP_EXPIRED, Duration::from_secs(400 * 86_400));
}

#[test]
fn by_hand_after_the_clock_jumped_back() {
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    let actions = rotate(&keys, Algorithm::Es256, NOW.minus(30 * DAY), &POLICY, true).unwrap();
    let at = NOW.minus(30 * DAY).plus(LEAD_UNPLANNED);
    let leaves_at = NOW.plus(DAY);
    assert_eq!(actions, [Action::Plan { kid: kid("b"), retire: Some(kid("a")), at, leaves_at }]);
}

#[test]
fn by_hand() {
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    let by_hand = |now, force| rotate(&keys, Algorithm::Es256, now, &POLICY, force);
    let ready_at = NOW.plus(14 * DAY);
    assert_eq!(by_hand(NOW.plus(DAY), false), Err(Refused::TooYoung { kid: kid("b"), ready_at }));
    let told = by_hand(NOW, false).unwrap_err().to_string();
    assert_eq!(told, "b may sign from 2026-12-06T12:00:00Z: verifiers may not have seen it yet");
    assert!(by_hand(ready_at, false).is_ok());
    let now = NOW.plus(DAY);
    let at = now.plus(LEAD_UNPLANNED);
    assert_eq!(by_hand(now, true).unwrap(), [plan_b(at)]);
    let mut planned = keys.clone();
    planned[1].activates_at = Some(now.plus(DAY));
    let rotate_planned = |now| rotate(&planned, Algorithm::Es256, now, &POLICY, true);
    assert_eq!(rotate_planned(now).unwrap(), [plan_b(at)], "sooner than planned");
    let late = now.plus(DAY);
    assert_eq!(rotate_planned(late), Err(Refused::UnderWay { kid: kid("b"), at: late }));
    let none = [key("a", KeyState::Active, NOW)];
    let refused = Err(Refused::NoNext(Algorithm::Es256));
    assert_eq!(rotate(&none, Algorithm::Es256, NOW, &POLICY, true), refused);
    assert_eq!(rotate(&keys, Algorithm::Rs256, NOW, &POLICY, true), Err(Refused::NoNext(Algorithm::Rs256)));
}
