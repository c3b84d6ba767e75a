//! Discovery: one document, made from the configuration alone.

use serde_json::Value;

use super::app;
use super::app_with;
use crate::support::party::Answer;
use crate::support::party::Party;

const BOTH: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
const JWKS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn c_01_what_it_says_is_served() {
    let app = app().await;
    let party = Party::web(&app);
    let issuer = app.base.as_str().trim_end_matches('/');
    for path in BOTH {
        let answer = party.get(path).await;
        let document = answer.json();
        assert_eq!(document["issuer"], issuer);
        for (name, path) in [
            ("authorization_endpoint", "/authorize"),
            ("token_endpoint", "/token"),
            ("userinfo_endpoint", "/userinfo"),
            ("revocation_endpoint", "/revoke"),
            ("introspection_endpoint", "/introspect"),
            ("jwks_uri", JWKS),
        ] {
            assert_eq!(document[name], format!("{issuer}{path}"));
        }
        // Every endpoint that is named is there, and none that is not is claimed.
        for (name, value) in document.as_object().unwrap() {
            let Some(url) = value.as_str().filter(|_| name.ends_with("_endpoint") || name.ends_with("_uri")) else {
                continue;
            };
            let answer = Answer::to(party.http.get(url)).await;
            assert_ne!(answer.status.as_u16(), 404, "{name}");
        }
        let list = |name: &str| document[name].as_array().unwrap_or_else(|| panic!("{name}")).clone();
        assert!(list("id_token_signing_alg_values_supported").contains(&Value::from("RS256")));
        assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
        assert_eq!(list("response_types_supported"), ["code"]);
        for (name, no) in [
            ("id_token_signing_alg_values_supported", "none"),
            ("grant_types_supported", "password"),
            ("grant_types_supported", "implicit"),
        ] {
            assert!(!list(name).contains(&Value::from(no)), "{name}");
        }
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        for shown in
            ["request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"]
        {
            assert_eq!(document[shown], true, "{shown}");
        }
        assert_eq!(list("request_object_signing_alg_values_supported"), ["RS256", "ES256", "PS256", "EdDSA"]);
        let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
        assert_eq!(list("revocation_endpoint_auth_methods_supported"), methods);
        assert_eq!(list("introspection_endpoint_auth_methods_supported"), methods[..3]);
        assert!(list("introspection_signing_alg_values_supported").contains(&Value::from("RS256")));
        for value in document.as_object().unwrap().values() {
            assert!(!value.is_null() && *value != "" && *value != Value::Array(Vec::new()));
        }
    }
}

#[tokio::test]
async fn rs_10_nobody_else_says_who_we_are() {
    let app = app().await;
    let party = Party::web(&app);
    for path in [BOTH[0], BOTH[1], JWKS] {
        let plain = party.get(path).await;
        for (name, value) in [
            ("host", "evil.test"),
            ("host", "evil.test:443"),
            ("x-forwarded-host", "evil.test"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-prefix", "/evil"),
            ("x-forwarded-server", "evil.test"),
            ("forwarded", "host=evil.test;proto=https;for=1.2.3.4"),
            ("x-original-url", "/evil"),
            ("x-rewrite-url", "/evil"),
            ("accept-language", "de"),
            ("cookie", "signet_session=x"),
        ] {
            let answer = Answer::to(party.http.get(app.url(path)).header(name, value)).await;
            assert_eq!(answer.text, plain.text, "{name}");
            assert_eq!(answer.header("etag"), plain.header("etag"));
            assert!(!format!("{:?}", answer.headers).contains("evil"), "{name}");
        }
    }
    // Redirects neither.
    let url = party.authorization_url("openid");
    let answer = Answer::to(party.http.get(url).header("host", "evil.test").header("x-forwarded-host", "evil.test"));
    assert!(!answer.await.header("location").contains("evil"));
}

#[tokio::test]
async fn rs_11_the_issuer_is_one_string_everywhere() {
    let app = app_with(&[("server.issuer", "https://id.example.test")]).await;
    let party = Party::web(&app);
    let document = party.get(BOTH[0]).await.json();
    assert_eq!(document["issuer"], "https://id.example.test");
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            assert!(value.as_str().unwrap().starts_with("https://id.example.test/"), "{name}");
        }
    }
}

#[tokio::test]
async fn rs_12_rs_13_everybody_may_read_and_keep_it() {
    let app = app().await;
    let party = Party::web(&app);
    for path in [BOTH[0], BOTH[1], JWKS] {
        for origin in ["null", "https://evil.test", "http://localhost:5173"] {
            let answer = Answer::to(party.http.get(app.url(path)).header("origin", origin)).await;
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert!(answer.headers.get("access-control-allow-credentials").is_none());
            assert!(answer.header("cache-control").starts_with("public, max-age="));
            assert!(answer.headers.get("pragma").is_none() && answer.headers.get("set-cookie").is_none());
        }
        let preflight = party.http.request(reqwest::Method::OPTIONS, app.url(path)).header("origin", "https://rs.test");
        let answer = Answer::to(preflight.header("access-control-request-method", "GET")).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, "*"));
    }
    for path in ["/token", "/userinfo", "/authorize", "/login", "/health/live", "/health/ready", "/nothing", "/consent"]
    {
        let answer = party.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
