use signet::domain::consent::Consent;
use signet::domain::request::Consented;

use crate::support::database::Database;
use crate::support::nouns::*;

fn openid() -> Consented {
    Consented { user_id: user_id("ada"), scope: scope("openid") }
}

pub(super) async fn comes_back_as_it_was(db: Database) {
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    assert_eq!(db.store.attempt(request_id("a1")).await, Ok(Some(attempt("a1", "b1"))));
    assert_eq!(db.store.attempt(request_id("a2")).await, Ok(None));
    assert_eq!(db.store.finish_attempt(request_id("a1"), later(1)).await, Ok(true));
    assert_eq!(db.store.finish_attempt(request_id("a1"), later(2)).await, Ok(false));
    assert_eq!(db.store.attempt(request_id("a1")).await.unwrap().unwrap().finished_at, Some(later(1)));
}

pub(super) async fn oldest_beyond_the_bound_goes(db: Database) {
    db.store.begin_attempt(attempt("other", "b2"), 2).await.unwrap();
    for (age, name) in ["a1", "a2", "a3"].into_iter().enumerate() {
        let mut attempt = attempt(name, "b1");
        attempt.created_at = later(age as u64);
        db.store.begin_attempt(attempt, 2).await.unwrap();
    }
    for (name, there) in [("a1", false), ("a2", true), ("a3", true), ("other", true)] {
        assert_eq!(db.store.attempt(request_id(name)).await.unwrap().is_some(), there, "{name}");
    }
    // Of a node whose clock is behind.
    db.store.begin_attempt(attempt("a0", "b1"), 2).await.unwrap();
    assert!(db.store.attempt(request_id("a0")).await.unwrap().is_some(), "the new one stays");
}

pub(super) async fn belongs_to_one_browser(db: Database) {
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    let id = || request_id("a1");
    assert_eq!(db.store.record_consent_on_attempt(id(), hash("b2"), openid(), NOON).await, Ok(false));
    assert_eq!(db.store.select_account(id(), hash("b2"), NOON).await, Ok(false));
    assert_eq!(db.store.record_consent_on_attempt(id(), hash("b1"), openid(), NOON).await, Ok(true));
    assert_eq!(db.store.select_account(id(), hash("b1"), NOON).await, Ok(true));
    let attempt = db.store.attempt(id()).await.unwrap().unwrap();
    assert_eq!((attempt.consented, attempt.account_selected), (Some(openid()), true));
}

pub(super) async fn expired_is_closed(db: Database) {
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    let id = || request_id("a1");
    assert_eq!(db.store.record_consent_on_attempt(id(), hash("b1"), openid(), later(1800)).await, Ok(false));
    assert_eq!(db.store.select_account(id(), hash("b1"), later(1800)).await, Ok(false));
    assert_eq!(db.store.finish_attempt(id(), later(1800)).await, Ok(false));
    assert_eq!(db.store.finish_attempt(id(), later(1799)).await, Ok(true));
    // So is one that has been answered.
    assert_eq!(db.store.record_consent_on_attempt(id(), hash("b1"), openid(), later(1799)).await, Ok(false));
    assert_eq!(db.store.select_account(id(), hash("b1"), later(1799)).await, Ok(false));
}

pub(super) async fn answered_is_closed(db: Database) {
    db.store.begin_attempt(attempt("a1", "b1"), 10).await.unwrap();
    let id = || request_id("a1");
    assert_eq!(db.store.finish_attempt(id(), later(1)).await, Ok(true));
    assert_eq!(db.store.record_consent_on_attempt(id(), hash("b1"), openid(), later(2)).await, Ok(false));
    assert_eq!(db.store.select_account(id(), hash("b1"), later(2)).await, Ok(false));
}

pub(super) async fn consent_adds_up(db: Database) {
    furnish(&db.store).await;
    let consent = |text: &str| Consent {
        user_id: user_id("ada"),
        client_id: client_id("demo-web"),
        scope: scope(text),
        granted_at: later(1),
    };
    assert_eq!(db.store.consent(user_id("ada"), client_id("demo-web")).await, Ok(None));
    let both = tokio::join!(
        db.store.remember_consent(consent("openid email")),
        db.store.remember_consent(consent("openid profile"))
    );
    assert_eq!(both, (Ok(()), Ok(())));
    let known = db.store.consent(user_id("ada"), client_id("demo-web")).await.unwrap();
    assert_eq!(known, Some(consent("openid email profile")));
    assert_eq!(db.store.consent(user_id("bob"), client_id("demo-web")).await, Ok(None));
}
