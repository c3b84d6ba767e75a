//! What the log of a server says, and what strangers cannot make it say.

use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;

use crate::support::raw;
use crate::support::server::Server;

#[tokio::test]
async fn malformed_http_is_no_error_of_the_server_and_an_inactive_token_has_a_reason() {
    let server = Server::dev().await;
    for malformed in [&b"NONSENSE\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n"] {
        assert_eq!(raw::send(&server.base, malformed).await.status, 400);
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (token, why) in [("e30.e30.AAAA", "introspected_inactive"), ("sgr_unknown", "refresh token")] {
        let form = [("token", token)];
        let asked = http.post(server.url("/introspect")).basic_auth("demo-web", Some("dev-secret-do-not-ship"));
        assert_eq!(asked.form(&form).send().await.unwrap().text().await.unwrap(), r#"{"active":false}"#);
        let clock = SystemClock::new();
        let said = |log: &str| log.lines().any(|line| line.contains("introspected_inactive") && line.contains(why));
        while !said(&server.log()) {
            assert!(clock.monotonic() < Duration::from_secs(5), "{}", server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!server.log().contains(token), "the log has the token");
    }
    let log = server.log();
    assert!(!log.contains("\"ERROR\"") && !log.contains("stream error"), "{log}");
}
