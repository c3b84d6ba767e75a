//! `/revoke`, RFC 7009.

use std::time::Duration;

use serde_json::json;
use signet::domain::family::Reach;
use signet::domain::ids::FamilyId;
use tokio::task::JoinSet;

use super::app;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::block_on;
use crate::support::nouns::family_id;
use crate::support::nouns::session_id;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::Tokens;
use crate::support::party::opened;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::rounds;

const OFFLINE: &str = "openid offline_access";

on_both_databases!(
    rs_07_rs_08_a_refresh_token_ends_its_grant_and_no_other,
    rs_07_an_access_token_ends_alone,
    rf_14_refresh_against_revoke,
    co_08_revoke_against_redeem,
);

#[track_caller]
fn accepted(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

fn grant(tokens: &Tokens) -> FamilyId {
    family_id(opened(tokens.access()).1["grant_id"].as_str().unwrap())
}

async fn rs_07_rs_08_a_refresh_token_ends_its_grant_and_no_other(app: App) {
    for party in [Party::web(&app), Party::spa(&app)] {
        let (one, other) = (party.sign_in(OFFLINE).await, party.sign_in(OFFLINE).await);
        let next = party.refresh(one.refresh()).await.tokens();
        // With the current token, or with one that has been used already; a second time changes nothing.
        accepted(&party.revoke(next.refresh()).await);
        accepted(&party.revoke(next.refresh()).await);
        accepted(&party.revoke(one.refresh()).await);
        for access in [one.access(), next.access()] {
            party.userinfo(access).await.unauthorized();
        }
        for refresh in [one.refresh(), next.refresh()] {
            party.refresh(refresh).await.refused("invalid_grant");
        }
        assert!(party.userinfo(other.access()).await.status.is_success());
        let other = party.refresh(other.refresh()).await.tokens();
        let old = party.refresh(other.refresh()).await.tokens();
        accepted(&party.revoke(other.refresh()).await);
        party.refresh(old.refresh()).await.refused("invalid_grant");
    }
    app.signet.flush_audit().await.unwrap();
    let written = app.signet.store.newest_audit(1000).await.unwrap();
    let revoked: Vec<_> = written.iter().filter(|row| row.entry.event == "token_revoked").collect();
    assert_eq!(revoked.len(), 4, "one for each grant, not for each request");
    assert!(revoked.iter().all(|row| row.entry.actor == "person" && row.entry.detail.contains("grant_id")));
}

async fn rs_07_an_access_token_ends_alone(app: App) {
    let party = Party::web(&app);
    let first = party.sign_in(OFFLINE).await;
    let second = party.refresh(first.refresh()).await.tokens();
    accepted(&party.revoke(first.access()).await);
    accepted(&party.revoke(first.access()).await);
    party.userinfo(first.access()).await.unauthorized();
    assert!(party.userinfo(second.access()).await.status.is_success());
    party.refresh(second.refresh()).await.tokens();

    let service = Party::service(&app);
    let token = service.token(Form::new(&[("grant_type", "client_credentials")])).await.tokens();
    accepted(&service.revoke(token.access()).await);
    let demo = |token: &str| party.http.get(app.url("/demo-api")).bearer_auth(token);
    Answer::to(demo(token.access())).await.unauthorized();

    // The entry goes when the token has expired, not before.
    assert_eq!(app.signet.denylist.len(), 2);
    app.wait(599);
    app.signet.sweep().await.unwrap();
    assert_eq!(app.signet.denylist.len(), 2);
    app.wait(1);
    app.signet.sweep().await.unwrap();
    assert!(app.signet.denylist.is_empty());
}

#[tokio::test]
async fn rs_07_what_is_not_the_callers_stays() {
    let app = app().await;
    let (web, spa) = (Party::web(&app), Party::spa(&app));
    let (owned, public) = (web.sign_in(OFFLINE).await, spa.sign_in(OFFLINE).await);
    for (thief, tokens) in [(&spa, &owned), (&Party::service(&app), &owned), (&web, &public)] {
        accepted(&thief.revoke(tokens.access()).await);
        accepted(&thief.revoke(tokens.refresh()).await);
    }
    let (head, _) = owned.refresh().rsplit_once('.').unwrap();
    for invented in
        ["x", "sgr_", "sgr_fam_x.1.a.b", "a.b.c", "sgc_unknown", &format!("{head}.AAAA"), &"x".repeat(16_000)]
    {
        accepted(&web.revoke(invented).await);
    }
    for (party, tokens) in [(&web, &owned), (&spa, &public)] {
        assert!(party.userinfo(tokens.access()).await.status.is_success());
        party.refresh(tokens.refresh()).await.tokens();
    }
}

#[tokio::test]
async fn rfc7009_2_1_hints_are_only_hints() {
    let app = app().await;
    let party = Party::web(&app);
    for hint in ["refresh_token", "access_token", "id_token", "", "nonsense", &"x".repeat(255)] {
        let tokens = party.sign_in(OFFLINE).await;
        let form = |token: &str| Form::new(&[("token", token), ("token_type_hint", hint)]);
        accepted(&party.post("/revoke", form(tokens.access())).await);
        party.userinfo(tokens.access()).await.unauthorized();
        accepted(&party.post("/revoke", form(tokens.refresh())).await);
        party.refresh(tokens.refresh()).await.refused("invalid_grant");
    }
}

#[tokio::test]
async fn rfc7009_2_2_1_errors() {
    let app = app().await;
    let (web, spa) = (Party::web(&app), Party::spa(&app));
    let tokens = web.sign_in(OFFLINE).await;
    web.post("/revoke", Form::new(&[])).await.refused("invalid_request");
    web.post("/revoke", Form::new(&[("token", "")])).await.refused("invalid_request");
    let twice = Form::new(&[("token", tokens.refresh()), ("token", tokens.refresh())]);
    web.post("/revoke", twice).await.refused("invalid_request");
    web.revoke(tokens.id_token()).await.refused("unsupported_token_type");
    web.with_secret(Some("wrong")).revoke(tokens.refresh()).await.unknown_client(true);
    web.with_secret(None).revoke(tokens.refresh()).await.unknown_client(false);
    let nobody = Answer::to(web.http.post(app.url("/revoke")).form(&[("token", tokens.refresh())])).await;
    nobody.unknown_client(false);
    let in_query = app.url(&format!("/revoke?token={}&client_id={}", tokens.refresh(), web.id));
    assert_eq!(Answer::to(web.http.post(in_query)).await.status.as_u16(), 400);
    let as_json = web.http.post(app.url("/revoke")).header("content-type", "application/json").body("{}");
    assert_eq!(Answer::to(as_json).await.status.as_u16(), 415);
    spa.with_secret(Some("x")).revoke(tokens.refresh()).await.unknown_client(true);
    web.refresh(tokens.refresh()).await.tokens();
}

#[tokio::test]
async fn rs_12_a_page_of_the_client_may_read_the_answer() {
    let app = app().await;
    let spa = Party::spa(&app);
    for (origin, allowed) in [("http://localhost:5173", true), ("https://evil.test", false), ("null", false)] {
        let tokens = spa.sign_in(OFFLINE).await;
        let request = spa.request("/revoke", Form::new(&[("token", tokens.refresh())])).header("origin", origin);
        let answer = Answer::to(request).await;
        accepted(&answer);
        let expected = if allowed { origin } else { "" };
        assert_eq!(answer.header("access-control-allow-origin"), expected);
        assert_eq!(answer.header("vary"), "Origin");
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        let preflight = spa.http.request(reqwest::Method::OPTIONS, app.url("/revoke")).header("origin", origin);
        let answer = Answer::to(preflight.header("access-control-request-method", "POST")).await;
        assert_eq!(answer.header("access-control-allow-origin"), expected);
    }
}

/// Whatever order they arrive in: once the revocation is answered, nothing of the grant is good.
async fn rf_14_refresh_against_revoke(app: App) {
    let party = Party::web(&app);
    let other = app.another_node().await;
    let there = party.at(&other);
    for round in 0..rounds(30, 1000) {
        let first = party.sign_in(OFFLINE).await;
        let mut racers = JoinSet::new();
        for number in 0..4 {
            let party = if number % 2 == 0 { party.clone() } else { there.clone() };
            let token = first.refresh().to_owned();
            racers.spawn(async move { party.refresh(&token).await });
        }
        let revoker = if round % 2 == 0 { &party } else { &there };
        accepted(&revoker.revoke(first.refresh()).await);
        let given = racers.join_all().await;
        other.signet.notice_changes().await.unwrap();
        app.signet.notice_changes().await.unwrap();
        party.refresh(first.refresh()).await.refused("invalid_grant");
        party.userinfo(first.access()).await.unauthorized();
        for tokens in given.iter().filter(|answer| answer.status.is_success()).map(Answer::tokens) {
            party.refresh(tokens.refresh()).await.refused("invalid_grant");
            party.userinfo(tokens.access()).await.unauthorized();
            there.userinfo(tokens.access()).await.unauthorized();
        }
    }
}

/// A code is redeemed while its session is being ended: what the redemption gives is dead, or there is nothing.
async fn co_08_revoke_against_redeem(app: App) {
    let party = Party::web(&app);
    for _ in 0..rounds(20, 500) {
        let mut browser = Browser::new();
        let first = party.redeem(&party.code(&mut browser, "openid").await).await.tokens();
        let sid = session_id(opened(first.id_token()).1["sid"].as_str().unwrap());
        let code = party.code(&mut browser, "openid").await;
        let redeeming = tokio::spawn({
            let (party, code) = (party.clone(), code.clone());
            async move { party.redeem(&code).await }
        });
        assert!(app.signet.end_session(&sid, Reach::Immediate).await.unwrap());
        let given = redeeming.await.unwrap();
        let given = given.status.is_success().then(|| given.tokens());
        for tokens in given.iter().chain([&first]) {
            party.refresh(tokens.refresh()).await.refused("invalid_grant");
            party.userinfo(tokens.access()).await.unauthorized();
        }
        party.redeem(&code).await.refused("invalid_grant");
    }
}

/// "storage error = 503": a client that was told so tries again.
/// Asks again while it is told to come back later.
async fn once_it_is_back(party: &Party, token: &str) -> Answer {
    for _ in 0..100 {
        let answer = party.revoke(token).await;
        if answer.status.as_u16() != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the database is back for ten seconds, and still 503");
}

#[test]
fn rs_08_a_database_that_is_away_is_no_success() {
    let Some(cluster) = Cluster::start_new() else { return left_out() };
    let database = cluster.database();
    block_on(async {
        let app = App::start_at(&database).await;
        let party = Party::web(&app);
        let tokens = party.sign_in(OFFLINE).await;
        assert!(party.userinfo(tokens.access()).await.status.is_success());
        cluster.stop();
        for token in [tokens.access(), tokens.refresh()] {
            assert_eq!(party.revoke(token).await.status.as_u16(), 503);
        }
        // In memory and seen a moment ago: good. A second later nobody knows.
        assert_eq!(party.introspect(tokens.access()).await.status.as_u16(), 200);
        app.wait(2);
        assert_eq!(party.introspect(tokens.access()).await.status.as_u16(), 503);
        assert_eq!(party.introspect(tokens.refresh()).await.status.as_u16(), 503);
        cluster.start();
        for token in [tokens.access(), tokens.refresh()] {
            accepted(&once_it_is_back(&party, token).await);
        }
        party.refresh(tokens.refresh()).await.refused("invalid_grant");
        assert!(app.signet.store.family(grant(&tokens)).await.unwrap().unwrap().revoked.is_some());
        assert_eq!(party.introspect(tokens.access()).await.json(), json!({ "active": false }));
    });
}
