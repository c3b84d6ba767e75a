//! PR-11: `id_token_hint` at the authorization endpoint.

use serde_json::Value;
use serde_json::json;
use signet::crypto::Signer;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::client_key::encode;
use crate::support::party::opened;

on_both_databases!(pr_11_the_person_of_the_hint_or_nobody);

/// An ID token of `c1` for whoever signs in.
async fn id_token(stage: &Stage, browser: &mut Browser, who: (&str, &str)) -> String {
    let code = stage.code(browser, &ask(), who).await;
    let (status, tokens) = stage.token("c1", &redemption(&code)).await;
    assert!(status.is_success(), "{tokens}");
    tokens["id_token"].as_str().expect("an ID token").to_owned()
}

async fn silently(stage: &Stage, browser: &mut Browser, hint: &str) -> Result<String, String> {
    let silent = ask().set("prompt", "none").set("id_token_hint", hint);
    let page = browser.open(&stage.url(&silent.target())).await;
    let said = stage.response(&page.location().expect("never a page"));
    assert_eq!(said.get("state").map(String::as_str), Some(STATE));
    said.get("code").cloned().ok_or_else(|| said["error"].clone())
}

async fn pr_11_the_person_of_the_hint_or_nobody(stage: Stage) {
    let (mut hers, mut his) = (Browser::new(), Browser::new());
    let (ada, bob) = (id_token(&stage, &mut hers, ADA).await, id_token(&stage, &mut his, BOB).await);
    assert!(silently(&stage, &mut hers, &ada).await.is_ok());
    assert_eq!(silently(&stage, &mut hers, &bob).await.unwrap_err(), "login_required");
    assert_eq!(silently(&stage, &mut Browser::new(), &ada).await.unwrap_err(), "login_required");
    // However old it is, as long as the session is not.
    stage.app.wait(7200);
    let code = silently(&stage, &mut hers, &ada).await.expect("a code");
    assert_eq!(stage.claims(&code).await["sub"], opened(&ada).1["sub"]);
    // With pages: bob's session is not hers, so somebody signs in; and if that is bob again, she has not.
    let hinted = ask().set("id_token_hint", &ada);
    let page = first_page(&stage, &mut his, &hinted).await;
    let page = sign_in(&mut his, &page, BOB).await;
    let said = stage.response(&his.follow(page, CB).await.expect_err("back to the client"));
    assert_eq!(said.get("error").map(String::as_str), Some("login_required"));
    let page = first_page(&stage, &mut his, &hinted).await;
    let page = sign_in(&mut his, &page, ADA).await;
    let said = stage.response(&his.follow(page, CB).await.expect_err("allowed before"));
    assert_eq!(stage.claims(&said["code"]).await["sub"], opened(&ada).1["sub"]);
}

#[tokio::test]
async fn pr_11_only_our_own_id_tokens_of_this_client() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let code = stage.code(&mut browser, &ask(), ADA).await;
    let (_, tokens) = stage.token("c1", &redemption(&code)).await;
    let good = tokens["id_token"].as_str().expect("an ID token");
    let parts: Vec<&str> = good.split('.').collect();
    let (header, claims) = opened(good);
    let key = our_key(&stage, Algorithm::Rs256).await;
    let resigned = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        key.sign("JWT", &claims).unwrap()
    };
    assert!(silently(&stage, &mut browser, &resigned("exp", json!(1))).await.is_ok(), "expired, and ours");
    let other_code = stage.code(&mut browser, &ask_as("c2", "https://c2.test/other"), ADA).await;
    let fields = redemption(&other_code).map(|(name, value)| match name {
        "redirect_uri" => (name, "https://c2.test/other"),
        _ => (name, value),
    });
    let (_, of_c2) = stage.token("c2", &fields).await;
    for (what, bad) in [
        ("alg none", format!("{}.{}.", encode(header.to_string().replace("RS256", "none")), parts[1])),
        ("a changed claim", format!("{}.{}.{}", parts[0], encode(claims.to_string().replace("c1", "c9")), parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("another issuer", resigned("iss", json!("https://other.test"))),
        ("another client", of_c2["id_token"].as_str().expect("an ID token").to_owned()),
        ("two audiences", resigned("aud", json!(["c1", "c2"]))),
        ("an access token", tokens["access_token"].as_str().expect("one").to_owned()),
        ("a logout token", key.sign("logout+jwt", &claims).unwrap()),
        ("no token", "x".to_owned()),
    ] {
        assert_eq!(silently(&stage, &mut browser, &bad).await.unwrap_err(), "invalid_request", "{what}");
    }
    // It must not contradict `claims`.
    let named = json!({"id_token": {"sub": {"value": "usr_other"}}}).to_string();
    let both = ask().set("id_token_hint", good).set("claims", &named);
    stage.is_refused(&stage.get(&both.target()).await, CB, "invalid_request");
    stage.still_works().await;
}

/// Who has the key of the server and writes what he likes.
async fn our_key(stage: &Stage, algorithm: Algorithm) -> Signer {
    let signet = &stage.app.signet;
    let keys = signet.store.signing_keys().await.unwrap();
    let active = keys.iter().find(|key| key.state == KeyState::Active && key.algorithm == algorithm).unwrap();
    let der = signet.vault.unseal(&active.kid, algorithm, active.sealed_private.as_ref().unwrap()).unwrap();
    Signer::from_pkcs8(algorithm, &KeyId::new(active.kid.as_str()).unwrap(), &der).unwrap()
}
