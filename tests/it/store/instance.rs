use signet::domain::family::Family;
use signet::store::family::BeginFamily;
use signet::store::instance::SetUp;
use signet::store::sweep::Swept;
use signet::store::sweep::SweptFamilies;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

pub(super) async fn answers_a_ping(db: Database) {
    assert_eq!(db.store.ping().await, Ok(()));
}

pub(super) async fn first_value_stays(db: Database) {
    assert_eq!(db.store.instance_value("salt").await, Ok(None));
    let mut racers = JoinSet::new();
    for racer in 0..16 {
        let store = db.store.clone();
        racers.spawn(async move { store.put_instance_value_if_absent("salt", vec![racer]).await.unwrap() });
    }
    let told = racers.join_all().await;
    let stored = db.store.instance_value("salt").await.unwrap().unwrap();
    assert!(told.iter().all(|value| *value == stored));
}

pub(super) async fn setup_link_works_once(db: Database) {
    db.store.put_setup_link(hash("l1"), later(60)).await.unwrap();
    db.store.put_setup_link(hash("l2"), later(60)).await.unwrap();
    assert_eq!(db.store.setup_link(hash("l1"), NOON).await, Ok(false));
    assert_eq!(db.store.setup_link(hash("l2"), NOON).await, Ok(true));
    assert_eq!(db.store.set_up(hash("l2"), user("late"), later(60)).await, Ok(SetUp::LinkGone));
    assert_eq!(db.store.set_up(hash("l1"), user("old"), NOON).await, Ok(SetUp::LinkGone));
    // Somebody had the address first: the link is as good as before.
    db.store.create_user(user("taken")).await.unwrap();
    assert_eq!(db.store.set_up(hash("l2"), user("taken"), NOON).await, Ok(SetUp::EmailTaken));
    assert_eq!(db.store.setup_link(hash("l2"), NOON).await, Ok(true));
    let mut racers = JoinSet::new();
    for racer in 0..16 {
        let store = db.store.clone();
        let user = user(&format!("u{racer}"));
        racers.spawn(async move { store.set_up(hash("l2"), user, later(59)).await.unwrap() });
    }
    let ended = racers.join_all().await;
    assert_eq!(ended.iter().filter(|end| **end == SetUp::Done).count(), 1, "{ended:?}");
    assert_eq!(ended.iter().filter(|end| **end == SetUp::LinkGone).count(), 15, "{ended:?}");
    // Nobody who came too late is half made.
    assert_eq!(db.store.users(None, 100).await.unwrap().len(), 2);
}

pub(super) async fn sweeps_what_is_over(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    db.store.begin_attempt(attempt("a2", "b2"), 10).await.unwrap();
    let policy = signet::store::throttle::Policy {
        limit: 1,
        window: std::time::Duration::from_mins(1),
        block: std::time::Duration::from_mins(1),
    };
    db.store.throttle_take([1; 32], NOON, policy).await.unwrap();
    db.store.put_setup_link(hash("l1"), later(60)).await.unwrap();
    for id in ["t1", "t2"] {
        db.store.deny_token(signet::domain::ids::TokenId::new(id).unwrap(), later(60), NOON).await.unwrap();
    }
    for id in [[1; 32], [2; 32]] {
        db.store.spend_assertion(id, later(60)).await.unwrap();
    }
    assert_eq!(db.store.sweep(later(59), later(59), 10).await, Ok(Swept::default()));
    let swept = db.store.sweep(later(3 * 86_400), later(0), 1).await.unwrap();
    let one = Swept {
        attempts: 1,
        codes: 1,
        sessions: 1,
        denials: 1,
        assertions: 1,
        throttles: 1,
        setup_links: 1,
        initial_tokens: 0,
        readers: 0,
        usage: 0,
        audit: 0,
    };
    assert_eq!(swept, one);
    assert!(swept.more(1));
    let swept = db.store.sweep(later(3 * 86_400), later(0), 10).await.unwrap();
    assert_eq!(swept, Swept { attempts: 1, denials: 1, assertions: 1, ..Swept::default() });
}

pub(super) async fn families_are_swept_in_turn(db: Database) {
    furnish_with_family(&db.store).await;
    for (name, idle_end) in [("f2", 3601), ("f3", 3600), ("f4", 60), ("f5", 60)] {
        let new = Family { idle_expires_at: later(idle_end), ..family(name) };
        assert_eq!(db.store.begin_family(new, None, None).await, Ok(BeginFamily::Begun));
    }
    let day_later = later(3600 + 86_400);
    let mut last = None;
    for (gone, next) in [(1, Some("f2")), (2, Some("f4")), (1, None)] {
        let swept = db.store.sweep_families(last, day_later, 2).await.unwrap();
        assert_eq!(swept, SweptFamilies { gone, last: next.map(family_id) });
        last = swept.last;
    }
    let left = db.store.families_of_user(user_id("ada")).await.unwrap();
    assert_eq!(left.into_iter().map(|family| family.id).collect::<Vec<_>>(), [family_id("f2")]);
}

pub(super) async fn time_moves_on_only(db: Database) {
    assert_eq!(db.store.newest_time().await, Ok(None));
    for (told, newest) in [(5, 5), (4, 5), (70_000, 70_000), (69_999, 70_000), (16_777_216, 16_777_216)] {
        db.store.move_time_on(later(told)).await.unwrap();
        assert_eq!(db.store.newest_time().await, Ok(Some(later(newest))));
    }
    let clock = signet::ambient::SystemClock::new();
    let here = signet::ambient::Clock::unix_micros(&clock);
    // The server of the tests runs on this machine.
    if let Some(there) = db.store.database_time().await.unwrap() {
        assert!((there.micros() - here).abs() < 5_000_000, "{there}");
    }
}
