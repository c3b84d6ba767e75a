//! Word of an ended session, on its way to a client.

use super::ids::ClientId;
use super::ids::SessionId;
use super::ids::UserId;
use super::time::Timestamp;

/// One client that has yet to be told that one session has ended (OpenID Connect Back-Channel Logout).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub session_id: SessionId,
    pub client_id: ClientId,
    pub user_id: UserId,
    pub ended_at: Timestamp,
    /// How often it has been tried, this time included.
    pub attempts: i64,
}
