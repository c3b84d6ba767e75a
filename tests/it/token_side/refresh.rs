//! Refresh tokens: one live token for each family, whatever is lost, repeated, stolen or raced.

use std::collections::HashSet;

use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::FamilyId;
use signet::domain::secret::Secret;
use tokio::task::JoinSet;

use super::app;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::party::Party;
use crate::support::party::opened;
use crate::support::postgres::left_out;

const OFFLINE: &str = "openid email offline_access";

on_both_databases! {
    rf_01_reuse_ends_the_family,
    rf_02_race_one_family_one_live_token,
    rf_03_a_lost_answer_is_given_again,
    rf_06_narrowing_shrinks_one_token_only,
    rf_07_user_disabled,
    rf_07_password_changed,
    rf_14_revoked_while_it_is_rotated,
}

fn family(token: &str) -> FamilyId {
    let rest = token.strip_prefix("sgr_").expect("a refresh token");
    FamilyId::new(rest.split('.').next().expect("a family")).expect("an id")
}

async fn rf_01_reuse_ends_the_family(app: App) {
    let party = Party::web(&app);
    let first = party.sign_in(OFFLINE).await;
    let second = party.refresh(first.refresh()).await.tokens();
    // Using the second says that it has arrived: from here on the first can only be a copy.
    let third = party.refresh(second.refresh()).await.tokens();
    party.refresh(first.refresh()).await.refused("invalid_grant");
    for tokens in [&first, &second, &third] {
        party.refresh(tokens.refresh()).await.refused("invalid_grant");
        party.userinfo(tokens.access()).await.unauthorized();
    }
    let ended = app.signet.store.family(family(first.refresh())).await.unwrap().unwrap();
    assert_eq!(ended.revoked.map(|revocation| revocation.reason), Some(RevocationReason::RefreshReused));
}

async fn rf_02_race_one_family_one_live_token(app: App) {
    for party in [Party::web(&app), Party::spa(&app)] {
        race(&app, std::slice::from_ref(&party), &party).await;
    }
}

/// 64 uses of one token at once, over several nodes: each that is answered gets the same successor, which goes on.
async fn race(app: &App, nodes: &[Party], party: &Party) {
    let mut token = party.sign_in(OFFLINE).await.refresh().to_owned();
    for round in 1..=4 {
        let mut racers = JoinSet::new();
        for party in nodes.iter().cycle().take(64) {
            let (party, token) = (party.clone(), token.clone());
            racers.spawn(async move { party.refresh(&token).await });
        }
        let answers: Vec<Answer> = racers.join_all().await;
        let successors: HashSet<String> = answers.iter().map(|answer| answer.tokens().refresh().to_owned()).collect();
        assert_eq!(successors.len(), 1, "round {round}: more than one living branch");
        token = successors.into_iter().next().unwrap();
        let families = app.signet.store.families_of_user(app.ada().await.id).await.unwrap();
        let live = families.iter().find(|own| own.id == family(&token)).unwrap();
        assert!(live.revoked.is_none());
        assert_eq!(live.generation, round + 1, "one step for all of them");
    }
    party.refresh(&token).await.tokens();
}

#[test]
fn rf_02_race_on_two_nodes() {
    block_on(async {
        let Some(app) = App::start(Kind::Postgres).await else { return left_out() };
        let other = app.another_node().await;
        let party = Party::web(&app);
        race(&app, &[party.clone(), party.at(&other)], &party).await;
    });
}

/// Two generations at once: whatever order the server sees them in, there is one living branch or none.
#[tokio::test]
async fn rf_02_race_of_two_generations() {
    let app = app().await;
    let party = Party::web(&app);
    for _ in 0..8 {
        let first = party.sign_in(OFFLINE).await;
        let second = party.refresh(first.refresh()).await.tokens();
        let mut racers = JoinSet::new();
        for number in 0..32 {
            let token = if number % 2 == 0 { first.refresh() } else { second.refresh() }.to_owned();
            let party = party.clone();
            racers.spawn(async move { party.refresh(&token).await });
        }
        let answers = racers.join_all().await;
        assert!(answers.iter().all(|answer| [200, 400].contains(&answer.status.as_u16())));
        let given: HashSet<String> = answers
            .iter()
            .filter(|answer| answer.status.is_success())
            .map(|answer| answer.tokens().refresh().to_owned())
            .filter(|token| token != second.refresh())
            .collect();
        assert!(given.len() <= 1, "two living branches");
    }
}

async fn rf_03_a_lost_answer_is_given_again(app: App) {
    let (web, spa) = (Party::web(&app), Party::spa(&app));
    let (web_first, spa_first) = (web.sign_in(OFFLINE).await, spa.sign_in(OFFLINE).await);
    let web_next = web.refresh(web_first.refresh()).await.tokens();
    let spa_next = spa.refresh(spa_first.refresh()).await.tokens();
    for wait in [0, 30, 29] {
        app.wait(wait);
        for (party, first, next) in [(&web, &web_first, &web_next), (&spa, &spa_first, &spa_next)] {
            let again = party.refresh(first.refresh()).await.tokens();
            assert_eq!(again.refresh(), next.refresh());
            assert_ne!(again.access(), next.access());
        }
    }
    // A public client has a minute. Who proves to be the client has no clock.
    app.wait(1);
    spa.refresh(spa_first.refresh()).await.refused("invalid_grant");
    spa.refresh(spa_next.refresh()).await.refused("invalid_grant");
    app.wait(86_400);
    let again = web.refresh(web_first.refresh()).await.tokens();
    assert_eq!(again.refresh(), web_next.refresh());
    web.refresh(web_next.refresh()).await.tokens();
}

#[tokio::test]
async fn rf_04_after_a_restart() {
    let app = app().await;
    let party = Party::web(&app);
    let first = party.sign_in(OFFLINE).await;
    let second = party.refresh(first.refresh()).await.tokens();
    party.refresh(second.refresh()).await.tokens();
    let restarted = app.another_node().await;
    party.at(&restarted).refresh(first.refresh()).await.refused("invalid_grant");
    party.at(&restarted).userinfo(second.access()).await.unauthorized();
}

#[tokio::test]
async fn rt_06_rf_05_the_token_of_another_client() {
    let app = app().await;
    let (web, spa) = (Party::web(&app), Party::spa(&app));
    let other_web = Party::register(&app, &web, "other-web", |_| {}).await;
    let other_spa = Party::register(&app, &spa, "other-spa", |_| {}).await;
    for (owner, thieves) in [(&web, [&other_web, &spa]), (&spa, [&other_spa, &web])] {
        let first = owner.sign_in(OFFLINE).await;
        for thief in thieves {
            thief.refresh(first.refresh()).await.refused("invalid_grant");
        }
        let second = owner.refresh(first.refresh()).await.tokens();
        let third = owner.refresh(second.refresh()).await.tokens();
        // Not even a used one ends anything in foreign hands.
        for thief in thieves {
            thief.refresh(first.refresh()).await.refused("invalid_grant");
            thief.refresh(second.refresh()).await.refused("invalid_grant");
        }
        assert!(owner.userinfo(third.access()).await.status.is_success());
        owner.refresh(third.refresh()).await.tokens();
    }
}

async fn rf_06_narrowing_shrinks_one_token_only(app: App) {
    let party = Party::web(&app);
    let mut tokens = party.sign_in(OFFLINE).await;
    for more in ["openid profile", "admin", "openid email offline_access phone", "openid\u{a0}email", "\"openid\""] {
        let form = Party::refresh_form(tokens.refresh()).set("scope", more);
        party.token(form).await.refused("invalid_scope");
    }
    for (asked, given) in [("openid", "openid"), ("email openid", "email openid"), ("", OFFLINE)] {
        tokens = party.token(Party::refresh_form(tokens.refresh()).set("scope", asked)).await.tokens();
        let mut given: Vec<&str> = given.split(' ').collect();
        let mut got = tokens.scope();
        given.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, given, "{asked}");
        let (_, claims) = opened(tokens.access());
        assert_eq!(claims["scope"].as_str().unwrap().split(' ').count(), given.len());
    }
    let form = Party::refresh_form(tokens.refresh()).set("scope", "email");
    let tokens = party.token(form).await.tokens();
    assert!(tokens.0.get("id_token").is_none(), "no ID token without openid");
}

async fn rf_07_user_disabled(app: App) {
    let party = Party::web(&app);
    let tokens = party.sign_in(OFFLINE).await;
    let (ada, now) = (app.ada().await.id, app.signet.now());
    assert!(app.signet.store.set_user_disabled(ada.clone(), true, now).await.unwrap());
    party.userinfo(tokens.access()).await.unauthorized();
    party.refresh(tokens.refresh()).await.refused("invalid_grant");
    assert!(app.signet.store.set_user_disabled(ada, false, now).await.unwrap());
    party.refresh(tokens.refresh()).await.refused("invalid_grant");
}

async fn rf_07_password_changed(app: App) {
    let party = Party::web(&app);
    let tokens = party.sign_in(OFFLINE).await;
    let ada = app.ada().await.id;
    assert!(app.signet.set_password(&ada, Secret::new("another-horse-battery")).await.unwrap());
    party.refresh(tokens.refresh()).await.refused("invalid_grant");
    party.userinfo(tokens.access()).await.unauthorized();
}

#[tokio::test]
async fn rf_07_roles_and_scope_are_those_of_now() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in(OFFLINE).await;
    assert_eq!(opened(tokens.access()).1["roles"], serde_json::json!(["admin"]));
    let mut ada = app.ada().await;
    ada.roles.clear();
    app.signet.store.update_user(ada).await.unwrap();
    let mut client = app.client("demo-web").await;
    client.scope = client.scope.without("email");
    app.signet.store.replace_client(client).await.unwrap();
    app.signet.clients.forget();
    let next = party.refresh(tokens.refresh()).await.tokens();
    assert!(opened(next.access()).1.get("roles").is_none());
    assert!(!next.scope().contains(&"email"));
}

#[tokio::test]
async fn rf_09_idle_and_absolute_end() {
    let app = app().await;
    let party = Party::web(&app);
    let day = 86_400;
    let tokens = party.sign_in(OFFLINE).await;
    app.wait(14 * day);
    party.refresh(tokens.refresh()).await.refused("invalid_grant");

    let mut tokens = party.sign_in(OFFLINE).await;
    for _ in 0..29 {
        app.wait(day);
        tokens = party.refresh(tokens.refresh()).await.tokens();
    }
    app.wait(day);
    party.refresh(tokens.refresh()).await.refused("invalid_grant");
}

#[tokio::test]
async fn rf_10_a_token_in_another_shape() {
    let app = app().await;
    let party = Party::web(&app);
    let token = party.sign_in(OFFLINE).await.refresh().to_owned();
    let other = party.sign_in(OFFLINE).await.refresh().to_owned();
    let mut shapes: Vec<String> = (0..token.len())
        .map(|at| {
            let flipped = if &token[at..=at] == "A" { "B" } else { "A" };
            format!("{}{flipped}{}", &token[..at], &token[at + 1..])
        })
        .filter(|shape| *shape != token)
        .collect();
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (token.split('.').collect(), other.split('.').collect());
    for part in 0..ours.len() {
        let mut swapped = ours.clone();
        swapped[part] = theirs[part];
        shapes.extend([swapped.join("."), ours[..part].join("."), ours[part..].join(".")]);
    }
    // Another generation of the same family; the generation "1" is swapped for itself above.
    shapes.retain(|shape| *shape != token && !shape.is_empty());
    shapes.extend(["0", "2", "-1", "01", "+1", "99999999999999999999"].map(|generation| {
        let mut counted = ours.clone();
        counted[1] = generation;
        counted.join(".")
    }));
    shapes.extend(["=", ".", "A", " ", ".x"].map(|tail| format!("{token}{tail}")));
    for shape in shapes {
        party.refresh(&shape).await.refused("invalid_grant");
    }
    party.refresh("").await.refused("invalid_request");
    party.refresh(&format!("{token}\0")).await.refused("invalid_request");
    // Guessing has ended neither family.
    party.refresh(&token).await.tokens();
    party.refresh(&other).await.tokens();
}

#[tokio::test]
async fn rf_11_bearer_and_refresh_are_different_things() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in(OFFLINE).await;
    party.userinfo(tokens.refresh()).await.unauthorized();
    party.refresh(tokens.id_token()).await.refused("invalid_grant");
    // An access token is longer than any refresh token may be.
    let answer = party.refresh(tokens.access()).await;
    assert_eq!(answer.status.as_u16(), 400, "{answer:?}");
    party.refresh(tokens.refresh()).await.tokens();
}

#[tokio::test]
async fn rf_13_a_failed_request_burns_nothing() {
    let app = app().await;
    let party = Party::web(&app);
    let token = party.sign_in(OFFLINE).await.refresh().to_owned();
    let form = Party::refresh_form(&token);
    party.with_secret(Some("wrong")).refresh(&token).await.unknown_client(true);
    party.token(form.clone().set("scope", "admin")).await.refused("invalid_scope");
    party.token(form.clone().set("resource", "https://elsewhere.test")).await.refused("invalid_target");
    party.token(form.clone().and("scope", "openid").and("scope", "openid")).await.refused("invalid_request");
    party.token(form.set("grant_type", "authorization_code")).await.refused("invalid_request");
    let families = app.signet.store.family(family(&token)).await.unwrap().unwrap();
    assert_eq!(families.generation, 1);
    party.refresh(&token).await.tokens();
}

/// A family that is revoked while it is being rotated stays revoked, and nothing that was handed out goes on.
async fn rf_14_revoked_while_it_is_rotated(app: App) {
    let party = Party::web(&app);
    for _ in 0..12 {
        let first = party.sign_in(OFFLINE).await;
        let id = family(first.refresh());
        let mut racers = JoinSet::new();
        for _ in 0..4 {
            let (party, token) = (party.clone(), first.refresh().to_owned());
            racers.spawn(async move { party.refresh(&token).await });
        }
        let revoked = app.signet.revoke_family(&id, RevocationReason::Administrator, Reach::Immediate);
        assert!(revoked.await.unwrap());
        let given = racers.join_all().await;
        for answer in given.iter().filter(|answer| answer.status.is_success()) {
            let tokens = answer.tokens();
            party.refresh(tokens.refresh()).await.refused("invalid_grant");
            party.userinfo(tokens.access()).await.unauthorized();
        }
        party.refresh(first.refresh()).await.refused("invalid_grant");
    }
}

#[tokio::test]
async fn rf_15_the_id_token_of_a_refresh() {
    let app = app().await;
    let party = Party::web(&app);
    let first = party.sign_in(OFFLINE).await;
    app.wait(300);
    let next = party.refresh(first.refresh()).await.tokens();
    let ((_, before), (_, after)) = (opened(first.id_token()), opened(next.id_token()));
    for same in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid"] {
        assert!(before[same] == after[same] && !after[same].is_null(), "{same}");
    }
    assert!(after.get("nonce").is_none());
    assert_eq!(after["iat"].as_i64().unwrap(), before["iat"].as_i64().unwrap() + 300);
}

#[tokio::test]
async fn rf_08_another_person_on_the_same_browser() {
    let app = app().await;
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, OFFLINE).await;
    let ada = party.redeem(&code).await.tokens();
    browser.forget_cookies();
    let bob = ("bob@example.test", crate::support::browser::ADA.1);
    let url = party.authorization_url(OFFLINE);
    browser.authorize(&url, crate::support::party::REDIRECT_URI, bob).await;
    let next = party.refresh(ada.refresh()).await.tokens();
    assert_eq!(opened(next.id_token()).1["sub"], opened(ada.id_token()).1["sub"]);
}
