//! Signing keys and their states.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use super::ids::KeyId;
use super::time::Timestamp;

/// A signature algorithm of RFC 7518 section 3.1 (RFC 8037 for EdDSA) that we sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    /// With Ed25519; we have no Ed448.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];
    /// The other name of [`Self::EdDsa`], which clients may use.
    pub const ED25519: &str = "Ed25519";

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// What a client says it has signed with. Of the curves of EdDSA there is Ed25519 alone, so the fully-specified name
    /// (RFC 9864 section 2.2) says the same.
    #[must_use]
    pub fn parse_of_client(text: &str) -> Option<Self> {
        if text == Self::ED25519 { Some(Self::EdDsa) } else { Self::parse(text) }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The life of a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In the JWKS, does not sign.
    Next,
    /// Signs; exactly one for each algorithm.
    Active,
    /// In the JWKS, verifies what it signed; its private half is destroyed.
    Retired,
    /// Out of the JWKS; the public half is kept for `id_token_hint`.
    Expired,
    /// Out of the JWKS, refused everywhere.
    Revoked,
}

impl KeyState {
    pub const ALL: [Self; 5] = [Self::Next, Self::Active, Self::Retired, Self::Expired, Self::Revoked];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether verifiers find the key at `jwks_uri`.
    #[must_use]
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Next | Self::Active | Self::Retired)
    }
}

/// A signing key as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub kid: KeyId,
    pub algorithm: Algorithm,
    pub state: KeyState,
    /// The public half as a JWK (RFC 7517), with `kid`, `alg` and `use`.
    pub public_jwk: String,
    /// The private half, sealed under the master key; gone once the key is retired.
    pub sealed_private: Option<Vec<u8>>,
    pub published_at: Timestamp,
    /// The planned instant from which this `next` key signs: one for all nodes, each of which switches by its own clock.
    pub activates_at: Option<Timestamp>,
    pub activated_at: Option<Timestamp>,
    pub retired_at: Option<Timestamp>,
    /// The longest lifetime of a token that it may have signed. Only grows.
    pub longest_token: Duration,
    /// When it leaves the JWKS: set on retirement, once the last token it signed has expired.
    pub leaves_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub revoked_reason: Option<String>,
}

impl SigningKey {
    /// Whether tokens of this key may be about, or were once.
    #[must_use]
    pub fn has_signed(&self) -> bool {
        self.state == KeyState::Active || self.activated_at.is_some()
    }

    /// Whether the key signs at `now`, unless a newer one does: it is active, or `next` and its instant has come.
    #[must_use]
    pub fn signs_at(&self, now: Timestamp) -> bool {
        match self.state {
            KeyState::Active => true,
            KeyState::Next => self.activates_at.is_some_and(|at| at <= now),
            KeyState::Retired | KeyState::Expired | KeyState::Revoked => false,
        }
    }
}
