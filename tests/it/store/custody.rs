use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::store::custody::AdoptKey;
use signet::store::custody::Adoption;
use signet::store::custody::CANARY;
use signet::store::custody::Resealed;
use signet::store::key::ChangeKeys;
use signet::store::key::Revocation;

use crate::support::database::Database;
use crate::support::nouns::*;

/// An active and a next key, sealed alike, under the canary `old`.
async fn furnished(db: &Database) {
    db.store.put_instance_value_if_absent(CANARY, b"old".to_vec()).await.unwrap();
    create_key(&db.store, key("k1", Algorithm::Es256, KeyState::Active)).await.unwrap();
    create_key(&db.store, key("k2", Algorithm::Es256, KeyState::Next)).await.unwrap();
}

fn resealed(kid: &str, new: &[u8]) -> Resealed {
    Resealed { kid: KeyId::new(kid).unwrap(), old: vec![0, 1, 255], new: new.to_vec() }
}

async fn reseal(db: &Database, keys: Vec<Resealed>, old: &[u8]) -> bool {
    db.store.reseal_keys(keys, None, old.to_vec(), b"new".to_vec()).await.unwrap()
}

/// The canary, and each private half.
async fn sealed(db: &Database) -> (Vec<u8>, Vec<Option<Vec<u8>>>) {
    let canary = db.store.instance_value(CANARY).await.unwrap().unwrap();
    let keys = db.store.signing_keys().await.unwrap();
    (canary, keys.into_iter().map(|key| key.sealed_private).collect())
}

pub(super) async fn reseals_all_or_nothing(db: Database) {
    furnished(&db).await;
    let before = sealed(&db).await;
    let version = db.store.versions().await.unwrap().keys;
    let mut wrong = resealed("k2", b"two");
    wrong.old = vec![9];
    for plan in [
        // As after a crash between two of the writes, each of these undoes what was written before it.
        vec![resealed("k1", b"one"), wrong],
        vec![resealed("k1", b"one"), resealed("k3", b"three")],
        // A key that another node has made since.
        vec![resealed("k1", b"one")],
        vec![],
    ] {
        assert!(!reseal(&db, plan, b"old").await);
        assert_eq!(sealed(&db).await, before);
    }
    assert!(!reseal(&db, vec![resealed("k1", b"one"), resealed("k2", b"two")], b"other").await);
    assert_eq!(sealed(&db).await, before);
    assert_eq!(db.store.versions().await.unwrap().keys, version);

    assert!(reseal(&db, vec![resealed("k1", b"one"), resealed("k2", b"two")], b"old").await);
    assert_eq!(sealed(&db).await, (b"new".to_vec(), vec![Some(b"one".to_vec()), Some(b"two".to_vec())]));
    assert_eq!(db.store.versions().await.unwrap().keys, version + 1);
}

pub(super) async fn reseals_once(db: Database) {
    furnished(&db).await;
    let plan = || vec![resealed("k1", b"one"), resealed("k2", b"two")];
    let other = db.another_node();
    let both = tokio::join!(
        db.store.reseal_keys(plan(), None, b"old".to_vec(), b"new".to_vec()),
        other.reseal_keys(plan(), None, b"old".to_vec(), b"newer".to_vec())
    );
    let both = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!(both.iter().filter(|done| **done).count(), 1, "{both:?}");
    assert!(!reseal(&db, plan(), b"old").await);
}

pub(super) async fn ended_keys_have_nothing_to_reseal(db: Database) {
    furnished(&db).await;
    let state = db.store.signing_keys().await.unwrap().into_iter().find(|key| key.kid.as_str() == "k1").unwrap().state;
    let revocation = Revocation {
        kid: KeyId::new("k1").unwrap(),
        state,
        reason: "seen elsewhere".to_owned(),
        now: later(1),
        activate: None,
        create: Vec::new(),
        canary: Vec::new(),
    };
    assert_eq!(db.store.revoke_key(revocation).await, Ok(ChangeKeys::Changed));
    assert!(!reseal(&db, vec![resealed("k1", b"one"), resealed("k2", b"two")], b"old").await);
    assert!(reseal(&db, vec![resealed("k2", b"two")], b"old").await);
    assert_eq!(sealed(&db).await, (b"new".to_vec(), vec![None, Some(b"two".to_vec())]));
}

fn adoption(kid: &str, replaces: Option<&str>) -> Adoption {
    Adoption {
        key: key(kid, Algorithm::Es256, KeyState::Next),
        replaces: replaces.map(|kid| KeyId::new(kid).unwrap()),
        canary: b"old".to_vec(),
        now: later(1),
    }
}

async fn states(db: &Database) -> Vec<(String, KeyState, bool)> {
    let keys = db.store.signing_keys().await.unwrap();
    keys.into_iter().map(|key| (key.kid.to_string(), key.state, key.sealed_private.is_some())).collect()
}

pub(super) async fn nothing_comes_in_after_resealing(db: Database) {
    furnished(&db).await;
    assert!(reseal(&db, vec![resealed("k1", b"one"), resealed("k2", b"two")], b"old").await);
    let before = states(&db).await;
    assert_eq!(db.store.adopt_key(adoption("k3", Some("k2"))).await, Ok(AdoptKey::Stale));
    assert_eq!(states(&db).await, before);
}

pub(super) async fn a_key_takes_the_place_of_the_next(db: Database) {
    furnished(&db).await;
    let before = states(&db).await;
    // Not beside it, not instead of an active one, not instead of one that is not there.
    for replaces in [None, Some("k1"), Some("k9")] {
        assert_eq!(db.store.adopt_key(adoption("k3", replaces)).await, Ok(AdoptKey::Stale), "{replaces:?}");
        assert_eq!(states(&db).await, before);
    }
    let version = db.store.versions().await.unwrap().keys;
    assert_eq!(db.store.adopt_key(adoption("k3", Some("k2"))).await, Ok(AdoptKey::Adopted));
    let name = str::to_owned;
    let after = [
        (name("k1"), KeyState::Active, true),
        (name("k2"), KeyState::Revoked, false),
        (name("k3"), KeyState::Next, true),
    ];
    assert_eq!(states(&db).await, after);
    assert_eq!(db.store.versions().await.unwrap().keys, version + 1);
}

pub(super) async fn a_key_of_a_taken_name_does_not_come_in(db: Database) {
    furnished(&db).await;
    let before = states(&db).await;
    assert_eq!(db.store.adopt_key(adoption("k1", Some("k2"))).await, Ok(AdoptKey::Stale));
    assert_eq!(states(&db).await, before);
}
