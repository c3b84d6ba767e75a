use std::time::Duration;

use signet::domain::client::Client;
use signet::domain::code::Code;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::store::code::IssueCode;
use signet::store::code::RedeemCode;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns::*;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

pub(super) async fn co_01_second_use_revokes_the_family(db: Database) {
    furnish(&db.store).await;
    assert_eq!(db.store.issue_code(code("c1"), None, NOON).await, Ok(IssueCode::Issued));
    assert_eq!(db.store.code(hash("c1")).await, Ok(Some(code("c1"))));
    assert_eq!(db.store.code_and_user(hash("c1")).await, Ok(Some((code("c1"), Some(user("ada"))))));
    assert_eq!(db.store.code_and_user(hash("c9")).await, Ok(None));
    assert_eq!(db.store.redeem_code(hash("c1"), later(1), family("f1")).await, Ok(RedeemCode::Fresh));
    assert_eq!(db.store.family(family_id("f1")).await, Ok(Some(family("f1"))));
    let used = db.store.code(hash("c1")).await.unwrap().unwrap().redeemed.unwrap();
    assert_eq!((used.at, used.family_id), (later(1), family_id("f1")));
    // Also long after it has expired.
    let again = db.store.redeem_code(hash("c1"), later(1000), family("f2")).await;
    assert_eq!(again, Ok(RedeemCode::Replayed { family_id: family_id("f1") }));
    let revoked = db.store.family(family_id("f1")).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!((revoked.at, revoked.reason), (later(1000), RevocationReason::CodeReplayed));
    assert_eq!(db.store.family(family_id("f2")).await, Ok(None));
}

pub(super) async fn co_02_one_of_64_parallel_redemptions(db: Database) {
    furnish(&db.store).await;
    let nodes = [db.store.clone(), db.another_node(), db.another_node()];
    for round in 0..10 {
        let name = format!("c{round}");
        db.store.issue_code(code(&name), None, NOON).await.unwrap();
        let mut racers = JoinSet::new();
        for (racer, store) in (0..64).zip(nodes.iter().cycle().cloned()) {
            let family = family(&format!("f{round}-{racer}"));
            let hash = hash(&name);
            racers.spawn(async move {
                let id = family.id.clone();
                (id, store.redeem_code(hash, later(1), family).await.unwrap())
            });
        }
        let outcomes = racers.join_all().await;
        let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == RedeemCode::Fresh).collect();
        assert_eq!(winners.len(), 1);
        let winner = &winners.first().unwrap().0;
        let replayed = RedeemCode::Replayed { family_id: winner.clone() };
        assert_eq!(outcomes.iter().filter(|(_, outcome)| *outcome == replayed).count(), 63);
        assert!(db.store.family(winner.clone()).await.unwrap().unwrap().revoked.is_some());
    }
    assert_eq!(db.store.families_of_user(user_id("ada")).await.unwrap().len(), 10);
}

pub(super) async fn co_03_bound_to_its_client(db: Database) {
    furnish(&db.store).await;
    db.store.create_client(client("other")).await.unwrap();
    db.store.issue_code(code("c1"), None, NOON).await.unwrap();
    let mut foreign = family("f2");
    foreign.client_id = client_id("other");
    assert_eq!(db.store.redeem_code(hash("c1"), NOON, foreign).await, Ok(RedeemCode::Unknown));
    let mut foreign = family("f3");
    foreign.user_id = user_id("bob");
    assert_eq!(db.store.redeem_code(hash("c1"), NOON, foreign).await, Ok(RedeemCode::Unknown));
    assert_eq!(db.store.redeem_code(hash("c1"), NOON, family("f1")).await, Ok(RedeemCode::Fresh));
}

pub(super) async fn co_05_expiry(db: Database) {
    furnish(&db.store).await;
    for name in ["c1", "c2"] {
        db.store.issue_code(code(name), None, NOON).await.unwrap();
    }
    assert_eq!(db.store.redeem_code(hash("c1"), later(59), family("f1")).await, Ok(RedeemCode::Fresh));
    assert_eq!(db.store.redeem_code(hash("c2"), later(60), family("f2")).await, Ok(RedeemCode::Unknown));
    assert_eq!(db.store.redeem_code(hash("c3"), later(1), family("f3")).await, Ok(RedeemCode::Unknown));
}

/// Password change, deletion and switch of user are cases of their nouns.
pub(super) async fn co_08_user_or_client_or_session_ended(db: Database) {
    furnish(&db.store).await;
    for name in ["c1", "c2", "c3"] {
        db.store.issue_code(code(name), None, NOON).await.unwrap();
    }
    let mut disabled = client("demo-web");
    disabled.disabled = true;
    db.store.replace_client(disabled).await.unwrap();
    assert_eq!(db.store.redeem_code(hash("c1"), NOON, family("f1")).await, Ok(RedeemCode::Unknown));
    db.store.replace_client(client("demo-web")).await.unwrap();
    assert_eq!(db.store.redeem_code(hash("c1"), NOON, family("f1")).await, Ok(RedeemCode::Fresh));
    db.store.end_session(session_id("s1"), Reach::Immediate, NOON).await.unwrap();
    assert_eq!(db.store.redeem_code(hash("c2"), NOON, family("f2")).await, Ok(RedeemCode::Unknown));
    // One that was issued by a page that had seen the session alive.
    db.store.issue_code(code("c4"), None, NOON).await.unwrap();
    assert_eq!(db.store.redeem_code(hash("c4"), NOON, family("f4")).await, Ok(RedeemCode::Unknown));
}

/// Each of the three must stand, and not just any of its kind: bob, his session and another client do.
pub(super) async fn co_08_each_must_stand_itself(db: Database) {
    furnish(&db.store).await;
    db.store.create_client(client("other")).await.unwrap();
    db.store.begin_session(session("s2", "bob"), None, None).await.unwrap();
    let issue = async |name: &str, sid: &str| {
        let code = Code { session_id: session_id(sid), ..code(name) };
        assert_eq!(db.store.issue_code(code, None, NOON).await, Ok(IssueCode::Issued));
    };
    let redeem = async |name: &str| db.store.redeem_code(hash(name), NOON, family(name)).await;
    db.store.set_user_disabled(user_id("ada"), true, NOON).await.unwrap();
    issue("c1", "s2").await;
    assert_eq!(redeem("c1").await, Ok(RedeemCode::Unknown), "the user is disabled");
    db.store.set_user_disabled(user_id("ada"), false, NOON).await.unwrap();
    db.store.replace_client(Client { disabled: true, ..client("demo-web") }).await.unwrap();
    issue("c2", "s2").await;
    assert_eq!(redeem("c2").await, Ok(RedeemCode::Unknown), "the client is disabled");
    db.store.replace_client(client("demo-web")).await.unwrap();
    issue("c3", "s1").await;
    assert_eq!(redeem("c3").await, Ok(RedeemCode::Unknown), "the session ended with the user");
    issue("c4", "s2").await;
    assert_eq!(redeem("c4").await, Ok(RedeemCode::Fresh));
}

/// Whoever comes first: after both, no family of the disabled user lives.
pub(super) async fn co_08_redemption_against_disabling(db: Database) {
    furnish(&db.store).await;
    let other = db.another_node();
    for round in 0..20 {
        let sid = format!("r{round}");
        db.store.begin_session(session(&sid, "ada"), None, None).await.unwrap();
        let mut fresh = code(&format!("c{round}"));
        fresh.session_id = session_id(&sid);
        let hash = fresh.hash;
        db.store.issue_code(fresh, None, NOON).await.unwrap();
        let (redeemed, disabled) = tokio::join!(
            db.store.redeem_code(hash, NOON, family(&format!("f{round}"))),
            other.set_user_disabled(user_id("ada"), true, NOON),
        );
        assert!(matches!(redeemed, Ok(RedeemCode::Fresh | RedeemCode::Unknown)), "{redeemed:?}");
        assert_eq!(disabled, Ok(true));
        let families = db.store.families_of_user(user_id("ada")).await.unwrap();
        assert!(families.iter().all(|family| family.revoked.is_some()));
        db.store.set_user_disabled(user_id("ada"), false, NOON).await.unwrap();
    }
}

pub(super) async fn one_attempt_issues_once(db: Database) {
    furnish(&db.store).await;
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    let finishes = || Some(request_id("a1"));
    assert_eq!(db.store.issue_code(code("late"), finishes(), later(1800)).await, Ok(IssueCode::AttemptGone));
    assert_eq!(db.store.issue_code(code("c1"), finishes(), later(1)).await, Ok(IssueCode::Issued));
    assert_eq!(db.store.issue_code(code("c2"), finishes(), later(2)).await, Ok(IssueCode::AttemptGone));
    assert_eq!(db.store.code(hash("c2")).await, Ok(None));
    assert_eq!(db.store.attempt(request_id("a1")).await.unwrap().unwrap().finished_at, Some(later(1)));
}

pub(super) async fn parallel_issues_of_one_attempt(db: Database) {
    furnish(&db.store).await;
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    let mut racers = JoinSet::new();
    for racer in 0..32 {
        let store = db.store.clone();
        let code = code(&format!("c{racer}"));
        racers.spawn(async move { store.issue_code(code, Some(request_id("a1")), later(1)).await.unwrap() });
    }
    let issued = racers.join_all().await.into_iter().filter(|outcome| *outcome == IssueCode::Issued).count();
    assert_eq!(issued, 1);
}

/// The user is being disabled, which nobody else can see yet: the redemption waits for the end of that, and loses.
#[test]
fn co_08_redemption_waits_for_a_user_who_is_being_disabled() {
    let Some(db) = Database::new(Kind::Postgres) else { return left_out() };
    let name = db.url.split(['/', '?']).nth(3).unwrap().to_owned();
    block_on(async {
        furnish(&db.store).await;
        db.store.issue_code(code("c1"), None, NOON).await.unwrap();
        let disabling = tokio::task::spawn_blocking(move || {
            let sql = "BEGIN; UPDATE users SET disabled = true WHERE id = 'ada'; SELECT pg_sleep(1); COMMIT";
            Cluster::shared().unwrap().psql(&name, sql)
        });
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(db.store.redeem_code(hash("c1"), NOON, family("f1")).await, Ok(RedeemCode::Unknown));
        assert_eq!(db.store.family(family_id("f1")).await, Ok(None));
        disabling.await.unwrap();
    });
}
