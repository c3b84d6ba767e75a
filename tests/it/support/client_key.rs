//! A key of a client, and whatever is signed with it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::ES256;
use josekit::jws::EdDSA;
use josekit::jws::JwsSigner;
use josekit::jws::PS256;
use josekit::jws::RS256;
use serde_json::Value;
use serde_json::json;
use signet::ambient::OsEntropy;
use signet::crypto::jwk;
use signet::crypto::jwk::GeneratedKey;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

pub(crate) struct ClientKey {
    pub(crate) algorithm: Algorithm,
    key: GeneratedKey,
}

impl ClientKey {
    pub(crate) fn new(algorithm: Algorithm, kid: &str) -> Self {
        let kid = KeyId::new(kid).expect("a kid");
        Self { algorithm, key: jwk::generate(algorithm, &kid, &OsEntropy).expect("a key") }
    }

    /// The public half, with `kid`, `alg` and `use`.
    pub(crate) fn public(&self) -> Value {
        serde_json::from_str(&self.key.public_jwk).expect("a JWK")
    }

    /// The public half without its name.
    pub(crate) fn nameless(&self) -> Value {
        let mut key = self.public();
        key.as_object_mut().expect("an object").remove("kid");
        key
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": self.algorithm.as_str(), "kid": self.public()["kid"], "typ": "JWT"})
    }

    /// A compact JWS with this header and these claims as they are written.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", encode(header), encode(claims));
        let der = &self.key.private_pkcs8;
        let signer: Box<dyn JwsSigner> = match self.algorithm {
            Algorithm::Es256 => Box::new(ES256.signer_from_der(der).expect("a signer")),
            Algorithm::Rs256 => Box::new(RS256.signer_from_der(der).expect("a signer")),
            Algorithm::Ps256 => Box::new(PS256.signer_from_der(der).expect("a signer")),
            Algorithm::EdDsa => Box::new(EdDSA.signer_from_der(der).expect("a signer")),
        };
        let signature = signer.sign(input.as_bytes()).expect("a signature");
        format!("{input}.{}", encode(signature))
    }
}

/// base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A JWK Set.
pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The claims of an assertion made at `now`, in seconds: right, and never the same.
pub(crate) fn assertion_claims(client: &str, audience: &str, now: i64) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let jti = format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    json!({"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 60, "jti": jti})
}
