//! Clients.

use crate::domain::client::Client;
use crate::domain::ids::ClientId;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

/// What became of a new client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateClient {
    Created,
    /// Another client has this id.
    Taken,
}

impl Store {
    /// All clients, by id.
    pub async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        dispatch!(self, read, client::all())
    }

    pub async fn client(&self, id: ClientId) -> Result<Option<Client>, StoreError> {
        dispatch!(self, read, client::one(id))
    }

    pub async fn create_client(&self, client: Client) -> Result<CreateClient, StoreError> {
        dispatch!(self, transaction, client::create(client))
    }

    /// Writes all of a client anew; false when there is none with its id.
    pub async fn replace_client(&self, client: Client) -> Result<bool, StoreError> {
        dispatch!(self, transaction, client::replace(client))
    }

    /// Deletes a client with its codes, consents and places in sessions and revokes its families; false when there is
    /// none.
    pub async fn delete_client(&self, id: ClientId, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, transaction, client::delete(id, now))
    }
}
