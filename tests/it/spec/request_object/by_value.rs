//! By value, in `request`.

use serde_json::Value;
use serde_json::json;
use signet::domain::client::SecurityProfile;
use signet::domain::key::Algorithm;

use super::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::client_key::encode;
use crate::support::party::opened;

/// The way from an object to the claims of the ID token.
async fn sign_in(stage: &Stage, ask: &Ask) -> Value {
    let arrived = Browser::new().authorize(&stage.url(&ask.target()), CB, ADA).await;
    let said = stage.response(&arrived);
    assert_eq!(said.get("state").map(String::as_str), Some(INNER));
    let (status, tokens) = stage.token("j1", &redemption(&said["code"])).await;
    assert!(status.is_success(), "{tokens}");
    opened(tokens["id_token"].as_str().expect("an ID token")).1
}

#[tokio::test]
async fn dy_04_state_and_nonce_of_the_object_whatever_signs_it() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    for algorithm in Algorithm::ALL {
        let object = sign(key_of(algorithm), &claims(&stage));
        assert_eq!(sign_in(&stage, &ask_with(&object)).await["nonce"], "inner nonce", "{algorithm}");
    }
    // Without what RFC 9101 added: a `typ`, `iss`, `aud` and times.
    let mut plain = claims(&stage);
    for name in ["iss", "aud", "iat", "nbf", "exp", "jti"] {
        plain = with(&plain, name, Value::Null);
    }
    let object = sign_as(key_of(Algorithm::Es256), &json!({"alg": "ES256"}), &plain.to_string());
    sign_in(&stage, &ask_with(&object)).await;
}

#[tokio::test]
async fn core_6_1_numbers_and_objects_are_json() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let rich = with(&claims(&stage), "max_age", json!(300));
    let rich = with(&rich, "claims", json!({"id_token": {"email": {"essential": true}}}));
    let token = sign_in(&stage, &ask_with(&signed(&rich))).await;
    assert_eq!(token["email"], ADA.0);
    // `max_age` is that of the object.
    let mut browser = Browser::new();
    browser.authorize(&stage.url(&ask_with(&signed(&rich)).target()), CB, ADA).await;
    stage.app.wait(301);
    let again = with(&claims(&stage), "max_age", json!(300));
    let page = first_page(&stage, &mut browser, &ask_with(&signed(&again))).await;
    assert!(page.form("login-submit").is_some());
}

#[tokio::test]
async fn ro_01_alg_none_and_unregistered_algorithms() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    register_as(&stage, "j2", |client| {
        client.request_objects.request_object_signing_alg = Some(Algorithm::Es256);
    })
    .await;
    let (key, good) = (key_of(Algorithm::Es256), claims(&stage));
    let parts: Vec<String> = signed(&good).split('.').map(str::to_owned).collect();
    for alg in ["none", "nOnE", "NONE", "", "HS256", "ES384", "es256"] {
        let header = with(&header_of(key), "alg", json!(alg));
        for signature in ["", parts[2].as_str()] {
            is_refused(&stage, &format!("{}.{}.{signature}", encode(header.to_string()), parts[1])).await;
        }
    }
    // The public key as a shared secret.
    let input = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"RS256"}"#), parts[1]);
    let public = key_of(Algorithm::Rs256).public().to_string();
    let mac = openssl::pkey::PKey::hmac(public.as_bytes()).unwrap();
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &mac).unwrap();
    let forged = format!("{input}.{}", encode(signer.sign_oneshot_to_vec(input.as_bytes()).unwrap()));
    is_refused(&stage, &forged).await;
    // Another key, with the same name; and the right one under a changed payload.
    is_refused(&stage, &sign(stranger(), &good)).await;
    is_refused(&stage, &format!("{}.{}.{}", parts[0], encode(with(&good, "state", json!("x")).to_string()), parts[2]))
        .await;
    // A key that comes along in the header is not a key.
    let brought = with(&header_of(stranger()), "jwk", stranger().public());
    is_refused(&stage, &sign_as(stranger(), &brought, &good.to_string())).await;
    // RS256 for a client that has registered ES256.
    let of_j2 = with(&with(&good, "client_id", json!("j2")), "iss", json!("j2"));
    let by = |algorithm| beside().set("client_id", "j2").set("request", &sign(key_of(algorithm), &of_j2));
    is_told(&stage, &by(Algorithm::Rs256), "invalid_request_object").await;
    asks_for_login(&stage.get(&by(Algorithm::Es256).target()).await);
}

#[tokio::test]
async fn ro_02_what_is_only_outside_does_not_count() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let silent = with(&claims(&stage), "prompt", json!("none"));
    let both = |object: &Value| ask_with(&signed(object)).set("state", STATE).set("scope", "openid admin");
    // The object wins.
    let answer = stage.get(&both(&silent).target()).await;
    stage.is_refused_with(&answer, CB, "login_required", Some(INNER));
    // Only outside.
    let answer = stage.get(&both(&with(&silent, "state", Value::Null)).target()).await;
    stage.is_refused_with(&answer, CB, "login_required", None);
    let answer = stage.get(&both(&with(&silent, "scope", Value::Null)).target()).await;
    stage.is_refused_with(&answer, CB, "invalid_scope", Some(INNER));
    asks_for_login(&stage.get(&both(&claims(&stage)).set("prompt", "none").target()).await);
    is_error_page(&stage.get(&both(&with(&silent, "redirect_uri", Value::Null)).target()).await);
    is_error_page(&stage.get(&both(&with(&silent, "redirect_uri", json!("https://evil.test/"))).target()).await);
    // The one inside is enough; a wrong one outside is not looked at when the object is good.
    let answer = stage.get(&both(&silent).set("redirect_uri", "https://evil.test/").target()).await;
    stage.is_refused_with(&answer, CB, "login_required", Some(INNER));
    is_error_page(&stage.get(&ask_with("a.b.c").set("redirect_uri", "https://evil.test/").target()).await);
}

#[tokio::test]
async fn ro_03_client_id_and_response_type_agree() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let good = claims(&stage);
    for (name, value) in [("client_id", "c1"), ("client_id", "J1"), ("response_type", "id_token")] {
        is_refused(&stage, &signed(&with(&good, name, json!(value)))).await;
    }
    let outer = ask_with(&signed(&good)).set("response_type", "id_token");
    is_told(&stage, &outer, "invalid_request_object").await;
    is_error_page(&stage.get(&ask_with(&signed(&good)).set("client_id", "nobody").target()).await);
    // Another client's object is signed with another client's key.
    let of_c1 = ask_as("c1", CB).set("request", &signed(&good));
    stage.is_refused(&stage.get(&of_c1.target()).await, CB, "request_not_supported");
}

#[tokio::test]
async fn ro_04_nested_and_doubled() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let good = claims(&stage);
    is_refused(&stage, &signed(&with(&good, "request", json!(signed(&good))))).await;
    is_refused(&stage, &signed(&with(&good, "request_uri", json!("https://c1.test/r")))).await;
    let both = ask_with(&signed(&good)).set("request_uri", "https://c1.test/r");
    is_told(&stage, &both, "invalid_request").await;
    let twice = ask_with(&signed(&good)).write(&format!("request={}", signed(&good)));
    is_told(&stage, &twice, "invalid_request").await;
}

#[tokio::test]
async fn ro_05_for_us_of_them_and_of_now() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    register_as(&stage, "f1", |client| client.security_profile = SecurityProfile::Fapi2).await;
    let good = claims(&stage);
    let now = stage.app.signet.now().seconds();
    for (name, bad) in [
        ("aud", json!("https://other.test")),
        ("aud", json!([1])),
        ("iss", json!("c1")),
        ("exp", json!(now - 10)),
        ("exp", json!("tomorrow")),
        ("exp", json!(1e300)),
        ("nbf", json!(now + 60)),
        ("iat", json!(now + 3600)),
        ("sub", json!("j1")),
    ] {
        is_refused(&stage, &signed(&with(&good, name, bad))).await;
    }
    let fapi2 = with(&with(&good, "client_id", json!("f1")), "iss", json!("f1"));
    let by_f1 = |claims: &Value| beside().set("client_id", "f1").set("request", &signed(claims));
    asks_for_login(&stage.get(&by_f1(&with(&fapi2, "exp", json!(now + 3600))).target()).await);
    for (name, bad) in [
        ("aud", Value::Null),
        ("iss", Value::Null),
        ("exp", Value::Null),
        ("nbf", Value::Null),
        ("exp", json!(now + 4200)),
        ("nbf", json!(now - 4200)),
    ] {
        is_told(&stage, &by_f1(&with(&fapi2, name, bad)), "invalid_request_object").await;
    }
    // The same object twice: a page that is loaded again.
    for _ in 0..2 {
        asks_for_login(&stage.get(&ask_with(&signed(&good)).target()).await);
    }
    // Until it has expired.
    let object = signed(&good);
    stage.app.wait(310);
    is_refused(&stage, &object).await;
}

#[tokio::test]
async fn ro_06_ro_07_what_is_no_object_of_parameters() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let key = key_of(Algorithm::Es256);
    for payload in ["[]", "null", "\"x\"", "{", "", "{\"state\":\"a\",\"state\":\"b\"}"] {
        is_refused(&stage, &sign_as(key, &header_of(key), payload)).await;
    }
    for header in [json!(null), json!([]), json!({"alg": null}), with(&header_of(key), "kid", json!([]))] {
        is_refused(&stage, &sign_as(key, &header, &claims(&stage).to_string())).await;
    }
    for extension in ["crit", "b64"] {
        let header = with(&header_of(key), extension, json!(["exp"]));
        is_refused(&stage, &sign_as(key, &header, &claims(&stage).to_string())).await;
    }
    let other_kind = with(&header_of(key), "typ", json!("client-authentication+jwt"));
    is_refused(&stage, &sign_as(key, &other_kind, &claims(&stage).to_string())).await;
    for (name, bad) in [
        ("max_age", json!("1")),
        ("redirect_uri", json!([CB])),
        ("claims", json!("{}")),
        ("state", json!(1)),
        ("nonce", json!("a\u{0}b")),
        ("login_hint", json!("a".repeat(300))),
        ("prompt", json!(["none"])),
    ] {
        is_refused(&stage, &signed(&with(&claims(&stage), name, bad))).await;
    }
    stage.still_works().await;
}

#[tokio::test]
async fn ro_14_a_client_that_signs_all_its_requests() {
    let stage = Stage::new().await;
    register(&stage, |client| client.request_objects.require_signed_request_object = true).await;
    let plain = ask_as("j1", CB);
    stage.is_refused(&stage.get(&plain.target()).await, CB, "invalid_request");
    asks_for_login(&stage.get(&ask_with(&signed(&claims(&stage))).target()).await);
}

#[tokio::test]
async fn ro_17_encrypted_and_oversized() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let header = encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}"#);
    is_refused(&stage, &format!("{header}.a.b.c.d")).await;
    // As large as allowed, in a body; and one byte more.
    let sized = |length: usize| {
        let fill = |count: usize| signed(&with(&claims(&stage), "x", json!("x".repeat(count))));
        let filled = fill(length / 2).len();
        let object = fill(length / 2 + (length - filled) * 3 / 4);
        (object.len(), ask_with(&object).query())
    };
    let (length, body) = sized(64 * 1024 - 8);
    assert!(length <= 64 * 1024 && length > 64 * 1024 - 16, "{length}");
    asks_for_login(&stage.post("/authorize", "", &body).await);
    for more in [70 * 1024, 100 * 1024] {
        let (_, body) = sized(more);
        stage.is_refused_with(&stage.post("/authorize", "", &body).await, CB, "invalid_request_object", None);
    }
    assert_eq!(stage.post("/authorize", "", &sized(140 * 1024).1).await.status, 413);
}

/// Whatever is written at the address that steps come back to, the checked request is what is answered.
#[tokio::test]
async fn rm_02_the_checked_request_is_resumed() {
    let stage = Stage::new().await;
    register(&stage, |_| {}).await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask_with(&signed(&claims(&stage)))).await;
    let id = page.url.query().and_then(|query| query.strip_prefix("request=")).expect("an attempt").to_owned();
    let evil =
        "response_type=token&redirect_uri=https://evil.test/&scope=admin&state=evil&response_mode=fragment&prompt=none";
    let other = signed(&with(&claims(&stage), "state", json!("evil")));
    for tail in [evil.to_owned(), format!("request={other}"), format!("client_id=c1&{evil}")] {
        let tampered = browser.open(&stage.url(&format!("/authorize/{id}?{tail}"))).await;
        assert!(browser.follow(tampered, CB).await.expect("no answer yet").form("login-submit").is_some());
    }
    // And in the form.
    let page =
        sign_in_with_more(&mut browser, &page, &[("response_type", "token"), ("redirect_uri", "https://evil.test/")]);
    let page = page.await;
    let page = browser.follow(page, CB).await.expect("consent");
    let page = browser.press(&page, "consent-allow", &[("response_type", "token"), ("state", "evil")]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("back at the client"));
    assert_eq!(said.get("state").map(String::as_str), Some(INNER));
    let (status, tokens) = stage.token("j1", &redemption(&said["code"])).await;
    assert!(status.is_success());
    assert_eq!(tokens["scope"], "email openid");
}

async fn sign_in_with_more(
    browser: &mut Browser,
    page: &crate::support::browser::Page,
    more: &[(&str, &str)],
) -> crate::support::browser::Page {
    let fields = [&[("username", ADA.0), ("password", ADA.1)], more].concat();
    browser.press(page, "login-submit", &fields).await
}
