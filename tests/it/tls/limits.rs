//! What holds on plain http holds on https too: slow and large requests, the address of the other end, an orderly stop.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;

use super::Stage;
use crate::support::https::Authority;
use crate::support::raw::request;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::free_port;
use crate::support::tls::Client;
use crate::support::tls::exchange;
use crate::support::tls::plain;
use crate::support::tls::rest;
use crate::support::tls::status;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test]
async fn ds_01_slow_heads_bodies_and_handshakes_are_cut_off() {
    let stage = Stage::with(&[("limits.body_timeout", "1s"), ("limits.head_timeout", "1s")]).await;
    let body = format!("POST /login HTTP/1.1\r\nHost: x\r\n{FORM}Content-Length: 9\r\n\r\na=");
    for part in [body.as_str(), "GET /authorize HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = stage.client().connect(&stage.app.base).unwrap();
        let clock = SystemClock::new();
        let answer = exchange(&mut stream, part.as_bytes());
        assert_eq!(status(&answer), 408, "{part}: {answer}");
        assert!(clock.monotonic() < Duration::from_secs(6), "{part}: {:?}", clock.monotonic());
    }
    let mut mute = plain(&stage.app.base).unwrap();
    let clock = SystemClock::new();
    assert_eq!(rest(&mut mute), "");
    assert!(clock.monotonic() < Duration::from_secs(6), "{:?}", clock.monotonic());
}

#[tokio::test]
async fn ds_01_connections_that_never_say_hello_keep_nobody_out() {
    let stage = Stage::with(&[("limits.head_timeout", "30s"), ("server.workers", "1")]).await;
    // More than one worker of the framework takes by itself.
    let mute: Vec<_> = (0..300).map(|_| plain(&stage.app.base).unwrap()).collect();
    sleep(Duration::from_millis(300));
    let clock = SystemClock::new();
    let mut stream = stage.client().connect(&stage.app.base).unwrap();
    assert_eq!(status(&exchange(&mut stream, &request("GET", "/health/live", "", ""))), 200);
    assert!(clock.monotonic() < Duration::from_secs(10), "{:?}", clock.monotonic());
    drop(mute);
}

#[tokio::test]
async fn wf_07_heads_that_are_too_large() {
    let stage = Stage::new().await;
    let lines = format!("X-A: {}\r\n", "a".repeat(1000)).repeat(33);
    let mut stream = stage.client().connect(&stage.app.base).unwrap();
    assert_eq!(status(&exchange(&mut stream, &request("GET", "/health/live", &lines, ""))), 431);
}

#[tokio::test]
async fn px_02_the_address_of_the_other_end_is_known() {
    let settings = [("limits.client_secret_failures", "1 per 1m"), ("server.trusted_proxies", "127.0.0.1")];
    let stage = Stage::with(&settings).await;
    // "demo-web:wrong"
    let guess = |from: &str| {
        let lines = format!("{FORM}Authorization: Basic ZGVtby13ZWI6d3Jvbmc=\r\nX-Forwarded-For: {from}\r\n");
        let mut stream = stage.client().connect(&stage.app.base).unwrap();
        status(&exchange(&mut stream, &request("POST", "/token", &lines, "grant_type=client_credentials")))
    };
    assert_eq!(guess("198.51.100.1"), 401);
    assert_eq!(guess("198.51.100.1"), 429);
    // The proxy is believed only when its own address is known.
    assert_eq!(guess("198.51.100.2"), 401);
}

#[tokio::test]
async fn requests_under_way_are_answered_before_a_server_stops() {
    let (authority, folder, port) = (Authority::new(), tempfile::tempdir().unwrap(), free_port());
    let (certificate, key) = authority.write_pair(folder.path(), "server", &["localhost"], 90);
    let mut serve = command(folder.path());
    serve.arg("serve").envs([
        ("SIGNET_SERVER__ISSUER", format!("https://localhost:{port}")),
        ("SIGNET_SERVER__LISTEN", format!("127.0.0.1:{port}")),
        ("SIGNET_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", port + 1)),
        ("SIGNET_SERVER__TLS__CERTIFICATE", certificate.display().to_string()),
        ("SIGNET_SERVER__TLS__KEY_FILE", key.display().to_string()),
    ]);
    let server = Server::https(serve, folder.path(), port).await;
    let mut stream = Client::gullible().connect(&server.base).unwrap();
    let whole = String::from_utf8(request("POST", "/token", FORM, "grant_type=client_credentials")).unwrap();
    let (first, second) = whole.split_at(whole.len() - 5);
    stream.write_all(first.as_bytes()).unwrap();
    // Until the head has arrived.
    sleep(Duration::from_millis(500));
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let answer = exchange(&mut stream, second.as_bytes());
    assert!(matches!(status(&answer), 400 | 401), "{answer}");
    assert_eq!(stopping.await.unwrap(), Some(0));
}
