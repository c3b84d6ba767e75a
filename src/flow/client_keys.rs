//! The keys of clients: registered with them, or fetched from where they say they are.
//!
//! ```text
//! verify_of_client -> the set that is known -> its signature
//!                            ^ not fresh, or no key fits
//!                     one fetch of each URL at a time, and one a minute at most, also when it fails
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Mutex as Turn;
use tokio::task::spawn_blocking;

use crate::crypto::VerifyError;
use crate::crypto::hash;
use crate::crypto::jwk_set;
use crate::crypto::jwk_set::ClientJws;
use crate::crypto::jwk_set::JwkSet;
use crate::crypto::jwk_set::JwkSetError;
use crate::domain::client::Client;
use crate::domain::key::Algorithm;
use crate::domain::uri::WebUri;
use crate::outbound::Limits;
use crate::outbound::Outbound;

use super::Signet;

/// How long a set is used without asking whether it has changed.
const FRESH: Duration = Duration::from_mins(10);

/// How long it is used when it cannot be had anew.
const KEPT: Duration = Duration::from_hours(1);

/// Between two fetches of one URL, whoever asks for them and however they end.
const PAUSE: Duration = Duration::from_mins(1);

const MOST_SETS: u64 = 10_000;

const JWK_SET: &[&str] = &["application/jwk-set+json", "application/json"];

/// Why a client's signature is not accepted. For the log; whoever sent it learns only that it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientJwsFault {
    #[error("the client has registered neither jwks nor jwks_uri")]
    NoKeys,
    #[error("the client's keys cannot be used: {0}")]
    Set(#[from] JwkSetError),
    #[error("the client's keys could not be fetched: {0}")]
    Fetch(String),
    #[error(transparent)]
    Token(#[from] VerifyError),
}

/// The sets that this node has read.
pub struct ClientKeySets {
    /// By the hash of the text.
    by_value: Cache<String, Arc<JwkSet>>,
    fetched: Cache<String, Arc<Place>>,
}

/// A URL that a set is fetched from.
#[derive(Default)]
struct Place {
    known: Mutex<Known>,
    /// Whoever fetches has it.
    turn: Arc<Turn<()>>,
}

/// Times are those of the monotonic clock.
#[derive(Clone, Default)]
struct Known {
    set: Option<(Arc<JwkSet>, Duration)>,
    asked_at: Option<Duration>,
    /// Of the last time, if it failed.
    fault: Option<ClientJwsFault>,
    /// How often it was asked for.
    asked: u64,
}

impl Signet {
    /// Checks a compact JWS of at most `largest` bytes with the client's own keys; those at its `jwks_uri` are fetched
    /// when they are not known, or when they are not the right ones any more. What cannot be accepted for its form or
    /// algorithm causes no fetch.
    ///
    /// # Errors
    /// [`ClientJwsFault`].
    pub async fn verify_of_client(
        &self,
        client: &Client,
        compact: &str,
        allowed: &[Algorithm],
        largest: usize,
    ) -> Result<ClientJws, ClientJwsFault> {
        jwk_set::check_form(compact, allowed, largest)?;
        if let Some(text) = &client.keys.jwks {
            return Ok(self.client_keys.of_text(text).await?.verify(compact, allowed, largest)?);
        }
        let uri = client.keys.jwks_uri.as_ref().ok_or(ClientJwsFault::NoKeys)?;
        let place = self.client_keys.place(uri);
        let before = place.known();
        if let Some(set) = before.not_older_than(FRESH, self.clock.monotonic()) {
            match set.verify(compact, allowed, largest) {
                // The client may have another key since.
                Err(VerifyError::Key | VerifyError::Signature) => {}
                settled => return Ok(settled?),
            }
        }
        let after = place.ask(self.outbound.clone(), self.clock.monotonic(), uri, before.asked).await;
        match after.not_older_than(KEPT, self.clock.monotonic()) {
            Some(set) => Ok(set.verify(compact, allowed, largest)?),
            None => Err(after.fault.unwrap_or_else(unfinished)),
        }
    }
}

impl ClientKeySets {
    async fn of_text(&self, text: &str) -> Result<Arc<JwkSet>, ClientJwsFault> {
        let name = hash::s256(text);
        if let Some(set) = self.by_value.get(&name) {
            return Ok(set);
        }
        let set = Arc::new(parse(text.to_owned().into_bytes()).await?);
        self.by_value.insert(name, Arc::clone(&set));
        Ok(set)
    }

    fn place(&self, uri: &WebUri) -> Arc<Place> {
        // A fragment is not sent: with any other one it is the same document.
        let url = uri.as_str().split('#').next().unwrap_or_default();
        self.fetched.get_with_by_ref(url, Arc::default)
    }
}

impl Default for ClientKeySets {
    fn default() -> Self {
        Self { by_value: Cache::new(MOST_SETS), fetched: Cache::new(MOST_SETS) }
    }
}

impl Place {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the set, unless somebody else has since the caller looked (`asked`), or it is too soon.
    async fn ask(self: &Arc<Self>, outbound: Outbound, now: Duration, uri: &WebUri, asked: u64) -> Known {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let too_soon = known.asked_at.is_some_and(|at| now.saturating_sub(at) < PAUSE);
            if known.asked != asked || too_soon {
                return known.clone();
            }
            known.asked_at = Some(now);
            known.asked = known.asked.saturating_add(1);
        }
        // Goes on when the caller hangs up: others wait for it, and nobody may ask again so soon.
        let (place, uri) = (Arc::clone(self), uri.clone());
        let fetch = tokio::spawn(async move {
            let _turn = turn;
            let fetched = fetch(&outbound, &uri).await;
            let mut known = place.known.lock().unwrap_or_else(PoisonError::into_inner);
            match fetched {
                Ok(set) => (known.set, known.fault) = (Some((Arc::new(set), now)), None),
                Err(fault) => {
                    tracing::warn!(event = "client_keys_not_fetched", jwks_uri = %uri, cause = %fault);
                    known.fault = Some(fault);
                }
            }
        });
        // It ends without an outcome only when the server does.
        let _ = fetch.await;
        self.known()
    }
}

impl Known {
    fn not_older_than(&self, age: Duration, now: Duration) -> Option<&JwkSet> {
        self.set.as_ref().filter(|(_, at)| now.saturating_sub(*at) < age).map(|(set, _)| set.as_ref())
    }
}

async fn fetch(outbound: &Outbound, uri: &WebUri) -> Result<JwkSet, ClientJwsFault> {
    let bytes = outbound.fetch(uri.as_str(), JWK_SET, Limits::KEYS).await;
    parse(bytes.map_err(|error| ClientJwsFault::Fetch(error.detail()))?).await
}

async fn parse(bytes: Vec<u8>) -> Result<JwkSet, ClientJwsFault> {
    let parsed = spawn_blocking(move || JwkSet::parse(&bytes)).await;
    Ok(parsed.map_err(|_| unfinished())??)
}

fn unfinished() -> ClientJwsFault {
    ClientJwsFault::Fetch("the server is stopping".to_owned())
}

impl fmt::Debug for ClientKeySets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeySets").finish_non_exhaustive()
    }
}
