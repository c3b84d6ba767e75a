use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::store::key::Activation;
use signet::store::key::ChangeKeys;
use signet::store::key::CreateKey;
use signet::store::key::Revocation;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

fn guard(kid: &str, retire: Option<&str>) -> Activation {
    Activation {
        kid: KeyId::new(kid).unwrap(),
        retire: retire.map(|kid| KeyId::new(kid).unwrap()),
        leaves_at: Some(later(100)),
        at: later(1),
        successor: None,
        longest_token: Duration::ZERO,
        canary: CANARY_OF_TESTS.to_vec(),
    }
}

pub(super) async fn comes_back_as_it_was(db: Database) {
    let one = key("k1", Algorithm::Es256, KeyState::Active);
    let before = db.store.versions().await.unwrap();
    assert_eq!(create_key(&db.store, one.clone()).await, Ok(CreateKey::Created));
    assert_eq!(db.store.signing_keys().await, Ok(vec![one.clone()]));
    assert_eq!(db.store.versions().await.unwrap().keys, before.keys + 1);
    assert_eq!(create_key(&db.store, one).await, Ok(CreateKey::Exists));
    assert_eq!(db.store.versions().await.unwrap().keys, before.keys + 1);
    let other = key("k2", Algorithm::Rs256, KeyState::Active);
    assert_eq!(create_key(&db.store, other).await, Ok(CreateKey::Created));
}

pub(super) async fn one_of_16_parallel_creations(db: Database) {
    let nodes = [db.store.clone(), db.another_node()];
    let mut racers = JoinSet::new();
    for (racer, store) in (0..16).zip(nodes.iter().cycle().cloned()) {
        let key = key(&format!("k{racer}"), Algorithm::Es256, KeyState::Next);
        racers.spawn(async move { create_key(&store, key).await.unwrap() });
    }
    let created = racers.join_all().await.into_iter().filter(|outcome| *outcome == CreateKey::Created).count();
    assert_eq!(created, 1);
    assert_eq!(db.store.signing_keys().await.unwrap().len(), 1);
}

pub(super) async fn change_of_guard(db: Database) {
    create_key(&db.store, key("k1", Algorithm::Es256, KeyState::Next)).await.unwrap();
    assert_eq!(db.store.activate_key(guard("k1", None)).await, Ok(ChangeKeys::Changed));
    create_key(&db.store, key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let other = db.another_node();
    let both =
        tokio::join!(db.store.activate_key(guard("k2", Some("k1"))), other.activate_key(guard("k2", Some("k1"))));
    let both = [both.0.unwrap(), both.1.unwrap()];
    assert!(both.contains(&ChangeKeys::Changed) && both.contains(&ChangeKeys::Stale), "{both:?}");
    let keys = db.store.signing_keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.state, key.sealed_private.is_some())).collect();
    assert_eq!(states, [(KeyState::Retired, false), (KeyState::Active, true)]);
    let retired = keys.first().unwrap();
    assert_eq!((retired.retired_at, retired.leaves_at), (Some(later(1)), Some(later(100))));
}

pub(super) async fn stale_plan_changes_nothing(db: Database) {
    for (kid, state) in [("k1", KeyState::Active), ("k2", KeyState::Next)] {
        create_key(&db.store, key(kid, Algorithm::Es256, state)).await.unwrap();
    }
    let before = (db.store.signing_keys().await, db.store.versions().await);
    for (kid, retire) in [("k2", None), ("k9", Some("k1")), ("k2", Some("k9")), ("k1", Some("k2"))] {
        let plan = db.store.activate_key(guard(kid, retire)).await;
        assert_eq!(plan, Ok(ChangeKeys::Stale), "{kid} {retire:?}");
    }
    assert_eq!((db.store.signing_keys().await, db.store.versions().await), before);
}

pub(super) async fn expires_and_revokes(db: Database) {
    create_key(&db.store, key("k1", Algorithm::Es256, KeyState::Active)).await.unwrap();
    create_key(&db.store, key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let kid = |kid| KeyId::new(kid).unwrap();
    assert_eq!(db.store.expire_key(kid("k1")).await, Ok(false));
    db.store.activate_key(guard("k2", Some("k1"))).await.unwrap();
    assert_eq!(db.store.expire_key(kid("k1")).await, Ok(true));
    let revocation = |now| Revocation {
        kid: kid("k2"),
        state: KeyState::Active,
        reason: "lost".to_owned(),
        now: later(now),
        activate: None,
        create: Vec::new(),
        canary: Vec::new(),
    };
    assert_eq!(db.store.revoke_key(revocation(2)).await, Ok(ChangeKeys::Changed));
    assert_eq!(db.store.revoke_key(revocation(3)).await, Ok(ChangeKeys::Stale));
    let keys = db.store.signing_keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.state, key.revoked_at)).collect();
    assert_eq!(states, [(KeyState::Expired, None), (KeyState::Revoked, Some(later(2)))]);
}

pub(super) async fn an_instant_is_brought_forward_but_never_put_off(db: Database) {
    create_key(&db.store, key("k1", Algorithm::Es256, KeyState::Active)).await.unwrap();
    create_key(&db.store, key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let plan = |name: &str, at| db.store.plan_activations(vec![(KeyId::new(name).unwrap(), later(at))]);
    let before = db.store.versions().await.unwrap().keys;
    assert_eq!(plan("k1", 5).await, Ok(ChangeKeys::Stale), "it signs already");
    assert_eq!(plan("k9", 5).await, Ok(ChangeKeys::Stale));
    let both = ["k2", "k9"].map(|name| (KeyId::new(name).unwrap(), later(5))).to_vec();
    assert_eq!(db.store.plan_activations(both).await, Ok(ChangeKeys::Stale), "all or none");
    assert_eq!(plan("k2", 5).await, Ok(ChangeKeys::Changed));
    for at in [5, 6] {
        assert_eq!(plan("k2", at).await, Ok(ChangeKeys::Stale));
    }
    assert_eq!(plan("k2", 4).await, Ok(ChangeKeys::Changed));
    let keys = db.store.signing_keys().await.unwrap();
    let planned: Vec<_> = keys.iter().map(|key| key.activates_at).collect();
    assert_eq!(planned, [None, Some(later(4))]);
    assert_eq!(db.store.versions().await.unwrap().keys, before + 2);
}

pub(super) async fn a_successor_comes_in_the_same_transaction(db: Database) {
    create_key(&db.store, key("k1", Algorithm::Es256, KeyState::Active)).await.unwrap();
    create_key(&db.store, key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let with = |successor: &str| Activation {
        successor: Some(key(successor, Algorithm::Es256, KeyState::Next)),
        ..guard("k2", Some("k1"))
    };
    let before = (db.store.signing_keys().await, db.store.versions().await);
    assert_eq!(db.store.activate_key(with("k1")).await, Ok(ChangeKeys::Stale), "the name is taken");
    assert_eq!((db.store.signing_keys().await, db.store.versions().await), before);
    assert_eq!(db.store.activate_key(with("k3")).await, Ok(ChangeKeys::Changed));
    let revocation = |kid: &str, create: Vec<_>| Revocation {
        kid: KeyId::new(kid).unwrap(),
        state: KeyState::Active,
        reason: "lost".to_owned(),
        now: later(9),
        activate: Some(KeyId::new("k3").unwrap()),
        create,
        canary: CANARY_OF_TESTS.to_vec(),
    };
    let again = vec![key("k4", Algorithm::Es256, KeyState::Next), key("k4", Algorithm::Es256, KeyState::Next)];
    let before = (db.store.signing_keys().await, db.store.versions().await);
    assert_eq!(db.store.revoke_key(revocation("k2", again)).await, Ok(ChangeKeys::Stale), "all or nothing");
    assert_eq!((db.store.signing_keys().await, db.store.versions().await), before);
    let next = vec![key("k4", Algorithm::Es256, KeyState::Next)];
    assert_eq!(db.store.revoke_key(revocation("k2", next)).await, Ok(ChangeKeys::Changed));
    let keys = db.store.signing_keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.state, key.sealed_private.is_some())).collect();
    let (retired, revoked) = ((KeyState::Retired, false), (KeyState::Revoked, false));
    assert_eq!(states, [retired, revoked, (KeyState::Active, true), (KeyState::Next, true)]);
    let reasons: Vec<_> = keys.iter().filter_map(|key| key.revoked_reason.as_deref()).collect();
    assert_eq!(reasons, ["lost"]);
}

pub(super) async fn nothing_is_made_under_another_master_key(db: Database) {
    for (kid, state) in [("k1", KeyState::Active), ("k2", KeyState::Next)] {
        create_key(&db.store, key(kid, Algorithm::Es256, state)).await.unwrap();
    }
    let before = (db.store.signing_keys().await, db.store.versions().await);
    let canary = || b"another".to_vec();
    let new = |kid| key(kid, Algorithm::Es256, KeyState::Next);
    let made = vec![key("k3", Algorithm::Rs256, KeyState::Next)];
    assert_eq!(db.store.create_keys(made, canary()).await, Ok(CreateKey::Exists));
    let activation = Activation { successor: Some(new("k3")), canary: canary(), ..guard("k2", Some("k1")) };
    assert_eq!(db.store.activate_key(activation).await, Ok(ChangeKeys::Stale));
    let revocation = Revocation {
        kid: KeyId::new("k1").unwrap(),
        state: KeyState::Active,
        reason: "lost".to_owned(),
        now: later(9),
        activate: Some(KeyId::new("k2").unwrap()),
        create: vec![new("k3")],
        canary: canary(),
    };
    assert_eq!(db.store.revoke_key(revocation).await, Ok(ChangeKeys::Stale));
    assert_eq!((db.store.signing_keys().await, db.store.versions().await), before);
}

pub(super) async fn the_longest_token_only_grows_and_holds_up_a_plan_that_does_not_know_it(db: Database) {
    for (kid, state) in [("k1", KeyState::Active), ("k2", KeyState::Next)] {
        create_key(&db.store, key(kid, Algorithm::Es256, state)).await.unwrap();
    }
    let hour = Duration::from_hours(1);
    let raise = |name: &str, longest| db.store.raise_longest_token(KeyId::new(name).unwrap(), longest);
    let before = db.store.versions().await.unwrap().keys;
    assert_eq!(raise("k1", 2 * hour).await, Ok(ChangeKeys::Changed));
    assert_eq!(raise("k1", hour).await, Ok(ChangeKeys::Stale));
    assert_eq!(raise("k9", hour).await, Ok(ChangeKeys::Stale));
    assert_eq!(db.store.versions().await.unwrap().keys, before + 1);
    let activation = Activation { longest_token: hour, ..guard("k2", Some("k1")) };
    assert_eq!(db.store.activate_key(activation.clone()).await, Ok(ChangeKeys::Stale));
    let activation = Activation { longest_token: 2 * hour, ..activation };
    assert_eq!(db.store.activate_key(activation).await, Ok(ChangeKeys::Changed));
    assert_eq!(raise("k1", 9 * hour).await, Ok(ChangeKeys::Stale), "it signs no more");
    let keys = db.store.signing_keys().await.unwrap();
    assert_eq!(keys.first().unwrap().longest_token, 2 * hour);
}

pub(super) async fn only_expired_keys_are_forgotten(db: Database) {
    create_key(&db.store, key("k1", Algorithm::Es256, KeyState::Active)).await.unwrap();
    create_key(&db.store, key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let kid = |kid| KeyId::new(kid).unwrap();
    db.store.activate_key(guard("k2", Some("k1"))).await.unwrap();
    assert_eq!(db.store.forget_key(kid("k1")).await, Ok(false), "it is retired");
    assert_eq!(db.store.expire_key(kid("k1")).await, Ok(true));
    assert_eq!(db.store.forget_key(kid("k1")).await, Ok(true));
    assert_eq!(db.store.forget_key(kid("k1")).await, Ok(false));
    assert_eq!(db.store.forget_key(kid("k2")).await, Ok(false));
    assert_eq!(db.store.signing_keys().await.unwrap().len(), 1);
}
