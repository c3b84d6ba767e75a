//! HTTPS without a proxy in front.

use std::path::Path;
use std::path::PathBuf;

use super::key::section;

section! {
    /// HTTPS of the public listener itself, without a proxy in front of it: TLS 1.2 and 1.3, HTTP/1.1. See docs/https.md.
    Tls in "server.tls" {
        /// PEM file: the certificate of this server, then those between it and its authority. This file and the next
        /// are read again when they change, and on SIGHUP; a pair that does not fit is refused and the old one stays.
        certificate: Option<PathBuf> = Example(r#""/etc/signet/tls/fullchain.pem""#);
        /// PEM file with the private key of that certificate, not encrypted.
        key: Option<PathBuf> = Example(r#""/etc/signet/tls/privkey.pem""#);
        /// Another name of `key`, for those who give every secret as `..._FILE`.
        key_file: Option<PathBuf> = Example(r#""/run/secrets/tls-key.pem""#);
        /// PEM file with the authorities of client certificates. With it clients are asked for one; they need not show
        /// any, but one that is shown must be good. Read at start only.
        client_ca: Option<PathBuf> = Example(r#""/etc/signet/tls/client-ca.pem""#);
        /// For tests on this computer: a certificate for localhost, 127.0.0.1 and [`::1`], made at each start by an
        /// authority of your own (`signet trust` installs it). Not used when `certificate` is given.
        local_ca: bool = Default("false");
    }
}

impl Tls {
    /// Certificate and key, when both are given.
    #[must_use]
    pub fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.certificate.as_deref()?, self.key.as_deref().or(self.key_file.as_deref())?))
    }

    /// Whether the certificate is one that an authority on this computer makes.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local_ca && self.certificate.is_none()
    }

    /// Whether the public listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_local() || self.files().is_some()
    }
}
