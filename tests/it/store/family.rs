use std::time::Duration;

use signet::domain::family::Family;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::place::Place;
use signet::domain::user::PasswordHash;
use signet::store::Store;
use signet::store::code::RedeemCode;
use signet::store::family::BeginFamily;
use signet::store::family::MOST_ALIVE;
use signet::store::family::RotateFamily;
use signet::store::family::Rotation;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;
use crate::support::rounds;

fn step(presented: &str, next: &str) -> Rotation {
    Rotation {
        presented: hash(presented),
        next: hash(next),
        successor: next.as_bytes().to_vec(),
        from: Some(Place::new("192.0.2.0/24", "curl/8")),
        now: later(10),
        idle_expires_at: later(3610),
    }
}

pub(super) async fn rotates(db: Database) {
    furnish_with_family(&db.store).await;
    let mut expected = family("f1");
    expected.generation = 2;
    expected.current = Some(hash("f1-2"));
    expected.previous = Some(hash("f1-1"));
    expected.successor = Some(b"f1-2".to_vec());
    expected.rotated_at = Some(later(10));
    expected.rotated_from = Some(Place::new("192.0.2.0/24", "curl/8"));
    expected.idle_expires_at = later(3610);
    let rotated = db.store.rotate_family(family_id("f1"), step("f1-1", "f1-2")).await;
    assert_eq!(rotated, Ok(RotateFamily::Rotated(expected.clone())));
    assert_eq!(db.store.family(family_id("f1")).await, Ok(Some(expected.clone())));
    let lost = db.store.rotate_family(family_id("f1"), step("f1-1", "f1-3")).await;
    assert_eq!(lost, Ok(RotateFamily::Lost(expected)));
    assert_eq!(db.store.rotate_family(family_id("f9"), step("a", "b")).await, Ok(RotateFamily::Unknown));
}

pub(super) async fn one_of_64_parallel_rotations(db: Database) {
    furnish_with_family(&db.store).await;
    let nodes = [db.store.clone(), db.another_node()];
    for generation in 1..=10 {
        let mut racers = JoinSet::new();
        for (_, store) in (0..64).zip(nodes.iter().cycle().cloned()) {
            let next = format!("f1-{}", generation + 1);
            let step = step(&format!("f1-{generation}"), &next);
            racers.spawn(async move { store.rotate_family(family_id("f1"), step).await.unwrap() });
        }
        let outcomes = racers.join_all().await;
        let rotated = outcomes.iter().filter(|outcome| matches!(outcome, RotateFamily::Rotated(_))).count();
        let lost = outcomes.iter().filter(|outcome| matches!(outcome, RotateFamily::Lost(_))).count();
        assert_eq!((rotated, lost), (1, 63));
    }
    assert_eq!(db.store.family(family_id("f1")).await.unwrap().unwrap().generation, 11);
}

pub(super) async fn revoke_wins_over_rotate(db: Database) {
    const AT_ONCE: usize = 25;
    furnish(&db.store).await;
    let (store, other) = (db.store.clone(), db.another_node());
    for round in 0..rounds(60, 240) {
        let mut races = JoinSet::new();
        for number in 0..AT_ONCE {
            let (store, other) = (store.clone(), other.clone());
            races.spawn(async move { refresh_against_revoke(store, other, &format!("{round}-{number}")).await });
        }
        races.join_all().await;
    }
    let denied = db.store.denials_since(0).await.unwrap().entries;
    assert_eq!(denied.len(), rounds(60, 240) * AT_ONCE);
}

/// One race: three rotations and a revocation, from two nodes.
async fn refresh_against_revoke(store: Store, other: Store, name: &str) {
    let id = || family_id(&format!("f{name}"));
    let steps = |from: u32, to: &str| step(&format!("f{name}-{from}"), &format!("f{name}-{to}"));
    store.issue_code(code(&format!("c{name}")), None, NOON).await.unwrap();
    store.redeem_code(hash(&format!("c{name}")), NOON, family(&format!("f{name}"))).await.unwrap();
    let spawn = |store: &Store, to: &str| {
        let (store, id, step) = (store.clone(), id(), steps(1, to));
        tokio::spawn(async move { store.rotate_family(id, step).await.unwrap() })
    };
    let racers = [spawn(&store, "2a"), spawn(&other, "2b"), spawn(&store, "2c")];
    let revoked = other.revoke_family(id(), RevocationReason::Client, Reach::Immediate, NOON).await;
    assert_eq!(revoked, Ok(true));
    let mut won = 0;
    for racer in racers {
        won += usize::from(matches!(racer.await.unwrap(), RotateFamily::Rotated(_)));
    }
    assert!(won <= 1);
    let after = store.family(id()).await.unwrap().unwrap();
    assert!(after.revoked.is_some() && after.successor.is_none());
    for current in ["1", "2a", "2b", "2c"] {
        let again = Rotation { presented: hash(&format!("f{name}-{current}")), ..steps(1, "3") };
        assert_eq!(store.rotate_family(id(), again).await, Ok(RotateFamily::Lost(after.clone())));
    }
}

pub(super) async fn ended_does_not_rotate(db: Database) {
    furnish_with_family(&db.store).await;
    for end in [3600, 86_400] {
        let late = Rotation { now: later(end), idle_expires_at: later(end + 3600), ..step("f1-1", "f1-2") };
        let lost = db.store.rotate_family(family_id("f1"), late).await;
        assert_eq!(lost, Ok(RotateFamily::Lost(family("f1"))));
    }
}

/// A family that is used every hour ends with its life all the same.
pub(super) async fn ends_with_its_life_however_often_it_is_used(db: Database) {
    furnish_with_family(&db.store).await;
    let without_refresh = Family { current: None, ..family("f2") };
    db.store.begin_family(without_refresh, None, None).await.unwrap();
    let alive = async |at| db.store.live_families_of_client(client_id("demo-web"), later(at)).await.unwrap();
    assert_eq!((alive(3599).await, alive(3600).await), (1, 0));
    let used = Rotation { idle_expires_at: later(90_000), ..step("f1-1", "f1-2") };
    assert!(matches!(db.store.rotate_family(family_id("f1"), used).await, Ok(RotateFamily::Rotated(_))));
    assert_eq!((alive(86_399).await, alive(86_400).await), (1, 0));
    let keep = async |now| db.store.keep_family(family_id("f1"), hash("f1-2"), later(now), later(90_000)).await;
    assert_eq!((keep(86_399).await, keep(86_400).await), (Ok(true), Ok(false)));
    let late = Rotation { now: later(86_400), idle_expires_at: later(90_000), ..step("f1-2", "f1-3") };
    assert!(matches!(db.store.rotate_family(family_id("f1"), late).await, Ok(RotateFamily::Lost(_))));
}

/// A node whose clock is behind takes a revoked family for one that has not reached its idle end.
pub(super) async fn revoked_is_revoked_whatever_the_clock_says(db: Database) {
    furnish_with_family(&db.store).await;
    let revoked = db.store.revoke_family(family_id("f1"), RevocationReason::Client, Reach::Immediate, later(20)).await;
    assert_eq!(revoked, Ok(true));
    let ended = db.store.family(family_id("f1")).await.unwrap().unwrap();
    assert_eq!(ended.idle_expires_at, later(20));
    let lost = db.store.rotate_family(family_id("f1"), step("f1-1", "f1-2")).await;
    assert_eq!(lost, Ok(RotateFamily::Lost(ended)));
    assert_eq!(db.store.keep_family(family_id("f1"), hash("f1-1"), later(10), later(3610)).await, Ok(false));
    assert_eq!(db.store.live_families_of_client(client_id("demo-web"), later(10)).await, Ok(0));
}

pub(super) async fn revoking_all_of_a_user_is_of_that_user(db: Database) {
    furnish_with_family(&db.store).await;
    let bobs = Family { user_id: user_id("bob"), session_id: None, ..family("f2") };
    db.store.begin_family(bobs.clone(), None, None).await.unwrap();
    let revoke =
        async |reach| db.store.revoke_families_of_user(user_id("ada"), RevocationReason::Client, reach, later(1)).await;
    assert_eq!(revoke(Reach::RefreshOnly).await, Ok(1));
    assert_eq!(db.store.denials_since(0).await.unwrap().entries, []);
    assert_eq!(revoke(Reach::Immediate).await, Ok(0));
    assert_eq!(db.store.denials_since(0).await.unwrap().entries.len(), 1);
    assert_eq!(db.store.family(family_id("f2")).await, Ok(Some(bobs)));
}

pub(super) async fn lists_and_counts_are_of_one(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.create_client(client("other")).await.unwrap();
    for name in ["f2", "f3"] {
        let bobs = Family { user_id: user_id("bob"), client_id: client_id("other"), session_id: None, ..family(name) };
        assert_eq!(db.store.begin_family(bobs, None, None).await, Ok(BeginFamily::Begun));
    }
    let names = |found: Vec<Family>| found.into_iter().map(|family| family.id.to_string()).collect::<Vec<_>>();
    for (user, client, expected) in [("ada", "demo-web", &["f1"][..]), ("bob", "other", &["f2", "f3"])] {
        assert_eq!(names(db.store.families_of_user(user_id(user)).await.unwrap()), expected);
        assert_eq!(names(db.store.families_of_client(client_id(client)).await.unwrap()), expected);
        let live = db.store.live_families_of_client(client_id(client), later(1)).await.unwrap();
        assert_eq!(usize::try_from(live), Ok(expected.len()));
    }
}

/// Room is made by the oldest of this user at this client, and only when there is none: what has ended takes up none.
pub(super) async fn room_is_made_by_ones_own(db: Database) {
    furnish(&db.store).await;
    db.store.create_client(client("other")).await.unwrap();
    let begin = async |family| db.store.begin_family(family, None, None).await.unwrap();
    begin(Family { client_id: client_id("other"), ..family("elsewhere") }).await;
    begin(Family { user_id: user_id("bob"), session_id: None, ..family("bobs") }).await;
    for number in 0..MOST_ALIVE {
        begin(Family { created_at: later(1), ..family(&format!("n{number}")) }).await;
    }
    let revoke = db.store.revoke_family(family_id("n1"), RevocationReason::Client, Reach::RefreshOnly, later(2)).await;
    assert_eq!(revoke, Ok(true));
    begin(Family { created_at: later(3), ..family("fits") }).await;
    let superseded = async || {
        let all = db.store.families_of_user(user_id("ada")).await.unwrap();
        all.into_iter().filter(|it| it.revoked.is_some_and(|it| it.reason == RevocationReason::Superseded)).count()
    };
    assert_eq!(superseded().await, 0);
    begin(Family { created_at: later(3), ..family("too-many") }).await;
    assert_eq!(superseded().await, 1);
    for name in ["elsewhere", "bobs"] {
        assert_eq!(db.store.family(family_id(name)).await.unwrap().unwrap().revoked, None, "{name}");
    }
}

/// Whose family this browser had before decides how far its end reaches.
pub(super) async fn a_new_family_ends_the_one_it_replaces(db: Database) {
    furnish_with_family(&db.store).await;
    let begin = async |name: &str, user: &str, replaces: &str| {
        let new = Family { user_id: user_id(user), session_id: None, ..family(name) };
        assert_eq!(db.store.begin_family(new, Some(family_id(replaces)), None).await, Ok(BeginFamily::Begun));
        let old = db.store.family(family_id(replaces)).await.unwrap().unwrap();
        assert_eq!(old.revoked.map(|revoked| revoked.reason), Some(RevocationReason::Logout), "{replaces}");
        db.store.denials_since(0).await.unwrap().entries.len()
    };
    assert_eq!(begin("f2", "ada", "f1").await, 0);
    assert_eq!(begin("f3", "bob", "f2").await, 1);
}

/// A password takes long to compare, and meanwhile it may change; a client may be disabled.
pub(super) async fn begins_only_for_what_stands(db: Database) {
    furnish(&db.store).await;
    db.store.create_client(client("other")).await.unwrap();
    let former = PasswordHash::from_phc("$former");
    let begin = async |proven| db.store.begin_family(family("f1"), None, proven).await;
    assert_eq!(begin(Some(former)).await, Ok(BeginFamily::PasswordChanged));
    let disabled =
        |disabled| db.store.replace_client(signet::domain::client::Client { disabled, ..client("demo-web") });
    disabled(true).await.unwrap();
    assert_eq!(begin(user("ada").password).await, Ok(BeginFamily::Gone));
    disabled(false).await.unwrap();
    assert_eq!(begin(user("ada").password).await, Ok(BeginFamily::Begun));
}

pub(super) async fn the_oldest_makes_room(db: Database) {
    furnish(&db.store).await;
    let begin = async |number: i64| {
        let name = format!("n{number}");
        db.store.issue_code(code(&name), None, NOON).await.unwrap();
        // Many at one instant too: the new one itself is never the one that ends.
        let created_at = NOON.plus(Duration::from_secs(u64::try_from(number / 10).unwrap()));
        let family = Family { created_at, ..family(&name) };
        assert_eq!(db.store.redeem_code(hash(&name), NOON, family).await, Ok(RedeemCode::Fresh));
        let own = db.store.family(family_id(&name)).await.unwrap().unwrap();
        assert!(own.revoked.is_none(), "{name}");
    };
    for number in 0..MOST_ALIVE {
        begin(number).await;
    }
    let alive = async || db.store.live_families_of_client(client_id("demo-web"), NOON).await.unwrap();
    assert_eq!(alive().await, MOST_ALIVE);
    for number in MOST_ALIVE..MOST_ALIVE + 15 {
        begin(number).await;
    }
    assert_eq!(alive().await, MOST_ALIVE);
    let families = db.store.families_of_user(user_id("ada")).await.unwrap();
    let ended = families.iter().filter(|family| family.revoked.is_some());
    for family in ended {
        assert_eq!(family.revoked.unwrap().reason, RevocationReason::Superseded);
        assert!(family.created_at < later(2), "{family:?}");
    }
}

pub(super) async fn keeps_without_rotating(db: Database) {
    furnish_with_family(&db.store).await;
    let keep = async |presented: &str, now: u64| {
        db.store.keep_family(family_id("f1"), hash(presented), later(now), later(now + 3600)).await.unwrap()
    };
    assert!(keep("f1-1", 100).await);
    let kept = Family { idle_expires_at: later(3700), ..family("f1") };
    assert_eq!(db.store.family_and_user(family_id("f1")).await, Ok(Some((kept, Some(user("ada"))))));
    assert!(!keep("f1-2", 100).await);
    assert!(!keep("f1-1", 3700).await);
    assert_eq!(db.store.family_and_user(family_id("f2")).await, Ok(None));
    assert_eq!(
        db.store.revoke_family(family_id("f1"), RevocationReason::Client, Reach::Immediate, later(200)).await,
        Ok(true)
    );
    assert!(!keep("f1-1", 201).await);
}

pub(super) async fn userinfo_in_one_question(db: Database) {
    furnish_with_family(&db.store).await;
    let found = db.store.userinfo(family_id("f1")).await;
    assert_eq!(found, Ok(Some((family("f1"), user("ada")))));
    assert_eq!(db.store.userinfo(family_id("f2")).await, Ok(None));
}

pub(super) async fn first_reason_stays(db: Database) {
    furnish_with_family(&db.store).await;
    let id = || family_id("f1");
    assert_eq!(
        db.store.revoke_family(id(), RevocationReason::RefreshReused, Reach::Immediate, later(1)).await,
        Ok(true)
    );
    assert_eq!(db.store.revoke_family(id(), RevocationReason::Client, Reach::Immediate, later(2)).await, Ok(false));
    assert_eq!(
        db.store.revoke_families_of_user(user_id("ada"), RevocationReason::Client, Reach::Immediate, later(3)).await,
        Ok(0)
    );
    let revoked = db.store.family(id()).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!((revoked.at, revoked.reason), (later(1), RevocationReason::RefreshReused));
}
