//! `/introspect`, RFC 7662, and its signed answers, RFC 9701.

use serde_json::Value;
use serde_json::json;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::key::Algorithm;
use signet::domain::uri::Origin;

use super::app;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::nouns::family_id;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::SECRET;
use crate::support::party::opened;

const OFFLINE: &str = "openid email offline_access";
const SIGNED: &str = "application/token-introspection+jwt";

on_both_databases!(rs_06_revoked_here_inactive_there, refresh_tokens_are_for_their_client);

/// A resource server: the demo API.
async fn resource_server(app: &App, id: &str, resources: &[&str]) -> Party {
    let resources = resources.iter().map(|name| (*name).to_owned()).collect();
    Party::register(app, &Party::service(app), id, |client| client.resources = resources).await
}

#[track_caller]
fn inactive(answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    assert_eq!(answer.json(), json!({ "active": false }));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn rfc7662_2_2_what_the_resource_server_learns() {
    let app = app().await;
    let party = Party::web(&app);
    let api = resource_server(&app, "api", &[&app.signet.demo_api(), "https://other.test"]).await;
    let tokens = party.sign_in(OFFLINE).await;
    let answer = api.introspect(tokens.access()).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let (said, (_, claims)) = (answer.json(), opened(tokens.access()));
    assert_eq!((&said["active"], &said["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!(said["client_id"], "demo-web");
    assert_eq!(said["iss"], app.base.as_str().trim_end_matches('/'));
    for name in ["scope", "client_id", "sub", "aud", "iss", "jti", "exp", "iat", "roles", "auth_time"] {
        assert!(!claims[name].is_null() && said[name] == claims[name], "{name}: {said}");
    }
    // By its own name too.
    let service = Party::service(&app);
    let own = Party::register(&app, &service, "own", |client| client.audiences = vec!["own".to_owned()]).await;
    let token = own.token(Form::new(&[("grant_type", "client_credentials")])).await.tokens();
    assert_eq!(own.introspect(token.access()).await.json()["sub"], "own");
}

#[tokio::test]
async fn rs_05_only_for_tokens_meant_for_the_asker() {
    let app = app().await;
    let party = Party::web(&app);
    let api = app.signet.demo_api();
    let other =
        resource_server(&app, "other", &["https://other.test", &format!("{api}/"), &api[..api.len() - 1]]).await;
    let tokens = party.sign_in(OFFLINE).await;
    let (head, _) = tokens.access().rsplit_once('.').unwrap();
    let cut = format!("{head}.");
    for token in [tokens.access(), tokens.refresh(), tokens.id_token(), "x", "sgr_x", "a.b.c", &cut] {
        inactive(&other.introspect(token).await);
    }
    // Its own client is no resource server for it either.
    inactive(&party.introspect(tokens.access()).await);
    // A signed answer says as little.
    let request = other.request("/introspect", Form::new(&[("token", tokens.access())])).header("accept", SIGNED);
    let answer = Answer::to(request).await;
    assert_eq!(opened(&answer.text).1["token_introspection"], json!({ "active": false }));
}

#[tokio::test]
async fn rs_05_who_does_not_prove_who_it_is_learns_nothing() {
    let app = app().await;
    let api = app.signet.demo_api();
    let tokens = Party::web(&app).sign_in(OFFLINE).await;
    let server = resource_server(&app, "api", &[&api]).await;
    assert_eq!(server.introspect(tokens.access()).await.json()["active"], true);
    let spa = Party::spa(&app);
    let public = Party::register(&app, &spa, "public", |client| {
        client.resources = vec![api.clone()];
        client.origins = vec![Origin::register("https://public.test").unwrap()];
    })
    .await;
    for token in [tokens.access(), "x"] {
        public.introspect(token).await.unknown_client(false);
        server.with_secret(None).introspect(token).await.unknown_client(false);
        server.with_secret(Some("wrong")).introspect(token).await.unknown_client(true);
        Answer::to(server.http.post(app.url("/introspect")).form(&[("token", token)])).await.unknown_client(false);
        // The token is no credential for asking about itself.
        let by_bearer = server.http.post(app.url("/introspect")).bearer_auth(tokens.access()).form(&[("token", token)]);
        Answer::to(by_bearer).await.unknown_client(true);
    }
    server.post("/introspect", Form::new(&[])).await.refused("invalid_request");
    let twice = Form::new(&[("token", "a"), ("token", "b")]);
    server.post("/introspect", twice).await.refused("invalid_request");
    let in_query = app.url(&format!("/introspect?token={}", tokens.access()));
    let request = server.http.post(in_query).basic_auth("api", Some(SECRET)).form(&[("token", "x")]);
    assert_eq!(Answer::to(request).await.status.as_u16(), 400);
    let get =
        server.http.get(app.url(&format!("/introspect?token={}", tokens.access()))).basic_auth("api", Some(SECRET));
    let get = Answer::to(get).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
    // No page reads it, whoever it belongs to.
    let request = server.request("/introspect", Form::new(&[("token", "x")])).header("origin", "https://public.test");
    assert!(Answer::to(request).await.headers.get("access-control-allow-origin").is_none());
}

/// Guessing is bounded by the throttle for wrong secrets; unknown tokens all look the same.
#[tokio::test]
async fn rs_09_guessing_gets_nowhere() {
    let app = super::app_with(&[("limits.client_secret_failures", "5 per 1m")]).await;
    let api = resource_server(&app, "api", &[&app.signet.demo_api()]).await;
    let statuses = async |secret: &'static str| {
        let guesser = api.with_secret(Some(secret));
        let mut seen = Vec::new();
        for _ in 0..7 {
            seen.push(guesser.introspect("x").await.status.as_u16());
        }
        seen
    };
    assert_eq!(statuses("wrong").await, [401, 401, 401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn rfc9701_signed_answers() {
    let app = app().await;
    let party = Party::web(&app);
    let demo = app.signet.demo_api();
    let rs256 = resource_server(&app, "api", &[&demo]).await;
    let es256 = Party::register(&app, &rs256, "api2", |client| {
        client.introspection_signed_response_alg = Some(Algorithm::Es256);
    })
    .await;
    let tokens = party.sign_in(OFFLINE).await;
    let issuer = app.base.as_str().trim_end_matches('/').to_owned();
    for (api, algorithm) in [(rs256, "RS256"), (es256, "ES256")] {
        let plain = api.introspect(tokens.access()).await.json();
        let request = api.request("/introspect", Form::new(&[("token", tokens.access())]));
        let answer = Answer::to(request.header("accept", format!("application/json;q=0.5, {SIGNED}"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, SIGNED), "{answer:?}");
        assert_eq!((answer.header("cache-control"), answer.header("vary")), ("no-store", "Accept"));
        let verified = app.signet.ring.load().verify(&answer.text).unwrap();
        assert_eq!(
            (verified.typ.as_deref(), verified.algorithm.as_str()),
            (Some("token-introspection+jwt"), algorithm)
        );
        let claims = Value::Object(verified.claims);
        assert_eq!(claims["iss"], issuer);
        assert_eq!(claims["aud"], api.id.as_str());
        assert_eq!(claims["iat"], app.signet.now().seconds());
        assert_eq!(claims["token_introspection"], plain);
        assert_eq!(claims.as_object().unwrap().len(), 4, "{claims}");
        // JW-11: it is no access token, though it has one in it.
        party.userinfo(&answer.text).await.unauthorized();
        inactive(&api.introspect(&answer.text).await);
        assert_eq!(api.revoke(&answer.text).await.status.as_u16(), 200);
    }
}

async fn rs_06_revoked_here_inactive_there(app: App) {
    let other = app.another_node().await;
    let party = Party::web(&app);
    let api = resource_server(&app, "api", &[&app.signet.demo_api()]).await;
    let there = api.at(&other);
    let tokens = party.sign_in(OFFLINE).await;
    assert_eq!(there.introspect(tokens.access()).await.json()["active"], true);
    assert_eq!(party.revoke(tokens.access()).await.status.as_u16(), 200);
    inactive(&api.introspect(tokens.access()).await);
    // Nobody has told the other node, but it has not looked for two seconds.
    other.wait(2);
    inactive(&there.introspect(tokens.access()).await);
    for ended in ["expired", "grant", "client"] {
        let tokens = party.sign_in(OFFLINE).await;
        assert_eq!(api.introspect(tokens.access()).await.json()["active"], true, "{ended}");
        let grant = family_id(opened(tokens.access()).1["grant_id"].as_str().unwrap());
        match ended {
            "grant" => drop(app.signet.revoke_family(&grant, RevocationReason::Administrator, Reach::Immediate).await),
            "expired" => app.wait(600),
            _ => {
                let mut client = app.client("demo-web").await;
                client.disabled = true;
                app.signet.store.replace_client(client).await.unwrap();
                app.signet.notice_changes().await.unwrap();
            }
        }
        inactive(&api.introspect(tokens.access()).await);
    }
}

async fn refresh_tokens_are_for_their_client(app: App) {
    let party = Party::web(&app);
    let first = party.sign_in(OFFLINE).await;
    let said = party.introspect(first.refresh()).await.json();
    let (_, claims) = opened(first.access());
    assert_eq!((&said["active"], &said["sub"], &said["client_id"]), (&json!(true), &claims["sub"], &json!("demo-web")));
    assert_eq!(said["scope"], "email offline_access openid");
    assert!(said.get("token_type").is_none() && said["exp"].as_i64() > claims["exp"].as_i64());
    inactive(&resource_server(&app, "api", &[&app.signet.demo_api()]).await.introspect(first.refresh()).await);
    let second = party.refresh(first.refresh()).await.tokens();
    inactive(&party.introspect(first.refresh()).await);
    assert_eq!(party.introspect(second.refresh()).await.json()["active"], true);
    // Asking is not using: the first can still be presented again.
    party.refresh(first.refresh()).await.tokens();
    assert_eq!(party.revoke(second.refresh()).await.status.as_u16(), 200);
    inactive(&party.introspect(second.refresh()).await);
}
