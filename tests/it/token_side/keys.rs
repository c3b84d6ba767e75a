//! The life of signing keys as clients and APIs meet it.

use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::time::Timestamp;
use signet::flow::error::FlowError;
use signet::flow::keys_by_hand::Revoked;
use signet::keys::schedule::Refused;

use super::app_with;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::party::Party;
use crate::support::party::opened;

const DAY: u64 = 24 * 60 * 60;

on_both_databases!(
    a_rotation_by_schedule_is_one_instant_on_all_nodes,
    a_revoked_key_is_refused_on_every_node_and_nobody_is_logged_out,
    a_flush_signs_with_a_key_that_nobody_has_seen,
    a_wall_clock_that_jumps_changes_nothing,
    a_key_outlives_the_longest_token_that_it_signed,
    an_algorithm_that_is_added_waits_until_it_is_known,
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
    assert!(plan.readers.iter().any(|reader| reader.refuses_new_for().is_none()));
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

async fn a_wall_clock_that_jumps_changes_nothing(app: App) {
    let party = Party::web(&app);
    let before = app.signet.store.signing_keys().await.unwrap();
    let tokens = party.sign_in("openid offline_access").await;
    let signs = signed_by(tokens.access());
    for days in [95, 400, -30] {
        app.clock.put_off_by(days * i64::try_from(DAY).unwrap() * 1_000_000);
        assert_eq!(app.signet.tend_keys().await.unwrap(), 0, "{days} days");
        app.signet.sweep().await.unwrap();
        assert_eq!(app.signet.store.signing_keys().await.unwrap(), before);
        let signer =
            app.signet.ring.load().signer(Algorithm::Es256, app.signet.steady_now()).unwrap().kid().to_string();
        assert_eq!(signer, signs);
    }
    app.clock.put_off_by(0);
    assert_eq!(party.userinfo(tokens.access()).await.status.as_u16(), 200, "nothing was swept away");
    party.refresh(tokens.refresh()).await.tokens();

    // Planned for later: a node whose clock is ahead does not go by it before the others.
    app.wait(90 * DAY - 5400);
    assert!(app.signet.tend_keys().await.unwrap() > 0);
    app.clock.put_off_by(2 * 3600 * 1_000_000);
    assert_eq!(app.signet.tend_keys().await.unwrap(), 0);
    let signer = app.signet.ring.load().signer(Algorithm::Es256, app.signet.steady_now()).unwrap().kid().to_string();
    assert_eq!(signer, signs);
    app.wait(2 * 3600);
    assert!(app.signet.tend_keys().await.unwrap() > 0);
    let signer = app.signet.ring.load().signer(Algorithm::Es256, app.signet.steady_now()).unwrap().kid().to_string();
    assert_ne!(signer, signs);
}

async fn a_key_outlives_the_longest_token_that_it_signed(app: App) {
    let hour = Duration::from_hours(1);
    let party = Party::web(&app);
    let mut client = app.client("demo-web").await;
    let edited = async |lifetime: Option<Duration>, client: &mut signet::domain::client::Client| {
        client.lifetimes.access_token = lifetime;
        assert!(app.signet.store.replace_client(client.clone()).await.unwrap());
        app.signet.clients.forget();
    };
    edited(Some(6 * hour), &mut client).await;
    let tokens = party.sign_in("openid offline_access").await;
    let old = signed_by(tokens.access());
    edited(None, &mut client).await;
    let the_old = async || {
        let keys = app.signet.store.signing_keys().await.unwrap();
        keys.into_iter().find(|key| key.kid.as_str() == old).unwrap()
    };
    assert_eq!(the_old().await.longest_token, 6 * hour, "written before the token was given away");

    let plan = app.signet.plan_rotation(Algorithm::Es256, true).await.unwrap();
    app.signet.carry_out(plan.actions).await.unwrap();
    app.wait(5);
    app.signet.settle_keys(Algorithm::Es256).await.unwrap();
    let retired = the_old().await;
    assert_eq!(retired.state, KeyState::Retired);
    assert_eq!(
        retired.leaves_at.unwrap().since(retired.retired_at.unwrap()),
        7 * hour,
        "though none lives so long now"
    );
    app.wait(6 * 3600 - 60);
    app.signet.tend_keys().await.unwrap();
    assert_eq!(party.userinfo(tokens.access()).await.status.as_u16(), 200);
    assert!(party.get("/.well-known/jwks.json").await.text.contains(&old));
    app.wait(3600 + 120);
    app.signet.tend_keys().await.unwrap();
    assert!(!party.get("/.well-known/jwks.json").await.text.contains(&old));
}

async fn an_algorithm_that_is_added_waits_until_it_is_known(app: App) {
    let newer = app.another_node_with(&[("keys.algorithms", "ES256,RS256,EdDSA")]).await;
    newer.signet.tend_keys().await.unwrap();
    let web = Party::web(&app).at(&newer);
    let listed = async || {
        let discovery = web.get("/.well-known/openid-configuration").await.json();
        discovery["id_token_signing_alg_values_supported"].as_array().unwrap().iter().any(|alg| alg == "EdDSA")
    };
    assert!(web.get("/.well-known/jwks.json").await.text.contains("EdDSA"), "published");
    assert!(!listed().await, "but nobody is told to ask for it");
    // People sign in at the other node, whose address is the issuer's.
    let eager = Party::register(&app, &Party::web(&app), "eager", |client| {
        client.access_token_signed_response_alg = Algorithm::EdDsa;
    })
    .await;
    let code = eager.code(&mut Browser::new(), "openid").await;
    eager.at(&newer).redeem(&code).await.refused_with(503, "temporarily_unavailable");
    assert!(matches!(
        newer.signet.plan_rotation(Algorithm::EdDsa, false).await,
        Err(FlowError::RotationRefused(Refused::TooYoung { .. }))
    ));

    for wait in [14 * DAY - 5400, 2 * 3600] {
        app.wait(wait);
        newer.wait(wait);
        newer.signet.tend_keys().await.unwrap();
    }
    assert!(listed().await);
    let code = eager.code(&mut Browser::new(), "openid offline_access").await;
    let (header, _) = opened(eager.at(&newer).redeem(&code).await.tokens().access());
    assert_eq!(header["alg"], "EdDSA");
}

#[tokio::test]
async fn an_expired_key_is_kept_for_400_days_and_a_revoked_one_for_ever() {
    let app = app_with(&[]).await;
    let revoked = kid_of(&app, KeyState::Next).await.unwrap();
    let plan = app.signet.plan_revocation(&revoked, "lost", false).await.unwrap();
    app.signet.revoke_key(plan).await.unwrap();
    let old = kid_of(&app, KeyState::Active).await.unwrap();
    let is_there = async |kid: &KeyId| {
        app.signet.tend_keys().await.unwrap();
        app.signet.store.signing_keys().await.unwrap().iter().any(|key| key.kid == *kid)
    };
    for wait in [90 * DAY - 5400, 2 * 3600, DAY] {
        app.wait(wait);
        app.signet.tend_keys().await.unwrap();
    }
    assert_eq!(kid_of(&app, KeyState::Expired).await.unwrap(), old);
    app.wait(398 * DAY);
    assert!(is_there(&old).await);
    app.wait(3 * DAY);
    assert!(!is_there(&old).await);
    assert!(is_there(&revoked).await);
}

#[tokio::test]
async fn nothing_is_overdue_in_a_pause_nor_right_after_it() {
    let app = app_with(&[]).await;
    let overdue = async || {
        let text = app.signet.metrics_text().await;
        assert!(text.contains("signet_key_rotation_overdue{alg=\"ES256\"}"), "{text}");
        text.contains("signet_key_rotation_overdue{alg=\"ES256\"} 1")
    };
    let until = app.signet.now().plus(Duration::from_secs(100 * DAY));
    app.signet.pause_keys(until).await.unwrap();
    app.wait(99 * DAY);
    assert!(!overdue().await, "nine days after it would have been");
    app.wait(DAY);
    assert!(!overdue().await, "the pause is over, and nobody has planned anything yet");
    app.wait(2 * 3600);
    assert!(overdue().await, "now somebody should have");
    app.signet.tend_keys().await.unwrap();
    assert!(!overdue().await);

    app.signet.pause_keys(app.signet.now().plus(Duration::from_secs(100 * DAY))).await.unwrap();
    for _ in 0..2 {
        app.wait(2 * 3600);
        app.signet.tend_keys().await.unwrap();
    }
    app.wait(95 * DAY);
    assert!(!overdue().await);
    app.signet.resume_keys().await.unwrap();
    assert!(!overdue().await);
}
