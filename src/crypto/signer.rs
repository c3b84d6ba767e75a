//! The signing side of compact JWS, RFC 7515 section 7.1.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::EdDSA;
use josekit::jws::JwsSigner;
use josekit::jws::PS256;
use josekit::jws::RS256;
use serde::Serialize;

use super::CryptoError;
use super::es256::Es256Signer;
use super::es256::SIGNATURE;
use super::jws::Unverified;
use super::jws::typ;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// A private key, parsed once, that signs tokens. Parsing it for each token would cost more than the signature.
pub struct Signer {
    algorithm: Algorithm,
    kid: KeyId,
    key: Key,
    /// The encoded header for each `typ` that we issue.
    headers: Vec<(&'static str, String)>,
}

enum Key {
    Es256(Box<Es256Signer>),
    /// josekit's signer, OpenSSL underneath.
    Other(Box<dyn JwsSigner>),
}

impl Key {
    fn signature_len(&self) -> usize {
        match self {
            Self::Es256(_) => SIGNATURE,
            Self::Other(key) => key.signature_len(),
        }
    }

    /// Signs what is in `token`, and puts a dot and the signature behind it.
    fn append_signature(&self, token: &mut String) -> Result<(), CryptoError> {
        match self {
            Self::Es256(key) => append(token, &key.sign(token.as_bytes()).ok_or(CryptoError::Sign)?),
            Self::Other(key) => append(token, &key.sign(token.as_bytes()).map_err(|_| CryptoError::Sign)?),
        }
        Ok(())
    }
}

fn append(token: &mut String, signature: &impl AsRef<[u8]>) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}

impl Signer {
    /// Parses a PKCS#8 DER private key.
    ///
    /// # Errors
    /// [`CryptoError::PrivateKey`] when it is damaged or of another kind than `algorithm`.
    pub fn from_pkcs8(algorithm: Algorithm, kid: &KeyId, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let refused = |_| CryptoError::PrivateKey(algorithm);
        let key = match algorithm {
            Algorithm::Es256 => {
                Key::Es256(Box::new(Es256Signer::from_pkcs8(pkcs8).ok_or(CryptoError::PrivateKey(algorithm))?))
            }
            Algorithm::Rs256 => Key::Other(Box::new(RS256.signer_from_der(pkcs8).map_err(refused)?)),
            Algorithm::Ps256 => Key::Other(Box::new(PS256.signer_from_der(pkcs8).map_err(refused)?)),
            // josekit takes an Ed448 key, too: the length of its signature tells.
            Algorithm::EdDsa => Key::Other(Box::new(
                EdDSA
                    .signer_from_der(pkcs8)
                    .ok()
                    .filter(|signer| signer.signature_len() == 64)
                    .ok_or(CryptoError::PrivateKey(algorithm))?,
            )),
        };
        let headers = typ::ALL
            .into_iter()
            .map(|typ| Ok((typ, header(algorithm, kid, typ)?)))
            .collect::<Result<_, CryptoError>>()?;
        Ok(Self { algorithm, kid: kid.clone(), key, headers })
    }

    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    #[must_use]
    pub const fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// Signs `claims` as a compact JWS with the header members `alg`, `kid` and, unless it is empty, `typ`. The claims are serialised
    /// once, the header not at all when `typ` is one of [`typ::ALL`].
    ///
    /// # Errors
    /// [`CryptoError::Claims`] when `claims` is not JSON (a map with keys that are no strings, for example);
    /// [`CryptoError::Sign`] when the library refuses, which a parsed key does not give it reason to.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, CryptoError> {
        let payload = serde_json::to_vec(claims).map_err(|_| CryptoError::Claims)?;
        let mut token = String::with_capacity(200 + payload.len() * 4 / 3 + self.key.signature_len() * 4 / 3);
        match self.headers.iter().find(|(known, _)| *known == typ) {
            Some((_, header)) => token.push_str(header),
            None => token.push_str(&header(self.algorithm, &self.kid, typ)?),
        }
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        self.key.append_signature(&mut token)?;
        Ok(token)
    }

    /// Whether a signature is surely one of this key, told without its public half where that is quicker. `false` says
    /// nothing: ask the [`Verifier`](super::Verifier).
    pub fn recognises(&self, token: &Unverified<'_>) -> bool {
        match &self.key {
            Key::Es256(key) => key.recognises(token.signing_input(), token.signature()),
            Key::Other(_) => false,
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn header(algorithm: Algorithm, kid: &KeyId, typ: &str) -> Result<String, CryptoError> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        kid: &'a KeyId,
        #[serde(skip_serializing_if = "str::is_empty")]
        typ: &'a str,
    }
    let json = serde_json::to_vec(&Header { alg: algorithm, kid, typ }).map_err(|_| CryptoError::Claims)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
