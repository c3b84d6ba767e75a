//! Clients, from memory; and who of them is calling.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use moka::Entry;
use moka::Expiry;
use moka::sync::Cache;

use crate::config::limits::Rate;
use crate::crypto::hash;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSecret;
use crate::domain::ids::ClientId;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::domain::uri::Origin;
use crate::protocol::client_auth;
use crate::protocol::client_auth::Checked;
use crate::protocol::client_auth::Presented;
use crate::protocol::error::OAuthError;

use super::Signet;
use super::audit;
use super::error::FlowError;

type Origins = Arc<[KnownOrigin]>;

/// A browser origin of a public client.
#[derive(Debug)]
struct KnownOrigin {
    origin: Origin,
    application: ApplicationType,
    session_api: bool,
}

/// A bounded snapshot of the clients, thrown away whole whenever any of them changes.
#[derive(Debug)]
pub struct Clients {
    known: RwLock<Cache<ClientId, Arc<Client>>>,
    /// What the counter of changes showed when it was last looked at.
    version: AtomicI64,
    /// The origins of all public clients, for preflights, which do not say which client asks. A new cell whenever a
    /// client changes, for the same reason.
    origins: RwLock<Arc<OnceLock<Origins>>>,
    /// Wrong secrets by client and address. In memory and per node: a secret of 256 random bits is not found by
    /// guessing, this only keeps a guesser from using up the machine.
    failures: Cache<(ClientId, String), u32>,
    allowed: Rate,
    /// Clients that registered themselves and are known to be in use.
    in_use: Cache<ClientId, ()>,
}

const MOST_CLIENTS: u64 = 10_000;
const MOST_FAILURES: u64 = 100_000;

impl Clients {
    /// `allowed` wrong secrets of one client from one address.
    #[must_use]
    pub fn new(allowed: Rate) -> Self {
        Self {
            known: RwLock::new(Cache::new(MOST_CLIENTS)),
            version: AtomicI64::new(0),
            origins: RwLock::default(),
            failures: Cache::builder().max_capacity(MOST_FAILURES).expire_after(FixedWindow(allowed.window)).build(),
            allowed,
            in_use: Cache::new(MOST_CLIENTS),
        }
    }

    /// Whether this node knows that the client is in use.
    pub(super) fn is_in_use(&self, id: &ClientId) -> bool {
        self.in_use.contains_key(id)
    }

    /// So it is, as the database knows.
    pub(super) fn remember_in_use(&self, id: ClientId) {
        self.in_use.insert(id, ());
    }

    /// Forgets everything: some client has changed. A new cache, not an emptied one, so that a load which began
    /// before the change cannot put back what it read.
    pub fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Cache::new(MOST_CLIENTS);
        *self.origins.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    /// The same if the counter of changes shows something else than `version`, which is what it showed last.
    pub(super) fn forget_unless(&self, version: i64) {
        if self.version.swap(version, Ordering::Relaxed) != version {
            self.forget();
        }
    }

    fn count_failure(&self, guess: (ClientId, String)) {
        // Guesses that are under way together began with the same count: each adds to what is there now.
        let count = |seen: Option<Entry<_, u32>>| seen.map_or(0, Entry::into_value).saturating_add(1);
        self.failures.entry(guess).and_upsert_with(count);
    }

    fn cache(&self) -> Cache<ClientId, Arc<Client>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A count ends so long after its first failure. Were each one to renew it, a client with an old secret that tries
/// again and again would never get to try its new one.
struct FixedWindow(Duration);

impl<K, V> Expiry<K, V> for FixedWindow {
    fn expire_after_create(&self, _: &K, _: &V, _: Instant) -> Option<Duration> {
        Some(self.0)
    }
}

/// A client that has proved who it is, or a public one that has named itself. Only [`Signet::authenticate`] and
/// [`Signet::session_api_client`] make it.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
}

impl AuthenticatedClient {
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whether it proved itself, rather than only naming itself.
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
        if let Some(own) = self.own_client(id) {
            return Ok(Some(own));
        }
        if let Some(own) = self.gateway.client(id) {
            return Ok(Some(Arc::clone(own)));
        }
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
    /// [`FlowError::Refused`] with `invalid_client`, the same for an unknown client, a disabled one, a wrong secret and
    /// an assertion that is not good; [`FlowError::Throttled`] after too many of these from one address;
    /// [`FlowError::Store`].
    pub async fn authenticate(&self, presented: &Presented, from: &str) -> Result<AuthenticatedClient, FlowError> {
        let guess = (presented.client_id.clone(), from.to_owned());
        let failures = self.clients.failures.get(&guess).unwrap_or(0);
        let Rate { limit, window } = self.clients.allowed;
        if failures >= limit && presented.method() != AuthMethod::None {
            return Err(FlowError::Throttled { retry_after: window });
        }
        let client = self.client(&presented.client_id).await?;
        if let Some(client) = &client {
            audit::names_client(&client.id);
        }
        match self.prove(presented, client).await {
            Err(FlowError::Refused(error)) => {
                if presented.method() != AuthMethod::None {
                    self.clients.count_failure(guess);
                }
                Err(error.into())
            }
            settled => settled,
        }
    }

    async fn prove(
        &self,
        presented: &Presented,
        client: Option<Arc<Client>>,
    ) -> Result<AuthenticatedClient, FlowError> {
        let checked = client_auth::check(presented, client.as_deref(), self.now(), hash::verify_client_secret)?;
        let client = client.ok_or(FlowError::Internal("a client that does not exist was authenticated"))?;
        match checked {
            Checked::Proven => {}
            Checked::Asserted(assertion) => self.spend_assertion(&client, assertion).await?,
        }
        Ok(AuthenticatedClient { client })
    }

    /// The client of this name, when its pages may use the session API.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `unauthorized_client`, the same for an unknown client and for any other.
    pub async fn session_api_client(&self, id: &ClientId) -> Result<AuthenticatedClient, FlowError> {
        let refused =
            |detail| OAuthError::unauthorized_client("This client may not use the session API").detail(detail);
        let client = self.client(id).await?.ok_or_else(|| refused("there is no such client"))?;
        audit::names_client(&client.id);
        if !client.may_use_session_api() {
            return Err(refused("it needs session_api = true, no secret, and not to be disabled").into());
        }
        Ok(AuthenticatedClient { client })
    }

    /// Whether any public client has this browser origin.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn some_client_trusts(&self, origin: &str) -> Result<bool, FlowError> {
        Ok(self.origins().await?.iter().any(|own| own.origin.matches(origin, own.application)))
    }

    /// Whether the session API is open to pages of this origin.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn session_api_is_open_to(&self, origin: &str) -> Result<bool, FlowError> {
        let origins = self.origins().await?;
        Ok(origins.iter().any(|own| own.session_api && own.origin.matches(origin, own.application)))
    }

    async fn origins(&self) -> Result<Origins, FlowError> {
        let cell = Arc::clone(&self.clients.origins.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(origins) = cell.get() {
            return Ok(Arc::clone(origins));
        }
        let clients = self.store.clients().await?;
        let of = |client: Client| {
            let (application, session_api) = (client.application_type, client.may_use_session_api());
            client.origins.into_iter().map(move |origin| KnownOrigin { origin, application, session_api })
        };
        let origins: Origins =
            clients.into_iter().filter(|client| client.is_public() && !client.disabled).flat_map(of).collect();
        // Of several who load at once, each has what was true when it asked.
        let _ = cell.set(Arc::clone(&origins));
        Ok(origins)
    }

    /// A new secret for a client: what to show once, and what to keep.
    #[must_use]
    pub fn new_client_secret(&self, now: Timestamp) -> (Secret, ClientSecret) {
        let (secret, _) = hash::new_secret(SecretKind::ClientSecret, self.entropy.as_ref());
        let kept = ClientSecret { hash: hash::client_secret_hash(secret.reveal()), created_at: now, expires_at: None };
        (secret, kept)
    }
}

#[cfg(test)]
mod tests {
    use super::Clients;
    use crate::config::limits::Rate;
    use crate::domain::ids::ClientId;
    use std::thread::sleep;
    use std::time::Duration;

    #[test]
    fn a_failure_does_not_renew_the_window_of_those_before() {
        let clients = Clients::new(Rate { limit: 3, window: Duration::from_millis(400) });
        let guess = || (ClientId::new("c1").unwrap(), "192.0.2.1".to_owned());
        for _ in 0..3 {
            clients.count_failure(guess());
            sleep(Duration::from_millis(150));
        }
        assert_eq!(clients.failures.get(&guess()), None);
        clients.count_failure(guess());
        assert_eq!(clients.failures.get(&guess()), Some(1));
    }
}
