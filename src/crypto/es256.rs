//! ES256 (RFC 7518 section 3.4) by ring, which TLS needs anyway. It signs in three quarters of the time that OpenSSL
//! takes through its general interface, and every token that we issue by default is signed like this.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_FIXED;
use ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use ring::signature::EcdsaKeyPair;
use ring::signature::UnparsedPublicKey;
use serde_json::Value;
use zeroize::Zeroizing;

use super::recognition::Recognition;

/// R and S, "each as a 32-octet big-endian" number.
pub(super) const SIGNATURE: usize = 64;

/// Of either coordinate of a point.
const COORDINATE: usize = 32;

/// A private key.
pub(super) struct Es256Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    recognition: Recognition,
}

impl Es256Signer {
    /// The key of a PKCS#8 document; it need not name its public half, which ring would insist on.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let secret = SecretKey::from_pkcs8_der(der).ok()?;
        let private = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
        let public = secret.public_key().to_sec1_point(false);
        let form = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_private_key_and_public_key(form, &*private, public.as_bytes(), &random).ok()?;
        Some(Self { key, random, recognition: Recognition::of(secret)? })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<impl AsRef<[u8]> + use<>> {
        self.key.sign(&self.random, message).ok()
    }

    /// Whether this key could have made this signature: what [`Es256Verifier::verify`] says with its public half.
    pub(super) fn recognises(&self, message: &[u8], signature: &[u8]) -> bool {
        self.recognition.recognises(message, signature)
    }
}

/// A public key.
pub(super) struct Es256Verifier {
    /// "04 || X || Y", SEC 1 section 2.3.3.
    point: [u8; 1 + 2 * COORDINATE],
}

impl Es256Verifier {
    /// The point of a JWK whose other members somebody else has judged; none when its coordinates are not of full size.
    pub(super) fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let mut point = [4; 1 + 2 * COORDINATE];
        let (_, coordinates) = point.split_at_mut(1);
        for (name, to) in ["x", "y"].into_iter().zip(coordinates.chunks_exact_mut(COORDINATE)) {
            let bytes = URL_SAFE_NO_PAD.decode(jwk.parameter(name).and_then(Value::as_str)?).ok()?;
            if bytes.len() != COORDINATE {
                return None;
            }
            to.copy_from_slice(&bytes);
        }
        Some(Self { point })
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for Es256Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Es256Signer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::Es256Signer;
    use super::Es256Verifier;
    use super::SIGNATURE;
    use crate::ambient::OsEntropy;
    use crate::crypto::jwk;
    use crate::domain::ids::KeyId;
    use crate::domain::key::Algorithm;
    use josekit::jwk::Jwk;
    use josekit::jws::ES256;
    use josekit::jws::JwsSigner;
    use josekit::jws::JwsVerifier;
    use openssl::ec::EcGroup;
    use openssl::ec::EcKey;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;

    #[test]
    fn openssl_and_ring_agree() {
        let kid = KeyId::new("k1").unwrap();
        for number in 0..64_u8 {
            let key = jwk::generate(Algorithm::Es256, &kid, &OsEntropy).unwrap();
            let public = Jwk::from_bytes(key.public_jwk.as_bytes()).unwrap();
            let (signer, verifier) =
                (Es256Signer::from_pkcs8(&key.private_pkcs8).unwrap(), Es256Verifier::of_jwk(&public).unwrap());
            let others = ES256.signer_from_der(&*key.private_pkcs8).unwrap();
            let judge = ES256.verifier_from_jwk(&public).unwrap();
            let good = |message: &[u8], signature: &[u8]| {
                let good = verifier.verify(message, signature);
                assert_eq!(signer.recognises(message, signature), good);
                good
            };
            let message = vec![number; usize::from(number)];
            let own = signer.sign(&message).unwrap().as_ref().to_vec();
            let foreign = others.sign(&message).unwrap();
            assert_eq!((own.len(), foreign.len()), (SIGNATURE, SIGNATURE));
            judge.verify(&message, &own).unwrap();
            for signature in [&own, &foreign] {
                assert!(good(&message, signature));
                assert!(!good(&[message.as_slice(), b"x"].concat(), signature));
                let mut changed = signature.clone();
                changed[usize::from(number)] ^= 1;
                assert!(!good(&message, &changed));
                assert!(!good(&message, &signature[..SIGNATURE - 1]));
                assert!(!good(&message, &[signature.as_slice(), &[0]].concat()));
            }
            assert!(!good(&message, &[0; SIGNATURE]));
        }
    }

    #[test]
    fn a_key_that_does_not_name_its_public_half_signs_too() {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = EcKey::generate(&group).unwrap();
        let pkcs8 = PKey::from_ec_key(key).unwrap().private_key_to_pkcs8().unwrap();
        // SEQUENCE 65 { version, algorithm, OCTET STRING 39 { SEQUENCE 37 { version, the 32 bytes } } }
        let private = &pkcs8[36..68];
        let bare = [
            &[0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1][..],
            &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20],
            private,
        ]
        .concat();
        let signature = Es256Signer::from_pkcs8(&bare).unwrap().sign(b"text").unwrap();
        let judge = ES256.verifier_from_der(PKey::private_key_from_pkcs8(&pkcs8).unwrap().public_key_to_der().unwrap());
        judge.unwrap().verify(b"text", signature.as_ref()).unwrap();
    }
}
