//! Public keys of somebody else: a JWK Set (RFC 7517 section 5), and what they have signed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use serde_json::Map;
use serde_json::Value;

use super::VerifyError;
use super::json;
use super::json::JsonError;
use super::jwk::PRIVATE_MEMBERS;
use super::jws::Parts;
use super::quality;
use super::verifier::PublicKey;
use crate::domain::key::Algorithm;

/// Longest set that is read, in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// The most keys that a set may have.
pub const MAX_KEYS: usize = 50;

/// Why a text is not used as a set of public keys. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    #[error("longer than {} KiB", MAX_LENGTH / 1024)]
    TooLong,
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("not a JSON object with an array `keys` of objects")]
    Shape,
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    #[error("a private key, which nobody else may ever see: make another one")]
    Private,
    #[error("a symmetric key; only public keys are used")]
    Symmetric,
    #[error("no key that a signature could be checked with: EC on P-256, Ed25519, or RSA of 2048 to 4096 bits")]
    Empty,
}

/// The keys of a set that signatures can be checked with.
#[derive(Debug)]
pub struct JwkSet {
    keys: Vec<Key>,
}

/// A JWS that one of the keys has signed. Says nothing of `iss`, `aud`, `exp` or `typ`.
#[derive(Clone)]
pub struct ClientJws {
    /// Keys in it (`jwk`, `jku`, `x5c`, `x5u`) were not used, and must not be.
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

impl JwkSet {
    /// Reads a set. Keys of other types, curves, algorithms and purposes are left out, and so are weak ones:
    /// "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" (key type) values that are not understood by
    /// them, that are missing required members, or for which values are out of the supported ranges." (RFC 7517
    /// section 5) RSA keys take some milliseconds each, so not on a thread that answers requests.
    ///
    /// # Errors
    /// [`JwkSetError`]: too long, no strict JSON of this form, too many keys, or any private or symmetric key.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkSetError> {
        if bytes.len() > MAX_LENGTH {
            return Err(JwkSetError::TooLong);
        }
        let Value::Object(set) = json::strict(bytes)? else { return Err(JwkSetError::Shape) };
        let keys = set.get("keys").and_then(Value::as_array).ok_or(JwkSetError::Shape)?;
        if keys.len() > MAX_KEYS {
            return Err(JwkSetError::TooMany);
        }
        for key in keys {
            let members = key.as_object().ok_or(JwkSetError::Shape)?;
            if members.get("kty").is_some_and(|kty| kty == "oct") {
                return Err(JwkSetError::Symmetric);
            }
            if PRIVATE_MEMBERS.into_iter().any(|name| members.contains_key(name)) {
                return Err(JwkSetError::Private);
            }
        }
        Ok(Self { keys: keys.iter().filter_map(Value::as_object).filter_map(Key::read).collect() })
    }

    /// Whether a text is worth registering.
    ///
    /// # Errors
    /// As [`JwkSet::parse`]; [`JwkSetError::Empty`] when all keys were left out.
    pub fn check(text: &str) -> Result<(), JwkSetError> {
        if Self::parse(text.as_bytes())?.keys.is_empty() { Err(JwkSetError::Empty) } else { Ok(()) }
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks a compact JWS of at most `largest` bytes whose algorithm is one of `allowed`.
    ///
    /// The key is the one that the token names by `kid`. A token that names none, and a key that has no name, fit when
    /// no other key could be meant. A name that two keys have fits neither.
    ///
    /// # Errors
    /// What [`check_form`] refuses; [`VerifyError::Key`], [`VerifyError::Signature`].
    pub fn verify(&self, compact: &str, allowed: &[Algorithm], largest: usize) -> Result<ClientJws, VerifyError> {
        let (token, claims) = read(compact, allowed, largest)?;
        let key = self.key_of(token.algorithm, token.kid()?).ok_or(VerifyError::Key)?;
        key.verify(token.signing_input, &token.signature)?;
        Ok(ClientJws { header: token.header, claims })
    }

    fn key_of(&self, algorithm: Algorithm, kid: Option<&str>) -> Option<&PublicKey> {
        let of_its_type: Vec<(Option<&str>, &PublicKey)> =
            self.keys.iter().filter_map(|key| Some((key.kid.as_deref(), key.verifier(algorithm)?))).collect();
        let mut named = of_its_type.iter().filter(|(own, _)| kid.is_some() && *own == kid);
        if let Some((_, key)) = named.next() {
            return named.next().is_none().then_some(*key);
        }
        match of_its_type.as_slice() {
            [(own, key)] if own.is_none() || kid.is_none() => Some(*key),
            _ => None,
        }
    }
}

/// Whether a token could be accepted at all, to be asked before anything is fetched for its sake.
///
/// # Errors
/// [`VerifyError`]: longer than `largest` bytes; not three parts of canonical base64url; header or payload is no strict
/// JSON object; an algorithm that is not one of `allowed`; any `crit` or `b64`.
pub fn check_form(compact: &str, allowed: &[Algorithm], largest: usize) -> Result<(), VerifyError> {
    read(compact, allowed, largest).map(|_| ())
}

fn read<'a>(
    compact: &'a str,
    allowed: &[Algorithm],
    largest: usize,
) -> Result<(Parts<'a>, Map<String, Value>), VerifyError> {
    let token = Parts::split(compact, largest, Algorithm::parse_of_client)?;
    if !allowed.contains(&token.algorithm) {
        return Err(VerifyError::Algorithm);
    }
    token.kid()?;
    let claims = token.claims()?;
    Ok((token, claims))
}

struct Key {
    kid: Option<String>,
    /// One for each algorithm that the key may be used with.
    verifiers: Vec<(Algorithm, PublicKey)>,
}

impl Key {
    /// `None`: not one that we could use.
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        // RFC 7517 sections 4.2 and 4.3.
        let is_sig = jwk.get("use").is_none_or(|purpose| purpose == "sig");
        let may_verify = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
        if !is_sig || !jwk.get("key_ops").is_none_or(may_verify) {
            return None;
        }
        let (names, algorithms) = material(jwk)?;
        let alg = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(Algorithm::parse_of_client(alg.as_str()?)?),
        };
        // Only what was checked; josekit has opinions on the other members.
        let members = names.iter().filter_map(|name| Some(((*name).to_owned(), jwk.get(*name)?.clone())));
        let jwk = Jwk::from_map(members.collect::<Map<_, _>>()).ok()?;
        let chosen = algorithms.iter().filter(|algorithm| alg.is_none_or(|alg| alg == **algorithm));
        let verifiers: Vec<_> = chosen
            .map(|algorithm| Some((*algorithm, PublicKey::of_jwk(*algorithm, &jwk).ok()?)))
            .collect::<Option<_>>()?;
        (!verifiers.is_empty()).then_some(Self { kid, verifiers })
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&PublicKey> {
        self.verifiers.iter().find(|(own, _)| *own == algorithm).map(|(_, key)| key)
    }
}

/// The members that make the key, and what it can be used with: RFC 7518 sections 6.2.1 and 6.3.1, RFC 8037 section 2.
fn material(jwk: &Map<String, Value>) -> Option<(&'static [&'static str], &'static [Algorithm])> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    match (text("kty")?, text("crv")) {
        ("EC", Some("P-256")) if bytes("x")?.len() == 32 && bytes("y")?.len() == 32 => {
            Some((&["kty", "crv", "x", "y"], &[Algorithm::Es256]))
        }
        ("OKP", Some("Ed25519")) => {
            quality::ed25519_public(&bytes("x")?).ok()?;
            Some((&["kty", "crv", "x"], &[Algorithm::EdDsa]))
        }
        ("RSA", _) => {
            quality::rsa_public(&bytes("n")?, &bytes("e")?).ok()?;
            Some((&["kty", "n", "e"], &[Algorithm::Rs256, Algorithm::Ps256]))
        }
        _ => None,
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientJws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientJws").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "jwk_set_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "wycheproof_tests.rs"]
mod wycheproof;
