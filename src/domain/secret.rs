//! What must not be guessed, logged or stored: one-time values, session values, secrets of clients.

use std::fmt;

use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;

/// A value that only its owner may know. Shows itself as `***`, is wiped when dropped, is never stored.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself. Each call is a place where a secret could leak, so the name says what it does.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a random value is for. The kind is part of what is hashed, so that a value of one kind is never taken for
/// another, and of what is written, so that scanners of leaked secrets recognise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// Authorization code, RFC 6749 section 4.1.2.
    Code,
    /// Refresh token, RFC 6749 section 1.5.
    Refresh,
    /// The value of the session cookie.
    Session,
    /// The value of the cookie that tells one browser from another before anyone has signed in.
    Browser,
    /// A secret made by us for a client, RFC 6749 section 2.3.1.
    ClientSecret,
    /// The link that makes the first administrator.
    SetupLink,
    /// Initial access token, RFC 7591 section 3: with it a client may be registered.
    InitialAccess,
    /// Registration access token, RFC 7592 section 3: with it a client manages its own registration.
    Registration,
}

impl SecretKind {
    /// What values of this kind start with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "sgc_",
            Self::Refresh => "sgr_",
            Self::Session => "sgb_",
            Self::Browser => "sgp_",
            Self::ClientSecret => "sgs_",
            Self::SetupLink => "sgl_",
            Self::InitialAccess => "sgi_",
            Self::Registration => "sgm_",
        }
    }
}

/// SHA-256 over kind and value: all that the database keeps of a secret. Made by `crypto::hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
