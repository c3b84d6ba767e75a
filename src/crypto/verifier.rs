//! The verifying side of compact JWS. The form is checked by [`Unverified::parse`], the signature by josekit; its
//! header handling and its payload validator are not used: the first accepts an empty `crit` and a `b64`, the second
//! panics on an `exp` of 1e300.

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
use super::json;
use super::jwk::PRIVATE_MEMBERS;
use super::jws::Unverified;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// A public key, parsed once, that checks signatures. Its own `alg` decides the algorithm, never a token's.
pub struct Verifier {
    algorithm: Algorithm,
    kid: KeyId,
    key: Box<dyn JwsVerifier>,
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
        let key = of_jwk(algorithm, &jwk)?;
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
        if *token.kid() != self.kid || token.algorithm() != self.algorithm {
            return Err(VerifyError::Key);
        }
        self.key.verify(token.signing_input(), token.signature()).map_err(|_| VerifyError::Signature)?;
        token.payload()
    }
}

/// The check of one algorithm with a public key. `jwk` must not be an Ed448 key, which josekit would take for EdDSA.
pub(super) fn of_jwk(algorithm: Algorithm, jwk: &Jwk) -> Result<Box<dyn JwsVerifier>, CryptoError> {
    Ok(match algorithm {
        Algorithm::Es256 => {
            Box::new(ES256.verifier_from_jwk(jwk).map_err(|_| CryptoError::PublicKey("not a P-256 key"))?)
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
    })
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
