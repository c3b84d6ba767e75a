//! Somebody else's web server: a real socket, real TLS from a certificate authority made for the test, and answers
//! that may be as bad as answers get. It remembers what it was sent.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::EcGroup;
use openssl::ec::EcKey;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::pkey::Private;
use openssl::ssl::SslAcceptor;
use openssl::ssl::SslMethod;
use openssl::ssl::SslOptions;
use openssl::ssl::SslVersion;
use openssl::x509::X509;
use openssl::x509::X509Builder;
use openssl::x509::X509NameBuilder;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::extension::SubjectAlternativeName;

/// Longer than any test may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate authority of one test.
pub(crate) struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = new_key();
        let mut builder = certificate("Test authority", &key, 1);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let name = name("Test authority");
        builder.set_issuer_name(&name).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    /// Writes the certificate where `outbound.ca_file` may find it.
    pub(crate) fn write(&self, file: &Path) {
        std::fs::write(file, self.certificate.to_pem().unwrap()).unwrap();
    }

    /// Writes a certificate for `hosts` and its key: `NAME.pem` and `NAME.key`.
    pub(crate) fn write_pair(&self, folder: &Path, name: &str, hosts: &[&str], days: i64) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue(hosts, days);
        let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&files.0, certificate.to_pem().unwrap()).unwrap();
        std::fs::write(&files.1, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        files
    }

    /// A certificate for `hosts` that ends in `days` days; negative ones have passed.
    pub(crate) fn issue(&self, hosts: &[&str], days: i64) -> (X509, PKey<Private>) {
        let key = new_key();
        let mut builder = certificate("Test server", &key, days);
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        let mut names = SubjectAlternativeName::new();
        for host in hosts {
            match host.parse::<std::net::IpAddr>() {
                Ok(_) => names.ip(host),
                Err(_) => names.dns(host),
            };
        }
        let names = names.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        (builder.build(), key)
    }
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common: &str) -> openssl::x509::X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common).unwrap();
    name.build()
}

fn certificate(common: &str, key: &PKey<Private>, days: i64) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    let mut serial = [0; 16];
    openssl::rand::rand_bytes(&mut serial).unwrap();
    serial[0] &= 0x7f;
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_slice(&serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(common)).unwrap();
    builder.set_pubkey(key).unwrap();
    let now = seconds_now();
    builder.set_not_before(&Asn1Time::from_unix(now - 30 * 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + days * 86_400).unwrap()).unwrap();
    builder
}

fn seconds_now() -> i64 {
    signet::ambient::Clock::unix_micros(&signet::ambient::SystemClock::new()) / 1_000_000
}

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// An empty answer of this status.
    Status(u16),
    /// These very bytes, then the end.
    Raw(Vec<u8>),
    /// A head, then a body that never ends.
    Endless,
    /// A head, then one byte each second.
    Drip,
    /// Nothing at all.
    Silence,
}

/// How a receiver meets a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    Tls,
    /// At most TLS 1.1.
    OldTls,
    /// Plain HTTP.
    Plain,
    /// Accepts, and never says hello.
    Mute,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    /// The value of a form field, decoded.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

struct Shared {
    answer: Mutex<Answer>,
    received: Mutex<Vec<Received>>,
    versions: Mutex<Vec<&'static str>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// A running web server on loopback. Ends when dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

impl Receiver {
    /// An https server for `localhost` with a good certificate.
    pub(crate) fn start(authority: &Authority, answer: Answer) -> Self {
        Self::start_with(authority, &["localhost", "127.0.0.1"], 1, Greeting::Tls, answer)
    }

    pub(crate) fn start_with(
        authority: &Authority,
        hosts: &[&str],
        days: i64,
        greeting: Greeting,
        answer: Answer,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::start_on(listener, authority, hosts, days, greeting, answer)
    }

    /// The same where another one has been before.
    pub(crate) fn start_on(
        listener: TcpListener,
        authority: &Authority,
        hosts: &[&str],
        days: i64,
        greeting: Greeting,
        answer: Answer,
    ) -> Self {
        let (certificate, key) = authority.issue(hosts, days);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        if greeting == Greeting::OldTls {
            acceptor.set_security_level(0);
            acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
            acceptor.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
            acceptor.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
            acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        }
        acceptor.set_certificate(&certificate).unwrap();
        acceptor.set_private_key(&key).unwrap();
        let acceptor = Arc::new(acceptor.build());
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            received: Mutex::default(),
            versions: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.stopped.load(Ordering::SeqCst) {
                    break;
                }
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, acceptor) = (Arc::clone(&serving), Arc::clone(&acceptor));
                thread::spawn(move || meet(&shared, &acceptor, greeting, stream));
            }
        });
        let scheme = if greeting == Greeting::Plain { "http" } else { "https" };
        Self { address, scheme, shared }
    }

    /// An address of this server by the name `localhost`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    /// `localhost:PORT`, as in `outbound.allow`.
    pub(crate) fn authority(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    pub(crate) fn answer_with(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How often somebody has connected, TLS or not.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The version of TLS of each connection that had one.
    pub(crate) fn versions(&self) -> Vec<&'static str> {
        self.shared.versions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All requests until now.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next connection, so that the port is free afterwards.
        drop(TcpStream::connect(self.address));
    }
}

fn meet(shared: &Shared, acceptor: &SslAcceptor, greeting: Greeting, stream: TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    match greeting {
        Greeting::Plain => serve(shared, stream),
        Greeting::Mute => thread::sleep(PATIENCE),
        Greeting::Tls | Greeting::OldTls => {
            if let Ok(stream) = acceptor.accept(stream) {
                let version = stream.ssl().version_str();
                shared.versions.lock().unwrap_or_else(PoisonError::into_inner).push(version);
                serve(shared, stream);
            }
        }
    }
}

fn serve(shared: &Shared, mut stream: impl Read + Write) {
    let Some(request) = read(&mut stream) else { return };
    shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let answer = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    // Whoever has had enough hangs up; that ends the loops below.
    let _ = match answer {
        Answer::Status(status) => {
            let place = if (300..400).contains(&status) { "location: https://localhost/elsewhere\r\n" } else { "" };
            write!(stream, "HTTP/1.1 {status} Status\r\n{place}content-length: 0\r\n\r\n")
        }
        Answer::Raw(bytes) => stream.write_all(&bytes),
        Answer::Endless => stream.write_all(head).and_then(|()| {
            loop {
                stream.write_all(&[b' '; 4096])?;
            }
        }),
        Answer::Drip => stream.write_all(head).and_then(|()| {
            for _ in 0..PATIENCE.as_secs() {
                stream.write_all(b" ").and_then(|()| stream.flush())?;
                thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        }),
        Answer::Silence => {
            thread::sleep(PATIENCE);
            Ok(())
        }
    };
    let _ = stream.flush();
}

fn read(stream: &mut impl Read) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(Received { head: head.to_owned(), body: body.to_owned() });
        }
    }
}
