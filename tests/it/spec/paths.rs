//! PX: paths, proxies and what the server says of itself; WF: heads and bodies that are too large or too slow.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::stage::*;
use crate::support::raw;

const WRONG: &str = "username=ada%40example.test&password=wrong";

/// What one wrong password from this address is answered with.
async fn guess(stage: &Stage, headers: &str) -> u16 {
    let mut browser = crate::support::browser::Browser::new();
    let page = first_page(stage, &mut browser, &ask()).await;
    let fields = page.form("login-submit").expect("the login page").fields("login-submit");
    let (_, cookie) = browser.cookies().next().expect("a browser cookie");
    let headers = format!("Cookie: signet_browser={}\r\n{headers}", cookie.value);
    let body = format!("{WRONG}&request={}&csrf={}", fields["request"], escape(&fields["csrf"]));
    stage.post("/login", &headers, &body).await.status
}

#[tokio::test]
async fn px_01_strangers_do_not_choose_their_address() {
    let stage = Stage::with(&[("limits.login_per_address", "2 per 15m")]).await;
    for (n, expected) in [(1, 401), (2, 401), (3, 429)] {
        let headers =
            format!("X-Forwarded-For: 198.51.100.{n}\r\nForwarded: for=198.51.100.{n}\r\nX-Real-IP: 10.0.0.{n}\r\n");
        assert_eq!(guess(&stage, &headers).await, expected, "{n}");
    }
    // Nor the host or the scheme.
    let spoofed =
        "X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.test;proto=https\r\n";
    let answer = stage.send(&raw::request("GET", "/.well-known/openid-configuration", spoofed, "")).await;
    assert!(answer.body.contains(stage.issuer()) && !answer.body.contains("evil"), "{}", answer.body);
    let answer = stage.send(&raw::request("GET", &ask().target(), spoofed, "")).await;
    asks_for_login(&answer);
    assert!(answer.all("set-cookie").all(|cookie| !cookie.contains("Secure") && !cookie.contains("evil")));
}

#[tokio::test]
async fn px_02_a_trusted_proxy_vouches_for_one_hop() {
    let settings = [("limits.login_per_address", "2 per 15m"), ("server.trusted_proxies", "127.0.0.1, ::1")];
    let stage = Stage::with(&settings).await;
    for (n, expected) in [(1, 401), (2, 401), (3, 429)] {
        // The left part was written by the sender.
        let headers = format!("X-Forwarded-For: 203.0.113.{n}, 198.51.100.7\r\n");
        assert_eq!(guess(&stage, &headers).await, expected, "{n}");
    }
    assert_eq!(guess(&stage, "X-Forwarded-For: 198.51.100.8\r\n").await, 401, "another address has its own budget");
}

#[tokio::test]
async fn px_06_px_07_one_path_each() {
    let stage = Stage::new().await;
    let query = ask().query();
    for path in [
        "//authorize",
        "/authorize/",
        "/%61uthorize",
        "/x/../authorize",
        "/./authorize",
        "/authorize;x",
        "/authorize;.js",
        "/authorize%2f",
        "/Authorize",
        "/AUTHORIZE",
        "/authorize%20",
        "/authorize.css",
        "/authorize/x/y",
        "/login/",
        "//login",
        "/%6cogin",
        "/login/x.css",
        "/login;x",
        "/consent/",
        "/consent;.js",
        "/login%3f",
    ] {
        let answer = stage.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    // A path with its own meaning: an attempt that nobody knows.
    let answer = stage.get("/authorize/x.css").await;
    assert_eq!((answer.status, answer.header("cache-control")), (400, Some("no-store")));
    for path in ["/assets/../signet.db", "/assets/%2e%2e%2fsignet.db", "/assets/..%5c", "/assets/nothing.css"] {
        assert_eq!(stage.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn px_08_nothing_tells_what_this_runs_on() {
    let stage = Stage::new().await;
    for target in [ask().target().as_str(), "/nothing", "/login", "/authorize?client_id=%ff", "/.well-known/jwks.json"]
    {
        let answer = stage.get(target).await;
        for name in ["server", "x-powered-by", "via", "x-runtime"] {
            assert!(answer.header(name).is_none(), "{name} of {target}: {answer:?}");
        }
        assert!(!answer.body.contains(env!("CARGO_PKG_VERSION")), "{target}");
    }
}

#[tokio::test]
async fn ui_15_every_answer_is_what_it_says() {
    let stage = Stage::new().await;
    let mut targets = vec![ask().target()];
    targets
        .extend(["/nothing", "/login", "/playground", "/assets/nothing", "/health/live", "/token"].map(str::to_owned));
    for target in &targets {
        let answer = stage.get(target).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{target}");
        assert!(answer.header("content-security-policy").expect(target).contains("frame-ancestors 'none'"), "{target}");
        assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{target}");
    }
}

#[tokio::test]
async fn wf_05_bodies_that_are_too_large() {
    let stage = Stage::new().await;
    for target in ["/authorize", "/login", "/consent", "/select_account", "/end_session", "/playground/start"] {
        // The authorization request may have a request object in it.
        let most = if target == "/authorize" { 128 } else { 64 };
        let answer = stage.post(target, "", &"a".repeat((most + 1) * 1024 + 1)).await;
        assert_eq!(answer.status, 413, "{target}");
        // Announced, and not even sent.
        let kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 999999999\r\n";
        assert_eq!(stage.send(&raw::request("POST", target, kind, "")).await.status, 413, "{target}");
        // Not announced.
        let mut chunked = raw::request(
            "POST",
            target,
            "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n",
            "",
        );
        for _ in 0..most + 6 {
            chunked.extend(format!("400\r\n{}\r\n", "a".repeat(1024)).into_bytes());
        }
        chunked.extend(b"0\r\n\r\n");
        assert_eq!(stage.send(&chunked).await.status, 413, "{target}");
        let zipped = stage.post(target, "Content-Encoding: gzip\r\n", "a=b").await;
        assert_eq!(zipped.status, 415, "{target}");
    }
    stage.still_works().await;
}

#[tokio::test]
async fn wf_05_slow_heads_and_slow_bodies() {
    let stage = Stage::with(&[("limits.body_timeout", "1s"), ("limits.head_timeout", "1s")]).await;
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na=";
    for part in [head, "GET /authorize HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = raw::connect(stage.base()).await;
        stream.write_all(part.as_bytes()).await.expect("a part");
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(stream.write_all(b"b").await);
        let answer = raw::read(&mut stream).await;
        assert_eq!(answer.status, 408, "{part}");
    }
    stage.still_works().await;
}

#[tokio::test]
async fn wf_07_heads_that_are_too_large() {
    let stage = Stage::new().await;
    let lines = format!("X-A: {}\r\n", "a".repeat(1000)).repeat(33);
    assert_eq!(stage.send(&raw::request("GET", &ask().target(), &lines, "")).await.status, 431);
    let answer = stage.get(&format!("/login?request={}", "a".repeat(33_000))).await;
    assert_eq!(answer.status, 431);
    let many = "X-B: 1\r\n".repeat(200);
    let answer = stage.send(&raw::request("GET", &ask().target(), &many, "")).await;
    assert!(matches!(answer.status, 400 | 431), "{}", answer.status);
    stage.still_works().await;
}
