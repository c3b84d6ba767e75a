//! One HTTP/1.1 exchange (RFC 9112) with a server of ours: with its listener itself, since what stands in front of it is
//! not our business.

use std::io;
use std::io::ErrorKind;
use std::time::Duration;

use oauth2::HttpRequest;
use oauth2::HttpResponse;
use oauth2::http::HeaderName;
use oauth2::http::HeaderValue;
use oauth2::http::Request;
use oauth2::http::Response;
use oauth2::http::header::CONNECTION;
use oauth2::http::header::CONTENT_LENGTH;
use oauth2::http::header::HOST;
use oauth2::http::header::TRANSFER_ENCODING;
use rustls::pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::tls_client::Peer;

/// Longer answers are none of ours.
const MOST: u64 = 1024 * 1024;

/// Sends a request to the first address of `peer` that takes it and reads the whole answer. Redirects are not followed.
///
/// # Errors
/// Also for an answer that does not come in time, is too long or is no HTTP, and for a certificate that is not to be
/// believed.
pub(super) async fn exchange(peer: &Peer, request: HttpRequest, patience: Duration) -> io::Result<HttpResponse> {
    let answer = tokio::time::timeout(patience, async {
        let stream = TcpStream::connect(peer.addresses.as_slice()).await?;
        match &peer.trust {
            None => converse(stream, request).await,
            Some(trust) => {
                let connector = trust.connector().map_err(io::Error::other)?;
                let host = request.uri().host().unwrap_or_default().trim_matches(['[', ']']);
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                converse(connector.connect(name, stream).await?, request).await
            }
        }
    });
    read(&answer.await.map_err(|_| io::Error::from(ErrorKind::TimedOut))??)
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: HttpRequest) -> io::Result<Vec<u8>> {
    stream.write_all(&written(request)).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// A GET of an absolute URL.
///
/// # Errors
/// When it is none.
pub(super) fn get(url: &str) -> io::Result<HttpRequest> {
    Request::get(url).body(Vec::new()).map_err(|fault| io::Error::new(ErrorKind::InvalidInput, fault))
}

fn written(request: HttpRequest) -> Vec<u8> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut bytes = format!("{} {target} HTTP/1.1\r\n", head.method).into_bytes();
    let mut line = |name: &HeaderName, value: &[u8]| {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    };
    line(&HOST, head.uri.authority().map_or("localhost", |authority| authority.as_str()).as_bytes());
    line(&CONNECTION, b"close");
    line(&CONTENT_LENGTH, body.len().to_string().as_bytes());
    for (name, value) in &head.headers {
        line(name, value.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes
}

/// The end of the connection ends the body, since we asked for that.
fn read(answer: &[u8]) -> io::Result<HttpResponse> {
    let not_http = || io::Error::new(ErrorKind::InvalidData, "the answer is no HTTP");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(not_http)?;
    let (head, rest) = answer.split_at(end);
    let head = std::str::from_utf8(head).map_err(|_| not_http())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|line| line.get(..3));
    let status: u16 = status.and_then(|code| code.parse().ok()).ok_or_else(not_http)?;
    let mut response = Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(not_http)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| not_http())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| not_http())?;
        if name == TRANSFER_ENCODING {
            return Err(io::Error::new(ErrorKind::Unsupported, "the answer is chunked, as none of ours is"));
        }
        response = response.header(name, value);
    }
    response.body(rest.get(4..).unwrap_or_default().to_vec()).map_err(|_| not_http())
}

#[cfg(test)]
mod tests {
    use super::get;
    use super::read;
    use super::written;

    #[test]
    fn requests_name_their_host_and_end_the_connection() {
        let bytes = written(get("http://localhost:8080/a?b=c").unwrap());
        let expected = "GET /a?b=c HTTP/1.1\r\nhost: localhost:8080\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn answers_are_read_or_refused() {
        let answer = read(b"HTTP/1.1 303 See Other\r\nlocation: /a\r\nset-cookie: x=1\r\n\r\nbody").unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (303, b"body".as_slice()));
        assert_eq!(answer.headers()["location"], "/a");
        for bad in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ] {
            assert!(read(bad).is_err());
        }
    }
}
