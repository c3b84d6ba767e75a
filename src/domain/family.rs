//! Refresh families: everything that descends from one redeemed code.

use serde::Deserialize;
use serde::Serialize;

use super::claims::ClaimsRequest;
use super::ids::ClientId;
use super::ids::FamilyId;
use super::ids::SessionId;
use super::ids::UserId;
use super::place::Place;
use super::scope::Scope;
use super::secret::SecretHash;
use super::session::Authentication;
use super::time::Timestamp;

/// One redeemed code and what came of it. A family without a refresh token exists too: access tokens name their
/// family (`grant_id`), so that a replayed code can end them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    pub id: FamilyId,
    pub client_id: ClientId,
    pub user_id: UserId,
    pub session_id: Option<SessionId>,
    /// What was granted; a refresh may ask for less (RFC 6749 section 6), never for more.
    pub scope: Scope,
    /// Which resources the grant was asked for (RFC 8707 section 2.1). Empty: those that the client is registered for.
    pub resources: Vec<String>,
    /// Single claims that were granted beside the scope.
    pub claims: ClaimsRequest,
    pub authentication: Authentication,
    /// Number of the current refresh token, from 1; 0 when no refresh token was issued.
    pub generation: i64,
    /// Hash of the current refresh token.
    pub current: Option<SecretHash>,
    /// Hash of the one before it, which may be presented again until the current one has been used.
    pub previous: Option<SecretHash>,
    /// The current token sealed under a key that only the previous token gives.
    pub successor: Option<Vec<u8>>,
    /// When the previous token was first used.
    pub rotated_at: Option<Timestamp>,
    /// From where.
    pub rotated_from: Option<Place>,
    pub created_at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked: Option<Revocation>,
}

impl Family {
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.idle_expires_at && now < self.expires_at
    }
}

/// When and why a family ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    pub at: Timestamp,
    pub reason: RevocationReason,
}

/// How far the end of a family reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// "Refresh revocation": nothing more is issued; access tokens that are out live to their end, some minutes.
    RefreshOnly,
    /// "Immediate": access tokens that are out are refused too, on every node within a second.
    Immediate,
}

/// Why a family was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// Its code was presented a second time (RFC 6749 section 4.1.2).
    CodeReplayed,
    /// A refresh token was presented after its successor had been used (RFC 9700 section 4.14.2).
    RefreshReused,
    /// By its client (RFC 7009).
    Client,
    /// By an administrator.
    Administrator,
    /// Signed out.
    Logout,
    /// The password was changed or the user disabled.
    UserChanged,
    /// The person has signed in to the same client too often since; the oldest sign-in makes room.
    Superseded,
}

impl RevocationReason {
    pub const ALL: [Self; 7] = [
        Self::CodeReplayed,
        Self::RefreshReused,
        Self::Client,
        Self::Administrator,
        Self::Logout,
        Self::UserChanged,
        Self::Superseded,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodeReplayed => "code_replayed",
            Self::RefreshReused => "refresh_reused",
            Self::Client => "client",
            Self::Administrator => "administrator",
            Self::Logout => "logout",
            Self::UserChanged => "user_changed",
            Self::Superseded => "superseded",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}
