//! Clients, as an administrator makes, changes and deletes them. Those that register themselves: `register`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientKeys;
use crate::domain::client::GrantType;
use crate::domain::client::LogoutChannels;
use crate::domain::ids::ClientId;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;
use crate::store::client::CreateClient;

use super::Signet;
use super::audit::Event;
use super::error::FlowError;

/// How long an old secret goes on working beside a new one.
pub const OVERLAP: Duration = Duration::from_hours(24);

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// People sign in, and the application keeps a secret. `require_pkce`: it must send a code challenge all the same.
    Confidential { require_pkce: bool },
    /// People sign in, and the application cannot keep a secret: it runs in a browser or on a device.
    Public,
    /// Speaks for itself; nobody signs in.
    Service,
}

/// A client to be.
#[derive(Debug)]
pub struct NewClient {
    pub id: ClientId,
    pub name: String,
    pub kind: Kind,
    /// With which it proves who it is, if there are any; else with a secret.
    pub keys: ClientKeys,
    pub application_type: ApplicationType,
    pub redirect_uris: Vec<RedirectUri>,
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub logout: LogoutChannels,
    pub scope: Scope,
    pub audiences: Vec<String>,
    pub resources: Vec<String>,
    /// Whether a service may exchange tokens that it was called with.
    pub exchange: bool,
    pub origins: Vec<Origin>,
    pub first_party: bool,
    pub session_api: bool,
}

impl Signet {
    /// Makes a client. The secret exists only in the answer; public clients and those with keys have none. `None`: the id
    /// is taken.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn create_client(&self, new: NewClient) -> Result<Option<(Client, Option<Secret>)>, FlowError> {
        let now = self.now();
        let (secret, secrets) = match new.kind {
            Kind::Public => (None, Vec::new()),
            _ if !new.keys.is_empty() => (None, Vec::new()),
            Kind::Confidential { .. } | Kind::Service => {
                let (secret, kept) = self.new_client_secret(now);
                (Some(secret), vec![kept])
            }
        };
        let client = Client {
            name: new.name,
            application_type: new.application_type,
            token_endpoint_auth_methods: match new.kind {
                Kind::Public => BTreeSet::from([AuthMethod::None]),
                _ if !new.keys.is_empty() => BTreeSet::from([AuthMethod::PrivateKeyJwt]),
                _ => BTreeSet::from([AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]),
            },
            secrets,
            keys: new.keys,
            post_logout_redirect_uris: new.post_logout_redirect_uris,
            logout: new.logout,
            grant_types: match new.kind {
                Kind::Service if new.exchange => {
                    BTreeSet::from([GrantType::ClientCredentials, GrantType::TokenExchange])
                }
                Kind::Service => BTreeSet::from([GrantType::ClientCredentials]),
                Kind::Public if new.session_api && new.redirect_uris.is_empty() => {
                    BTreeSet::from([GrantType::RefreshToken])
                }
                _ => BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            },
            redirect_uris: new.redirect_uris,
            scope: new.scope,
            audiences: new.audiences,
            resources: new.resources,
            require_pkce: !matches!(new.kind, Kind::Confidential { require_pkce: false }),
            first_party: new.first_party,
            session_api: new.session_api,
            origins: new.origins,
            ..Client::new(new.id, now)
        };
        match self.store.create_client(client.clone()).await? {
            CreateClient::Created => {
                self.record(&Event::ClientCreated { client_id: client.id.clone() }).await;
                Ok(Some((client, secret)))
            }
            CreateClient::Taken => Ok(None),
        }
    }

    /// Gives a client another secret. Those it had go on working for `overlap`. `None`: there is no such client.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn rotate_client_secret(&self, id: &ClientId, overlap: Duration) -> Result<Option<Secret>, FlowError> {
        let now = self.now();
        let Some(mut client) = self.store.client(id.clone()).await? else { return Ok(None) };
        let end = now.plus(overlap);
        client.secrets.retain(|old| old.expires_at.is_none_or(|expires| now < expires));
        for old in &mut client.secrets {
            old.expires_at = Some(old.expires_at.map_or(end, |expires| expires.min(end)));
        }
        client.secrets.retain(|old| old.expires_at.is_some_and(|expires| now < expires));
        let (secret, kept) = self.new_client_secret(now);
        client.secrets.insert(0, kept);
        if !self.store.replace_client(client).await? {
            return Ok(None);
        }
        self.record(&Event::ClientSecretRotated { client_id: id.clone() }).await;
        Ok(Some(secret))
    }

    /// Deletes a client; its codes, consents and refresh families end. False when there is none of this id.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn delete_client(&self, id: &ClientId) -> Result<bool, FlowError> {
        let done = self.store.delete_client(id.clone(), self.now()).await?;
        if done {
            self.learn_denials().await?;
            self.record(&Event::ClientRemoved { client_id: id.clone() }).await;
        }
        Ok(done)
    }
}
