//! A browser in which somebody is signed in.

use serde::Deserialize;
use serde::Serialize;

use super::ids::SessionId;
use super::ids::UserId;
use super::secret::SecretHash;
use super::time::Timestamp;

/// A browser session. The cookie holds a secret of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub hash: SecretHash,
    pub user_id: UserId,
    pub authentication: Authentication,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// Ends at this instant unless it is used before.
    pub idle_expires_at: Timestamp,
    /// Ends at this instant, used or not.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// Whether it still stands for its user.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.idle_expires_at && now < self.expires_at
    }
}

/// How and when somebody really authenticated: the source of `auth_time`, `amr` and `acr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// Never moved by single sign-on or refresh (OpenID Connect Core section 2, `auth_time`).
    pub time: Timestamp,
    /// RFC 8176.
    pub methods: Vec<AuthenticationMethod>,
}

impl Authentication {
    /// The `acr` claim: "1" for one factor (OpenID Connect Core section 2; level names as of ISO/IEC 29115).
    #[must_use]
    pub fn acr(&self) -> &'static str {
        "1"
    }
}

/// RFC 8176 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// `pwd`
    #[serde(rename = "pwd")]
    Password,
}

impl AuthenticationMethod {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }
}
