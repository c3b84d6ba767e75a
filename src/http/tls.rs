//! TLS of the public listener: a certificate that can be exchanged while connections live, and what clients show.
//!
//! rustls alone speaks it: TLS 1.2 with ephemeral keys and authenticated ciphers, and TLS 1.3. HTTP/1.1 is the only
//! protocol on top (docs/decisions/0011).

use std::any::Any;
use std::fmt;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::ConfigBuilder;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::WantsVerifier;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::server::ClientHello;
use rustls::server::ParsedCertificate;
use rustls::server::ResolvesServerCert;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;

use crate::ambient::Clock;
use crate::crypto::hash;
use crate::crypto::local_ca::Leaf;
use crate::crypto::local_ca::end_of_certificate;
use crate::domain::time::Timestamp;

/// What a listener needs to speak TLS.
pub struct Tls {
    config: ServerConfig,
    current: Arc<Current>,
    files: Option<Files>,
    clock: Arc<dyn Clock>,
}

/// A file that is of no use, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct TlsError {
    file: PathBuf,
    why: String,
}

/// What a look at the files brought.
#[derive(Debug)]
pub enum Reload {
    Unchanged,
    /// New connections get the new certificate; those that live go on.
    Exchanged,
    /// The old certificate stays.
    Refused(TlsError),
}

impl Tls {
    /// With the certificate of two files.
    ///
    /// # Errors
    /// [`TlsError`] names the file that cannot be used.
    pub fn from_files(
        certificate: &Path,
        key: &Path,
        client_ca: Option<&Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned(), seen: Mutex::new(String::new()) };
        *files.seen.lock().unwrap_or_else(PoisonError::into_inner) = files.fingerprint();
        let pair = files.read()?;
        Self::new(pair, Some(files), client_ca, clock)
    }

    /// With a certificate that is in no file.
    ///
    /// # Errors
    /// [`TlsError`] for a file of `client_ca` that cannot be used.
    pub fn from_leaf(leaf: &Leaf, client_ca: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key.to_vec()));
        let pair = CertifiedKey::from_der(vec![leaf.certificate.clone().into()], key, &ring::default_provider());
        let pair = pair.map_err(|error| TlsError { file: PathBuf::from("(local)"), why: error.to_string() })?;
        Self::new(pair, None, client_ca, clock)
    }

    fn new(
        pair: CertifiedKey,
        files: Option<Files>,
        client_ca: Option<&Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_details(provider.clone(), Arc::new(Time(clock.clone())))
            // TLS 1.2 and 1.3: rustls knows nothing older (RFC 8996: "TLS 1.0 and TLS 1.1 MUST NOT be used").
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError { file: PathBuf::new(), why: error.to_string() })?;
        let config = with_clients(builder, client_ca, provider)?.with_cert_resolver(current.clone());
        Ok(Self { config, current, files, clock })
    }

    pub(super) fn config(&self) -> ServerConfig {
        self.config.clone()
    }

    /// Whether the certificate is in files, which may change.
    #[must_use]
    pub const fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// Looks whether the files have changed, and takes over what is in them when it is good.
    pub fn reload(&self) -> Reload {
        let Some(files) = &self.files else { return Reload::Unchanged };
        let seen = files.fingerprint();
        let mut last = files.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == seen {
            return Reload::Unchanged;
        }
        *last = seen;
        drop(last);
        match files.read().and_then(|pair| self.still_good(pair, files)) {
            Ok(pair) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                Reload::Exchanged
            }
            Err(fault) => Reload::Refused(fault),
        }
    }

    /// When the certificate ends that new connections get.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        let pair = self.current.pair();
        pair.cert.first().and_then(|leaf| end_of_certificate(leaf)).unwrap_or(Timestamp::EPOCH)
    }

    /// Time until then; zero when it has passed.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.ends().since(self.now())
    }

    /// Whether the certificate is for this host: a name or an address.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let pair = self.current.pair();
        let parsed = pair.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        let name = ServerName::try_from(host.trim_matches(['[', ']'])).ok();
        parsed.zip(name).is_some_and(|(leaf, name)| verify_server_name(&leaf, &name).is_ok())
    }

    /// One that has ended already makes nothing better.
    fn still_good(&self, pair: CertifiedKey, files: &Files) -> Result<CertifiedKey, TlsError> {
        let ends = pair.cert.first().and_then(|leaf| end_of_certificate(leaf)).unwrap_or(Timestamp::EPOCH);
        if ends > self.now() {
            return Ok(pair);
        }
        Err(TlsError { file: files.certificate.clone(), why: format!("the certificate ended at {ends}") })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.unix_micros())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.files.as_ref().map(|files| &files.certificate);
        f.debug_struct("Tls").field("certificate", &file).finish_non_exhaustive()
    }
}

/// The files that a certificate comes from.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// Of the contents that were last looked at, good or bad. Times of files say less: they go back when a backup is
    /// restored, and symbolic links have their own.
    seen: Mutex<String>,
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let chain = certificates(&self.certificate)?;
        let key = private_key(&self.key)?;
        match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
            Ok(pair) => Ok(pair),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let why = format!("the key does not belong to the certificate in {}", self.certificate.display());
                Err(TlsError { file: self.key.clone(), why })
            }
            Err(rustls::Error::InvalidCertificate(fault)) => {
                Err(TlsError { file: self.certificate.clone(), why: format!("not a certificate: {fault:?}") })
            }
            Err(fault) => Err(TlsError { file: self.key.clone(), why: fault.to_string() }),
        }
    }

    fn fingerprint(&self) -> String {
        let of = |file: &Path| fs::read(file).map_or_else(|fault| fault.to_string(), |bytes| hash::sha256(&bytes));
        format!("{} {}", of(&self.certificate), of(&self.key))
    }
}

/// The certificates of a PEM file.
///
/// # Errors
/// [`TlsError`] when there are none, or one is damaged.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(file)?;
    let refused = |why: String| TlsError { file: file.to_owned(), why };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|fault| refused(format!("not PEM: {fault}")))?;
    if found.is_empty() {
        return Err(refused("no certificate in it (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Ok(found)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = zeroize::Zeroizing::new(read(file)?);
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let encrypted = bytes.windows(9).any(|window| window == b"ENCRYPTED");
        let why = if encrypted {
            "the key is encrypted, and there is nobody to ask for its passphrase: `openssl pkey -in FILE` writes it without"
        } else {
            "no private key in it (-----BEGIN PRIVATE KEY-----)"
        };
        TlsError { file: file.to_owned(), why: why.to_owned() }
    })
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|fault| TlsError { file: file.to_owned(), why: format!("cannot be read: {fault}") })
}

/// Who asks for client certificates takes none that is bad, and goes on without one.
fn with_clients(
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    client_ca: Option<&Path>,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>, TlsError> {
    let Some(file) = client_ca else { return Ok(builder.with_no_client_auth()) };
    let refused = |why: String| TlsError { file: file.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for authority in certificates(file)? {
        roots.add(authority).map_err(|fault| refused(fault.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated();
    Ok(builder.with_client_cert_verifier(verifier.build().map_err(|fault| refused(fault.to_string()))?))
}

/// The certificate that the next connection gets.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn pair(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair())
    }
}

#[derive(Debug)]
struct Time(Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_micros(u64::try_from(self.0.unix_micros()).ok()?)))
    }
}

/// The certificate, in DER, with which whoever opened this connection proved to have its key; verified against
/// `server.tls.client_ca`. `request.conn_data::<ClientCertificate>()` has it.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub CertificateDer<'static>);

impl ClientCertificate {
    /// `x5t#S256` of RFC 8705 section 3.1.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        hash::sha256(&self.0)
    }
}

/// Called once for each connection, after the handshake.
pub(super) fn keep_client_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let (_, session) = stream.get_ref();
    if let Some(leaf) = session.peer_certificates().and_then(<[_]>::first) {
        data.insert(ClientCertificate(leaf.clone().into_owned()));
    }
}
