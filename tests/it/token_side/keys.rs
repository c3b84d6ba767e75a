//! The life of signing keys as clients and APIs meet it.

use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::time::Timestamp;
use signet::flow::keys_by_hand::Revoked;

use super::app_with;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::party::Party;
use crate::support::party::opened;

const DAY: u64 = 24 * 60 * 60;

on_both_databases!(
    a_rotation_by_schedule_is_one_instant_on_all_nodes,
    a_revoked_key_is_refused_on_every_node_and_nobody_is_logged_out,
    a_flush_signs_with_a_key_that_nobody_has_seen,
);

async fn kid_of(app: &App, state: KeyState) -> Option<KeyId> {
    let keys = app.signet.store.signing_keys().await.unwrap();
    keys.into_iter().find(|key| key.algorithm == Algorithm::Es256 && key.state == state).map(|key| key.kid)
}

fn signed_by(token: &str) -> String {
    let (header, _) = opened(token);
    header["kid"].as_str().unwrap().to_owned()
}

/// What the background task does twice a second.
async fn poll(app: &App) {
    app.signet.notice_changes().await.unwrap();
}

async fn a_rotation_by_schedule_is_one_instant_on_all_nodes(app: App) {
    let party = Party::web(&app);
    let other = app.another_node().await;
    let tokens = party.sign_in("openid offline_access").await;
    let old = signed_by(tokens.access());
    let next = kid_of(&app, KeyState::Next).await.unwrap();

    // An hour and a half before: it is planned, and each node learns of it.
    app.wait(90 * DAY - 5400);
    other.clock.set(app.signet.now().micros());
    assert!(app.signet.tend_keys().await.unwrap() > 0);
    assert_eq!(other.signet.tend_keys().await.unwrap(), 0, "it is planned already");
    poll(&other).await;
    let planned = app.signet.store.signing_keys().await.unwrap();
    let at = planned.iter().find(|key| key.kid == next).unwrap().activates_at.unwrap();
    let sign = async |node: &App, at: Timestamp| {
        node.clock.set(at.micros());
        node.signet.ring.load().signer(Algorithm::Es256, node.signet.now()).unwrap().kid().to_string()
    };
    for node in [&app, &other] {
        assert_eq!(sign(node, at.minus(Duration::from_micros(1))).await, old);
        assert_eq!(sign(node, at).await, next.as_str(), "nothing was written or loaded in between");
    }

    // Written down once, with a new next key.
    for node in [&app, &other] {
        node.clock.set(at.plus(Duration::from_secs(3)).micros());
    }
    assert!(app.signet.tend_keys().await.unwrap() > 0);
    assert_eq!(other.signet.tend_keys().await.unwrap(), 0);
    assert_eq!(kid_of(&app, KeyState::Active).await.unwrap(), next);
    assert!(kid_of(&app, KeyState::Next).await.is_some());
    let retired =
        app.signet.store.signing_keys().await.unwrap().into_iter().find(|key| key.kid.as_str() == old).unwrap();
    assert_eq!((retired.state, retired.retired_at, retired.sealed_private), (KeyState::Retired, Some(at), None));
}

async fn a_revoked_key_is_refused_on_every_node_and_nobody_is_logged_out(app: App) {
    let party = Party::web(&app);
    let other = app.another_node().await;
    let tokens = party.sign_in("openid offline_access").await;
    let (bad, next) = (kid_of(&app, KeyState::Active).await.unwrap(), kid_of(&app, KeyState::Next).await.unwrap());
    assert_eq!(signed_by(tokens.access()), bad.as_str());

    let plan = app.signet.plan_revocation(&bad, "seen in a backup", false).await.unwrap();
    assert_eq!(plan.tokens_end_at, Some(app.signet.now().plus(Duration::from_hours(1))), "the ID token's hour");
    assert_eq!(party.userinfo(tokens.access()).await.status.as_u16(), 200, "a plan changes nothing");
    assert_eq!(app.signet.revoke_key(plan.clone()).await.unwrap(), Revoked::Done);
    assert_eq!(app.signet.revoke_key(plan).await.unwrap(), Revoked::Stale);
    poll(&other).await;

    for node in [&app, &other] {
        let party = party.at(node);
        party.userinfo(tokens.access()).await.unauthorized();
        assert!(!party.get("/.well-known/jwks.json").await.text.contains(bad.as_str()));
    }
    let fresh = party.at(&other).refresh(tokens.refresh()).await.tokens();
    assert_eq!(signed_by(fresh.access()), next.as_str());
    assert_eq!(party.userinfo(fresh.access()).await.status.as_u16(), 200);
    assert!(kid_of(&app, KeyState::Next).await.is_some());
    assert!(app.signet.plan_revocation(&bad, "again", false).await.is_err());
}

async fn a_flush_signs_with_a_key_that_nobody_has_seen(app: App) {
    let (bad, next) = (kid_of(&app, KeyState::Active).await.unwrap(), kid_of(&app, KeyState::Next).await.unwrap());
    let plan = app.signet.plan_revocation(&bad, "stolen", true).await.unwrap();
    assert!(plan.readers.iter().any(|reader| reader.refuses_new.is_none()));
    app.signet.revoke_key(plan).await.unwrap();
    let active = kid_of(&app, KeyState::Active).await.unwrap();
    assert!(active != bad && active != next);
    assert_eq!(kid_of(&app, KeyState::Next).await.unwrap(), next, "it stays for the next rotation");
}

#[tokio::test]
async fn a_pause_plans_nothing() {
    let app = app_with(&[]).await;
    app.wait(100 * DAY);
    let until = app.signet.now().plus(Duration::from_hours(1));
    assert_eq!(app.signet.pause_keys(until).await.unwrap(), [], "nothing is planned");
    assert_eq!(app.signet.tend_keys().await.unwrap(), 0);
    app.signet.resume_keys().await.unwrap();
    assert_eq!(app.signet.tend_keys().await.unwrap(), 2, "one plan for each algorithm");
    let planned = app.signet.pause_keys(until).await.unwrap();
    assert_eq!(planned.len(), 2, "what is planned goes on");
    app.wait(2 * 3600);
    assert_eq!(app.signet.keys_paused_until().await.unwrap(), None, "over by itself");
}
