use std::collections::BTreeSet;

use signet::domain::client::ApplicationType;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::logout::Delivery;
use signet::domain::uri::RedirectUri;

use crate::support::database::Database;
use crate::support::nouns::*;

/// demo-web wants to be told; ada's session `s1` has signed in to it.
async fn furnish_told(db: &Database) {
    furnish(&db.store).await;
    let mut told = client("demo-web");
    told.logout.backchannel_logout_uri =
        Some(RedirectUri::register("https://c1.test/bc", ApplicationType::Web).unwrap());
    assert_eq!(db.store.replace_client(told).await, Ok(true));
    db.store.issue_code(code("c1"), None, NOON).await.unwrap();
    db.store.redeem_code(hash("c1"), NOON, family("f1")).await.unwrap();
}

fn delivery(attempts: i64) -> Delivery {
    Delivery {
        session_id: session_id("s1"),
        client_id: client_id("demo-web"),
        user_id: user_id("ada"),
        ended_at: later(1),
        attempts,
    }
}

pub(super) async fn a_session_knows_whom_it_has_signed_in_to(db: Database) {
    furnish_with_family(&db.store).await;
    assert_eq!(db.store.clients_of_session(session_id("s1")).await, Ok(vec![client_id("demo-web")]));
    assert_eq!(db.store.clients_of_session(session_id("s2")).await, Ok(Vec::new()));
    // Nobody wants to be told.
    db.store.end_session(session_id("s1"), Reach::Immediate, later(1)).await.unwrap();
    assert_eq!(db.store.waiting_deliveries().await, Ok(0));
    // It goes with the session.
    db.store.sweep(later(90 * 86_400), NOON, 100).await.unwrap();
    assert_eq!(db.store.clients_of_session(session_id("s1")).await, Ok(Vec::new()));
}

pub(super) async fn word_of_an_end_is_queued_once_and_taken_once(db: Database) {
    furnish_told(&db).await;
    for _ in 0..2 {
        db.store.end_session(session_id("s1"), Reach::RefreshOnly, later(1)).await.unwrap();
        db.store.sign_out_user(user_id("ada"), RevocationReason::Logout, Reach::Immediate, later(2)).await.unwrap();
    }
    assert_eq!(db.store.waiting_deliveries().await, Ok(1));
    assert_eq!(db.store.claim_deliveries(later(1), later(31), 10).await, Ok(vec![delivery(1)]));
    assert_eq!(db.store.claim_deliveries(later(30), later(60), 10).await, Ok(Vec::new()), "somebody has it");
    // Whoever had it has said nothing: it is due again.
    assert_eq!(db.store.claim_deliveries(later(31), later(61), 10).await, Ok(vec![delivery(2)]));
    // The first one wakes up: the second one's turn stays as it is.
    db.store.put_off_delivery(delivery(1), later(32)).await.unwrap();
    assert_eq!(db.store.claim_deliveries(later(40), later(70), 10).await, Ok(Vec::new()));
    db.store.put_off_delivery(delivery(2), later(45)).await.unwrap();
    assert_eq!(db.store.claim_deliveries(later(45), later(75), 10).await, Ok(vec![delivery(3)]));
    db.store.finish_delivery(delivery(3)).await.unwrap();
    assert_eq!(db.store.waiting_deliveries().await, Ok(0));
}

pub(super) async fn one_of_16_parallel_claims(db: Database) {
    furnish_told(&db).await;
    let mut expected = BTreeSet::from([session_id("s1")]);
    for number in 2..30 {
        let name = format!("s{number}");
        db.store.begin_session(session(&name, "ada"), None, None).await.unwrap();
        let mut code = code(&format!("c{number}"));
        code.session_id = session_id(&name);
        let hash = code.hash;
        db.store.issue_code(code, None, NOON).await.unwrap();
        db.store.redeem_code(hash, NOON, family(&format!("f{number}"))).await.unwrap();
        expected.insert(session_id(&name));
    }
    db.store.sign_out_user(user_id("ada"), RevocationReason::Logout, Reach::Immediate, later(1)).await.unwrap();
    let claims = (0..16).map(|_| {
        let node = db.another_node();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let more = node.claim_deliveries(later(2), later(32), 5).await.unwrap();
                if more.is_empty() {
                    return claimed;
                }
                claimed.extend(more);
            }
        })
    });
    let mut claimed = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        claimed.extend(claim.await.unwrap());
    }
    assert!(claimed.iter().all(|delivery| delivery.attempts == 1), "each by one only");
    assert_eq!(claimed.len(), expected.len());
    assert_eq!(claimed.into_iter().map(|delivery| delivery.session_id).collect::<BTreeSet<_>>(), expected);
}

pub(super) async fn what_one_application_had_is_taken_back(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.create_client(client("other")).await.unwrap();
    let mut kept = code("c2");
    kept.client_id = client_id("other");
    let mut others = family("f2");
    others.client_id = client_id("other");
    db.store.issue_code(kept, None, NOON).await.unwrap();
    db.store.redeem_code(hash("c2"), NOON, others).await.unwrap();
    db.store.issue_code(code("c3"), None, NOON).await.unwrap();
    assert_eq!(db.store.remove_access(user_id("ada"), client_id("demo-web"), later(1)).await, Ok(true));
    assert_eq!(db.store.remove_access(user_id("ada"), client_id("demo-web"), later(1)).await, Ok(false));
    assert_eq!(db.store.remove_access(user_id("bob"), client_id("other"), later(1)).await, Ok(false));
    let reason = |family: signet::domain::family::Family| family.revoked.map(|revoked| revoked.reason);
    let f1 = db.store.family(family_id("f1")).await.unwrap().unwrap();
    assert_eq!(reason(f1), Some(RevocationReason::AccessRemoved));
    assert_eq!(reason(db.store.family(family_id("f2")).await.unwrap().unwrap()), None);
    assert_eq!(db.store.code(hash("c3")).await, Ok(None), "an unused code is gone");
    assert_eq!(db.store.denials_since(0).await.unwrap().entries.len(), 1);
}

pub(super) async fn live_sessions_are_listed(db: Database) {
    furnish(&db.store).await;
    db.store.begin_session(session("s2", "bob"), None, None).await.unwrap();
    db.store.begin_session(session("s3", "ada"), None, None).await.unwrap();
    let names = |found: Vec<(signet::domain::session::Session, signet::domain::user::User)>| {
        found.into_iter().map(|(session, user)| (session.id.to_string(), user.id.to_string())).collect::<Vec<_>>()
    };
    let pair = |session: &str, user: &str| (session_id(session).to_string(), user_id(user).to_string());
    db.store.touch_session(hash("s1"), later(5), later(3600)).await.unwrap();
    let all = names(db.store.live_sessions(None, later(1), 10).await.unwrap());
    assert_eq!(all, [pair("s1", "ada"), pair("s2", "bob"), pair("s3", "ada")]);
    let adas = names(db.store.live_sessions(Some(user_id("ada")), later(1), 10).await.unwrap());
    assert_eq!(adas, [pair("s1", "ada"), pair("s3", "ada")]);
    db.store.end_session(session_id("s1"), Reach::Immediate, later(6)).await.unwrap();
    assert_eq!(db.store.live_sessions(Some(user_id("ada")), later(1), 10).await.unwrap().len(), 1);
    assert_eq!(db.store.live_sessions(None, later(90 * 86_400), 10).await.unwrap().len(), 0, "expired");
    assert_eq!(db.store.session_by_id(session_id("s2")).await.unwrap().unwrap().1, user("bob"));
}
