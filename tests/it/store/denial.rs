use std::collections::BTreeSet;
use std::time::Duration;

use signet::domain::denial::Denial;
use signet::domain::denial::Denied;
use signet::domain::denial::outlasts;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::TokenId;
use signet::store::Store;
use signet::store::denial::NewDenials;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

fn grant(id: &str, at: u64) -> Denial {
    Denial { denied: Denied::Grant(family_id(id)), expires_at: outlasts(later(at)) }
}

async fn new(store: &Store, seq: &mut i64) -> Vec<Denial> {
    let NewDenials { entries, seq: now } = store.denials_since(*seq).await.unwrap();
    assert_eq!(store.versions().await.unwrap().denials, now);
    *seq = now;
    entries
}

async fn begin(store: &Store, id: &str) {
    store.issue_code(code(&format!("c-{id}")), None, NOON).await.unwrap();
    store.redeem_code(hash(&format!("c-{id}")), NOON, family(id)).await.unwrap();
}

pub(super) async fn every_end_that_reaches_so_far_denies(db: Database) {
    let (store, mut seq) = (&db.store, 0);
    furnish(store).await;
    for id in ["f1", "f2", "f3", "f4"] {
        begin(store, id).await;
    }
    assert_eq!(new(store, &mut seq).await, []);
    let by_client = RevocationReason::Client;
    assert_eq!(store.revoke_family(family_id("f1"), by_client, Reach::RefreshOnly, later(1)).await, Ok(true));
    assert_eq!(new(store, &mut seq).await, []);
    assert_eq!(store.revoke_family(family_id("f2"), by_client, Reach::Immediate, later(2)).await, Ok(true));
    assert_eq!(new(store, &mut seq).await, [grant("f2", 2)]);
    store.redeem_code(hash("c-f3"), later(3), family("f9")).await.unwrap();
    assert_eq!(new(store, &mut seq).await, [grant("f3", 3)]);
    assert_eq!(store.end_session(session_id("s1"), Reach::Immediate, later(4)).await, Ok(true));
    // Also the one whose refresh token had ended before: its access tokens had not.
    let ended: BTreeSet<_> = new(store, &mut seq).await.into_iter().map(|entry| format!("{entry:?}")).collect();
    assert_eq!(ended, [grant("f1", 4), grant("f4", 4)].map(|entry| format!("{entry:?}")).into());

    store.begin_session(session("s2", "ada"), None, None).await.unwrap();
    let begin = async |id: &str| {
        let of_s2 = signet::domain::code::Code { session_id: session_id("s2"), ..code(&format!("c-{id}")) };
        store.issue_code(of_s2, None, NOON).await.unwrap();
        store.redeem_code(hash(&format!("c-{id}")), NOON, family(id)).await.unwrap();
    };
    begin("f5").await;
    assert_eq!(
        store
            .revoke_families_of_user(user_id("ada"), RevocationReason::Administrator, Reach::Immediate, later(5))
            .await,
        Ok(1)
    );
    assert_eq!(new(store, &mut seq).await, [grant("f5", 5)]);
    begin("f6").await;
    store.delete_client(client_id("demo-web"), later(6)).await.unwrap();
    assert_eq!(new(store, &mut seq).await, [grant("f6", 6)]);
    store.create_client(client("demo-web")).await.unwrap();
    begin("f7").await;
    store.set_user_disabled(user_id("ada"), true, later(7)).await.unwrap();
    assert_eq!(new(store, &mut seq).await, [grant("f7", 7)]);
    assert_eq!(store.denials_since(0).await.unwrap().entries.len(), 7);
}

pub(super) async fn a_later_end_may_reach_further(db: Database) {
    furnish_with_family(&db.store).await;
    let mut seq = 0;
    let end =
        async |reach, at| db.store.revoke_family(family_id("f1"), RevocationReason::Logout, reach, later(at)).await;
    assert_eq!(end(Reach::RefreshOnly, 1).await, Ok(true));
    assert_eq!(new(&db.store, &mut seq).await, []);
    assert_eq!(end(Reach::Immediate, 2).await, Ok(false));
    assert_eq!(new(&db.store, &mut seq).await, [grant("f1", 2)]);
    assert_eq!(end(Reach::Immediate, 3).await, Ok(false));
    assert_eq!(new(&db.store, &mut seq).await, []);
    let revoked = db.store.family(family_id("f1")).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!(revoked.at, later(1));
}

pub(super) async fn a_token_is_denied_once(db: Database) {
    let id = || TokenId::new("jti_1").unwrap();
    assert_eq!(db.store.deny_token(id(), later(60), NOON).await, Ok(true));
    assert_eq!(db.store.deny_token(id(), later(90), NOON).await, Ok(false));
    let mut seq = 0;
    assert_eq!(new(&db.store, &mut seq).await, [Denial { denied: Denied::Token(id()), expires_at: later(60) }]);
    let kept = db.store.sweep(later(179), later(0), 10).await.unwrap().denials;
    assert_eq!((kept, db.store.sweep(later(180), later(0), 10).await.unwrap().denials), (0, 1));
    assert_eq!(db.store.denials_since(0).await.unwrap().entries, []);
}

/// Transactions commit in another order than they begin; clocks differ. A reader that always goes on from where it
/// was still gets every entry.
pub(super) async fn none_is_missed_by_a_reader_in_between(db: Database) {
    furnish(&db.store).await;
    let nodes = [db.store.clone(), db.another_node()];
    let mut writers = JoinSet::new();
    for (number, store) in (0..300).zip(nodes.iter().cycle().cloned()) {
        begin(&store, &format!("f{number}")).await;
        writers.spawn(async move {
            let now = if number % 2 == 0 { later(30) } else { NOON.minus(Duration::from_secs(30)) };
            let done = if number % 3 == 0 {
                store.deny_token(TokenId::new(format!("f{number}")).unwrap(), later(600), now).await
            } else {
                let id = family_id(&format!("f{number}"));
                store.revoke_family(id, RevocationReason::Client, Reach::Immediate, now).await
            };
            assert_eq!(done, Ok(true));
        });
    }
    let reader = db.another_node();
    let (mut seq, mut seen) = (0, BTreeSet::new());
    let mut done = false;
    while !done {
        done = writers.is_empty();
        while writers.try_join_next().is_some() {}
        let new = reader.denials_since(seq).await.unwrap();
        assert!(new.seq >= seq);
        seq = new.seq;
        for entry in new.entries {
            assert!(seen.insert(format!("{:?}", entry.denied)), "twice: {entry:?}");
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.len(), 300);
}

pub(super) async fn none_without_a_token_that_could_be_out(db: Database) {
    furnish(&db.store).await;
    for id in ["old", "new"] {
        begin(&db.store, id).await;
    }
    // The idle end of `old` was long ago: its last access token has expired.
    let at = later(3600 + 3600 + 121);
    let moved = signet::store::family::Rotation {
        presented: hash("new-1"),
        next: hash("new-2"),
        successor: Vec::new(),
        from: None,
        now: later(3000),
        idle_expires_at: at,
    };
    db.store.rotate_family(family_id("new"), moved).await.unwrap();
    let ended = db.store.revoke_families_of_user(user_id("ada"), RevocationReason::Client, Reach::Immediate, at).await;
    assert_eq!(ended, Ok(2));
    let denied = db.store.denials_since(0).await.unwrap().entries;
    assert_eq!(denied, [Denial { denied: Denied::Grant(family_id("new")), expires_at: outlasts(at) }]);
}

pub(super) async fn none_at_a_sign_out_long_after(db: Database) {
    furnish_with_family(&db.store).await;
    let at = later(3600 + 3600 + 121);
    assert_eq!(db.store.end_session(session_id("s1"), Reach::Immediate, at).await, Ok(true));
    assert_eq!(db.store.denials_since(0).await.unwrap().entries, []);
}
