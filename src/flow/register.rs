//! Clients that register themselves (RFC 7591) and look after themselves (RFC 7592).
//!
//! ```text
//! register  how often -> may they -> what they say -> its sector -> one transaction
//! update    the same checks on what comes out, and a new registration access token
//! ```
//!
//! Of every token only the hash is kept: an answer can repeat what the caller has just shown, and nothing else.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value as Json;

use crate::config::registration::Mode;
use crate::crypto::hash;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSource;
use crate::domain::client::ResponseType;
use crate::domain::ids::ClientId;
use crate::domain::registration::InitialToken;
use crate::domain::registration::Registration;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretKind;
use crate::outbound::Limits;
use crate::protocol::discovery::path;
use crate::protocol::error::ErrorCode;
use crate::protocol::error::OAuthError;
use crate::protocol::registration;
use crate::protocol::registration::Terms;
use crate::store::registration::ExchangeToken;
use crate::store::registration::Register;
use crate::store::registration::Registered;
use crate::store::registration::UpdateRegistration;
use crate::store::throttle::Policy;
use crate::store::throttle::Throttle;

use super::Signet;
use super::audit;
use super::audit::Event;
use super::error::FlowError;
use super::login::address_prefix;

/// A client with what is known of its secrets in this moment.
#[derive(Debug)]
pub struct OwnClient {
    pub client: Client,
    /// The registration access token that is good from now on.
    pub token: Secret,
    /// The client secret, when it was made just now.
    pub secret: Option<Secret>,
    /// Where the client looks after its registration.
    pub address: String,
}

/// How often a change begins anew when somebody else changes the same client.
const ROUNDS: usize = 3;

impl Signet {
    #[must_use]
    pub fn registration_mode(&self) -> Mode {
        self.config.registration.mode
    }

    /// Where clients register themselves.
    #[must_use]
    pub fn registration_endpoint(&self) -> String {
        format!("{}{}", self.issuer().trim_end_matches('/'), path::REGISTER)
    }

    /// Registers a client, RFC 7591 section 3.1. `initial` is the initial access token that was presented, `from` who
    /// presents it.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_token`, `invalid_redirect_uri` or `invalid_client_metadata`;
    /// [`FlowError::Throttled`]; [`FlowError::Store`].
    pub async fn register(
        &self,
        sent: &Map<String, Json>,
        initial: Option<&Secret>,
        from: IpAddr,
    ) -> Result<OwnClient, FlowError> {
        let outcome = Box::pin(self.try_to_register(sent, initial, from)).await;
        if outcome.is_err() {
            self.watch.metrics.registration_refused();
        }
        outcome
    }

    async fn try_to_register(
        &self,
        sent: &Map<String, Json>,
        initial: Option<&Secret>,
        from: IpAddr,
    ) -> Result<OwnClient, FlowError> {
        let now = self.now();
        self.take_registration(from).await?;
        // Looked at before anything is fetched for a stranger, and used up when all is well.
        let initial = self.initial_token(initial).await?;
        let scope = initial.as_ref().and_then(|token| token.scope.clone());
        let id = ClientId::new(hash::random_id("client_", self.entropy.as_ref()));
        let id = id.map_err(|_| FlowError::Internal("made an unusable id"))?;
        let base = Client { source: ClientSource::Registration, ..Client::new(id, now) };
        let mut client = checked(sent, self.terms(scope.as_ref()), base).await?;
        self.check_sector(&client).await?;
        let secret = self.give_secret(&mut client);
        let (token, token_hash) = hash::new_secret(SecretKind::Registration, self.entropy.as_ref());
        let own = Registration {
            client_id: client.id.clone(),
            token: token_hash,
            scope,
            initial_token: initial.as_ref().map(|token| token.id.clone()),
            created_at: now,
            used_at: None,
        };
        let (most, used) = (self.config.registration.most_clients, initial.as_ref().map(|token| token.hash));
        match self.store.register_client(client.clone(), own, used, most, now).await? {
            Register::Registered => {}
            Register::TokenSpent => return Err(not_good().into()),
            Register::Full => {
                tracing::warn!(event = "registrations_full", most);
                let sentence = "There are as many registered clients as there may be";
                return Err(OAuthError::temporarily_unavailable(sentence).into());
            }
            Register::Taken => return Err(FlowError::Internal("two clients got one random name")),
        }
        let token_id = initial.map(|token| token.id);
        self.note(&Event::ClientRegistered { client_id: client.id.clone(), initial_token: token_id });
        Ok(self.own_client_of(client, token, secret))
    }

    /// What is registered, RFC 7592 section 2.1. The token is repeated as it was presented.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_token`, or with `access_denied` for a disabled client; [`FlowError::Store`].
    pub async fn registration(&self, id: &str, token: &Secret) -> Result<OwnClient, FlowError> {
        let own = self.registered(id, token).await?;
        Ok(self.own_client_of(own.client, token.clone(), None))
    }

    /// Replaces a registration, RFC 7592 section 2.2. The registration access token is replaced too: "If the server
    /// includes a new registration access token in its response, the old one [...] is no longer valid" is so for every
    /// change.
    ///
    /// # Errors
    /// As [`Signet::register`] and [`Signet::registration`].
    pub async fn change_registration(
        &self,
        id: &str,
        token: &Secret,
        sent: &Map<String, Json>,
        from: IpAddr,
    ) -> Result<OwnClient, FlowError> {
        self.registered(id, token).await?;
        self.take_registration(from).await?;
        for _ in 0..ROUNDS {
            let Registered { registration: own, client: before, document } = self.registered(id, token).await?;
            registration::check_unchangeable(sent, &before)?;
            self.check_sent_secret(sent, &before)?;
            let mut client = checked(sent, self.terms(own.scope.as_ref()), before.clone()).await?;
            self.check_sector(&client).await?;
            let secret = self.give_secret(&mut client);
            let (new, new_hash) = hash::new_secret(SecretKind::Registration, self.entropy.as_ref());
            let remains = registration::remains(&before, &client);
            let tokens = ExchangeToken { old: own.token, new: new_hash };
            let update = self.store.update_registration(client.clone(), document, tokens, remains, self.now());
            match update.await? {
                UpdateRegistration::Updated => {
                    self.clients.forget();
                    self.note(&Event::RegistrationChanged { client_id: client.id.clone() });
                    return Ok(self.own_client_of(client, new, secret));
                }
                UpdateRegistration::TokenGone => return Err(not_good().into()),
                UpdateRegistration::Changed => {}
            }
        }
        Err(FlowError::Busy { retry_after: Duration::from_secs(1) })
    }

    /// Deletes a client at its own wish, RFC 7592 section 2.3, with everything that was issued to it.
    ///
    /// # Errors
    /// As [`Signet::registration`].
    pub async fn end_registration(&self, id: &str, token: &Secret) -> Result<(), FlowError> {
        let own = self.registered(id, token).await?;
        // Somebody else may have deleted it a moment ago: it is gone either way.
        self.delete_client(&own.client.id).await?;
        self.clients.forget();
        Ok(())
    }

    /// Notes that a client got something for somebody. For clients that registered themselves, so that those which never
    /// did can be told from them.
    pub(super) async fn note_in_use(&self, client: &Client) -> Result<(), FlowError> {
        if client.source == ClientSource::Registration && !self.clients.is_in_use(&client.id) {
            self.store.registration_used(client.id.clone(), self.now()).await?;
            self.clients.remember_in_use(client.id.clone());
        }
        Ok(())
    }

    /// The registration of this name, if this is its token. "If the client does not exist on this server, the server
    /// MUST respond with HTTP 401 Unauthorized"; "If the client does not have permission to read its record, the server
    /// MUST return an HTTP 403 Forbidden error" (RFC 7592 section 2.1).
    async fn registered(&self, id: &str, token: &Secret) -> Result<Registered, FlowError> {
        let id = ClientId::new(id).map_err(|_| not_good())?;
        let presented = hash::secret_hash(SecretKind::Registration, token.reveal());
        let own = self.store.registered_client(id).await?.ok_or_else(not_good)?;
        if !hash::constant_time_eq(own.registration.token.as_bytes(), presented.as_bytes()) {
            return Err(not_good().into());
        }
        audit::names_client(&own.client.id);
        if own.client.disabled {
            return Err(OAuthError::access_denied("This client was disabled").into());
        }
        Ok(own)
    }

    async fn take_registration(&self, from: IpAddr) -> Result<(), FlowError> {
        let rate = self.config.registration.per_address;
        let policy = Policy { limit: rate.limit, window: rate.window, block: rate.window };
        let bucket = self.secrets.throttle.mac(format!("registration\0{}", address_prefix(from)).as_bytes());
        match self.store.throttle_take(bucket, self.now(), policy).await? {
            Throttle::Allowed => Ok(()),
            Throttle::Wait(retry_after) => Err(FlowError::Throttled { retry_after }),
        }
    }

    /// The initial access token that a registration is made with. Where anybody may register, one that is presented
    /// must be good all the same.
    async fn initial_token(&self, presented: Option<&Secret>) -> Result<Option<InitialToken>, FlowError> {
        let Some(presented) = presented else {
            return match self.registration_mode() {
                Mode::Open => Ok(None),
                Mode::Token | Mode::Off => Err(not_good().into()),
            };
        };
        let hash = hash::secret_hash(SecretKind::InitialAccess, presented.reveal());
        let token = self.store.initial_token(hash).await?.filter(|token| token.is_good(self.now()));
        Ok(Some(token.ok_or_else(not_good)?))
    }

    /// What a client may be given. Only what a key signs with now can be chosen, as in discovery.
    fn terms(&self, scope: Option<&Scope>) -> Terms {
        let registration = &self.config.registration;
        let ring = self.ring.load();
        let configured = &self.config.keys.algorithms;
        let allowed = scope.map_or_else(|| registration.scope.clone(), |own| own.intersection(&registration.scope));
        let preset = registration.default_scope.as_ref().unwrap_or(&allowed);
        Terms {
            signing: ring.algorithms(self.steady_now()).filter(|signing| configured.contains(signing)).collect(),
            response_types: ResponseType::ALL
                .into_iter()
                .filter(|kind| self.config.tokens.front_channel || !kind.is_front_channel())
                .collect(),
            grant_types: registration.grant_types.clone(),
            default_scope: preset.intersection(&allowed),
            scope: allowed,
            require_pkce: registration.require_pkce,
            fetches_from_loopback: self.dev,
        }
    }

    /// "The value of the `sector_identifier_uri` MUST be a URL using the https scheme that points to a JSON file [...]"
    /// (OpenID Connect Registration section 5): fetched now and never again.
    async fn check_sector(&self, client: &Client) -> Result<(), FlowError> {
        let Some(uri) = &client.subjects.sector_identifier_uri else { return Ok(()) };
        let fetched = self.outbound.fetch(uri.as_str(), &["application/json"], Limits::FETCH).await;
        let document = fetched.map_err(|fault| {
            let sentence = format!("sector_identifier_uri: {fault}");
            OAuthError::invalid_client_metadata(sentence).detail(fault.detail())
        })?;
        Ok(registration::check_document(&document, client)?)
    }

    /// A client has a secret when its method needs one, and keeps the one it has.
    fn give_secret(&self, client: &mut Client) -> Option<Secret> {
        let methods = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
        if !methods.iter().any(|method| client.token_endpoint_auth_methods.contains(method)) {
            client.secrets.clear();
            return None;
        }
        if !client.secrets.is_empty() {
            return None;
        }
        let (secret, kept) = self.new_client_secret(self.now());
        client.secrets.push(kept);
        Some(secret)
    }

    fn check_sent_secret(&self, sent: &Map<String, Json>, client: &Client) -> Result<(), FlowError> {
        let Some(secret) = registration::sent_secret(sent)? else { return Ok(()) };
        let now = self.now();
        let mut live = client.secrets.iter().filter(|own| own.expires_at.is_none_or(|end| now < end));
        if live.any(|own| hash::verify_client_secret(&own.hash, secret)) {
            return Ok(());
        }
        Err(OAuthError::invalid_client_metadata("client_secret: is not that of the client").into())
    }

    fn own_client_of(&self, client: Client, token: Secret, secret: Option<Secret>) -> OwnClient {
        let address = format!("{}/{}", self.registration_endpoint(), client.id);
        OwnClient { client, token, secret, address }
    }
}

/// The checks, on a thread for work that takes a while: keys by value may be many, and RSA keys are slow to read.
async fn checked(sent: &Map<String, Json>, terms: Terms, base: Client) -> Result<Client, FlowError> {
    let sent = sent.clone();
    let checks = move || registration::client(&sent, &terms, base);
    let outcome = tokio::task::spawn_blocking(checks).await;
    Ok(outcome.map_err(|_| FlowError::Internal("the checks of a registration did not end"))??)
}

/// One answer for a token that is missing, wrong, used up or expired.
fn not_good() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "This token does not allow that")
}
