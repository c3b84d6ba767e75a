//! Clients, from memory; and who of them is calling.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use moka::sync::Cache;

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::client::ClientSecret;
use crate::domain::ids::ClientId;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::protocol::client_auth;
use crate::protocol::client_auth::Presented;

use super::Signet;
use super::error::FlowError;

/// A bounded snapshot of the clients, thrown away whole whenever any of them changes.
#[derive(Debug)]
pub struct Clients {
    known: RwLock<Cache<ClientId, Arc<Client>>>,
    /// Wrong secrets by client and address. In memory and per node: a secret of 256 random bits is not found by
    /// guessing, this only keeps a guesser from using up the machine.
    failures: Cache<(String, String), u32>,
}

const MOST_CLIENTS: u64 = 10_000;
const MOST_FAILURES: u64 = 100_000;
const FAILURES_ALLOWED: u32 = 50;
const FAILURES_REMEMBERED: Duration = Duration::from_secs(600);

impl Default for Clients {
    fn default() -> Self {
        Self {
            known: RwLock::new(Cache::new(MOST_CLIENTS)),
            failures: Cache::builder().max_capacity(MOST_FAILURES).time_to_live(FAILURES_REMEMBERED).build(),
        }
    }
}

impl Clients {
    /// Forgets everything: some client has changed. A new cache, not an emptied one, so that a load which began
    /// before the change cannot put back what it read.
    pub fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Cache::new(MOST_CLIENTS);
    }

    fn cache(&self) -> Cache<ClientId, Arc<Client>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A client that has proved who it is, or a public one that has named itself. Only [`Signet::authenticate`] makes it.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
}

impl AuthenticatedClient {
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whether it proved itself with a secret, rather than only naming itself.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        !self.client.is_public()
    }
}

impl Signet {
    /// The client of this name; also a disabled one.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, FlowError> {
        let cache = self.clients.cache();
        if let Some(client) = cache.get(id) {
            return Ok(Some(client));
        }
        // Unknown names are not remembered: anybody can invent any number of them.
        let Some(client) = self.store.client(id.clone()).await? else { return Ok(None) };
        let client = Arc::new(client);
        cache.insert(id.clone(), Arc::clone(&client));
        Ok(Some(client))
    }

    /// Client authentication, RFC 6749 section 2.3. `from` is the caller's address prefix.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_client`, the same for an unknown client, a disabled one and a wrong
    /// secret; [`FlowError::Throttled`] after too many wrong secrets from one address.
    pub async fn authenticate(&self, presented: &Presented, from: &str) -> Result<AuthenticatedClient, FlowError> {
        let guess = (presented.client_id().to_owned(), from.to_owned());
        let failures = self.clients.failures.get(&guess).unwrap_or(0);
        if failures >= FAILURES_ALLOWED {
            return Err(FlowError::Throttled { retry_after: FAILURES_REMEMBERED });
        }
        let client = match ClientId::new(presented.client_id()) {
            Ok(id) => self.client(&id).await?,
            Err(_) => None,
        };
        match client_auth::check(presented, client.as_deref(), self.now(), hash::verify_client_secret) {
            Ok(()) => client
                .map(|client| AuthenticatedClient { client })
                .ok_or(FlowError::Internal("a client that does not exist was authenticated")),
            Err(error) => {
                if presented.has_secret() {
                    self.clients.failures.insert(guess, failures.saturating_add(1));
                }
                Err(error.into())
            }
        }
    }

    /// A new secret for a client: what to show once, and what to keep.
    #[must_use]
    pub fn new_client_secret(&self, now: Timestamp) -> (Secret, ClientSecret) {
        let (secret, _) = hash::new_secret(SecretKind::ClientSecret, self.entropy.as_ref());
        let kept = ClientSecret { hash: hash::client_secret_hash(secret.reveal()), created_at: now, expires_at: None };
        (secret, kept)
    }
}
