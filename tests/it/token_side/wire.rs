//! What HTTP libraries would tidy up: methods, media types, sizes, duplicates, smuggling, slowness.

use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::app;
use super::app_with;
use crate::support::app::App;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::SECRET;

const FORM: &str = "application/x-www-form-urlencoded";

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("demo-service:{SECRET}")))
}

fn service_form() -> Form {
    Form::new(&[("grant_type", "client_credentials")])
}

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(("127.0.0.1", app.base.port().expect("a port"))).await.expect("a connection")
}

/// Sends bytes as they are and reads until the server closes or says no more.
async fn raw(app: &App, bytes: &[u8]) -> Reply {
    let mut stream = connect(app).await;
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    Reply::read(&mut stream, Duration::from_millis(1500)).await
}

#[derive(Debug)]
struct Reply {
    text: String,
    closed: bool,
}

impl Reply {
    async fn read(stream: &mut TcpStream, patience: Duration) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match tokio::time::timeout(patience, stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return Self { text: String::from_utf8_lossy(&bytes).into_owned(), closed: true },
                Ok(Ok(read)) => bytes.extend_from_slice(&buffer[..read]),
                Err(_) => return Self { text: String::from_utf8_lossy(&bytes).into_owned(), closed: false },
            }
        }
    }

    /// The status of the first answer; 0 for none.
    fn status(&self) -> u16 {
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

#[tokio::test]
async fn wf_01_duplicates() {
    let app = app().await;
    let service = Party::service(&app);
    let full = Form::new(&[
        ("grant_type", "authorization_code"),
        ("client_id", "demo-web"),
        ("client_secret", SECRET),
        ("client_assertion", "a.b.c"),
        ("client_assertion_type", "x"),
        ("code", "sgc_x"),
        ("redirect_uri", "http://localhost:47110/callback"),
        ("code_verifier", "x"),
        ("refresh_token", "sgr_x"),
        ("scope", "openid"),
    ]);
    for name in full.names() {
        for (one, two) in [("a", "b"), ("a", "a"), ("", "a")] {
            let form =
                Form::new(&[("grant_type", "client_credentials")]).without(&name).and(&name, one).and(&name, two);
            Answer::to(service.raw(form.encoded())).await.refused("invalid_request");
        }
    }
    // Unknown ones are ignored, twice too.
    service.token(service_form().and("foo", "1").and("foo", "2").and("grant_type[]", "x")).await.tokens();
}

#[tokio::test]
async fn wf_02_parameters_in_the_query() {
    let app = app().await;
    let service = Party::service(&app);
    for query in [
        "grant_type=client_credentials",
        "client_secret=x",
        "code=sgc_x",
        "client_id=demo-service&client_secret=x&grant_type=client_credentials",
        "x",
    ] {
        let url = app.url(&format!("/token?{query}"));
        let request = service.http.post(url).header("content-type", FORM).header("authorization", basic());
        Answer::to(request.body(service_form().encoded())).await.refused("invalid_request");
    }
}

#[tokio::test]
async fn wf_03_methods() {
    let app = app().await;
    let http = Party::service(&app).http;
    for (path, refused, allowed) in [
        ("/token", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"], "POST, OPTIONS"),
        ("/userinfo", ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"], "GET, POST, OPTIONS"),
        ("/.well-known/jwks.json", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"], "GET, HEAD, OPTIONS"),
        (
            "/.well-known/openid-configuration",
            ["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"],
            "GET, HEAD, OPTIONS",
        ),
    ] {
        for method in refused {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = Answer::to(http.request(method.clone(), app.url(path))).await;
            assert_eq!(answer.status.as_u16(), 405, "{method} {path}");
            assert_eq!(answer.header("allow"), allowed);
        }
    }
    // Nothing in a header changes the method.
    let request = http.get(app.url("/token")).header("x-http-method-override", "POST");
    assert_eq!(Answer::to(request).await.status.as_u16(), 405);
}

#[tokio::test]
async fn wf_03_paths_are_compared_as_they_are() {
    let app = app().await;
    let body = "grant_type=client_credentials";
    for path in ["//token", "/token/", "/%74oken", "/Token", "/x/../token", "/./token", "/token;a=b", "/token%00"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: {FORM}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            basic(),
            body.len()
        );
        let reply = raw(&app, request.as_bytes()).await;
        assert!([400, 404].contains(&reply.status()), "{path}: {}", reply.text);
        assert!(!reply.text.contains("access_token"));
    }
}

#[tokio::test]
async fn wf_04_content_types() {
    let app = app().await;
    let service = Party::service(&app);
    let body = "grant_type=client_credentials";
    let send = |kinds: &[&str], body: &str| {
        let url = app.url("/token");
        let request = service.http.post(url).header("authorization", basic()).body(body.to_owned());
        kinds.iter().fold(request, |request, kind| request.header("content-type", *kind))
    };
    for good in [
        FORM,
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded ; charset=\"utf-8\"",
    ] {
        Answer::to(send(&[good], body)).await.tokens();
    }
    for (kind, body) in [
        ("application/json", r#"{"grant_type":"client_credentials"}"#),
        ("application/json", body),
        ("text/plain", body),
        ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nx"),
        ("application/x-www-form-urlencoded; charset=utf-16", body),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", body),
        ("application/x-www-form-urlencoded, text/plain", body),
        ("application/x-www-form-urlencodedx", body),
        ("application/x-www-form-urlencoded+json", body),
        ("*/*", body),
        ("", body),
    ] {
        Answer::to(send(&[kind], body)).await.refused_with(415, "invalid_request");
    }
    Answer::to(send(&[], body)).await.refused_with(415, "invalid_request");
    Answer::to(send(&[FORM, "text/plain"], body)).await.refused_with(415, "invalid_request");
}

#[tokio::test]
async fn wf_05_sizes_and_encodings() {
    let app = app().await;
    let service = Party::service(&app);
    let send = |body: Vec<u8>| service.raw(body).header("authorization", basic());
    let padded = |length: usize| {
        let mut body = b"grant_type=client_credentials".to_vec();
        while body.len() < length {
            let pad = (length - body.len()).min(8000);
            body.extend(format!("&{:x>width$}", "=", width = pad.saturating_sub(1).clamp(1, 100)).as_bytes());
            let fill = (length - body.len()).min(7000);
            body.extend(vec![b'a'; fill]);
        }
        body.truncate(length);
        body
    };
    Answer::to(send(padded(64 * 1024))).await.tokens();
    Answer::to(send(padded(64 * 1024 + 1))).await.refused_with(413, "invalid_request");

    let many: String = (0..10_000).map(|number| format!("&{number}=")).collect();
    let answer = Answer::to(send(format!("grant_type=client_credentials{many}").into_bytes())).await;
    assert!([400, 413].contains(&answer.status.as_u16()), "{answer:?}");
    answer.refused_with(answer.status.as_u16(), "invalid_request");

    for encoding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x"] {
        let zipped = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3].repeat(10);
        let request = send(zipped).header("content-encoding", encoding);
        Answer::to(request).await.refused_with(415, "invalid_request");
    }
    for odd in [&b"grant_type=%ff"[..], b"grant_type=\xff", b"grant_type=%", b"grant_type=%0", b"a=%00", b"\0=1"] {
        Answer::to(send(odd.to_vec())).await.refused("invalid_request");
    }
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
    let headers = |count: usize| get((0..count).map(|number| format!("X-{number}: 1\r\n")).collect());
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
        let mut buffer = [0; 16 * 1024];
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
async fn wf_09_the_case_of_names() {
    let app = app().await;
    let web = Party::web(&app);
    for name in ["Client_Credentials", "CLIENT_CREDENTIALS"] {
        Party::service(&app).token(Form::new(&[("grant_type", name)])).await.refused("unsupported_grant_type");
    }
    let tokens = web.sign_in("openid").await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER"] {
        let request =
            web.http.get(app.url("/userinfo")).header("authorization", format!("{scheme} {}", tokens.access()));
        assert!(Answer::to(request).await.status.is_success(), "{scheme}");
    }
}

#[tokio::test]
async fn wf_10_errors_echo_no_input() {
    let app = app().await;
    let service = Party::service(&app);
    for name in
        ["grant_type", "client_id", "scope", "resource", "code", "redirect_uri", "refresh_token", "code_verifier"]
    {
        for odd in ["a\"b<script>canary", "\\canary", "\u{1f511}canary", "canary\n", "canary\r\nX: y", "canary' OR 1=1"]
        {
            for grant in ["client_credentials", "authorization_code", "refresh_token"] {
                let form = Form::new(&[("grant_type", grant)]).set(name, odd);
                let answer = service.token(form).await;
                if answer.status.is_success() {
                    continue;
                }
                answer.refused_with(answer.status.as_u16(), answer.json()["error"].as_str().unwrap());
                assert!(!answer.text.contains("canary"), "{name}: {}", answer.text);
            }
        }
    }
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

#[tokio::test]
async fn ds_01_slow_heads_and_bodies_are_cut_off() {
    let settings = [("limits.body_timeout", "1s"), ("limits.head_timeout", "1s")];
    let app = app_with(&settings).await;
    let head = "POST /token HTTP/1.1\r\nHost: localhost\r\n";
    let body = String::from_utf8(token_request(&format!("Content-Type: {FORM}\r\nContent-Length: 1000"), "")).unwrap();
    let chunked =
        String::from_utf8(token_request(&format!("Content-Type: {FORM}\r\nTransfer-Encoding: chunked"), "")).unwrap();
    for (what, start, drip) in
        [("head", head, "X"), ("body", body.as_str(), "a"), ("chunks", chunked.as_str(), "1\r\na\r\n")]
    {
        let mut stream = connect(&app).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let began = Instant::now();
        let mut closed = false;
        while began.elapsed() < Duration::from_secs(6) && !closed {
            closed = stream.write_all(drip.as_bytes()).await.is_err();
            let mut buffer = [0; 4096];
            let read = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut buffer)).await;
            closed |= matches!(read, Ok(Ok(0) | Err(_)));
            if let Ok(Ok(read)) = read
                && read > 0
            {
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                assert!(text.starts_with("HTTP/1.1 408"), "{what}: {text}");
            }
        }
        assert!(closed, "a slow {what} is kept open for {:?}", began.elapsed());
    }
    // Others are served in the meantime and afterwards.
    Party::service(&app).token(service_form()).await.tokens();
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
    let began = Instant::now();
    for _ in 0..10 {
        Party::service(&app).token(service_form()).await.tokens();
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
