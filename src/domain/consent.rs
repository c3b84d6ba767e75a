//! What somebody has allowed a client.

use super::ids::ClientId;
use super::ids::UserId;
use super::scope::Scope;
use super::time::Timestamp;

/// A remembered consent: one for each user and client; asking for more adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub user_id: UserId,
    pub client_id: ClientId,
    pub scope: Scope,
    pub granted_at: Timestamp,
}
