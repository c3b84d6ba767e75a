//! The `claims` parameter, OpenID Connect Core section 5.5, and the person that a client names.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;

on_both_databases!(core_5_5_single_claims_at_userinfo, core_5_5_a_refresh_keeps_the_claims);

/// `name` is at the UserInfo endpoint although only `openid` was granted, and not in the ID token.
async fn core_5_5_single_claims_at_userinfo(stage: Stage) {
    let claims = json!({"userinfo": {"name": {"essential": true}, "picture": null, "shoe_size": {"essential": true}}});
    let tokens = redeem(&stage, &ask().set("claims", &claims.to_string())).await;
    let said = stage.userinfo(&tokens).await;
    assert_eq!(names(&said), BTreeSet::from(["sub", "name", "picture"]), "{said}");
    assert_eq!((&tokens["scope"], &said["name"]), (&json!("openid"), &json!("Ada Example")));
    assert_eq!(payload(&tokens).get("name"), None);
}

#[tokio::test]
async fn core_5_5_in_the_id_token_only_when_asked() {
    let stage = Stage::new().await;
    let claims = json!({"id_token": {"name": null, "email": {"essential": true}}});
    let tokens = redeem(&stage, &ask().set("claims", &claims.to_string())).await;
    let told = payload(&tokens);
    assert_eq!((&told["name"], &told["email"]), (&json!("Ada Example"), &json!(ADA.0)));
    assert_eq!(told.get("email_verified"), None);
    assert_eq!(names(&stage.userinfo(&tokens).await), BTreeSet::from(["sub"]));
}

async fn core_5_5_a_refresh_keeps_the_claims(stage: Stage) {
    let claims = json!({"id_token": {"name": null}, "userinfo": {"email": null}}).to_string();
    let offline = ask().set("scope", "openid offline_access").set("prompt", "consent").set("claims", &claims);
    let first = redeem(&stage, &offline).await;
    let refresh = first["refresh_token"].as_str().unwrap();
    let (_, second) = stage.token("c1", &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!(payload(&second)["name"], "Ada Example");
    assert_eq!(names(&stage.userinfo(&second).await), BTreeSet::from(["sub", "email"]));
}

/// The person is asked about what gives the claims, and having allowed it once is enough.
#[tokio::test]
async fn core_5_5_claims_need_consent() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), ADA).await;
    let asked = ask().set("claims", r#"{"userinfo":{"email":null}}"#);
    let silent = browser.open(&stage.url(&asked.clone().set("prompt", "none").target())).await;
    let said = stage.response(&silent.location().expect("no page"));
    assert_eq!(said.get("error").map(String::as_str), Some("consent_required"));
    let page = first_page(&stage, &mut browser, &asked).await;
    assert!(page.form("consent-allow").is_some() && page.text.contains("e-mail address"), "{}", page.text);
    stage.code(&mut browser, &asked, ("nobody", "is asked to sign in")).await;
    let silent = browser.open(&stage.url(&asked.set("prompt", "none").target())).await;
    assert!(stage.response(&silent.location().expect("no page")).contains_key("code"));
}

/// "MUST NOT reply with an ID Token or Access Token for a different user, even if they have an active session"
/// (section 3.1.2.2).
#[tokio::test]
async fn core_5_5_1_the_named_person_or_nobody() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let ada = stage.claims(&stage.code(&mut browser, &ask(), ADA).await).await["sub"].clone();
    let claims = json!({"id_token": {"sub": {"value": ada}}}).to_string();
    let named = ask().set("claims", &claims);
    let code = stage.code(&mut browser, &named, ("nobody", "is asked")).await;
    assert_eq!(stage.claims(&code).await["sub"], ada);
    // Bob's session is not hers.
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), BOB).await;
    let silent = browser.open(&stage.url(&named.clone().set("prompt", "none").target())).await;
    let said = stage.response(&silent.location().expect("no page"));
    assert_eq!(said.get("error").map(String::as_str), Some("login_required"));
    let page = first_page(&stage, &mut browser, &named).await;
    assert!(page.form("login-submit").is_some(), "{}", page.text);
    let page = sign_in(&mut browser, &page, BOB).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("back to the client"));
    assert_eq!(said.get("error").map(String::as_str), Some("login_required"));
    let page = first_page(&stage, &mut browser, &named).await;
    let page = sign_in(&mut browser, &page, ADA).await;
    let arrived = browser.follow(page, CB).await;
    let said = stage.response(&arrived.expect_err("allowed before"));
    assert!(said.contains_key("code"), "{said:?}");
}

#[tokio::test]
async fn core_5_5_1_1_acr_that_cannot_be_met() {
    let stage = Stage::new().await;
    let essential = ask().set("claims", r#"{"id_token":{"acr":{"essential":true,"values":["phr"]}}}"#);
    stage.is_refused(&stage.get(&essential.target()).await, CB, "unmet_authentication_requirements");
    asks_for_login(&stage.get(&ask().set("claims", r#"{"id_token":{"acr":{"values":["phr","1"]}}}"#).target()).await);
}

#[tokio::test]
async fn core_5_5_what_is_no_claims_request() {
    let stage = Stage::new().await;
    for odd in ["{", "[]", r#"{"userinfo":[]}"#, r#"{"id_token":{"name":1}}"#, r#"{"userinfo":{},"userinfo":{}}"#] {
        stage.is_refused(&stage.get(&ask().set("claims", odd).target()).await, CB, "invalid_request");
    }
}

async fn redeem(stage: &Stage, ask: &Ask) -> Value {
    let code = stage.code(&mut Browser::new(), ask, ADA).await;
    let (status, tokens) = stage.token("c1", &redemption(&code)).await;
    assert!(status.is_success(), "{tokens}");
    tokens
}

fn payload(tokens: &Value) -> Value {
    crate::support::party::opened(tokens["id_token"].as_str().expect("an ID token")).1
}

fn names(claims: &Value) -> BTreeSet<&str> {
    claims.as_object().unwrap().keys().map(String::as_str).collect()
}
