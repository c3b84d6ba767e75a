//! PK: proof key for code exchange, from end to end.

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;

on_both_databases!(pk_02_a_stripped_challenge_is_noticed, pk_03_pk_05_wrong_verifiers);

#[tokio::test]
async fn pk_01_no_challenge() {
    let stage = Stage::new().await;
    let stripped = |ask: Ask| ask.without("code_challenge").without("code_challenge_method");
    stage.is_refused(&stage.get(&stripped(ask()).target()).await, CB, "invalid_request");
    let uri = "http://127.0.0.1:9/cb";
    stage.is_refused(&stage.get(&stripped(ask_as("p1", uri)).target()).await, uri, "invalid_request");
    // The one client that may: by its registration.
    asks_for_login(&stage.get(&stripped(ask_as("c2", "https://c2.test/other")).target()).await);
}

async fn pk_02_a_stripped_challenge_is_noticed(stage: Stage) {
    let mut browser = Browser::new();
    let uri = "https://c2.test/other";
    let asked = ask_as("c2", uri).without("code_challenge").without("code_challenge_method");
    let code = stage.code(&mut browser, &asked, ADA).await;
    let mut fields = redemption(&code);
    fields[2].1 = uri;
    is_refused_token(&stage.token("c2", &fields).await, "invalid_grant");
}

async fn pk_03_pk_05_wrong_verifiers(stage: Stage) {
    let mut browser = Browser::new();
    let upper = VERIFIER.to_uppercase();
    let random = "r".repeat(43);
    for verifier in [None, Some(""), Some(random.as_str()), Some(upper.as_str()), Some(CHALLENGE)] {
        let code = stage.code(&mut browser, &ask(), ADA).await;
        let mut fields = redemption(&code).to_vec();
        match verifier {
            Some(verifier) => fields[3].1 = verifier,
            None => drop(fields.pop()),
        }
        let (status, body) = stage.token("c1", &fields).await;
        assert_eq!(status, 400, "{verifier:?}: {body}");
        assert!(matches!(body["error"].as_str(), Some("invalid_grant" | "invalid_request")), "{verifier:?}: {body}");
        assert!(body.get("access_token").is_none());
    }
}

#[tokio::test]
async fn pk_04_plain() {
    let stage = Stage::new().await;
    for method in ["plain", "s256", "S512", "none", "S256 "] {
        let answer = stage.get(&ask().set("code_challenge_method", method).target()).await;
        stage.is_refused(&answer, CB, "invalid_request");
    }
    for absent in ["code_challenge_method", "code_challenge"] {
        stage.is_refused(&stage.get(&ask().without(absent).target()).await, CB, "invalid_request");
    }
    let discovery = stage.get("/.well-known/openid-configuration").await.body;
    assert!(discovery.contains(r#""code_challenge_methods_supported":["S256"]"#), "{discovery}");
}

#[tokio::test]
async fn pk_06_shape_of_the_challenge() {
    let stage = Stage::new().await;
    let (short, long) = ("a".repeat(42), "a".repeat(44));
    let padded = format!("{}=", "a".repeat(42));
    let slash = format!("{}/", "a".repeat(42));
    let plus = format!("{}+", "a".repeat(42));
    let wide = "\u{e9}".repeat(43);
    for bad in [&short, &long, &padded, &slash, &plus, &wide] {
        stage.is_refused(&stage.get(&ask().set("code_challenge", bad).target()).await, CB, "invalid_request");
    }
}

#[tokio::test]
async fn pk_08_the_challenge_never_leaves() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let arrived = browser.authorize(&stage.url(&ask().target()), CB, ADA).await;
    assert!(!arrived.as_str().contains(CHALLENGE));
    assert!(!stage.response(&arrived)["code"].contains(&CHALLENGE[..8]));
}
