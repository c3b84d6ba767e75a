//! Browser sessions.

use crate::domain::consent::Consent;
use crate::domain::family::Reach;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::secret::SecretHash;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;

use super::Store;
use super::StoreError;
use super::dispatch;

/// How many sessions one user may have at a time. Beyond it the oldest is signed out.
pub const MOST_ALIVE: i64 = 500;

/// What became of a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginSession {
    /// Under this name: that of the session which goes on, or the new one's own.
    Begun(SessionId),
    /// The user is disabled or gone.
    UserGone,
    /// The user has another password than the one that was presented.
    PasswordChanged,
}

impl Store {
    /// Begins a session. The one that the browser had (`replaces`) goes on when it is the same user's: it keeps its
    /// name, by which clients know it, with codes and families, and gets the new secret; its old secret is dead.
    /// Somebody else's is ended as by [`Store::end_session`], immediately. `proven` is the hash that a password was
    /// compared with: by now it may be another's.
    pub async fn begin_session(
        &self,
        session: Session,
        replaces: Option<SecretHash>,
        proven: Option<PasswordHash>,
    ) -> Result<BeginSession, StoreError> {
        dispatch!(self, transaction, session::begin(session, replaces, proven))
    }

    /// The session and its user as they are stored: the caller asks [`Session::is_live`] and `User::disabled`.
    pub async fn session(&self, hash: SecretHash) -> Result<Option<(Session, User)>, StoreError> {
        dispatch!(self, read, session::with_user(hash))
    }

    /// The same with what the user has allowed a client.
    pub async fn session_and_consent(
        &self,
        hash: SecretHash,
        client_id: ClientId,
    ) -> Result<Option<(Session, User, Option<Consent>)>, StoreError> {
        dispatch!(self, read, session::with_user_and_consent(hash, client_id))
    }

    /// Sessions that have not ended, of one user or of all, the most recently used first.
    pub async fn live_sessions(
        &self,
        user_id: Option<UserId>,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(Session, User)>, StoreError> {
        dispatch!(self, read, session::live(user_id, now, limit))
    }

    /// The same by its public name.
    pub async fn session_by_id(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        dispatch!(self, read, session::with_user_by_id(id))
    }

    /// How many sessions a user has now.
    pub async fn live_sessions_of_user(&self, user_id: UserId, now: Timestamp) -> Result<i64, StoreError> {
        dispatch!(self, read, session::live_of_user(user_id, now))
    }

    /// Moves the idle end on; false when the session has ended or was seen later than `last_seen_at`.
    pub async fn touch_session(
        &self,
        hash: SecretHash,
        last_seen_at: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        dispatch!(self, statement, session::touch(hash, last_seen_at, idle_expires_at))
    }

    /// Signs out: the session, its unused codes, and its families without `offline_access` (`Logout`) end. False when
    /// it had ended before; then a reach of [`Reach::Immediate`] still catches its access tokens.
    pub async fn end_session(&self, id: SessionId, reach: Reach, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, transaction, session::end(id, reach, now))
    }
}
