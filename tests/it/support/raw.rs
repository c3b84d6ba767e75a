//! Requests byte by byte, where an HTTP library would tidy them first.

use std::time::Duration;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

/// Longer than any limit of the server that these tests set.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

impl Answer {
    /// The value of a header that is there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.all(name);
        let first = found.next();
        assert!(found.next().is_none(), "{name} twice in {:?}", self.headers);
        first
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Writes `request` on a connection of its own and reads until the server closes it. The server may close before
/// everything is written.
#[expect(clippy::disallowed_methods, reason = "how long the server takes, whatever its own clock says")]
pub(crate) async fn send(base: &Url, request: &[u8]) -> Answer {
    let started = Instant::now();
    let mut stream = connect(base).await;
    drop(stream.write_all(request).await);
    let answer = read(&mut stream).await;
    Answer { took: started.elapsed(), ..answer }
}

pub(crate) async fn connect(base: &Url) -> TcpStream {
    TcpStream::connect(("127.0.0.1", base.port().expect("a port"))).await.expect("a connection")
}

/// Reads one answer up to the end of the connection.
pub(crate) async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    assert!(end.is_ok(), "the connection stays open after {:?}", String::from_utf8_lossy(&bytes));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
        headers: headers.collect(),
        body: body.to_owned(),
        took: Duration::ZERO,
    }
}

/// A request of `method` for `target`, written as it is, with more header lines (each ended by CR LF) and a body.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}{headers}\r\n{body}")
        .into_bytes()
}

/// `GET target`, written as it is.
pub(crate) async fn get(base: &Url, target: &str) -> Answer {
    send(base, &request("GET", target, "", "")).await
}

/// `POST target` with a form, written as it is.
pub(crate) async fn post(base: &Url, target: &str, headers: &str, body: &str) -> Answer {
    let headers = format!("Content-Type: application/x-www-form-urlencoded\r\n{headers}");
    send(base, &request("POST", target, &headers, body)).await
}
