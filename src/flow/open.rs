//! Opening a provider: from configuration, database and master key to something that can answer.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use crate::ambient::Clock;
use crate::ambient::Entropy;
use crate::config::Config;
use crate::crypto::hash;
use crate::crypto::jwk_set::JwkSet;
use crate::crypto::password::Params;
use crate::crypto::seal::MasterKey;
use crate::domain::client::ClientSecret;
use crate::domain::client::ClientSource;
use crate::domain::time::Timestamp;
use crate::keys::Ring;
use crate::keys::RingHandle;
use crate::keys::Vault;
use crate::keys::steady::SteadyClock;
use crate::outbound::Outbound;
use crate::outbound::SystemResolver;
use crate::store::Store;
use crate::store::client::CreateClient;
use crate::store::custody::CANARY;

use super::Secrets;
use super::Signet;
use super::audit::Event;
use super::begun::Begun;
use super::client_keys::ClientKeySets;
use super::clients::Clients;
use super::common_time::CommonTime;
use super::denylist::Denylist;
use super::error::FlowError;
use super::gateway::Gateway;
use super::passwords::Passwords;
use super::request_object::Fetched;
use super::subject;
use super::watch::Watch;

/// What a provider is opened with.
#[derive(Debug)]
pub struct Parts {
    pub config: Config,
    pub store: Store,
    pub master: MasterKey,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub dev: bool,
}

impl Signet {
    /// Opens a provider on a migrated database. Makes no keys and changes nothing but a new
    /// database's canary and its secret for pairwise subjects.
    ///
    /// # Errors
    /// [`FlowError::Vault`] when the master key is not the one this database was made with; [`FlowError::Keys`] when
    /// a key cannot be used; [`FlowError::Store`].
    pub async fn open(parts: Parts) -> Result<Self, FlowError> {
        let Parts { config, store, master, clock, entropy, dev } = parts;
        let vault = Vault::new(&master);
        let canary = store.put_instance_value_if_absent(CANARY, vault.canary().to_vec()).await?;
        vault.check_canary(&canary)?;
        let subjects = subject::secret(&store, &vault, entropy.as_ref()).await?;
        let (newest, database_time) = (store.newest_time().await?, store.database_time().await?);
        let read_at = clock.monotonic();
        let wall = Timestamp::from_micros(clock.unix_micros());
        let steady = Mutex::new(SteadyClock::start(wall, database_time, newest, read_at));
        // The number first: the keys are at least as new as it says.
        let version = store.versions().await?.keys;
        let keys = store.signing_keys().await?;
        let ring = Ring::build(&keys, &vault, config.keys.jwks_max_age)?.with_version(version);
        let denials = store.denials_since(0).await?;
        let passwords = Passwords::new(
            Params {
                memory_kib: u32::try_from(config.passwords.memory.bytes() / 1024).unwrap_or(u32::MAX),
                iterations: config.passwords.iterations,
                parallelism: config.passwords.parallelism,
            },
            concurrent_hashes(&config),
            config.passwords.hash_wait,
            Arc::clone(&entropy),
        )?;
        Ok(Self {
            clients: Clients::new(config.limits.client_secret_failures),
            client_keys: ClientKeySets::default(),
            gateway: Gateway::new(&config, dev)?,
            denylist: Denylist::new(denials, read_at),
            begun: Begun::new(config.limits.attempts_per_address),
            families_seen: Mutex::default(),
            ring: RingHandle::new(ring, read_at),
            secrets: Secrets::derive(&master),
            subjects,
            outbound: Outbound::new(&config, dev, Arc::new(SystemResolver))?,
            request_objects: Fetched::default(),
            watch: Watch::default(),
            stopping: AtomicBool::new(false),
            config,
            store,
            vault,
            passwords,
            clock,
            common_time: CommonTime::default(),
            steady,
            entropy,
            dev,
        })
    }

    /// Writes the clients of the configuration file into the database, and removes those that left the file.
    ///
    /// # Errors
    /// [`FlowError::Store`]; [`FlowError::ClientTaken`] when the database has a client of that name that was not
    /// made from the file; [`FlowError::ClientKeys`], and then nothing was changed.
    pub async fn apply_configured_clients(&self) -> Result<(), FlowError> {
        let now = self.now();
        self.check_configured_keys()?;
        let existing = self.store.clients().await?;
        for configured in &self.config.clients {
            let mut client = configured.client.clone();
            client.source = ClientSource::Configuration;
            if let Some(secret) = &configured.secret {
                let hash = hash::client_secret_hash(secret.reveal());
                client.secrets = vec![ClientSecret { hash, created_at: now, expires_at: None }];
            }
            match existing.iter().find(|known| known.id == client.id) {
                Some(known) if known.source != ClientSource::Configuration => {
                    return Err(FlowError::ClientTaken(client.id));
                }
                Some(known) => {
                    client.created_at = known.created_at;
                    for (new, old) in client.secrets.iter_mut().zip(&known.secrets) {
                        new.created_at = old.created_at;
                    }
                    if *known != client {
                        self.store.replace_client(client).await?;
                    }
                }
                None => {
                    client.created_at = now;
                    // Another node that starts with the same file may have been faster.
                    let client_id = client.id.clone();
                    if self.store.create_client(client).await? == CreateClient::Created {
                        self.record(&Event::ClientCreated { client_id }).await;
                    }
                }
            }
        }
        for known in existing.iter().filter(|known| known.source == ClientSource::Configuration) {
            if !self.config.clients.iter().any(|configured| configured.client.id == known.id) {
                self.store.delete_client(known.id.clone(), now).await?;
                // It left the configuration file.
                self.record(&Event::ClientRemoved { client_id: known.id.clone() }).await;
            }
        }
        Ok(())
    }

    fn check_configured_keys(&self) -> Result<(), FlowError> {
        for client in self.config.clients.iter().map(|configured| &configured.client) {
            let checked = client.keys.jwks.as_deref().map_or(Ok(()), JwkSet::check);
            checked.map_err(|fault| FlowError::ClientKeys { client: client.id.clone(), fault })?;
        }
        Ok(())
    }
}

fn concurrent_hashes(config: &Config) -> usize {
    match config.passwords.max_concurrent_hashes {
        // Half of the cores, so that the other half goes on issuing tokens.
        0 => available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
        chosen => usize::try_from(chosen).unwrap_or(1),
    }
}
