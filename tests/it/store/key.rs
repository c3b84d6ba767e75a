use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::store::key::ActivateKey;
use signet::store::key::Activation;
use signet::store::key::CreateKey;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

fn guard(kid: &str, retire: Option<&str>) -> Activation {
    Activation {
        kid: KeyId::new(kid).unwrap(),
        retire: retire.map(|kid| KeyId::new(kid).unwrap()),
        leaves_at: Some(later(100)),
        now: later(1),
    }
}

pub(super) async fn comes_back_as_it_was(db: Database) {
    let one = key("k1", Algorithm::Es256, KeyState::Active);
    let before = db.store.versions().await.unwrap();
    assert_eq!(db.store.create_key(one.clone()).await, Ok(CreateKey::Created));
    assert_eq!(db.store.signing_keys().await, Ok(vec![one.clone()]));
    assert_eq!(db.store.versions().await.unwrap().keys, before.keys + 1);
    assert_eq!(db.store.create_key(one).await, Ok(CreateKey::Exists));
    assert_eq!(db.store.versions().await.unwrap().keys, before.keys + 1);
    let other = key("k2", Algorithm::Rs256, KeyState::Active);
    assert_eq!(db.store.create_key(other).await, Ok(CreateKey::Created));
}

pub(super) async fn one_of_16_parallel_creations(db: Database) {
    let nodes = [db.store.clone(), db.another_node()];
    let mut racers = JoinSet::new();
    for (racer, store) in (0..16).zip(nodes.iter().cycle().cloned()) {
        let key = key(&format!("k{racer}"), Algorithm::Es256, KeyState::Next);
        racers.spawn(async move { store.create_key(key).await.unwrap() });
    }
    let created = racers.join_all().await.into_iter().filter(|outcome| *outcome == CreateKey::Created).count();
    assert_eq!(created, 1);
    assert_eq!(db.store.signing_keys().await.unwrap().len(), 1);
}

pub(super) async fn change_of_guard(db: Database) {
    db.store.create_key(key("k1", Algorithm::Es256, KeyState::Next)).await.unwrap();
    assert_eq!(db.store.activate_key(guard("k1", None)).await, Ok(ActivateKey::Activated));
    db.store.create_key(key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let other = db.another_node();
    let both =
        tokio::join!(db.store.activate_key(guard("k2", Some("k1"))), other.activate_key(guard("k2", Some("k1"))));
    let both = [both.0.unwrap(), both.1.unwrap()];
    assert!(both.contains(&ActivateKey::Activated) && both.contains(&ActivateKey::Stale), "{both:?}");
    let keys = db.store.signing_keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.state, key.sealed_private.is_some())).collect();
    assert_eq!(states, [(KeyState::Retired, false), (KeyState::Active, true)]);
    let retired = keys.first().unwrap();
    assert_eq!((retired.retired_at, retired.leaves_at), (Some(later(1)), Some(later(100))));
}

pub(super) async fn stale_plan_changes_nothing(db: Database) {
    for (kid, state) in [("k1", KeyState::Active), ("k2", KeyState::Next)] {
        db.store.create_key(key(kid, Algorithm::Es256, state)).await.unwrap();
    }
    let before = (db.store.signing_keys().await, db.store.versions().await);
    for (kid, retire) in [("k2", None), ("k9", Some("k1")), ("k2", Some("k9")), ("k1", Some("k2"))] {
        let plan = db.store.activate_key(guard(kid, retire)).await;
        assert_eq!(plan, Ok(ActivateKey::Stale), "{kid} {retire:?}");
    }
    assert_eq!((db.store.signing_keys().await, db.store.versions().await), before);
}

pub(super) async fn expires_and_revokes(db: Database) {
    db.store.create_key(key("k1", Algorithm::Es256, KeyState::Active)).await.unwrap();
    db.store.create_key(key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
    let kid = |kid| KeyId::new(kid).unwrap();
    assert_eq!(db.store.expire_key(kid("k1")).await, Ok(false));
    db.store.activate_key(guard("k2", Some("k1"))).await.unwrap();
    assert_eq!(db.store.expire_key(kid("k1")).await, Ok(true));
    assert_eq!(db.store.revoke_key(kid("k2"), later(2)).await, Ok(true));
    assert_eq!(db.store.revoke_key(kid("k2"), later(3)).await, Ok(false));
    let keys = db.store.signing_keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.state, key.revoked_at)).collect();
    assert_eq!(states, [(KeyState::Expired, None), (KeyState::Revoked, Some(later(2)))]);
}
