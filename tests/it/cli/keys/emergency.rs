//! `signet keys revoke | pause | resume`, and what a dry run says of readers.

use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use super::BUSY;
use super::NOTICE;
use super::here;
use super::jwks;
use super::kid;
use crate::support::server::Server;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long a real server takes is measured with a real clock")]
async fn a_revoked_key_is_refused_and_nobody_is_signed_out() {
    let server = Server::dev().await;
    let before = here(&server, &["keys", "list", "-o", "json"], "").json();
    let (old, next) = (kid(&before, "ES256", "active"), kid(&before, "ES256", "next"));
    let tokens = here(&server, &["tokens", "get", "-o", "json", "--client", "demo-spa"], "").json();
    let access = tokens["access_token"].as_str().unwrap();
    let endpoints = discovery(&server).await;
    assert_eq!(userinfo_at(&endpoints, access).await, 200);

    // Nobody to ask, no --yes: the numbers, and nothing else.
    let told = here(&server, &["keys", "revoke", &old], "").ends_with(5);
    for expected in ["would have lived until", "minutes)", "Refresh families stay", &next, "--yes"] {
        assert!(told.err.contains(expected), "{expected}: {told:?}");
    }
    assert!(told.out.contains("PyJWKClient") && told.out.contains("until restarted"), "{told:?}");
    assert_eq!(states(&here(&server, &["keys", "list", "-o", "json"], "").json()), states(&before));
    assert_eq!(userinfo_at(&endpoints, access).await, 200);
    here(&server, &["keys", "revoke", "2020-01-01-es256-a", "--yes"], "").ends_with(4);
    here(&server, &["keys", "revoke", "n\u{f6}", "--yes"], "").ends_with(4);

    here(&server, &["keys", "revoke", &old, "--yes", "--reason", "a laptop was lost"], "").ends_with(0);
    let since = Instant::now();
    while jwks(&server).await.contains(&old) || userinfo_at(&endpoints, access).await != 401 {
        assert!(since.elapsed() < NOTICE + BUSY, "after {:?} the key is still in use", since.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    here(&server, &["keys", "revoke", &old, "--yes"], "").ends_with(3);

    // The refresh family lives, and what it gives is signed by the key that every reader has seen.
    let refreshed = refresh(&endpoints, &tokens).await;
    let access = refreshed["access_token"].as_str().unwrap_or_else(|| panic!("{refreshed}"));
    assert_eq!(userinfo_at(&endpoints, access).await, 200);
    assert!(here(&server, &["tokens", "inspect", "-"], access).ends_with(0).out.contains(&next));
    let after = here(&server, &["keys", "list", "-o", "json"], "").json();
    assert_eq!((kid(&after, "ES256", "active"), kid(&after, "ES256", "revoked")), (next, old));
    let trail = here(&server, &["audit", "tail", "-o", "jsonl"], "").ends_with(0).out;
    assert!(trail.contains("key_revoked") && trail.contains("a laptop was lost"), "{trail}");
}

#[tokio::test]
async fn a_flush_states_its_price_and_signs_with_a_fresh_key() {
    let server = Server::dev().await;
    let before = here(&server, &["keys", "list", "-o", "json"], "").json();
    let (old, next) = (kid(&before, "ES256", "active"), kid(&before, "ES256", "next"));
    let told = here(&server, &["keys", "revoke", &old, "--flush"], "").ends_with(5);
    assert!(told.err.contains("up to 20 minutes"), "{told:?}");
    let told = here(&server, &["keys", "revoke", &next, "--flush"], "").ends_with(5);
    assert!(told.err.contains("--flush changes nothing"), "{told:?}");
    here(&server, &["keys", "revoke", &old, "--flush", "--yes"], "").ends_with(0);
    let after = here(&server, &["keys", "list", "-o", "json"], "").json();
    let active = kid(&after, "ES256", "active");
    assert!(active != old && active != next, "{active}");
    assert_eq!(kid(&after, "ES256", "next"), next);
}

#[tokio::test]
async fn a_pause_puts_the_schedule_off() {
    let server = Server::dev().await;
    here(&server, &["keys", "resume"], "").ends_with(3);
    here(&server, &["keys", "pause"], "").ends_with(2);
    here(&server, &["keys", "pause", "--for", "0"], "").ends_with(2);
    here(&server, &["keys", "pause", "--until", "tomorrow"], "").ends_with(2);
    here(&server, &["keys", "pause", "--until", "2001-01-01T00:00:00Z"], "").ends_with(2);
    let far = "2090-01-01T00:00:00Z";
    assert!(here(&server, &["keys", "pause", "--until", far], "").ends_with(0).err.contains(far));
    here(&server, &["keys", "pause", "--until", far], "").ends_with(3);
    let list = here(&server, &["keys", "list", "-o", "json"], "").ends_with(0);
    assert!(list.err.contains("Paused"), "{list:?}");
    for key in list.json().as_array().unwrap().iter().filter(|key| key["state"] == "next") {
        assert!(key["signs_from"].as_str().unwrap() >= far, "{key}");
    }
    here(&server, &["keys", "resume"], "").ends_with(0);
    here(&server, &["keys", "resume"], "").ends_with(3);
    here(&server, &["keys", "pause", "--for", "14d"], "").ends_with(0);
}

fn states(keys: &Value) -> Vec<(&str, &str)> {
    keys.as_array().unwrap().iter().map(|key| (key["kid"].as_str().unwrap(), key["state"].as_str().unwrap())).collect()
}

async fn discovery(server: &Server) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.get(server.url("/.well-known/openid-configuration")).send().await.unwrap().json().await.unwrap()
}

async fn userinfo_at(endpoints: &Value, token: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = endpoints["userinfo_endpoint"].as_str().unwrap();
    http.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
}

async fn refresh(endpoints: &Value, tokens: &Value) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", "demo-spa")
        .append_pair("refresh_token", tokens["refresh_token"].as_str().unwrap())
        .finish();
    let request = http.post(endpoints["token_endpoint"].as_str().unwrap()).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.send().await.unwrap().json().await.unwrap()
}
