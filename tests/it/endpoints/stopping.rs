//! What a server does between the signal that ends it and its end.

use std::process::Command;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use url::Url;

use crate::support::raw;
use crate::support::rounds;
use crate::support::server::Server;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const GUESTS: usize = 16;
const A_WHILE: Duration = Duration::from_millis(300);

fn signal(server: &Server, name: &str) {
    let asked = Command::new("kill").args([name, &server.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
}

/// A server that gives others minutes to go elsewhere.
async fn patient() -> Server {
    Server::dev_with(&[("SIGNET_SERVER__DRAIN", "5m")]).await
}

#[tokio::test]
async fn while_it_drains_everything_is_answered_and_nothing_new_is_sent_here() {
    let server = patient().await;
    let mut kept = raw::connect(&server.base).await;
    assert!(!closes(&mut kept).await, "before that, connections are kept");
    signal(&server, "-TERM");
    server.wait_for_log("stopping").await;

    let ready = raw::get(&server.base, "/health/ready").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, r#"{"status":"unavailable","reasons":["stopping"]}"#));
    assert_eq!(raw::get(&server.base, "/.well-known/jwks.json").await.status, 200);
    assert!(closes(&mut kept).await, "the connection that was kept ends with its next answer");

    // Whoever asks twice does not want to wait five minutes.
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn a_third_signal_waits_for_nobody() {
    let server = patient().await;
    // A request that never ends is under way.
    let mut hanging = raw::connect(&server.base).await;
    let whole = raw::request("POST", "/token", "", "grant_type=client_credentials");
    hanging.write_all(&whole[..whole.len() - 5]).await.unwrap();
    assert_eq!(raw::get(&server.base, "/health/live").await.status, 200);
    signal(&server, "-TERM");
    server.wait_for_log("stopping").await;
    signal(&server, "-TERM");
    server.wait_for_log("accepts nobody").await;
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn at_a_terminal_nobody_waits() {
    let server = patient().await;
    signal(&server, "-INT");
    assert_eq!(server.ended().await, Some(0));
}

/// A proxy sends a POST as soon as the connection is made, and must not send it again.
#[tokio::test]
async fn whoever_was_let_in_is_answered() {
    let mut let_in = 0;
    for _ in 0..rounds(2, 20) {
        let server = Server::dev().await;
        let mut guests = JoinSet::new();
        for _ in 0..GUESTS {
            guests.spawn(come_again_and_again(server.base.clone()));
        }
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(server.stop().await, Some(0));
        for answered in guests.join_all().await {
            assert_ne!(answered, 0, "nobody came");
            let_in += answered;
        }
    }
    println!("{let_in} requests were answered");
}

/// Until nobody is let in any more.
async fn come_again_and_again(base: Url) -> usize {
    let request = raw::request("POST", "/introspect", FORM, "token=unknown");
    let mut answered = 0;
    while let Ok(mut stream) = TcpStream::connect(("127.0.0.1", base.port().expect("a port"))).await {
        stream.write_all(&request).await.expect("a request is taken");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&answer));
        answered += 1;
    }
    answered
}

/// Asks for the public keys; whether the server closes the connection afterwards.
async fn closes(stream: &mut TcpStream) -> bool {
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The body of this answer ends with the only brace it has.
    while !answer.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.to_ascii_lowercase().contains("connection: close")
}
