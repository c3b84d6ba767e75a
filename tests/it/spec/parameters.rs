//! AP: parameters of the authorization request, their shapes and limits.

use std::collections::BTreeMap;

use signet::domain::ids::RequestId;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::html;
use crate::support::raw;

on_both_databases!(ap_04_invalid_utf8, ap_05_nul_and_control_bytes, ap_09_attempts_of_one_browser_are_bounded);

/// Every parameter that is understood, with its longest value.
const KNOWN: [(&str, usize); 21] = [
    ("client_id", 255),
    ("redirect_uri", 2000),
    ("response_type", 256),
    ("response_mode", 64),
    ("scope", 4096),
    ("state", 4096),
    ("nonce", 1024),
    ("code_challenge", 128),
    ("code_challenge_method", 16),
    ("prompt", 256),
    ("max_age", 32),
    ("display", 64),
    ("ui_locales", 256),
    ("claims_locales", 256),
    ("login_hint", 256),
    ("id_token_hint", 8192),
    ("acr_values", 1024),
    ("claims", 8192),
    ("request", 65_536),
    ("request_uri", 2000),
    ("registration", 8192),
];

/// What is wrong with client or redirect URI is a page; all else goes back to the client, and a state that cannot be
/// read does not.
async fn refuses(stage: &Stage, name: &str, ask: &Ask) {
    let answer = stage.get(&ask.target()).await;
    is_told(stage, name, &answer);
}

fn is_told(stage: &Stage, name: &str, answer: &raw::Answer) {
    match name {
        "client_id" | "redirect_uri" => is_error_page(answer),
        "state" => stage.is_refused_with(answer, CB, "invalid_request", None),
        _ => stage.is_refused(answer, CB, "invalid_request"),
    }
}

#[tokio::test]
async fn ap_01_any_known_parameter_twice() {
    let stage = Stage::new().await;
    for (name, _) in KNOWN {
        for values in [("a", "b"), ("a", "a"), ("", "a")] {
            let ask = ask().without(name).write(&format!("{name}={}&{name}={}", values.0, values.1));
            refuses(&stage, name, &ask).await;
        }
        // The value of the good request, and another one in the body.
        let answer = stage.post(&format!("/authorize?{name}=a"), "", &ask().set(name, "b").query()).await;
        is_told(&stage, name, &answer);
    }
    stage.still_works().await;
}

#[tokio::test]
async fn ap_02_ap_15_unknown_parameters_are_ignored() {
    let stage = Stage::new().await;
    for unknown in
        ["foo=1&foo=2", "scope[]=openid&scope[a]=b&scope.0=", "__proto__=1", "SCOPE=x&scope%20=y", "=", "&&a"]
    {
        asks_for_login(&stage.get(&ask().write(unknown).target()).await);
    }
}

#[tokio::test]
async fn ap_03_empty_is_absent() {
    let stage = Stage::new().await;
    asks_for_login(&stage.get(&ask().write("prompt=&max_age=&nonce=&display=&request=&claims").target()).await);
    let ask = ask().set("code_challenge", "").set("code_challenge_method", "");
    stage.is_refused(&stage.get(&ask.target()).await, CB, "invalid_request");
}

async fn ap_04_invalid_utf8(stage: Stage) {
    for bad in ["%ff", "%c3%28", "%80", "%ed%a0%80", "a%f0%9f"] {
        for (name, _) in KNOWN {
            refuses(&stage, name, &ask().without(name).write(&format!("{name}={bad}"))).await;
        }
        refuses(&stage, "foo", &ask().write(&format!("foo={bad}"))).await;
        refuses(&stage, "foo", &ask().write(&format!("{bad}=foo"))).await;
    }
    // As bytes of their own, which no request target has.
    for bad in [&b"\xff"[..], b"\xc3\x28", "\u{e9}".as_bytes()] {
        let request = [b"GET /authorize?client_id=", bad, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        assert_eq!(stage.send(&request).await.status, 400);
    }
    stage.still_works().await;
}

async fn ap_05_nul_and_control_bytes(stage: Stage) {
    for bad in ["%00", "a%00b", "%01", "%1b", "%7f", "%0a"] {
        for (name, _) in KNOWN {
            refuses(&stage, name, &ask().without(name).write(&format!("{name}={bad}"))).await;
        }
        refuses(&stage, "foo", &ask().write(&format!("foo={bad}"))).await;
        for path in ["/authorize", "/authorize/", "/login", "/assets/", "/setup/", "/"] {
            let answer = stage.get(&format!("{path}{bad}")).await;
            assert!(matches!(answer.status, 400 | 404), "{} for {path}{bad}", answer.status);
        }
        for page in ["/login", "/consent", "/select_account"] {
            assert_eq!(stage.get(&format!("{page}?request={bad}")).await.status, 400, "{page} {bad}");
            let body = format!("request={bad}&csrf={bad}&username={bad}&password={bad}");
            assert_eq!(stage.post(page, "", &body).await.status, 400, "{page} {bad}");
        }
        let cookies = format!("Cookie: signet_session={bad}; signet_browser={bad}; signet_device={bad}\r\n");
        asks_for_login(&stage.send(&raw::request("GET", &ask().target(), &cookies, "")).await);
    }
    // As bytes of their own, where the protocol has no place for them.
    for place in ["GET /authorize\0 HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nCookie: a=\0\r\n\r\n"] {
        assert_eq!(stage.send(place.as_bytes()).await.status, 400);
    }
    stage.still_works().await;
}

#[tokio::test]
async fn ap_06_bad_escapes_and_plus_and_semicolon() {
    let stage = Stage::new().await;
    for bad in ["a=%", "a=%z1", "a=%1", "a=%u0041", "%=a"] {
        refuses(&stage, "foo", &ask().write(bad)).await;
    }
    refuses(&stage, "state", &ask().without("state").write("state=%")).await;
    refuses(&stage, "client_id", &ask().without("client_id").write("client_id=c1%")).await;
    for (written, read) in [("a+b", "a b"), ("a;b", "a;b"), ("a%2Bb", "a+b"), ("a=b", "a=b")] {
        let ask = ask().without("state").set("prompt", "none").write(&format!("state={written}"));
        stage.is_refused_with(&stage.get(&ask.target()).await, CB, "login_required", Some(read));
    }
}

#[tokio::test]
async fn ap_07_size_limits() {
    let stage = Stage::new().await;
    // A request object has its own code, and room for it is in a body only: see `request_object`.
    for (name, most) in KNOWN.into_iter().filter(|(name, _)| *name != "request") {
        for length in [most + 1, 20_000] {
            refuses(&stage, name, &ask().set(name, &"a".repeat(length))).await;
        }
    }
    for (name, length) in [("state", 4096), ("nonce", 1024), ("login_hint", 256), ("acr_values", 1024)] {
        asks_for_login(&stage.get(&ask().set(name, &"a".repeat(length)).target()).await);
    }
    // A state of control length comes back whole.
    let odd = "\u{e9}\u{1f980}\"&#;%+ ".repeat(140);
    let answer = stage.get(&ask().set("state", &odd).set("prompt", "none").target()).await;
    stage.is_refused_with(&answer, CB, "login_required", Some(&odd));
    // More than anybody needs is not even looked at.
    for length in [40_000, 100_000, 1 << 20] {
        let answer = stage.get(&ask().set("state", &"a".repeat(length)).target()).await;
        assert!(matches!(answer.status, 400 | 414 | 431), "{} for {length}", answer.status);
    }
    let many = "&a=1".repeat(201);
    assert_eq!(stage.get(&ask().write(&many).target()).await.status, 400);
    assert_eq!(stage.post("/authorize", "", &ask().write(&many).query()).await.status, 400);
    assert_eq!(stage.post("/authorize", "", &ask().set("foo", &"a".repeat(140_000)).query()).await.status, 413);
    stage.still_works().await;
}

#[tokio::test]
async fn ap_08_cookies_hold_nothing_of_the_request() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let ask = ask().set("nonce", "a-nonce-of-the-request").set("login_hint", ADA.0);
    stage.code(&mut browser, &ask, ADA).await;
    let cookies: Vec<_> = browser.cookies().collect();
    assert_eq!(cookies.len(), 4, "{cookies:?}");
    for (name, cookie) in cookies {
        assert!(cookie.value.len() <= 100, "{name} has {} bytes", cookie.value.len());
        for secret in ["c1", "nonce", "ada", "openid"] {
            assert!(!cookie.value.to_lowercase().contains(secret) || secret.len() < 4, "{secret} in {name}");
        }
    }
}

async fn ap_09_attempts_of_one_browser_are_bounded(stage: Stage) {
    let mut browser = Browser::new();
    let mut ids = Vec::new();
    for _ in 0..13 {
        let page = first_page(&stage, &mut browser, &ask()).await;
        let id = page.url.query_pairs().find(|(name, _)| name == "request").expect("an attempt").1.into_owned();
        ids.push(RequestId::new(id).unwrap());
        // The order of attempts is the order of their times.
        stage.app.clock.advance(std::time::Duration::from_millis(1));
    }
    let mut kept = 0;
    for id in &ids {
        kept += usize::from(stage.app.signet.store.attempt(id.clone()).await.unwrap().is_some());
    }
    assert_eq!(kept, 10);
    assert_eq!(browser.cookies().count(), 1, "one cookie, however many attempts");
}

#[tokio::test]
async fn ap_10_a_form_of_another_site_starts_a_flow() {
    let stage = Stage::new().await;
    let cross = "Origin: https://evil.test\r\nSec-Fetch-Site: cross-site\r\n";
    asks_for_login(&stage.post("/authorize", cross, &ask().query()).await);
    let answer = stage.post("/authorize", cross, &ask().set("scope", "nope").query()).await;
    stage.is_refused(&answer, CB, "invalid_scope");
    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
        let request = raw::request("POST", "/authorize", &format!("Content-Type: {kind}\r\n"), &ask().query());
        assert_eq!(stage.send(&request).await.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn ap_11_other_methods() {
    let stage = Stage::new().await;
    for method in ["PUT", "DELETE", "TRACE", "PATCH", "OPTIONS", "BREW"] {
        for target in [ask().target().as_str(), "/login", "/consent", "/select_account", "/end_session"] {
            let answer = stage.send(&raw::request(method, target, "", "")).await;
            assert_eq!(answer.status, 405, "{method} {target}");
            assert_eq!(answer.header("allow"), Some("GET, POST"), "{method} {target}");
        }
    }
    for target in ["/authorize/auth_x", "/assets/x", "/health/live", "/health/ready"] {
        let answer = stage.send(&raw::request("DELETE", target, "", "")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{target}");
    }
    let body = ask().set("client_id", "nope").query();
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    asks_for_login(&stage.send(&raw::request("GET", &ask().target(), kind, &body)).await);
}

#[tokio::test]
async fn ap_12_no_other_origin_reads_a_page() {
    let stage = Stage::new().await;
    let origin = "Origin: https://evil.test\r\nAccess-Control-Request-Method: POST\r\n";
    for target in [ask().target().as_str(), "/login", "/consent", "/end_session", "/playground", "/nothing"] {
        for method in ["GET", "OPTIONS", "POST"] {
            let answer = stage.send(&raw::request(method, target, origin, "")).await;
            let told = answer.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("access-control-"));
            assert!(!told, "{method} {target}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn ap_13_state_comes_back_as_it_was_sent() {
    let stage = Stage::new().await;
    let ascii: String = (' '..='~').collect();
    let states =
        [ascii, "\u{1f980} \u{e4}\u{202e}\u{0}".replace('\0', ""), "\"><script>&amp;#;%00'".to_owned(), " ".to_owned()];
    for state in states {
        let ask = ask().set("state", &state).set("prompt", "none");
        let answer = stage.get(&ask.target()).await;
        stage.is_refused_with(&answer, CB, "login_required", Some(&state));
        let answer = stage.get(&ask.set("response_mode", "form_post").target()).await;
        assert_eq!(answer.status, 200);
        let forms = html::forms(&answer.body);
        let fields: BTreeMap<String, String> = forms[0].fields("form-post-continue");
        assert_eq!(fields.get("state"), Some(&state));
        assert_eq!(forms[0].action, CB);
    }
}

#[tokio::test]
async fn ap_14_ap_16_odd_languages_are_ignored() {
    let stage = Stage::new().await;
    let many = (0..80).map(|n| format!("x{n}")).collect::<Vec<_>>().join(" ");
    for odd in ["../../etc/passwd", "xx-<script>", "de/../en", &many[..250], "\u{1f980}"] {
        let ask = ask().set("ui_locales", odd).set("claims_locales", odd).set("display", "hologram");
        let mut browser = Browser::new();
        let page = first_page(&stage, &mut browser, &ask).await;
        assert!(page.text.contains("lang=\"en\"") && !page.text.contains("etc/passwd"), "{odd}");
    }
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask().set("ui_locales", "xx de-AT")).await;
    assert!(page.text.contains("lang=\"de\""));
}

/// Without cookies every request is of a new browser: 4 KiB of state each, kept for a day.
#[tokio::test]
async fn ap_09_attempts_from_one_address_are_bounded() {
    let settings = [("limits.attempts_per_address", "3 per 15m"), ("server.trusted_proxies", "127.0.0.1, ::1")];
    let stage = Stage::with(&settings).await;
    let begin = async |from: &str| {
        let header = format!("X-Forwarded-For: {from}\r\n");
        stage.send(&raw::request("GET", &ask().target(), &header, "")).await.status
    };
    for _ in 0..3 {
        assert_eq!(begin("198.51.100.1").await, 303);
    }
    assert_eq!(begin("198.51.100.1").await, 429);
    assert_eq!(begin("198.51.100.2").await, 303, "somebody else");
    // What needs no page leaves no row and is answered.
    let silent = raw::request("GET", &ask().set("prompt", "none").target(), "X-Forwarded-For: 198.51.100.1\r\n", "");
    assert_eq!(stage.send(&silent).await.status, 303);
    stage.app.wait(15 * 60);
    assert_eq!(begin("198.51.100.1").await, 303);
}
