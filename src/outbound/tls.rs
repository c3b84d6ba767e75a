//! Who may answer: certificate authorities, TLS 1.2 and 1.3. There is no switch that turns checking off.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::OutboundError;

/// Makes TLS connections.
pub(super) struct Tls {
    extra: Vec<CertificateDer<'static>>,
    /// The system's authorities are read when they are first needed: many servers never go out.
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, OutboundError> {
        let extra = match ca_file {
            None => Vec::new(),
            Some(file) => {
                let found = rustls_native_certs::load_certs_from_paths(Some(file), None);
                if found.certs.is_empty() {
                    let why = found.errors.first().map_or("no certificate in it".to_owned(), ToString::to_string);
                    return Err(OutboundError::Settings(format!("{}: {why}", file.display())));
                }
                found.certs
            }
        };
        Ok(Self { extra, config: OnceLock::new() })
    }

    pub(super) async fn handshake(
        &self,
        host: &Host,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, OutboundError> {
        let config = self.config.get_or_init(|| self.build()).clone().map_err(OutboundError::Tls)?;
        let name = match host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|error| OutboundError::Tls(error.to_string()))?
            }
            Host::Ipv4(address) => ServerName::IpAddress(std::net::IpAddr::V4(*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress(std::net::IpAddr::V6(*address).into()),
        };
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| OutboundError::Tls(error.to_string()))
    }

    fn build(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("extra", &self.extra.len()).finish_non_exhaustive()
    }
}
