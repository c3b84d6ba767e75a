//! A key pair and what an attacker may make of its tokens, for the tests of this room.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::Signer;
use super::Verifier;
use super::jwk;
use super::jwk::GeneratedKey;
use super::jws::typ;
use crate::ambient::SeededEntropy;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

pub(super) struct Pair {
    pub(super) key: GeneratedKey,
    pub(super) signer: Signer,
    pub(super) verifier: Verifier,
}

pub(super) fn pair(algorithm: Algorithm) -> Pair {
    let kid = KeyId::new("k1").unwrap();
    let key = jwk::generate(algorithm, &kid, &SeededEntropy::new(42)).unwrap();
    let signer = Signer::from_pkcs8(algorithm, &kid, &key.private_pkcs8).unwrap();
    let verifier = Verifier::from_jwk(&key.public_jwk).unwrap();
    Pair { key, signer, verifier }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header, rightly signed.
pub(super) fn signed_with_header(pair: &Pair, header: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(r#"{"sub":"ada"}"#));
    let der = &pair.key.private_pkcs8;
    let signature = match pair.signer.algorithm() {
        Algorithm::Es256 => josekit::jws::ES256.signer_from_der(der).unwrap().sign(input.as_bytes()),
        Algorithm::Rs256 => josekit::jws::RS256.signer_from_der(der).unwrap().sign(input.as_bytes()),
        Algorithm::Ps256 => josekit::jws::PS256.signer_from_der(der).unwrap().sign(input.as_bytes()),
        Algorithm::EdDsa => josekit::jws::EdDSA.signer_from_der(der).unwrap().sign(input.as_bytes()),
    };
    format!("{input}.{}", encode(signature.unwrap()))
}

pub(super) fn token(pair: &Pair) -> String {
    pair.signer.sign(typ::ACCESS_TOKEN, &json!({"sub": "ada"})).unwrap()
}

pub(super) fn with_signature(token: &str, signature: &[u8]) -> String {
    format!("{}.{}", token.rsplit_once('.').unwrap().0, encode(signature))
}
