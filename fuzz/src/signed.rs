//! Tokens of any header and any claims, rightly signed.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use ed25519_dalek::Verifier as _;
use p256::pkcs8::DecodePrivateKey;
use serde_json::Map;
use serde_json::Value;
use signet::ambient::SeededEntropy;
use signet::crypto::jwk;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

use super::oracle;

/// The moment of every check, seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://op.test";

/// Who signs: `k1` with ES256, `k2` with EdDSA. The same in every run.
pub(crate) struct Keys {
    p256: p256::ecdsa::SigningKey,
    ed25519: ed25519_dalek::SigningKey,
    pub(crate) jwks: [String; 2],
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let make = |algorithm, kid: &str, seed| {
        let kid = KeyId::new(kid).expect("a name");
        jwk::generate(algorithm, &kid, &SeededEntropy::new(seed)).expect("a key")
    };
    let (k1, k2) = (make(Algorithm::Es256, "k1", 1), make(Algorithm::EdDsa, "k2", 2));
    // RFC 8410 section 7: the seed is the end of it.
    let seed = k2.private_pkcs8.get(16..48).and_then(|seed| seed.try_into().ok()).expect("32 bytes");
    Keys {
        p256: p256::ecdsa::SigningKey::from_pkcs8_der(&k1.private_pkcs8).expect("a P-256 key"),
        ed25519: ed25519_dalek::SigningKey::from_bytes(seed),
        jwks: [k1.public_jwk, k2.public_jwk],
    }
});

/// A compact JWS and what it was made of; `header` and `payload` are empty when the input was a token as it is.
pub(crate) struct Token {
    pub(crate) compact: String,
    /// Where it was signed here: header and payload as bytes, and by which key.
    pub(crate) made: Option<Made>,
}

pub(crate) struct Made {
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) with: Algorithm,
}

/// `header JSON, line end, payload JSON` becomes a token, signed with EdDSA when the header has that word and with ES256
/// otherwise; an input of one line is a token by itself. `$K1` and `$K2` in a header are the public keys.
pub(crate) fn token(data: &[u8]) -> Option<Token> {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else {
        return Some(Token { compact: std::str::from_utf8(data).ok()?.to_owned(), made: None });
    };
    let (header, payload) = (data.get(..at)?, data.get(at + 1..)?);
    let header = with_keys(header);
    let eddsa = [&b"EdDSA"[..], b"Ed25519"].iter().any(|word| header.windows(word.len()).any(|part| part == *word));
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(payload));
    let (with, signature) = match eddsa {
        true => (Algorithm::EdDsa, KEYS.ed25519.sign(input.as_bytes()).to_bytes().to_vec()),
        false => {
            let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&KEYS.p256, input.as_bytes());
            (Algorithm::Es256, signature.to_bytes().to_vec())
        }
    };
    let compact = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    Some(Token { compact, made: Some(Made { header, payload: payload.to_vec(), with }) })
}

fn with_keys(header: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(header) {
        Ok(text) => {
            let [k1, k2] = &KEYS.jwks;
            text.replace("\"$K1\"", k1).replace("\"$K2\"", k2).into_bytes()
        }
        Err(_) => header.to_vec(),
    }
}

/// Header, claims and the algorithm that signed them.
pub(crate) type Opened = (Map<String, Value>, Map<String, Value>, Algorithm);

/// Whether a token is signed by one of the two keys, found out with other libraries; and what it says.
pub(crate) fn opened(compact: &str) -> Option<Opened> {
    let (input, signature) = compact.rsplit_once('.')?;
    let (header, payload) = input.split_once('.')?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (header, payload) = (oracle::object(&decode(header)?)?, oracle::object(&decode(payload)?)?);
    let signature = decode(signature)?;
    let algorithm = match oracle::text(&header, "alg")? {
        "ES256" => {
            let signature = p256::ecdsa::Signature::from_slice(&signature).ok()?;
            let key = KEYS.p256.verifying_key();
            p256::ecdsa::signature::Verifier::verify(key, input.as_bytes(), &signature).ok()?;
            Algorithm::Es256
        }
        "EdDSA" | "Ed25519" => {
            let signature = ed25519_dalek::Signature::from_slice(&signature).ok()?;
            KEYS.ed25519.verifying_key().verify(input.as_bytes(), &signature).ok()?;
            Algorithm::EdDsa
        }
        _ => return None,
    };
    Some((header, payload, algorithm))
}
