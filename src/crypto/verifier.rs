//! The verifying side of compact JWS. The form is checked by [`Unverified::parse`], the signature by ring (ES256) or
//! josekit; the latter's header handling and its payload validator are not used: the first accepts an empty `crit` and a
//! `b64`, the second panics on an `exp` of 1e300.

use std::fmt;

use josekit::jwk::Jwk;
use josekit::jws::ES256;
use josekit::jws::EdDSA;
use josekit::jws::JwsVerifier;
use josekit::jws::PS256;
use josekit::jws::RS256;
use serde_json::Value;

use super::CryptoError;
use super::VerifyError;
use super::es256::Es256Verifier;
use super::json;
use super::jwk::PRIVATE_MEMBERS;
use super::jws::Unverified;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// A public key, parsed once, that checks signatures. Its own `alg` decides the algorithm, never a token's.
pub struct Verifier {
    algorithm: Algorithm,
    kid: KeyId,
    key: PublicKey,
}

impl Verifier {
    /// Parses a public JWK with `kid` and `alg`. There is no way to make a verifier from a symmetric key.
    ///
    /// # Errors
    /// [`CryptoError::PublicKey`] when it is not an EC (P-256), OKP (Ed25519) or RSA (2048 bits or more) signature key, lacks `kid`
    /// or `alg`, or has private members.
    pub fn from_jwk(text: &str) -> Result<Self, CryptoError> {
        let Ok(Value::Object(members)) = json::strict(text.as_bytes()) else {
            return Err(CryptoError::PublicKey("not a JSON object"));
        };
        let member = |name: &str| members.get(name).and_then(Value::as_str);
        let algorithm = member("alg").and_then(Algorithm::parse).ok_or(CryptoError::PublicKey("alg"))?;
        let kid = member("kid").and_then(|kid| KeyId::new(kid).ok()).ok_or(CryptoError::PublicKey("kid"))?;
        if member("use").is_some_and(|purpose| purpose != "sig") {
            return Err(CryptoError::PublicKey("use"));
        }
        if PRIVATE_MEMBERS.into_iter().any(|name| members.contains_key(name)) {
            return Err(CryptoError::PublicKey("a private member"));
        }
        // josekit would take an Ed448 key for EdDSA.
        if algorithm == Algorithm::EdDsa && member("crv") != Some("Ed25519") {
            return Err(CryptoError::PublicKey("not an Ed25519 key"));
        }
        let jwk = Jwk::from_map(members).map_err(|_| CryptoError::PublicKey("a member has the wrong type"))?;
        let key = PublicKey::of_jwk(algorithm, &jwk)?;
        Ok(Self { algorithm, kid, key })
    }

    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    #[must_use]
    pub const fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// Checks form and signature of a compact JWS and gives its payload. Says nothing of `iss`, `aud`, `exp` or `typ`.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, compact: &str) -> Result<Vec<u8>, VerifyError> {
        self.check(&Unverified::parse(compact)?)
    }

    /// The same for a token that has been parsed already.
    ///
    /// # Errors
    /// [`VerifyError::Key`] when the token names another key or algorithm; [`VerifyError::Signature`].
    pub fn check(&self, token: &Unverified<'_>) -> Result<Vec<u8>, VerifyError> {
        let payload = self.known(token)?;
        self.key.verify(token.signing_input(), token.signature())?;
        Ok(payload)
    }

    /// The payload of a token whose signature is known to be good: it was checked here before, byte for byte, or this
    /// very key has made it.
    ///
    /// # Errors
    /// [`VerifyError::Key`] when the token names another key or algorithm.
    pub fn known(&self, token: &Unverified<'_>) -> Result<Vec<u8>, VerifyError> {
        if *token.kid() != self.kid || token.algorithm() != self.algorithm {
            return Err(VerifyError::Key);
        }
        token.payload()
    }
}

/// The check of one algorithm with a public key.
pub(super) enum PublicKey {
    Es256(Es256Verifier),
    Other(Box<dyn JwsVerifier>),
}

impl PublicKey {
    /// `jwk` must not be an Ed448 key, which josekit would take for EdDSA.
    pub(super) fn of_jwk(algorithm: Algorithm, jwk: &Jwk) -> Result<Self, CryptoError> {
        Ok(Self::Other(match algorithm {
            Algorithm::Es256 => {
                // What a usable key is stays josekit's to say.
                let other = ES256.verifier_from_jwk(jwk).map_err(|_| CryptoError::PublicKey("not a P-256 key"))?;
                match Es256Verifier::of_jwk(jwk) {
                    Some(key) => return Ok(Self::Es256(key)),
                    None => Box::new(other),
                }
            }
            Algorithm::Rs256 => {
                Box::new(RS256.verifier_from_jwk(jwk).map_err(|_| CryptoError::PublicKey("not an RSA key"))?)
            }
            Algorithm::Ps256 => {
                Box::new(PS256.verifier_from_jwk(jwk).map_err(|_| CryptoError::PublicKey("not an RSA key"))?)
            }
            Algorithm::EdDsa => {
                Box::new(EdDSA.verifier_from_jwk(jwk).map_err(|_| CryptoError::PublicKey("not an Ed25519 key"))?)
            }
        }))
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        let good = match self {
            Self::Es256(key) => key.verify(message, signature),
            Self::Other(key) => key.verify(message, signature).is_ok(),
        };
        if good { Ok(()) } else { Err(VerifyError::Signature) }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
