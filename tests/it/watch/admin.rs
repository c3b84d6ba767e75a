//! The admin listener: `/metrics`, `/health/live`, `/health/ready`.

use std::net::TcpListener;

use reqwest::StatusCode;

use crate::support::server::Server;

const SECRET: &str = "dev-secret-do-not-ship";

#[tokio::test]
async fn metrics_on_a_listener_of_their_own() {
    let server = Server::dev().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let admin = server.base.port().unwrap() + 1;
    let get = async |path: &str| http.get(format!("http://127.0.0.1:{admin}{path}")).send().await.unwrap();
    for _ in 0..3 {
        let form = [("grant_type", "client_credentials")];
        let request = http.post(server.url("/token")).basic_auth("demo-service", Some(SECRET)).form(&form);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    // Nothing that a stranger can invent becomes a label.
    http.get(server.url("/no/such/path-by-a-stranger?x=canary")).send().await.unwrap();

    let answer = get("/metrics").await;
    assert!(answer.headers().get("content-type").unwrap().to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text().await.unwrap();
    for line in [
        "signet_database_up 1\n",
        "signet_tokens_issued_total{grant=\"client_credentials\"} 3\n",
        "signet_tokens_issued_total{grant=\"authorization_code\"} 0\n",
        "signet_jwks_requests_total 1\n",
        "signet_authn_total{method=\"password\",outcome=\"success\"} 0\n",
        "signet_http_request_duration_seconds_count{route=\"/token\",status=\"200\"} 3\n",
        "signet_http_request_duration_seconds_count{route=\"(none)\",status=\"404\"} 1\n",
        "signet_key_rotation_overdue{alg=\"ES256\"} 0\n",
        "signet_refresh_reuse_detected_total 0\n",
        "signet_audit_dropped_total 0\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for state in ["active", "next"] {
        for alg in ["ES256", "RS256"] {
            let labels = format!("alg=\"{alg}\",state=\"{state}\"}} 1\n");
            assert!(text.contains(&labels), "{labels}\n{text}");
        }
    }
    assert!(text.contains("signet_key_next_rotation_timestamp_seconds{alg=\"RS256\"} 1"));
    assert!(!text.contains("stranger") && !text.contains("canary") && !text.contains(SECRET));
    // Every line is a comment or a sample.
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("signet_") && value.parse::<f64>().is_ok(), "{line}");
    }

    for path in ["/health/live", "/health/ready"] {
        assert_eq!(get(path).await.status(), StatusCode::OK);
    }
    assert_eq!(get("/token").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(http.get(server.url("/metrics")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn a_dev_server_does_without_a_port_that_is_taken() {
    // Port 0 cannot be asked for here: the server takes the port after its own.
    let (taken, port) = loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(Ok(taken)) = first.checked_add(1).map(|next| TcpListener::bind(("127.0.0.1", next))) {
            break (taken, first);
        }
    };
    let server = Server::dev_on(port, &[]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(http.get(server.url("/health/ready")).send().await.unwrap().status(), StatusCode::OK);
    assert!(server.start_box().contains("no metrics: cannot listen on"));
    drop(taken);
}
