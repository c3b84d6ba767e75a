use std::time::Duration;

use super::*;

const DAY: Duration = Duration::from_hours(24);
const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);
const POLICY: Policy = Policy {
    rotate_every: Some(Duration::from_hours(24 * 90)),
    publish_ahead: Duration::from_hours(24 * 14),
    retire_for: DAY,
};

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
        activated_at: (state == KeyState::Active).then_some(published_at),
        retired_at: None,
        leaves_at: None,
        revoked_at: None,
    }
}

fn create(name: &str, state: KeyState) -> Action {
    Action::Create { kid: kid(name), algorithm: Algorithm::Es256, state }
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
            create("2026-11-22-es256-a", KeyState::Active),
            create("2026-11-22-es256-b", KeyState::Next),
            Action::Create { kid: kid("2026-11-22-rs256-a"), algorithm: Algorithm::Rs256, state: KeyState::Active },
            Action::Create { kid: kid("2026-11-22-rs256-b"), algorithm: Algorithm::Rs256, state: KeyState::Next },
        ]
    );
    assert_eq!(plan(&[], &[], NOW, &POLICY), []);
}

#[test]
fn a_key_is_replaced_when_it_is_old_and_the_next_is_known() {
    let keys = |next_since: Timestamp| [key("a", KeyState::Active, NOW), key("b", KeyState::Next, next_since)];
    let due = NOW.plus(90 * DAY);
    assert_eq!(plan_es256(&keys(NOW), due.minus(Duration::from_micros(1))), []);
    assert_eq!(
        plan_es256(&keys(NOW), due),
        [
            Action::Activate { kid: kid("b"), retire: Some(kid("a")), leaves_at: due.plus(DAY) },
            create("2027-02-20-es256-a", KeyState::Next),
        ]
    );
    assert_eq!(plan_es256(&keys(due.minus(13 * DAY)), due), [], "published too shortly");
    assert_eq!(plan_es256(&keys(due.minus(14 * DAY)), due).len(), 2);
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
    let keys = [key("a", KeyState::Revoked, NOW), key("b", KeyState::Next, NOW)];
    let now = NOW.plus(DAY);
    assert_eq!(
        plan_es256(&keys, now),
        [
            Action::Activate { kid: kid("b"), retire: None, leaves_at: now.plus(DAY) },
            create("2026-11-23-es256-a", KeyState::Next),
        ]
    );
}

#[test]
fn by_hand_after_the_clock_jumped_back() {
    let keys = [key("a", KeyState::Active, NOW), key("b", KeyState::Next, NOW)];
    let actions = rotate(&keys, Algorithm::Es256, NOW.minus(30 * DAY), &POLICY, true).unwrap();
    let leaves_at = NOW.plus(DAY);
    assert_eq!(actions[0], Action::Activate { kid: kid("b"), retire: Some(kid("a")), leaves_at });
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
    assert_eq!(
        by_hand(now, true).unwrap(),
        [
            Action::Activate { kid: kid("b"), retire: Some(kid("a")), leaves_at: now.plus(DAY) },
            create("2026-11-23-es256-a", KeyState::Next),
        ]
    );
    let none = [key("a", KeyState::Active, NOW)];
    let refused = Err(Refused::NoNext(Algorithm::Es256));
    assert_eq!(rotate(&none, Algorithm::Es256, NOW, &POLICY, true), refused);
    assert_eq!(rotate(&keys, Algorithm::Rs256, NOW, &POLICY, true), Err(Refused::NoNext(Algorithm::Rs256)));
}

#[test]
fn the_next_free_letter() {
    let mut keys = vec![key("2026-11-22-es256-a", KeyState::Revoked, NOW)];
    let made = |keys: &[SigningKey]| match plan_es256(keys, NOW).first() {
        Some(Action::Create { kid, .. }) => kid.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(made(&keys), "2026-11-22-es256-b");
    for letter in 'b'..='z' {
        keys.push(key(&format!("2026-11-22-es256-{letter}"), KeyState::Expired, NOW));
    }
    assert_eq!(made(&keys), "2026-11-22-es256-aa");
    assert_eq!((letters(25), letters(26), letters(51), letters(52), letters(702)), {
        let text = |text: &str| text.to_owned();
        (text("z"), text("aa"), text("az"), text("ba"), text("aaa"))
    });
    for now in [i64::MIN, i64::MAX, -1] {
        assert_eq!(plan_es256(&[], Timestamp::from_micros(now)).len(), 2, "a kid for every clock");
    }
}
