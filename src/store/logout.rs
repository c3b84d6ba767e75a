//! Who is to be told that a session has ended: a queue in the database, so that no restart forgets it.

use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::logout::Delivery;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

impl Store {
    /// The clients that a session has signed somebody in to.
    pub async fn clients_of_session(&self, id: SessionId) -> Result<Vec<ClientId>, StoreError> {
        dispatch!(self, read, logout::clients_of_session(id))
    }

    /// Takes at most `limit` deliveries that are due. Nobody else gets them before `until`: whoever took them has
    /// told the client by then, or is gone. Of any number of nodes at once, one gets each.
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        dispatch!(self, transaction, logout::claim(now, until, limit))
    }

    /// The client was told, or will never be.
    pub async fn finish_delivery(&self, delivery: Delivery) -> Result<(), StoreError> {
        dispatch!(self, statement, logout::finish(delivery))
    }

    /// It did not work; again at `next_at`. Changes nothing when somebody else has taken it since.
    pub async fn put_off_delivery(&self, delivery: Delivery, next_at: Timestamp) -> Result<(), StoreError> {
        dispatch!(self, statement, logout::put_off(delivery, next_at))
    }

    /// How many deliveries wait.
    pub async fn waiting_deliveries(&self) -> Result<i64, StoreError> {
        dispatch!(self, read, logout::waiting())
    }
}
