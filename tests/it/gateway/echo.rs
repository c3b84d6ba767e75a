//! A service behind the proxy: answers with the bytes that it was sent, and keeps them. It agrees to every upgrade, as
//! applications do that speak HTTP/2 in clear text, and keeps what comes through the tunnel too.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// Ends with the test that started it: its thread only waits for connections.
#[derive(Debug)]
pub(super) struct Echo {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { port, seen }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every request so far, head and body as they came; and of a tunnel every piece.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(mut stream: TcpStream, kept: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a limit");
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        bytes.extend(&buffer[..read]);
        if is_whole(&bytes) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.is_empty() {
        return;
    }
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
    if let Some(protocol) = upgrade(&text) {
        return tunnel(stream, protocol, &text, kept);
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    // The proxy may be gone already.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())));
}

/// The first protocol that is asked for and known here, wherever in a list and however it is spelled.
fn upgrade(request: &str) -> Option<&'static str> {
    let asked = values(request, "upgrade").join(",").to_ascii_lowercase();
    asked.split(',').find_map(|name| ["h2c", "websocket"].into_iter().find(|known| *known == name.trim()))
}

/// Reads on after `101`, to the end of the connection.
fn tunnel(mut stream: TcpStream, protocol: &str, request: &str, kept: &Mutex<Vec<String>>) {
    let head = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\nConnection: Upgrade\r\n\r\n");
    // A server of HTTP/2 begins with its settings (RFC 9113 section 3.4); here none.
    let first = if protocol == "h2c" { "\0\0\0\x04\0\0\0\0\0" } else { request };
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(first.as_bytes())));
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        let piece = String::from_utf8_lossy(&buffer[..read]).into_owned();
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(piece);
    }
}

/// Head, and body by its length or up to the end of its trailers.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.starts_with("0\r\n") && body.ends_with("\r\n\r\n")
            || body.contains("\r\n0\r\n") && body.ends_with("\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// The values of a header in a request that the service saw, by every spelling that an application might take for it.
pub(super) fn values<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let same = |other: &str| other.trim().replace('_', "-").eq_ignore_ascii_case(name);
    let lines = request.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(other, _)| same(other)).map(|(_, value)| value.trim()).filter(|value| !value.is_empty()).collect()
}
