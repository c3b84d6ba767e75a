//! Key pairs and the public half as a JWK, RFC 7517.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::CryptoError;
use super::ec;
use super::ed25519;
use super::hash;
use super::json;
use super::rsa_keys;
use crate::ambient::Entropy;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// The members that only private and symmetric keys have, RFC 7518 section 6.
pub(super) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key pair that nothing has seen yet.
pub struct GeneratedKey {
    /// JSON with `kty`, `use`, `alg`, `kid` and the public members; as it goes into the JWKS.
    pub public_jwk: String,
    /// The private half, PKCS#8 DER.
    pub private_pkcs8: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("public_jwk", &self.public_jwk).finish_non_exhaustive()
    }
}

/// Makes a key pair: P-256, Ed25519, or RSA of 2048 bits with e = 65537. RSA takes about a tenth of a second of CPU, so not
/// on a thread that answers requests.
///
/// # Errors
/// [`CryptoError::KeyGeneration`], which no healthy machine shows.
pub fn generate(algorithm: Algorithm, kid: &KeyId, entropy: &dyn Entropy) -> Result<GeneratedKey, CryptoError> {
    let (members, private_pkcs8) = match algorithm {
        Algorithm::Es256 => ec::generate(entropy),
        Algorithm::Rs256 | Algorithm::Ps256 => rsa_keys::generate(entropy),
        Algorithm::EdDsa => ed25519::generate(entropy),
    }
    .ok_or(CryptoError::KeyGeneration(algorithm))?;
    let public_jwk = members.describe(algorithm, kid).ok_or(CryptoError::KeyGeneration(algorithm))?;
    Ok(GeneratedKey { public_jwk, private_pkcs8 })
}

/// The JWK Thumbprint of RFC 7638 (RFC 8037 appendix A.3 for OKP): the same for two keys only if they are the same key,
/// whatever they are called and used for.
///
/// # Errors
/// [`CryptoError::PublicKey`] when it is no JWK of a type that we sign with.
pub fn thumbprint(public_jwk: &str) -> Result<String, CryptoError> {
    let Ok(Value::Object(members)) = json::strict(public_jwk.as_bytes()) else {
        return Err(CryptoError::PublicKey("not a JSON object"));
    };
    let required: &[&str] = match members.get("kty").and_then(Value::as_str) {
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("RSA") => &["e", "kty", "n"],
        Some("OKP") => &["crv", "kty", "x"],
        _ => return Err(CryptoError::PublicKey("kty")),
    };
    let mut canonical = Vec::new();
    for name in required {
        let value = members.get(*name).and_then(Value::as_str).ok_or(CryptoError::PublicKey("a member is missing"))?;
        canonical.push(format!("\"{name}\":{}", Value::from(value)));
    }
    Ok(hash::s256(&format!("{{{}}}", canonical.join(","))))
}

#[derive(Serialize)]
struct PublicJwk<'a> {
    #[serde(flatten)]
    members: Members,
    #[serde(rename = "use")]
    use_: &'static str,
    alg: Algorithm,
    kid: &'a KeyId,
}

/// The members that depend on the key type: RFC 7518 sections 6.2.1 and 6.3.1, RFC 8037 section 2.
#[derive(Clone, Serialize)]
#[serde(tag = "kty")]
pub(super) enum Members {
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
}

impl Members {
    /// The whole public JWK.
    pub(super) fn describe(self, algorithm: Algorithm, kid: &KeyId) -> Option<String> {
        serde_json::to_string(&PublicJwk { members: self, use_: "sig", alg: algorithm, kid }).ok()
    }
}

/// BASE64URL of RFC 7515 section 2.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::generate;
    use super::thumbprint;
    use crate::ambient::SeededEntropy;
    use crate::domain::ids::KeyId;
    use crate::domain::key::Algorithm;

    #[test]
    fn a_public_jwk_has_only_public_members() {
        let kid = KeyId::new("2026-11-22-es256-a").unwrap();
        let es256 = generate(Algorithm::Es256, &kid, &SeededEntropy::new(1)).unwrap();
        let jwk: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&es256.public_jwk).unwrap();
        let names: Vec<&str> = jwk.keys().map(String::as_str).collect();
        for name in &names {
            assert!(["kty", "use", "alg", "kid", "crv", "x", "y"].contains(name), "{name}");
        }
        assert_eq!(names.len(), 7);
        assert_eq!(jwk["kid"], "2026-11-22-es256-a");
        assert_eq!(jwk["x"].as_str().unwrap().len(), 43);

        let rs256 = generate(Algorithm::Rs256, &kid, &SeededEntropy::new(1)).unwrap();
        let jwk: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&rs256.public_jwk).unwrap();
        assert_eq!(jwk.len(), 6);
        assert_eq!(jwk["e"], "AQAB");
        assert_eq!(jwk["n"].as_str().unwrap().len(), 342);
        assert!(!format!("{rs256:?}").contains("private"));

        let eddsa = generate(Algorithm::EdDsa, &kid, &SeededEntropy::new(1)).unwrap();
        let jwk: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&eddsa.public_jwk).unwrap();
        assert_eq!(jwk.len(), 6);
        assert_eq!((&jwk["kty"], &jwk["crv"], &jwk["alg"]), (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into()));
        assert_eq!(jwk["x"].as_str().unwrap().len(), 43);
    }

    #[test]
    fn the_same_seed_makes_the_same_key() {
        let kid = KeyId::new("k").unwrap();
        for algorithm in Algorithm::ALL {
            let make = |seed| generate(algorithm, &kid, &SeededEntropy::new(seed)).unwrap().public_jwk;
            assert_eq!(make(7), make(7));
            assert_ne!(make(7), make(8));
        }
    }

    #[test]
    fn thumbprints_of_the_standards() {
        // RFC 7638 section 3.1 and RFC 8037 appendix A.3.
        let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        assert_eq!(thumbprint(rsa).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(thumbprint(okp).unwrap(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(thumbprint(r#"{"kty":"oct","k":"AAAA"}"#).is_err());
    }
}
