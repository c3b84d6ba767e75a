use signet::domain::family::RevocationReason;
use signet::store::client::CreateClient;
use signet::store::code::RedeemCode;

use crate::support::database::Database;
use crate::support::nouns::*;

pub(super) async fn comes_back_as_it_was(db: Database) {
    let mut demo = client("demo-web");
    assert_eq!(db.store.create_client(demo.clone()).await, Ok(CreateClient::Created));
    assert_eq!(db.store.create_client(demo.clone()).await, Ok(CreateClient::Taken));
    assert_eq!(db.store.client(client_id("demo-web")).await, Ok(Some(demo.clone())));
    // RFC 6749 section 2.2 leaves the size to us, not the case: identifiers compare byte by byte.
    assert_eq!(db.store.client(client_id("Demo-Web")).await, Ok(None));
    demo.name = String::from("\u{c4} \u{1f980}");
    assert_eq!(db.store.replace_client(demo.clone()).await, Ok(true));
    assert_eq!(db.store.replace_client(client("other")).await, Ok(false));
    db.store.create_client(client("Zoo")).await.unwrap();
    let ids: Vec<_> = db.store.clients().await.unwrap().into_iter().map(|client| client.id.to_string()).collect();
    assert_eq!(ids, ["Zoo", "demo-web"]);
}

pub(super) async fn every_change_moves_the_version(db: Database) {
    let mut last = db.another_node().versions().await.unwrap();
    db.store.create_client(client("demo-web")).await.unwrap();
    for step in 0..3 {
        let seen = db.another_node().versions().await.unwrap();
        assert!(seen.clients > last.clients && seen.keys == last.keys, "{step}");
        last = seen;
        match step {
            0 => assert!(db.store.replace_client(client("demo-web")).await.unwrap()),
            _ => drop(db.store.delete_client(client_id("demo-web"), NOON).await.unwrap()),
        }
    }
    assert_eq!(db.store.versions().await, Ok(last));
}

pub(super) async fn deleting_ends_what_it_had(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.issue_code(code("c2"), None, NOON).await.unwrap();
    assert_eq!(db.store.delete_client(client_id("demo-web"), later(1)).await, Ok(true));
    assert_eq!(db.store.delete_client(client_id("demo-web"), later(1)).await, Ok(false));
    let revoked = db.store.family(family_id("f1")).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!((revoked.at, revoked.reason), (later(1), RevocationReason::Administrator));
    assert_eq!(db.store.redeem_code(hash("c2"), later(1), family("f2")).await, Ok(RedeemCode::Unknown));
    assert_eq!(db.store.family(family_id("f2")).await, Ok(None));
}
