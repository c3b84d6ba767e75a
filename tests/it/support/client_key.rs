//! Keys of a client, which signs with them whatever header and payload a test wants.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::ES256;
use josekit::jws::EdDSA;
use josekit::jws::JwsSigner;
use josekit::jws::PS256;
use josekit::jws::RS256;
use serde_json::Value;
use serde_json::json;
use signet::ambient::SeededEntropy;
use signet::crypto::jwk;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

/// One of each algorithm, named by it. The same in every test: RSA keys take a while.
static KEYS: LazyLock<Vec<ClientKey>> =
    LazyLock::new(|| (1..).zip(Algorithm::ALL).map(|(seed, algorithm)| ClientKey::new(algorithm, seed)).collect());
/// Another client's.
static STRANGER: LazyLock<ClientKey> = LazyLock::new(|| ClientKey::new(Algorithm::Es256, 99));

pub(crate) struct ClientKey {
    algorithm: Algorithm,
    /// Without anything private.
    pub(crate) public: Value,
    signer: Box<dyn JwsSigner + Sync>,
}

impl ClientKey {
    fn new(algorithm: Algorithm, seed: u64) -> Self {
        let kid = KeyId::new(algorithm.as_str()).unwrap();
        let made = jwk::generate(algorithm, &kid, &SeededEntropy::new(seed)).unwrap();
        let der = &made.private_pkcs8;
        let signer: Box<dyn JwsSigner + Sync> = match algorithm {
            Algorithm::Es256 => Box::new(ES256.signer_from_der(der).unwrap()),
            Algorithm::Rs256 => Box::new(RS256.signer_from_der(der).unwrap()),
            Algorithm::Ps256 => Box::new(PS256.signer_from_der(der).unwrap()),
            Algorithm::EdDsa => Box::new(EdDSA.signer_from_der(der).unwrap()),
        };
        Self { algorithm, public: serde_json::from_str(&made.public_jwk).unwrap(), signer }
    }

    pub(crate) fn of(algorithm: Algorithm) -> &'static Self {
        KEYS.iter().find(|key| key.algorithm == algorithm).expect("one of each")
    }

    /// A key with the name of the ES256 key that is another one.
    pub(crate) fn stranger() -> &'static Self {
        &STRANGER
    }

    /// All of them as a JWK Set.
    pub(crate) fn jwks() -> Value {
        json!({ "keys": KEYS.iter().map(|key| key.public.clone()).collect::<Vec<_>>() })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.as_str(), "kid": self.public["kid"], "typ": "oauth-authz-req+jwt" })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), &claims.to_string())
    }

    /// Header and payload as they are given.
    pub(crate) fn sign_as(&self, header: &Value, payload: &str) -> String {
        let input = format!("{}.{}", encode(header.to_string()), encode(payload));
        let signature = self.signer.sign(input.as_bytes()).expect("a signature");
        format!("{input}.{}", encode(signature))
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
