use signet::domain::client::Client;
use signet::domain::code::Code;
use signet::domain::family::Family;
use signet::domain::ids::InitialTokenId;
use signet::domain::registration::InitialToken;
use signet::domain::registration::Registration;
use signet::domain::registration::Remains;
use signet::store::registration::ExchangeToken;
use signet::store::registration::Register;
use signet::store::registration::UpdateRegistration;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

fn token(name: &str, clients: i64) -> InitialToken {
    InitialToken {
        id: InitialTokenId::new(name).unwrap(),
        hash: hash(name),
        note: "for \u{1f980}".to_owned(),
        scope: Some(scope("openid email")),
        clients,
        registered: 0,
        created_at: NOON,
        expires_at: later(3600),
    }
}

fn registration(name: &str) -> Registration {
    Registration {
        client_id: client_id(name),
        token: hash(name),
        scope: Some(scope("openid")),
        initial_token: None,
        created_at: NOON,
        used_at: None,
    }
}

pub(super) async fn comes_back_as_it_was(db: Database) {
    let own = Registration { initial_token: Some(InitialTokenId::new("t1").unwrap()), ..registration("c1") };
    db.store.create_initial_token(token("t1", 2)).await.unwrap();
    assert_eq!(db.store.initial_token(hash("t1")).await, Ok(Some(token("t1", 2))));
    assert_eq!(db.store.initial_token(hash("t9")).await, Ok(None));
    let invented = db.store.register_client(client("c1"), own.clone(), Some(hash("t9")), 10, NOON).await;
    assert_eq!(invented, Ok(Register::TokenSpent));
    let outcome = db.store.register_client(client("c1"), own.clone(), Some(hash("t1")), 10, NOON).await;
    assert_eq!(outcome, Ok(Register::Registered));
    let found = db.store.registered_client(client_id("c1")).await.unwrap().unwrap();
    assert_eq!((found.registration, found.client), (own, client("c1")));
    assert_eq!(db.store.initial_tokens().await, Ok(vec![InitialToken { registered: 1, ..token("t1", 2) }]));
    let again = db.store.register_client(client("c1"), registration("c1"), None, 10, NOON).await;
    assert_eq!(again, Ok(Register::Taken));
    db.store.create_client(client("by-hand")).await.unwrap();
    assert_eq!(db.store.registered_client(client_id("by-hand")).await, Ok(None));
    assert_eq!(db.store.delete_client(client_id("c1"), NOON).await, Ok(true));
    assert_eq!(db.store.registered_client(client_id("c1")).await, Ok(None));
    assert_eq!(db.store.delete_initial_token(token("t1", 2).id).await, Ok(true));
    assert_eq!(db.store.delete_initial_token(token("t1", 2).id).await, Ok(false));
}

pub(super) async fn a_token_is_used_up_by_as_many_as_it_is_for(db: Database) {
    db.store.create_initial_token(token("t1", 5)).await.unwrap();
    let nodes = [db.store.clone(), db.another_node()];
    let mut racers = JoinSet::new();
    for (number, store) in (0..32).zip(nodes.iter().cycle().cloned()) {
        let (client, own) = (client(&format!("c{number}")), registration(&format!("c{number}")));
        racers.spawn(async move { store.register_client(client, own, Some(hash("t1")), 100, NOON).await.unwrap() });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Register::Registered).count(), 5, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Register::TokenSpent).count(), 27, "{outcomes:?}");
    assert_eq!(db.store.clients().await.unwrap().len(), 5);
    db.store.create_initial_token(token("t2", 5)).await.unwrap();
    let late = db.store.register_client(client("late"), registration("late"), Some(hash("t2")), 100, later(3600)).await;
    assert_eq!(late, Ok(Register::TokenSpent));
}

pub(super) async fn never_more_than_there_may_be(db: Database) {
    let nodes = [db.store.clone(), db.another_node()];
    let mut racers = JoinSet::new();
    for (number, store) in (0..32).zip(nodes.iter().cycle().cloned()) {
        let (client, own) = (client(&format!("c{number}")), registration(&format!("c{number}")));
        racers.spawn(async move { store.register_client(client, own, None, 3, NOON).await.unwrap() });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Register::Registered).count(), 3, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Register::Full).count(), 29, "{outcomes:?}");
}

pub(super) async fn only_what_was_read_is_replaced(db: Database) {
    db.store.register_client(client("c1"), registration("c1"), None, 10, NOON).await.unwrap();
    let seen = db.store.registered_client(client_id("c1")).await.unwrap().unwrap();
    let renamed = Client { name: "renamed".to_owned(), ..client("c1") };
    let update = |was: &str, old: &str, new: &str| {
        let tokens = ExchangeToken { old: hash(old), new: hash(new) };
        db.store.update_registration(renamed.clone(), was.to_owned(), tokens, Remains::Grants, NOON)
    };
    assert_eq!(update(&seen.document, "wrong", "new").await, Ok(UpdateRegistration::TokenGone));
    assert_eq!(update("{}", "c1", "new").await, Ok(UpdateRegistration::Changed));
    assert_eq!(db.store.registered_client(client_id("c1")).await, Ok(Some(seen.clone())));
    assert_eq!(update(&seen.document, "c1", "new").await, Ok(UpdateRegistration::Updated));
    let after = db.store.registered_client(client_id("c1")).await.unwrap().unwrap();
    assert_eq!((after.client, after.registration.token), (renamed.clone(), hash("new")));
    assert_eq!(update(&seen.document, "c1", "newer").await, Ok(UpdateRegistration::Changed));
}

pub(super) async fn what_was_never_used_goes(db: Database) {
    furnish_with_family(&db.store).await;
    for name in ["granted", "old-and-used", "unused", "used", "young"] {
        let created_at = if name == "young" { later(10) } else { NOON };
        let own = Registration { created_at, ..registration(name) };
        db.store.register_client(client(name), own, None, 10, NOON).await.unwrap();
    }
    db.store.registration_used(client_id("used"), later(1)).await.unwrap();
    db.store.registration_used(client_id("used"), later(2)).await.unwrap();
    let used = db.store.registered_client(client_id("used")).await.unwrap().unwrap();
    assert_eq!(used.registration.used_at, Some(later(1)));
    db.store.registration_used(client_id("old-and-used"), later(1)).await.unwrap();
    // Its use was not written down, but there is what came of it.
    let grant = Family { client_id: client_id("granted"), ..family("f2") };
    db.store.begin_family(grant, None, None).await.unwrap();
    for name in ["demo-web", "unused"] {
        db.store.issue_code(Code { client_id: client_id(name), ..code(name) }, None, NOON).await.unwrap();
    }
    assert_eq!(db.store.sweep_unused_clients(later(9), 10).await, Ok(1));
    assert_eq!(db.store.code(hash("unused")).await, Ok(None));
    assert!(db.store.code(hash("demo-web")).await.unwrap().is_some());
    assert_eq!(db.store.sweep_unused_clients(later(9), 10).await, Ok(0));
    let left: Vec<_> = db.store.clients().await.unwrap().into_iter().map(|client| client.id.to_string()).collect();
    assert_eq!(left, ["demo-web", "granted", "old-and-used", "used", "young"]);
    // One at a time: whoever was used does not stand in the way.
    assert_eq!(db.store.delete_client(client_id("granted"), later(10)).await, Ok(true));
    assert_eq!(db.store.sweep_unused_clients(later(11), 1).await, Ok(1));
}
