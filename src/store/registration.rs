//! Clients that registered themselves, and the tokens with which they may.

use crate::domain::client::Client;
use crate::domain::ids::ClientId;
use crate::domain::ids::InitialTokenId;
use crate::domain::registration::InitialToken;
use crate::domain::registration::Registration;
use crate::domain::registration::Remains;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    Registered,
    /// Its initial access token is used up, has expired, was revoked, or never was.
    TokenSpent,
    /// There are as many registered clients as there may be.
    Full,
    /// Another client has this id.
    Taken,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateRegistration {
    Updated,
    /// Somebody else has changed the client since it was read; nothing was written.
    Changed,
    /// The registration access token is not the one any more; nothing was written.
    TokenGone,
}

/// A registration with its client, and the very text that the client is stored as: what a change may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub registration: Registration,
    pub client: Client,
    pub document: String,
}

/// A registration access token and the one in its place.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeToken {
    pub old: SecretHash,
    pub new: SecretHash,
}

impl Store {
    /// Writes a client that registers itself. `initial` is used up by one, in the same transaction; there are never
    /// more than `most` such clients.
    pub async fn register_client(
        &self,
        client: Client,
        registration: Registration,
        initial: Option<SecretHash>,
        most: u32,
        now: Timestamp,
    ) -> Result<Register, StoreError> {
        let most = i64::from(most);
        dispatch!(self, transaction, registration::register(client, registration, initial, most, now))
    }

    /// The registration of a client; nothing for clients that did not register themselves.
    pub async fn registered_client(&self, id: ClientId) -> Result<Option<Registered>, StoreError> {
        dispatch!(self, read, registration::one(id))
    }

    /// Replaces a client, if it is still stored as `was` and its token is still `old`, and its token by `new`. What does not
    /// remain of its grants ends in the same transaction.
    pub async fn update_registration(
        &self,
        client: Client,
        was: String,
        tokens: ExchangeToken,
        remains: Remains,
        now: Timestamp,
    ) -> Result<UpdateRegistration, StoreError> {
        dispatch!(self, transaction, registration::update(client, was, tokens, remains, now))
    }

    /// Notes that a client is in use; the first time counts.
    pub async fn registration_used(&self, id: ClientId, now: Timestamp) -> Result<(), StoreError> {
        dispatch!(self, statement, registration::used(id, now))
    }

    /// Deletes at most `batch` clients that registered themselves before `end` and were never used. Says how many.
    pub async fn sweep_unused_clients(&self, end: Timestamp, batch: u32) -> Result<usize, StoreError> {
        let batch = i64::from(batch);
        dispatch!(self, transaction, registration::sweep_unused(end, batch))
    }

    pub async fn create_initial_token(&self, token: InitialToken) -> Result<(), StoreError> {
        dispatch!(self, statement, registration::create_token(token))
    }

    /// All of them, the newest first; those that expired a day ago are gone.
    pub async fn initial_tokens(&self) -> Result<Vec<InitialToken>, StoreError> {
        dispatch!(self, read, registration::tokens())
    }

    /// The token behind a hash, good or not.
    pub async fn initial_token(&self, hash: SecretHash) -> Result<Option<InitialToken>, StoreError> {
        dispatch!(self, read, registration::token(hash))
    }

    /// Takes a token away; false when there is none. Clients that were registered with it stay.
    pub async fn delete_initial_token(&self, id: InitialTokenId) -> Result<bool, StoreError> {
        dispatch!(self, statement, registration::delete_token(id))
    }
}
