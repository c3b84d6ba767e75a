//! The published keys.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet::crypto::Verifier;

use super::app;
use crate::support::app::App;
use crate::support::party::Answer;
use crate::support::party::EVERYTHING;
use crate::support::party::Party;
use crate::support::party::opened;

const JWKS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn ky_01_c_02_no_private_half_anywhere() {
    let app = app().await;
    let party = Party::web(&app);
    for path in [JWKS, "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let document = party.get(path).await.json();
        let keys = document["keys"].as_array().cloned().unwrap_or_default();
        for key in &keys {
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(key.get(private).is_none(), "{private}");
            }
            assert_ne!(key["kty"], "oct");
        }
    }
}

#[tokio::test]
async fn c_03_c_04_c_05_every_key_is_whole() {
    let app = app().await;
    let document = Party::web(&app).get(JWKS).await.json();
    let keys = document["keys"].as_array().unwrap();
    assert!(keys.len() >= 2);
    let mut kids = BTreeSet::new();
    for key in keys {
        let text = |name: &str| key[name].as_str().unwrap_or_else(|| panic!("{name} of {key}"));
        assert!(!text("kid").trim().is_empty() && kids.insert(text("kid").to_owned()));
        assert_eq!(text("use"), "sig");
        let numbers: &[(&str, usize)] = match (text("kty"), text("alg")) {
            ("EC", "ES256") => {
                assert_eq!(text("crv"), "P-256");
                &[("x", 32), ("y", 32)]
            }
            ("RSA", "RS256") => &[("n", 256), ("e", 3)],
            other => panic!("{other:?}"),
        };
        for (name, length) in numbers {
            let bytes = URL_SAFE_NO_PAD.decode(text(name)).expect("base64url without padding");
            assert_eq!(bytes.len(), *length, "{name}");
        }
        Verifier::from_jwk(&key.to_string()).expect("a public key");
    }
}

async fn verified(app: &App, jws: &str) {
    let (header, _) = opened(jws);
    let document = Party::web(app).get(JWKS).await.json();
    let keys = document["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("the key is published");
    assert_eq!(key["alg"], header["alg"]);
    Verifier::from_jwk(&key.to_string()).unwrap().verify(jws).expect("a good signature");
}

#[tokio::test]
async fn c_06_what_signs_is_published() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in(EVERYTHING).await;
    verified(&app, tokens.access()).await;
    verified(&app, tokens.id_token()).await;
    // Another node on the same database signs with the same keys.
    let other = app.another_node().await;
    assert_eq!(party.at(&other).get(JWKS).await.text, party.get(JWKS).await.text);
    let next = party.at(&other).refresh(tokens.refresh()).await.tokens();
    verified(&app, next.access()).await;
}

#[tokio::test]
async fn ky_10_how_it_is_served() {
    let app = app().await;
    let http = Party::web(&app).http;
    let get = || http.get(app.url(JWKS));
    let plain = Answer::to(get()).await;
    let etag = plain.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10);
    let max_age = |answer: &Answer| {
        answer.header("cache-control").strip_prefix("public, max-age=").and_then(|age| age.parse::<u64>().ok())
    };
    assert!(max_age(&plain).is_some_and(|age| age <= 3600), "{plain:?}");

    let head = Answer::to(http.head(app.url(JWKS))).await;
    assert_eq!((head.status.as_u16(), head.header("etag"), head.text.as_str()), (200, etag.as_str(), ""));
    for same in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let answer = Answer::to(get().header("if-none-match", &same)).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (304, ""), "{same}");
        assert_eq!(answer.header("etag"), etag);
        assert_eq!(max_age(&answer), max_age(&plain));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    for other in ["\"x\"", "", "x", &etag.replace('"', ""), "\""] {
        let answer = Answer::to(get().header("if-none-match", other)).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, plain.text.as_str()), "{other}");
    }
    // Nothing that a request wishes for gives another body.
    for (name, value) in [("accept", "text/html"), ("accept-encoding", "gzip, br"), ("range", "bytes=0-3")] {
        let answer = Answer::to(get().header(name, value)).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, plain.text.as_str()), "{name}");
        assert!(answer.headers.get("content-encoding").is_none());
    }
    let with_query = Answer::to(http.get(app.url(&format!("{JWKS}?x=1")))).await;
    assert_eq!(with_query.text, plain.text);
}
