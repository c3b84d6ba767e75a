//! A TLS client that can be told to be old, odd or slow: OpenSSL, where the server is rustls.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::pkey::Private;
use openssl::ssl::SslConnector;
use openssl::ssl::SslConnectorBuilder;
use openssl::ssl::SslMethod;
use openssl::ssl::SslStream;
use openssl::ssl::SslVerifyMode;
use openssl::x509::X509;
use url::Url;

/// Longer than any limit of the server that these tests set.
const PATIENCE: Duration = Duration::from_secs(20);

/// Believes one authority, or everybody.
pub(crate) struct Client {
    builder: SslConnectorBuilder,
    verifies: bool,
}

impl Client {
    pub(crate) fn trusting(authority: &Path) -> Self {
        let mut client = Self::gullible();
        client.builder.set_verify(SslVerifyMode::PEER);
        client.builder.set_ca_file(authority).expect("an authority");
        client.verifies = true;
        client
    }

    pub(crate) fn gullible() -> Self {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).expect("a TLS client");
        builder.set_verify(SslVerifyMode::NONE);
        Self { builder, verifies: false }
    }

    /// Changes anything else about it.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut SslConnectorBuilder)) -> Self {
        change(&mut self.builder);
        self
    }

    pub(crate) fn showing(self, (certificate, key): &(X509, PKey<Private>)) -> Self {
        self.with(|builder| {
            builder.set_certificate(certificate).expect("a certificate");
            builder.set_private_key(key).expect("its key");
        })
    }

    /// Shakes hands with the listener of `base` on 127.0.0.1, which is to be `host`.
    pub(crate) fn connect_as(self, base: &Url, host: &str) -> Result<SslStream<TcpStream>, String> {
        let stream = plain(base).map_err(|fault| fault.to_string())?;
        let mut configuration = self.builder.build().configure().expect("a connection");
        configuration.set_verify_hostname(self.verifies);
        configuration.connect(host, stream).map_err(|fault| fault.to_string())
    }

    pub(crate) fn connect(self, base: &Url) -> Result<SslStream<TcpStream>, String> {
        self.connect_as(base, "localhost")
    }
}

/// A connection on which nothing has been said yet.
pub(crate) fn plain(base: &Url) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", base.port().expect("a port")))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Writes a request and reads until the server closes; everything that came.
pub(crate) fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> String {
    drop(stream.write_all(request));
    rest(stream)
}

/// Reads until the server closes.
pub(crate) fn rest(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status of an answer; 0 when there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// The body of an answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
