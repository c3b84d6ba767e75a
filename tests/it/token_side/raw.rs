//! Requests that no HTTP library would send: bytes over a socket, whole, in pieces, or slowly.

use std::sync::Arc;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::app;
use super::app_with;
use super::wire::FORM;
use super::wire::basic;
use super::wire::service_form;
use crate::support::app::App;
use crate::support::party::Party;

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(("127.0.0.1", app.base.port().expect("a port"))).await.expect("a connection")
}

/// Sends bytes as they are and reads until the server closes or says no more.
pub(super) async fn raw(app: &App, bytes: &[u8]) -> Reply {
    let mut stream = connect(app).await;
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    Reply::read(&mut stream, Duration::from_millis(1500)).await
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) text: String,
    closed: bool,
}

impl Reply {
    async fn read(stream: &mut TcpStream, patience: Duration) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match tokio::time::timeout(patience, stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return Self { text: String::from_utf8_lossy(&bytes).into_owned(), closed: true },
                Ok(Ok(read)) => bytes.extend_from_slice(&buffer[..read]),
                Err(_) => return Self { text: String::from_utf8_lossy(&bytes).into_owned(), closed: false },
            }
        }
    }

    /// The status of the first answer; 0 for none.
    pub(super) fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    fn answers(&self) -> usize {
        self.text.matches("HTTP/1.1 ").count()
    }
}

/// A good token request, but for the header lines given.
fn token_request(lines: &str, body: &str) -> Vec<u8> {
    format!("POST /token HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n{lines}\r\n\r\n{body}", basic())
        .into_bytes()
}

/// Announced or not, what is too large is refused before it has arrived.
#[tokio::test]
async fn wf_05_a_large_body_is_refused_before_it_arrives() {
    let app = app().await;
    let announced = token_request(&format!("Content-Type: {FORM}\r\nContent-Length: 104857600"), "grant_type=x");
    let reply = raw(&app, &announced).await;
    assert_eq!(reply.status(), 413, "{}", reply.text);
    assert!(reply.closed, "the rest of the body must not be taken for a request");

    let mut chunked = token_request(&format!("Content-Type: {FORM}\r\nTransfer-Encoding: chunked"), "");
    for _ in 0..20 {
        chunked.extend_from_slice(b"2000\r\n");
        chunked.extend(vec![b'a'; 0x2000]);
        chunked.extend_from_slice(b"\r\n");
    }
    let reply = raw(&app, &chunked).await;
    assert_eq!(reply.status(), 413, "{}", reply.text);
    assert!(reply.closed);
}

#[tokio::test]
async fn wf_06_smuggling() {
    let app = app().await;
    let body = "grant_type=client_credentials";
    let kind = format!("Content-Type: {FORM}\r\n");
    let hidden = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let good = token_request(&format!("{kind}Content-Length: {}\r\nConnection: close", body.len()), body);
    assert_eq!(raw(&app, &good).await.status(), 200);
    for (what, lines) in [
        ("both lengths", "Content-Length: 6\r\nTransfer-Encoding: chunked"),
        ("both, other way round", "Transfer-Encoding: chunked\r\nContent-Length: 6"),
        ("two lengths", "Content-Length: 29\r\nContent-Length: 6"),
        ("a list of lengths", "Content-Length: 29, 6"),
        ("a plus", "Content-Length: +29"),
        ("a minus", "Content-Length: -1"),
        ("hexadecimal", "Content-Length: 0x1d"),
        ("too large a number", "Content-Length: 99999999999999999999999"),
        ("not chunked", "Transfer-Encoding: xchunked"),
        ("chunked first", "Transfer-Encoding: chunked, identity"),
        ("folded", "Transfer-Encoding:\r\n chunked"),
        ("space before the colon", "Content-Length : 29"),
        ("a name with a space", "Content Length: 29"),
        ("NUL", "X: a\0b\r\nContent-Length: 29"),
        ("a bare CR", "X: a\rb\r\nContent-Length: 29"),
    ] {
        let request = token_request(&format!("{kind}{lines}"), &format!("{body}{hidden}"));
        let reply = raw(&app, &request).await;
        assert!((400..500).contains(&reply.status()), "{what}: {}", reply.text);
        assert_eq!(reply.answers(), 1, "{what}: {}", reply.text);
        assert!(reply.closed, "{what}: still open after {}", reply.text);
    }
    // Chunks that are none.
    for chunk in ["g\r\nx\r\n0\r\n\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "1d\n\r\n"] {
        let request = token_request(&format!("{kind}Transfer-Encoding: chunked"), &format!("{chunk}{hidden}"));
        let reply = raw(&app, &request).await;
        assert!((400..500).contains(&reply.status()), "{chunk:?}: {}", reply.text);
        assert_eq!(reply.answers(), 1, "{chunk:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn wf_07_heads() {
    let app = app().await;
    let get = |lines: String| {
        format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n").into_bytes()
    };
    let headers =
        |count: usize| get((0..count).map(|number| format!("X-{number}: 1\r\n")).collect::<Vec<_>>().concat());
    assert_eq!(raw(&app, &headers(90)).await.status(), 200);
    for count in [97, 500] {
        let reply = raw(&app, &headers(count)).await;
        assert_eq!(reply.status(), 431, "{count}: {}", reply.text);
        assert!(reply.closed);
    }
    assert_eq!(raw(&app, &get(format!("X: {}\r\n", "a".repeat(31 * 1024)))).await.status(), 200);
    for size in [32 * 1024, 100 * 1024, 200 * 1024] {
        let reply = raw(&app, &get(format!("X: {}\r\n", "a".repeat(size)))).await;
        assert_eq!(reply.status(), 431, "{size}: {}", reply.text);
        assert!(reply.closed);
    }
    let target = format!("GET /health/live?{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(40 * 1024));
    let reply = raw(&app, target.as_bytes()).await;
    assert!([414, 431].contains(&reply.status()), "{}", reply.text);
}

#[tokio::test]
async fn wf_08_pipelining_and_half_close() {
    let app = app().await;
    let request = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut stream = connect(&app).await;
    let (mut reader, mut writer) = stream.split();
    let write = async {
        let _ = writer.write_all(request.repeat(1000).as_bytes()).await;
        let _ = writer.shutdown().await;
    };
    let read = async {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_secs(5), reader.read(&mut buffer)).await {
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&buffer[..read]);
        }
        bytes
    };
    let ((), bytes) = tokio::join!(write, read);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.matches("HTTP/1.1 200").count() > 0 && !text.contains("HTTP/1.1 500"));
    assert!(Party::web(&app).get("/health/live").await.status.is_success());
}

#[tokio::test]
async fn wf_12_no_http_2() {
    let app = app().await;
    let reply = raw(&app, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(!reply.text.contains("HTTP/2") && reply.closed, "{reply:?}");
    let upgrade = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    assert_ne!(raw(&app, upgrade.as_bytes()).await.status(), 101);
}

/// Sends `piece` again and again; what came back until the server ended the connection, or nothing when it did not in time.
async fn dripped(stream: &mut TcpStream, piece: &str, longest: Duration) -> Option<String> {
    let clock = SystemClock::new();
    let mut answer = String::new();
    let mut buffer = vec![0; 4096];
    while clock.monotonic() < longest {
        if stream.write_all(piece.as_bytes()).await.is_err() {
            return Some(answer);
        }
        match tokio::time::timeout(Duration::from_millis(200), stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return Some(answer),
            Ok(Ok(read)) => answer.push_str(&String::from_utf8_lossy(&buffer[..read])),
            Err(_) => {}
        }
    }
    None
}

#[tokio::test]
async fn ds_01_slow_heads_and_bodies_are_cut_off() {
    let settings = [("limits.body_timeout", "1s"), ("limits.head_timeout", "1s")];
    let app = app_with(&settings).await;
    let head = "POST /token HTTP/1.1\r\nHost: localhost\r\n";
    let body = String::from_utf8(token_request(&format!("Content-Type: {FORM}\r\nContent-Length: 1000"), "")).unwrap();
    let chunked =
        String::from_utf8(token_request(&format!("Content-Type: {FORM}\r\nTransfer-Encoding: chunked"), "")).unwrap();
    for (what, start, piece) in
        [("head", head, "X"), ("body", body.as_str(), "a"), ("chunks", chunked.as_str(), "1\r\na\r\n")]
    {
        let mut stream = connect(&app).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let answer = dripped(&mut stream, piece, Duration::from_secs(6)).await;
        let answer = answer.unwrap_or_else(|| panic!("a slow {what} is kept open"));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{what}: {answer}");
    }
    // Others are served in the meantime and afterwards.
    Party::service(&app).token(service_form()).await.tokens();
}

/// The framework bounds the time of the first head only.
#[tokio::test]
async fn ds_01_a_later_head_that_never_ends_is_cut_off() {
    let app = app_with(&[("server.keep_alive", "1s"), ("limits.head_timeout", "1s")]).await;
    for piece in ["", "X"] {
        let mut stream = connect(&app).await;
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health/live HT").await.unwrap();
        let answer = dripped(&mut stream, piece, Duration::from_secs(10)).await;
        let answer = answer.unwrap_or_else(|| panic!("{piece:?} keeps it open"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{piece:?}: {answer}");
    }
}

/// Requests wait in our memory as long as the client does not read what is before them.
#[tokio::test]
async fn ds_01_who_does_not_read_is_cut_off() {
    let app = app_with(&[("server.keep_alive", "3s"), ("limits.head_timeout", "1s")]).await;
    let mut deaf = connect(&app).await;
    let requests = "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let clock = SystemClock::new();
    // Until nothing more fits into all the buffers between here and there, and then until it is cut.
    let cut = loop {
        let sent = tokio::time::timeout(Duration::from_secs(20), deaf.write_all(requests.as_bytes())).await;
        match sent {
            Ok(Ok(())) if clock.monotonic() < Duration::from_secs(30) => {}
            Ok(Err(_)) => break true,
            _ => break false,
        }
    };
    assert!(cut, "still open after {:?}", clock.monotonic());
    // Who reads is not, for twice as long.
    let mut slow = connect(&app).await;
    let mut buffer = vec![0; 16 * 1024];
    for _ in 0..12 {
        slow.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let read = slow.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test]
async fn ds_01_many_slow_bodies_do_not_stop_honest_requests() {
    let app = app().await;
    let request = token_request(&format!("Content-Type: {FORM}\r\nContent-Length: 1000"), "grant_type=");
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(&app).await;
        stream.write_all(&request).await.unwrap();
        slow.push(stream);
    }
    let clock = SystemClock::new();
    for _ in 0..10 {
        Party::service(&app).token(service_form()).await.tokens();
    }
    assert!(clock.monotonic() < Duration::from_secs(8), "{:?}", clock.monotonic());
}

async fn falls_over() -> actix_web::HttpResponse {
    let nothing: Option<actix_web::HttpResponse> = std::future::ready(None).await;
    nothing.expect("a handler with a fault")
}

/// A handler that panics costs its own answer, not the connection and not the requests behind it.
#[tokio::test]
async fn wf_11_a_panic_costs_one_answer() {
    let app = app().await;
    let web = actix_web::web::Data::new(signet::http::Web::new(Arc::clone(&app.signet)).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let build = move || {
                actix_web::App::new()
                    .app_data(web.clone())
                    .wrap(actix_web::middleware::from_fn(signet::http::middleware::around))
                    .route("/panic", actix_web::web::to(falls_over))
                    .configure(signet::http::routes(true))
            };
            let server = actix_web::HttpServer::new(build).workers(1).listen(listener).unwrap().run();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    let handle = receiver.recv().unwrap();
    let panic = "POST /panic HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let live = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for _ in 0..5 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(format!("{panic}{live}{panic}{live}").as_bytes()).await.unwrap();
        let reply = Reply::read(&mut stream, Duration::from_millis(500)).await;
        assert_eq!((reply.status(), reply.answers()), (500, 4), "{}", reply.text);
        assert_eq!(reply.text.matches("HTTP/1.1 200").count(), 2, "{}", reply.text);
        assert!(!reply.text.contains("a handler with a fault"), "{}", reply.text);
        assert_eq!(reply.text.to_ascii_lowercase().matches("x-request-id: req_").count(), 4, "{}", reply.text);
    }
    handle.stop(false).await;
    server.join().unwrap();
}
