//! Key pairs and the public half as a JWK, RFC 7517.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::CryptoError;
use super::es256;
use super::rs256;
use crate::ambient::Entropy;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

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

/// Makes a key pair: P-256, or RSA of 2048 bits with e = 65537. RSA takes about a tenth of a second of CPU, so not
/// on a thread that answers requests.
///
/// # Errors
/// [`CryptoError::KeyGeneration`], which no healthy machine shows.
pub fn generate(algorithm: Algorithm, kid: &KeyId, entropy: &dyn Entropy) -> Result<GeneratedKey, CryptoError> {
    let (members, private_pkcs8) = match algorithm {
        Algorithm::Es256 => es256::generate(entropy),
        Algorithm::Rs256 => rs256::generate(entropy),
    }
    .ok_or(CryptoError::KeyGeneration(algorithm))?;
    let jwk = PublicJwk { members, use_: "sig", alg: algorithm, kid };
    let public_jwk = serde_json::to_string(&jwk).map_err(|_| CryptoError::KeyGeneration(algorithm))?;
    Ok(GeneratedKey { public_jwk, private_pkcs8 })
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

/// The members that depend on the key type: RFC 7518 sections 6.2.1 and 6.3.1.
#[derive(Serialize)]
#[serde(tag = "kty")]
pub(super) enum Members {
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

/// BASE64URL of RFC 7515 section 2.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::generate;
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
    }

    #[test]
    fn the_same_seed_makes_the_same_key() {
        let kid = KeyId::new("k").unwrap();
        let make = |seed| generate(Algorithm::Es256, &kid, &SeededEntropy::new(seed)).unwrap().public_jwk;
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
    }
}
