use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::ambient::OsEntropy;
use crate::crypto::seal::MasterKey;
use crate::keys::RingHandle;

const MAX_AGE: Duration = Duration::from_mins(5);
const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

fn vault() -> Vault {
    Vault::new(&MasterKey::generate(&OsEntropy))
}

fn key(vault: &Vault, kid: &str, state: KeyState) -> SigningKey {
    let kid = KeyId::new(kid).unwrap();
    vault.make_key(&kid, Algorithm::Es256, state, NOW, &OsEntropy).unwrap()
}

fn kid(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn published(ring: &Ring) -> Vec<String> {
    let jwks: Value = serde_json::from_slice(&ring.jwks().body).unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_each_state_is_good_for() {
    let vault = vault();
    let keys: Vec<SigningKey> = KeyState::ALL.into_iter().map(|state| key(&vault, state.as_str(), state)).collect();
    let ring = Ring::build(&keys, &vault, MAX_AGE).unwrap();

    assert_eq!(published(&ring), ["active", "next", "retired"]);
    assert_eq!(ring.signer(Algorithm::Es256, NOW).unwrap().kid().as_str(), "active");
    assert!(ring.signer(Algorithm::Rs256, NOW).is_none());
    assert_eq!(ring.algorithms(NOW).collect::<Vec<_>>(), [Algorithm::Es256]);
    for (state, known) in [("next", true), ("active", true), ("retired", true), ("expired", true), ("revoked", false)] {
        assert_eq!(ring.verifier(&kid(state)).is_some(), known, "{state}");
    }
}

#[test]
fn verifies_its_own_tokens_and_no_others() {
    let vault = vault();
    let ring = Ring::build(&[key(&vault, "a", KeyState::Active)], &vault, MAX_AGE).unwrap();
    let token = ring.signer(Algorithm::Es256, NOW).unwrap().sign("at+jwt", &json!({"sub": "ada"})).unwrap();
    let verified = ring.verify(&token).unwrap();
    assert_eq!(verified.typ.as_deref(), Some("at+jwt"));
    assert_eq!(verified.kid, kid("a"));
    assert_eq!(verified.claims["sub"], "ada");

    let stranger = Ring::build(&[key(&vault, "a", KeyState::Active)], &vault, MAX_AGE).unwrap();
    assert_eq!(stranger.verify(&token), Err(VerifyError::Signature));
    let empty = Ring::build(&[], &vault, MAX_AGE).unwrap();
    assert_eq!(empty.verify(&token), Err(VerifyError::Key));
    assert_eq!(empty.jwks().body.as_ref(), br#"{"keys":[]}"#);
}

#[test]
fn jw_20_a_revoked_key_is_refused_and_a_retired_one_is_not() {
    let vault = vault();
    let mut row = key(&vault, "a", KeyState::Active);
    let token = Ring::build(std::slice::from_ref(&row), &vault, MAX_AGE)
        .unwrap()
        .signer(Algorithm::Es256, NOW)
        .unwrap()
        .sign("at+jwt", &json!({}))
        .unwrap();
    row.sealed_private = None;
    for (state, right) in [(KeyState::Retired, true), (KeyState::Expired, true), (KeyState::Revoked, false)] {
        row.state = state;
        let ring = Ring::build(std::slice::from_ref(&row), &vault, MAX_AGE).unwrap();
        assert_eq!(ring.verify(&token).is_ok(), right, "{state:?}");
    }
}

#[test]
fn the_entity_tag_follows_the_body() {
    let vault = vault();
    let a = key(&vault, "a", KeyState::Active);
    let b = key(&vault, "b", KeyState::Next);
    let one = Ring::build(&[a.clone(), b.clone()], &vault, MAX_AGE).unwrap();
    let same = Ring::build(&[b, a.clone()], &vault, MAX_AGE).unwrap();
    let other = Ring::build(&[a], &vault, MAX_AGE).unwrap();
    assert_eq!((&one.jwks().body, &one.jwks().etag), (&same.jwks().body, &same.jwks().etag));
    assert_ne!(one.jwks().etag, other.jwks().etag);
    assert!(one.jwks().etag.starts_with('"') && one.jwks().etag.ends_with('"'));
}

#[test]
fn max_age_ends_when_a_key_leaves() {
    let vault = vault();
    let mut retired = key(&vault, "a", KeyState::Retired);
    retired.leaves_at = Some(NOW.plus(Duration::from_mins(6)));
    let ring = Ring::build(&[retired], &vault, MAX_AGE).unwrap();
    assert_eq!(ring.jwks().max_age(NOW), MAX_AGE);
    assert_eq!(ring.jwks().max_age(NOW.plus(Duration::from_mins(4))), Duration::from_mins(2));
    assert_eq!(ring.jwks().max_age(NOW.plus(Duration::from_mins(7))), Duration::from_secs(1));
    assert_eq!(ring.jwks().max_age(NOW.plus(Duration::from_hours(1))), MAX_AGE, "the database is away");
}

#[test]
fn a_ring_is_renewed_without_parsing_what_it_has() {
    let (vault, stranger) = (vault(), vault());
    let (active, next) = (key(&vault, "a", KeyState::Active), key(&vault, "b", KeyState::Next));
    let ring = Ring::build(&[active.clone(), next.clone()], &vault, MAX_AGE).unwrap();
    let token = ring.signer(Algorithm::Es256, NOW).unwrap().sign("at+jwt", &json!({"sub": "ada"})).unwrap();

    let retired = SigningKey { state: KeyState::Retired, sealed_private: None, ..active.clone() };
    let promoted = SigningKey { state: KeyState::Active, ..next };
    // A vault that could open neither of them is not asked.
    let after = ring.renewed(&[retired.clone(), promoted], &stranger).unwrap();
    assert_eq!(after.signer(Algorithm::Es256, NOW).unwrap().kid().as_str(), "b");
    assert!(after.verify(&token).is_ok());
    assert_eq!(published(&after), ["b", "a"]);

    // What it no longer has, a private half too, is gone.
    let revoked = SigningKey { state: KeyState::Revoked, ..retired.clone() };
    assert_eq!(after.renewed(&[revoked], &vault).unwrap().verify(&token), Err(VerifyError::Key));
    let back = SigningKey { state: KeyState::Active, ..retired };
    let gone = KeysError::NoPrivateHalf(kid("a"), KeyState::Active);
    assert_eq!(ring.renewed(&[back], &vault).unwrap_err(), gone);
    let alone = ring.renewed(&[], &vault).unwrap();
    assert!(alone.renewed(&[active], &stranger).is_err(), "it has to be unsealed again");
}

#[test]
fn damaged_rows_make_no_ring() {
    let right = vault();
    let good = key(&right, "a", KeyState::Active);
    let known = Ring::build(std::slice::from_ref(&good), &right, MAX_AGE).unwrap();
    let fails = |keys: &[SigningKey], vault: &Vault| {
        let fault = Ring::build(keys, vault, MAX_AGE).unwrap_err();
        assert_eq!(known.renewed(keys, vault).unwrap_err(), fault, "nor after a good one");
        fault
    };

    let sealed = KeysError::Sealed { kid: kid("a"), source: VaultError::Damaged };
    assert_eq!(Ring::build(std::slice::from_ref(&good), &vault(), MAX_AGE).unwrap_err(), sealed);
    let mut changed = good.clone();
    changed.sealed_private.as_mut().unwrap()[40] ^= 1;
    assert_eq!(fails(&[changed], &right), sealed);
    let mut cut = key(&right, "a", KeyState::Next);
    cut.sealed_private.as_mut().unwrap().truncate(30);
    assert_eq!(fails(&[cut], &right), sealed, "also the next key");
    let mut gone = good.clone();
    gone.sealed_private = None;
    assert_eq!(fails(&[gone], &right), KeysError::NoPrivateHalf(kid("a"), KeyState::Active));

    let mut swapped = good.clone();
    swapped.public_jwk = key(&right, "a", KeyState::Active).public_jwk;
    assert_eq!(fails(&[swapped], &right), KeysError::Mismatch(kid("a")));
    let mut renamed = good.clone();
    renamed.kid = kid("b");
    assert_eq!(fails(&[renamed], &right), KeysError::Mismatch(kid("b")));
    let mut nonsense = good.clone();
    nonsense.public_jwk = "{}".to_owned();
    assert!(matches!(fails(&[nonsense], &right), KeysError::Unusable { .. }));

    let second = key(&right, "b", KeyState::Active);
    assert_eq!(fails(&[good.clone(), second], &right), KeysError::TwoActive(Algorithm::Es256));
    let twin = key(&right, "a", KeyState::Next);
    assert_eq!(fails(&[good, twin], &right), KeysError::Duplicate(kid("a")));
}

#[test]
fn a_swap_is_seen_by_all_clones_and_by_no_request_under_way() {
    let vault = vault();
    let handle =
        RingHandle::new(Ring::build(&[key(&vault, "a", KeyState::Active)], &vault, MAX_AGE).unwrap(), Duration::ZERO);
    let clone = handle.clone();
    let under_way = clone.load();
    handle.swap(Arc::new(Ring::build(&[key(&vault, "b", KeyState::Active)], &vault, MAX_AGE).unwrap()));
    assert_eq!(published(&under_way), ["a"]);
    assert_eq!(published(&clone.load()), ["b"]);
}

#[test]
fn all_nodes_switch_at_one_instant_from_one_snapshot() {
    let vault = vault();
    let at = NOW.plus(Duration::from_hours(1));
    let mut next = key(&vault, "b", KeyState::Next);
    next.activates_at = Some(at);
    let ring = Ring::build(&[key(&vault, "a", KeyState::Active), next], &vault, MAX_AGE).unwrap();
    let signs = |now| ring.signer(Algorithm::Es256, now).unwrap().kid().as_str();
    assert_eq!((signs(NOW), signs(at.minus(Duration::from_micros(1))), signs(at)), ("a", "a", "b"));
    assert_eq!(ring.jwks().max_age(at), Duration::from_secs(2), "a new next key is about to appear");
}

#[test]
fn an_older_ring_never_takes_the_place_of_a_newer_one() {
    let vault = vault();
    let ring = |kid, version| {
        Ring::build(&[key(&vault, kid, KeyState::Active)], &vault, MAX_AGE).unwrap().with_version(version)
    };
    let handle = RingHandle::new(ring("a", 1), Duration::ZERO);
    handle.swap(Arc::new(ring("c", 3)));
    handle.swap(Arc::new(ring("b", 2)));
    assert_eq!(published(&handle.load()), ["c"]);
    assert!(handle.is_fresh(Duration::from_secs(10)) && !handle.is_fresh(Duration::from_secs(11)));
    handle.confirm(Duration::from_secs(5));
    handle.confirm(Duration::from_secs(4));
    assert!(handle.is_fresh(Duration::from_secs(15)));
}

#[test]
fn a_signature_that_was_found_good_is_remembered_and_nothing_else() {
    let vault = vault();
    let (mut own, next) = (key(&vault, "a", KeyState::Active), key(&vault, "b", KeyState::Next));
    let ring = Ring::build(&[own.clone(), next.clone()], &vault, MAX_AGE).unwrap();
    let token = ring.signer(Algorithm::Es256, NOW).unwrap().sign("at+jwt", &json!({"sub": "ada"})).unwrap();
    let first = ring.verify(&token).unwrap();
    assert_eq!(ring.verify(&token).unwrap(), first);
    assert_eq!((first.kid, first.typ.as_deref()), (kid("a"), Some("at+jwt")));

    // Every other text is looked at for itself, before and after.
    for at in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert!(ring.verify(std::str::from_utf8(&other).unwrap()).is_err(), "changed at {at}");
    }
    let mut cut = token.clone();
    cut.pop();
    assert!(ring.verify(&cut).is_err());
    ring.verify(&token).unwrap();

    // What a revoked key vouched for goes with it, at once.
    own.state = KeyState::Revoked;
    let without = Ring::build(&[own, next], &vault, MAX_AGE).unwrap();
    let handle = RingHandle::new(ring, Duration::ZERO);
    handle.load().verify(&token).unwrap();
    handle.swap(Arc::new(without.with_version(1)));
    assert_eq!(handle.load().verify(&token), Err(VerifyError::Key));
}

#[test]
fn a_token_that_was_made_here_is_known_as_long_as_its_key() {
    let vault = vault();
    let own = key(&vault, "a", KeyState::Active);
    let ring = Ring::build(std::slice::from_ref(&own), &vault, MAX_AGE).unwrap();
    let good = ring.signer(Algorithm::Es256, NOW).unwrap().sign("at+jwt", &json!({"sub": "ada"})).unwrap();
    // Only somebody who computes signatures could tell: that is what shows that nobody does.
    let mut other = good.clone().into_bytes();
    let at = other.len() - 10;
    other[at] = if other[at] == b'A' { b'B' } else { b'A' };
    let other = String::from_utf8(other).unwrap();
    assert_eq!(ring.verify(&other), Err(VerifyError::Signature));
    ring.has_made(&other);
    assert_eq!(ring.verify(&other).unwrap(), ring.verify(&good).unwrap());

    assert_eq!(ring.renewed(std::slice::from_ref(&own), &vault).unwrap().verify(&other), Err(VerifyError::Signature));
    let revoked = ring.renewed(&[SigningKey { state: KeyState::Revoked, ..own }], &vault).unwrap();
    revoked.has_made(&other);
    assert_eq!(revoked.verify(&other), Err(VerifyError::Key));
}
