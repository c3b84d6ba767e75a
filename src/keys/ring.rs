//! The keys of a running node: an immutable snapshot that is swapped whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use super::memo::Memo;
use super::schedule::SETTLE_AFTER;
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
    /// Those that may sign, now or from a planned instant on, without their sealed halves.
    office: Vec<SigningKey>,
    keys: HashMap<KeyId, Parsed>,
    memo: Memo,
    jwks: Jwks,
    version: i64,
}

/// The halves of a key, and what each was parsed from: a public JWK, and a sealed text of this digest. Only a key that
/// may sign has a private half here.
#[derive(Debug)]
struct Parsed {
    public_jwk: String,
    verifier: Arc<Verifier>,
    signer: Option<([u8; 32], Arc<Signer>)>,
}

/// The key of `algorithm` that signs at `now`, among those of one snapshot: the next one from the instant on that is
/// planned for it, before that the active one.
#[must_use]
pub fn signing(keys: &[SigningKey], algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
    let office = |key: &&SigningKey| key.algorithm == algorithm && key.signs_at(now);
    keys.iter().filter(office).max_by_key(|key| key.activates_at)
}

impl Ring {
    /// Parses and unseals all keys. `jwks_max_age` is how long others may keep the JWKS.
    ///
    /// # Errors
    /// [`KeysError`] for the first key that is not as it should be. A `next` key is unsealed too, so that damage shows
    /// now and not on the day of its activation.
    pub fn build(keys: &[SigningKey], vault: &Vault, jwks_max_age: Duration) -> Result<Self, KeysError> {
        Self::of(keys, vault, jwks_max_age, &HashMap::new())
    }

    /// The ring that comes after this one. What has not changed is not parsed, unsealed and tried again.
    ///
    /// # Errors
    /// As [`Ring::build`].
    pub fn renewed(&self, keys: &[SigningKey], vault: &Vault) -> Result<Self, KeysError> {
        Self::of(keys, vault, self.jwks.max_age, &self.keys)
    }

    fn of(
        keys: &[SigningKey],
        vault: &Vault,
        jwks_max_age: Duration,
        known: &HashMap<KeyId, Parsed>,
    ) -> Result<Self, KeysError> {
        let mut office: Vec<SigningKey> = Vec::new();
        let mut ours = HashMap::new();
        for key in keys {
            if key.state == KeyState::Revoked {
                continue;
            }
            let parsed = Parsed::of(key, vault, known.get(&key.kid))?;
            if parsed.signer.is_some() {
                let colleague = |other: &SigningKey| other.algorithm == key.algorithm && other.state == key.state;
                if key.state == KeyState::Active && office.iter().any(colleague) {
                    return Err(KeysError::TwoActive(key.algorithm));
                }
                office.push(SigningKey { sealed_private: None, public_jwk: String::new(), ..key.clone() });
            }
            if ours.insert(key.kid.clone(), parsed).is_some() {
                return Err(KeysError::Duplicate(key.kid.clone()));
            }
        }
        Ok(Self { office, keys: ours, memo: Memo::new(), jwks: Jwks::of(keys, jwks_max_age), version: 0 })
    }

    /// The same ring, marked as the keys' state number `version` of the database.
    #[must_use]
    pub const fn with_version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// The key that signs at `now`: the next one from the instant on that is planned for it, before that the active
    /// one. So all nodes switch at one instant, from what they have loaded long before.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&Signer> {
        let parsed = self.keys.get(&self.signing_key(algorithm, now)?.kid)?;
        parsed.signer.as_ref().map(|(_, signer)| signer.as_ref())
    }

    /// The row of [`Ring::signer`], without its two halves.
    #[must_use]
    pub fn signing_key(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        signing(&self.office, algorithm, now)
    }

    /// The key of this name, published or expired, never a revoked one. For an `id_token_hint`, which may be old; other
    /// tokens end before their key expires.
    #[must_use]
    pub fn verifier(&self, kid: &KeyId) -> Option<&Verifier> {
        self.keys.get(kid).map(|parsed| parsed.verifier.as_ref())
    }

    /// Checks form and signature of a token of our own and reads its claims. Whether they are acceptable (`typ`, `iss`,
    /// `aud`, `exp`) is for the caller to say.
    ///
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::Key`] for a key that we do not have or have revoked.
    pub fn verify(&self, compact: &str) -> Result<Verified, VerifyError> {
        let token = Unverified::parse(compact)?;
        let key = self.keys.get(token.kid()).ok_or(VerifyError::Key)?;
        let digest = hash::digest(compact.as_bytes());
        let payload = match self.memo.knows(&digest) {
            true => key.verifier.known(&token)?,
            false => {
                let payload = key.check(&token)?;
                self.memo.note(digest);
                payload
            }
        };
        let (algorithm, kid, typ) = (token.algorithm(), token.kid().clone(), token.typ().map(str::to_owned));
        Ok(Verified { algorithm, kid, typ, claims: jws::claims(&payload)? })
    }

    /// Remembers a token that one of its signers has just made: whoever was given it may ask about it at once.
    pub fn has_made(&self, token: &str) {
        self.memo.note(hash::digest(token.as_bytes()));
    }

    #[must_use]
    pub const fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    /// What we sign with at `now`, for discovery.
    pub fn algorithms(&self, now: Timestamp) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.signing_key(*algorithm, now).is_some())
    }
}

impl Parsed {
    fn of(key: &SigningKey, vault: &Vault, known: Option<&Self>) -> Result<Self, KeysError> {
        let same = |known: &&Self| known.public_jwk == key.public_jwk && known.verifier.algorithm() == key.algorithm;
        let known = known.filter(same);
        let verifier = known.map_or_else(|| verifier(key).map(Arc::new), |known| Ok(Arc::clone(&known.verifier)))?;
        let signer = if matches!(key.state, KeyState::Next | KeyState::Active) {
            let gone = || KeysError::NoPrivateHalf(key.kid.clone(), key.state);
            let sealed = key.sealed_private.as_deref().ok_or_else(gone)?;
            let digest = hash::digest(sealed);
            let known = known.and_then(|known| known.signer.clone()).filter(|(other, _)| *other == digest);
            let parse = || Ok((digest, Arc::new(signer(key, sealed, vault, &verifier)?)));
            Some(known.map_or_else(parse, Ok)?)
        } else {
            None
        };
        Ok(Self { public_jwk: key.public_jwk.clone(), verifier, signer })
    }

    /// As [`Verifier::check`], by whichever half is quicker.
    fn check(&self, token: &Unverified<'_>) -> Result<Vec<u8>, VerifyError> {
        let payload = self.verifier.known(token)?;
        match &self.signer {
            Some((_, signer)) if signer.recognises(token) => Ok(payload),
            _ => self.verifier.check(token),
        }
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

fn signer(key: &SigningKey, sealed: &[u8], vault: &Vault, verifier: &Verifier) -> Result<Signer, KeysError> {
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
    /// When a key leaves, or takes over and a new one appears.
    changes: Vec<Timestamp>,
}

impl Jwks {
    /// Sorted by algorithm, then state and name, so that all nodes give the same bytes.
    fn of(keys: &[SigningKey], max_age: Duration) -> Self {
        let mut published: Vec<&SigningKey> = keys.iter().filter(|key| key.state.is_published()).collect();
        published.sort_by(|a, b| (a.algorithm, order(a.state), &a.kid).cmp(&(b.algorithm, order(b.state), &b.kid)));
        let members: Vec<&str> = published.iter().map(|key| key.public_jwk.as_str()).collect();
        let body = format!(r#"{{"keys":[{}]}}"#, members.join(","));
        let etag = format!("\"{}\"", hash::s256(&body));
        let changes = published.iter().filter_map(|key| changes_at(key)).collect();
        Self { body: Arc::from(body.into_bytes()), etag, max_age, changes }
    }

    /// How long an answer given now may be kept: until the next planned change, at least [`LEAST_MAX_AGE`] and at most
    /// the configured time. A change that has been late for longer than [`LATE`] waits for a database that is away.
    #[must_use]
    pub fn max_age(&self, now: Timestamp) -> Duration {
        let soon = self.changes.iter().filter(|at| now.since(**at) < LATE).map(|at| at.since(now)).min();
        soon.map_or(self.max_age, |soon| self.max_age.min(soon.max(LEAST_MAX_AGE)))
    }
}

const LEAST_MAX_AGE: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_mins(2);

/// When the JWKS is to change because of this key. A key that takes over is followed by a new next one.
fn changes_at(key: &SigningKey) -> Option<Timestamp> {
    match key.state {
        KeyState::Next => key.activates_at.map(|at| at.plus(SETTLE_AFTER)),
        _ => key.leaves_at,
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

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
