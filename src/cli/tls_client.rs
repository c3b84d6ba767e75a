//! Whom a command believes that talks to a server of this installation.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use tokio_rustls::TlsConnector;

use crate::http::tls::TlsError;
use crate::http::tls::certificates;

/// A server of ours: where it listens, and how it is recognised when it speaks https.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) trust: Option<Trust>,
}

#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// Its certificate is made by this authority.
    Authority(CertificateDer<'static>),
    /// It has this very certificate, whatever host it is for: the configuration of the server names it.
    Exactly(CertificateDer<'static>),
}

impl Trust {
    /// # Errors
    /// [`TlsError`] for a file that has no certificate in it.
    pub(super) fn authority(file: &Path) -> Result<Option<Self>, TlsError> {
        Ok(certificates(file)?.into_iter().next().map(Self::Authority))
    }

    /// # Errors
    /// As [`Self::authority`].
    pub(super) fn exactly(file: &Path) -> Result<Option<Self>, TlsError> {
        Ok(certificates(file)?.into_iter().next().map(Self::Exactly))
    }

    /// # Errors
    /// When the certificate of the authority cannot be used.
    pub(super) fn connector(&self) -> Result<TlsConnector, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let config = match self {
            Self::Authority(certificate) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate.clone())?;
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            Self::Exactly(certificate) => {
                let pinned = Arc::new(Pinned { certificate: certificate.clone(), provider });
                builder.dangerous().with_custom_certificate_verifier(pinned).with_no_client_auth()
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// Stricter than any authority: one certificate, and proof of its key.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
