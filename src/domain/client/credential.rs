//! How a client proves who it is.

use serde::Deserialize;
use serde::Serialize;

use crate::domain::time::Timestamp;
use crate::domain::uri::WebUri;

/// OpenID Connect Core section 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    /// A signed assertion, RFC 7523 section 2.2.
    PrivateKeyJwt,
}

impl AuthMethod {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// One secret of a client, as a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// What `crypto::hash` or `crypto::password` made of it; never the secret itself.
    pub hash: ClientSecretHash,
    pub created_at: Timestamp,
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Secrets that we made have 256 random bits, for which one round of SHA-256 is enough; others are hashed slowly.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSecretHash {
    /// SHA-256, base64url.
    Sha256(String),
    /// A PHC string.
    Argon2id(String),
}

impl std::fmt::Debug for ClientSecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The public keys of a client, OpenID Connect Registration section 2: "The `jwks_uri` and `jwks` parameters
/// MUST NOT be used together."
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKeys {
    /// A JWK Set as text; checked when it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// Where the set is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<WebUri>,
}

impl ClientKeys {
    /// Whether it has registered neither keys nor where they are.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.jwks.is_none() && self.jwks_uri.is_none()
    }
}
