//! A connection becomes a tunnel for a WebSocket alone. Through any other tunnel, as of HTTP/2 in clear text ("h2c", RFC
//! 7540 section 3.2), a client could send whole requests that nobody asks about, with headers of its own.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::gateway::Gateway;
use crate::gateway::echo::values;
use crate::gateway::through_both;
use crate::support::raw;

const LIMIT: Duration = Duration::from_secs(5);

/// `HEADERS` of `GET /admin` with `x-user-id: usr_evil`, uncompressed, behind the preface and empty settings.
fn forged_stream() -> Vec<u8> {
    // `:method: GET`, `:scheme: http`, `:path: /` of the static table; then a literal with a new name (RFC 7541).
    let mut block = vec![0x82, 0x86, 0x84, 0x00, 9];
    block.extend(b"x-user-id");
    block.push(8);
    block.extend(b"usr_evil");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // END_STREAM and END_HEADERS, stream 3.
    bytes.extend([0, 0, u8::try_from(block.len()).expect("short"), 0x01, 0x05, 0, 0, 0, 3]);
    bytes.extend(block);
    bytes
}

/// Reads up to `end`, for a limited time.
async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(end) {
        match tokio::time::timeout(LIMIT, stream.read(&mut buffer)).await {
            Ok(Ok(read @ 1..)) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => break,
        }
    }
    text
}

/// Asks with these headers; gives the connection and the head of the answer.
async fn ask(gateway: &Gateway, headers: &str) -> (TcpStream, String) {
    let mut stream = raw::connect(&gateway.proxy.base).await;
    let request = format!("GET /first HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let head = read_to(&mut stream, "\r\n\r\n").await;
    (stream, head)
}

async fn gw_10_no_tunnel_but_for_websockets(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let bearer = gateway.ada().await;
    let settings = "HTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for upgrade in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
        "Connection: HTTP2-Settings\r\nConnection: Upgrade\r\nUpgrade: H2C\r\n",
        "Connection: upgrade\r\nUpgrade: h2c\r\n",
        "Upgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket,h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade:\th2c \r\n",
        "Connection: Upgrade\r\nUpgrade: \r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\nupgrade: h2c\r\n",
    ] {
        let before = gateway.echo.seen().len();
        let (mut stream, head) = ask(&gateway, &format!("{upgrade}{settings}{bearer}")).await;
        let first = gateway.echo.seen().split_off(before);
        assert_eq!(first.len(), 1, "{upgrade:?}: {head}\n{first:?}");
        assert_eq!(values(&first[0], "x-user-id"), [ada.id.as_str()], "{upgrade:?}: {}", first[0]);
        // Of two that are asked for, a WebSocket alone may be left.
        if values(&first[0], "upgrade") == ["websocket"] && upgrade.contains("e: websocket\r\n") {
            continue;
        }
        // What a client sends now is a request like others.
        drop(stream.write_all(&forged_stream()).await);
        let rest = read_to(&mut stream, "no end").await;
        let seen = gateway.echo.seen().split_off(before);
        assert!(seen.iter().all(|piece| !piece.contains("usr_evil")), "{upgrade:?}: {head}\n{rest}\n{seen:?}");
        assert!(head.starts_with("HTTP/1.1 200"), "{upgrade:?}: {head}");
        for name in ["upgrade", "http2-settings"] {
            assert!(values(&first[0], name).is_empty(), "{upgrade:?}: {}", first[0]);
        }
    }
}

async fn websockets_pass_with_the_same_question(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let bearer = gateway.ada().await;
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-User-ID: usr_evil\r\n";
    for spelled in ["websocket", "WebSocket"] {
        let upgrade = format!("Connection: keep-alive, Upgrade\r\nUpgrade: {spelled}\r\n{key}");
        let before = gateway.echo.seen().len();
        let (_, refused) = ask(&gateway, &upgrade).await;
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
        assert_eq!(gateway.echo.seen().len(), before);

        let (mut stream, switched) = ask(&gateway, &format!("{upgrade}{bearer}")).await;
        assert!(switched.starts_with("HTTP/1.1 101"), "{switched}");
        // Both ways: the service has sent what it saw, and hears what is sent.
        let sent = if switched.contains("/first") { switched } else { read_to(&mut stream, "\r\n\r\n").await };
        assert!(sent.contains("GET /first"), "{sent}");
        stream.write_all(b"a word").await.expect("a tunnel");
        let heard = async {
            while gateway.echo.seen().last().is_none_or(|last| last != "a word") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, heard).await.expect("the service hears it");
        let seen = gateway.echo.seen().split_off(before);
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert_eq!(values(&seen[0], "x-user-id"), [ada.id.as_str()], "{}", seen[0]);
        assert_eq!(values(&seen[0], "upgrade"), ["websocket"], "{}", seen[0]);
    }
}

through_both!(gw_10_no_tunnel_but_for_websockets, websockets_pass_with_the_same_question);
