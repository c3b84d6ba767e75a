//! The keys of a running node: an immutable snapshot that is swapped whole.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::btree_map;
use std::collections::hash_map;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use super::vault::Vault;
use super::vault::VaultError;
use crate::crypto::CryptoError;
use crate::crypto::Signer;
use crate::crypto::Verifier;
use crate::crypto::VerifyError;
use crate::crypto::hash;
use crate::crypto::jws;
use crate::crypto::jws::Unverified;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// Why the rows of the database do not make a ring. Whoever has a working ring keeps it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("two signing keys are active for {0}; there must be one")]
    TwoActive(Algorithm),
    #[error("two signing keys are called {0}")]
    Duplicate(KeyId),
    #[error("the signing key {0} is {state} but its private half is gone", state = .1.as_str())]
    NoPrivateHalf(KeyId, KeyState),
    #[error("the signing key {kid} cannot be unsealed: {source}")]
    Sealed { kid: KeyId, source: VaultError },
    #[error("the signing key {kid} cannot be used: {source}")]
    Unusable { kid: KeyId, source: CryptoError },
    #[error("the signing key {0} is not what its public half says")]
    Mismatch(KeyId),
}

/// All keys at one moment, parsed and ready.
#[derive(Debug)]
pub struct Ring {
    signers: BTreeMap<Algorithm, Signer>,
    verifiers: HashMap<KeyId, Verifier>,
    jwks: Jwks,
}

impl Ring {
    /// Parses and unseals all keys. `jwks_max_age` is how long others may keep the JWKS.
    ///
    /// # Errors
    /// [`KeysError`] for the first key that is not as it should be. A `next` key is unsealed too, so that damage shows
    /// now and not on the day of its activation.
    pub fn build(keys: &[SigningKey], vault: &Vault, jwks_max_age: Duration) -> Result<Self, KeysError> {
        let mut signers = BTreeMap::new();
        let mut verifiers = HashMap::new();
        for key in keys {
            if key.state == KeyState::Revoked {
                continue;
            }
            let verifier = verifier(key)?;
            if matches!(key.state, KeyState::Next | KeyState::Active) {
                let signer = signer(key, vault, &verifier)?;
                if key.state == KeyState::Active {
                    let btree_map::Entry::Vacant(place) = signers.entry(key.algorithm) else {
                        return Err(KeysError::TwoActive(key.algorithm));
                    };
                    place.insert(signer);
                }
            }
            let hash_map::Entry::Vacant(place) = verifiers.entry(key.kid.clone()) else {
                return Err(KeysError::Duplicate(key.kid.clone()));
            };
            place.insert(verifier);
        }
        Ok(Self { signers, verifiers, jwks: Jwks::of(keys, jwks_max_age) })
    }

    /// The active key of an algorithm.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm) -> Option<&Signer> {
        self.signers.get(&algorithm)
    }

    /// The key of this name, published or expired, never a revoked one. For an `id_token_hint`, which may be old; other
    /// tokens end before their key expires.
    #[must_use]
    pub fn verifier(&self, kid: &KeyId) -> Option<&Verifier> {
        self.verifiers.get(kid)
    }

    /// Checks form and signature of a token of our own and reads its claims. Whether they are acceptable (`typ`, `iss`,
    /// `aud`, `exp`) is for the caller to say.
    ///
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::Key`] for a key that we do not have or have revoked.
    pub fn verify(&self, compact: &str) -> Result<Verified, VerifyError> {
        let token = Unverified::parse(compact)?;
        let verifier = self.verifier(token.kid()).ok_or(VerifyError::Key)?;
        let claims = jws::claims(&verifier.check(&token)?)?;
        Ok(Verified {
            algorithm: token.algorithm(),
            kid: token.kid().clone(),
            typ: token.typ().map(str::to_owned),
            claims,
        })
    }

    #[must_use]
    pub const fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    /// What we can sign with, for discovery.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.signers.keys().copied()
    }
}

fn verifier(key: &SigningKey) -> Result<Verifier, KeysError> {
    let verifier =
        Verifier::from_jwk(&key.public_jwk).map_err(|source| KeysError::Unusable { kid: key.kid.clone(), source })?;
    if *verifier.kid() != key.kid || verifier.algorithm() != key.algorithm {
        return Err(KeysError::Mismatch(key.kid.clone()));
    }
    Ok(verifier)
}

fn signer(key: &SigningKey, vault: &Vault, verifier: &Verifier) -> Result<Signer, KeysError> {
    let sealed = key.sealed_private.as_deref().ok_or_else(|| KeysError::NoPrivateHalf(key.kid.clone(), key.state))?;
    let pkcs8 = vault
        .unseal(&key.kid, key.algorithm, sealed)
        .map_err(|source| KeysError::Sealed { kid: key.kid.clone(), source })?;
    let unusable = |source| KeysError::Unusable { kid: key.kid.clone(), source };
    let signer = Signer::from_pkcs8(key.algorithm, &key.kid, &pkcs8).map_err(unusable)?;
    // A token that nobody can verify must never leave the house, so each private half is tried once.
    let token = signer.sign(jws::typ::ID_TOKEN, &Map::<String, Value>::new()).map_err(unusable)?;
    verifier.verify(&token).map_err(|_| KeysError::Mismatch(key.kid.clone()))?;
    Ok(signer)
}

/// A token whose signature is ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    pub algorithm: Algorithm,
    pub kid: KeyId,
    pub typ: Option<String>,
    pub claims: Map<String, Value>,
}

/// The JWK Set of RFC 7517 section 5, written once for each ring.
#[derive(Debug, Clone)]
pub struct Jwks {
    pub body: Arc<[u8]>,
    /// A strong entity tag with its quotes, RFC 9110 section 8.8.3.
    pub etag: String,
    max_age: Duration,
    /// When the first key leaves.
    changes_at: Option<Timestamp>,
}

impl Jwks {
    /// Sorted by algorithm, then state and name, so that all nodes give the same bytes.
    fn of(keys: &[SigningKey], max_age: Duration) -> Self {
        let mut published: Vec<&SigningKey> = keys.iter().filter(|key| key.state.is_published()).collect();
        published.sort_by(|a, b| (a.algorithm, order(a.state), &a.kid).cmp(&(b.algorithm, order(b.state), &b.kid)));
        let members: Vec<&str> = published.iter().map(|key| key.public_jwk.as_str()).collect();
        let body = format!(r#"{{"keys":[{}]}}"#, members.join(","));
        let etag = format!("\"{}\"", hash::s256(&body));
        let changes_at = published.iter().filter_map(|key| key.leaves_at).min();
        Self { body: Arc::from(body.into_bytes()), etag, max_age, changes_at }
    }

    /// How long an answer given now may be kept: until the next key leaves, at most the configured time.
    #[must_use]
    pub fn max_age(&self, now: Timestamp) -> Duration {
        self.changes_at.map_or(self.max_age, |at| self.max_age.min(at.since(now)))
    }
}

/// The active key first: verifiers that take the first key of an algorithm, as some do, take the right one.
const fn order(state: KeyState) -> u8 {
    match state {
        KeyState::Active => 0,
        KeyState::Next => 1,
        KeyState::Retired => 2,
        KeyState::Expired | KeyState::Revoked => 3,
    }
}

/// Where the current ring is. Clones share it.
#[derive(Debug, Clone)]
pub struct RingHandle {
    current: Arc<RwLock<Arc<Ring>>>,
}

impl RingHandle {
    #[must_use]
    pub fn new(ring: Ring) -> Self {
        Self { current: Arc::new(RwLock::new(Arc::new(ring))) }
    }

    /// The ring as it is now. Load it once for each request, so that one answer is of one ring.
    #[must_use]
    pub fn load(&self) -> Arc<Ring> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another ring in place, for all clones at once.
    pub fn swap(&self, ring: Arc<Ring>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
