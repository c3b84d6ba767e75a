//! Clients that register themselves, RFC 7591 and RFC 7592.

use super::ids::ClientId;
use super::ids::InitialTokenId;
use super::scope::Scope;
use super::secret::SecretHash;
use super::time::Timestamp;

/// An initial access token, RFC 7591 section 3: whoever has it may register so many clients, so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialToken {
    pub id: InitialTokenId,
    pub hash: SecretHash,
    /// Who it was made for, as its maker wrote it.
    pub note: String,
    /// What its clients may ask for; what the configuration says when absent.
    pub scope: Option<Scope>,
    /// How many clients may be registered with it.
    pub clients: i64,
    /// How many have been.
    pub registered: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl InitialToken {
    /// Whether another client may be registered with it.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.registered < self.clients && now < self.expires_at
    }
}

/// What is kept of a registration beside the client itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub client_id: ClientId,
    /// Of the registration access token (RFC 7592 section 3) that is good now.
    pub token: SecretHash,
    /// What its initial access token allowed it to ask for; it stays so for every later change.
    pub scope: Option<Scope>,
    /// The initial access token that it was registered with.
    pub initial_token: Option<InitialTokenId>,
    pub created_at: Timestamp,
    /// When it first got something for somebody; a client that never did is forgotten after a while.
    pub used_at: Option<Timestamp>,
}

/// What a change of a registration leaves of what people have granted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    Everything,
    /// Tokens go on, and people are asked again: what they agreed to looked otherwise.
    Grants,
    /// All of it ends: the client would learn other names of the same people.
    Nothing,
}
