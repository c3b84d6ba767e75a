//! The rows of the attack catalogue about keys and signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::HS256;
use josekit::jws::JwsSigner;
use p256::elliptic_curve::Curve;
use rsa::traits::PublicKeyParts;
use serde_json::Value;
use serde_json::json;

use super::Verifier;
use crate::ambient::SeededEntropy;
use crate::crypto::CryptoError;
use crate::crypto::Signer;
use crate::crypto::VerifyError;
use crate::crypto::jwk;
use crate::crypto::test_pair::Pair;
use crate::crypto::test_pair::encode;
use crate::crypto::test_pair::pair;
use crate::crypto::test_pair::signed_with_header;
use crate::crypto::test_pair::token;
use crate::crypto::test_pair::with_signature;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

#[test]
fn the_other_libraries_agree() {
    let es256 = pair(Algorithm::Es256);
    let compact = token(&es256);
    let (input, signature) = compact.rsplit_once('.').unwrap();
    let secret = <p256::SecretKey as p256::pkcs8::DecodePrivateKey>::from_pkcs8_der(&es256.key.private_pkcs8).unwrap();
    let public = p256::ecdsa::VerifyingKey::from(secret.public_key());
    let signature = p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    p256::ecdsa::signature::Verifier::verify(&public, input.as_bytes(), &signature).unwrap();

    let rs256 = pair(Algorithm::Rs256);
    let compact = token(&rs256);
    let (input, signature) = compact.rsplit_once('.').unwrap();
    let secret =
        <rsa::RsaPrivateKey as rsa::pkcs8::DecodePrivateKey>::from_pkcs8_der(&rs256.key.private_pkcs8).unwrap();
    secret.validate().unwrap();
    let public = rsa::pkcs1v15::VerifyingKey::<rsa::sha2::Sha256>::new(secret.to_public_key());
    let signature = rsa::pkcs1v15::Signature::try_from(&*URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    rsa::signature::Verifier::verify(&public, input.as_bytes(), &signature).unwrap();
}

#[test]
fn jw_03_public_keys_are_no_hmac_keys() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        let jwk: Value = serde_json::from_str(&pair.key.public_jwk).unwrap();
        let (der, members) = match algorithm {
            Algorithm::Es256 => {
                let secret =
                    <p256::SecretKey as p256::pkcs8::DecodePrivateKey>::from_pkcs8_der(&pair.key.private_pkcs8)
                        .unwrap();
                let der = p256::pkcs8::EncodePublicKey::to_public_key_der(&secret.public_key()).unwrap();
                (der.as_bytes().to_vec(), vec!["x", "y"])
            }
            Algorithm::Rs256 => {
                let secret =
                    <rsa::RsaPrivateKey as rsa::pkcs8::DecodePrivateKey>::from_pkcs8_der(&pair.key.private_pkcs8)
                        .unwrap();
                assert_eq!(secret.size(), 256);
                let der = rsa::pkcs8::EncodePublicKey::to_public_key_der(&secret.to_public_key()).unwrap();
                (der.as_bytes().to_vec(), vec!["n"])
            }
        };
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
        let raw: Vec<u8> =
            members.iter().flat_map(|name| URL_SAFE_NO_PAD.decode(jwk[*name].as_str().unwrap()).unwrap()).collect();
        for secret in [der, pem.into_bytes(), pair.key.public_jwk.clone().into_bytes(), raw] {
            let hmac = HS256.signer_from_bytes(&secret).unwrap();
            for alg in ["HS256", "hs256", algorithm.as_str()] {
                let header = format!(r#"{{"alg":"{alg}","kid":"k1"}}"#);
                let input = format!("{}.{}", encode(header), encode(r#"{"sub":"ada"}"#));
                let forged = format!("{input}.{}", encode(hmac.sign(input.as_bytes()).unwrap()));
                let right = if alg == algorithm.as_str() { VerifyError::Signature } else { VerifyError::Algorithm };
                assert_eq!(pair.verifier.verify(&forged), Err(right));
            }
        }
    }
    let symmetric = r#"{"kty":"oct","k":"AAAA","alg":"HS256","kid":"k1"}"#;
    assert_eq!(Verifier::from_jwk(symmetric).err(), Some(CryptoError::PublicKey("alg")));
    let disguised = r#"{"kty":"oct","k":"AAAA","alg":"ES256","kid":"k1"}"#;
    assert_eq!(Verifier::from_jwk(disguised).err(), Some(CryptoError::PublicKey("a private member")));
}

#[test]
fn jw_04_a_key_named_in_the_token_is_not_used() {
    let ours = pair(Algorithm::Es256);
    let kid = KeyId::new("k1").unwrap();
    let key = jwk::generate(Algorithm::Es256, &kid, &SeededEntropy::new(666)).unwrap();
    let signer = Signer::from_pkcs8(Algorithm::Es256, &kid, &key.private_pkcs8).unwrap();
    let verifier = Verifier::from_jwk(&key.public_jwk).unwrap();
    let theirs = Pair { key, signer, verifier };
    for extra in [
        format!(r#""jwk":{}"#, theirs.key.public_jwk),
        r#""jku":"https://evil.test/jwks.json""#.to_owned(),
        r#""x5u":"https://evil.test/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""x5t":"AAAA""#.to_owned(),
    ] {
        let token = signed_with_header(&theirs, &format!(r#"{{"alg":"ES256","kid":"k1",{extra}}}"#));
        assert!(theirs.verifier.verify(&token).is_ok(), "the attacker's own key would say yes");
        assert_eq!(ours.verifier.verify(&token), Err(VerifyError::Signature), "{extra}");
    }
}

#[test]
fn jw_05_odd_ecdsa_signatures() {
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    let signature = URL_SAFE_NO_PAD.decode(good.rsplit_once('.').unwrap().1).unwrap();
    let order: [u8; 32] = {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&p256::NistP256::ORDER.to_be_bytes());
        bytes
    };
    let zero = [0; 32];
    let one: [u8; 32] = std::array::from_fn(|index| u8::from(index == 31));
    let (r, s) = signature.split_at(32);
    for (r, s) in [
        (&zero[..], &zero[..]),
        (&zero, s),
        (r, &zero),
        (&order, &order),
        (&order, s),
        (r, &order),
        (&[0xff; 32], &[0xff; 32]),
        (&one, &one),
        (s, r),
    ] {
        let odd = with_signature(&good, &[r, s].concat());
        assert_eq!(pair.verifier.verify(&odd), Err(VerifyError::Signature), "{r:?} {s:?}");
    }
    let der = p256::ecdsa::Signature::from_slice(&signature).unwrap().to_der();
    for odd in [&signature[..63], &[&signature[..], &[0]].concat(), &[&[0], &signature[..]].concat(), der.as_bytes()] {
        assert_eq!(pair.verifier.verify(&with_signature(&good, odd)), Err(VerifyError::Signature));
    }
}

#[test]
fn odd_rsa_signatures() {
    let pair = pair(Algorithm::Rs256);
    let good = token(&pair);
    let signature = URL_SAFE_NO_PAD.decode(good.rsplit_once('.').unwrap().1).unwrap();
    for odd in [&signature[1..], &signature[..255], &[&[0], &signature[..]].concat(), &[0; 256], &[0xff; 256], &[1]] {
        assert_eq!(pair.verifier.verify(&with_signature(&good, odd)), Err(VerifyError::Signature));
    }
}

#[test]
fn jw_06_the_second_signature_of_a_token_is_a_second_text() {
    // (r, n - s) verifies as well, so nothing may count tokens by their bytes; `jti` is the same.
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    let signature = URL_SAFE_NO_PAD.decode(good.rsplit_once('.').unwrap().1).unwrap();
    let parsed = p256::ecdsa::Signature::from_slice(&signature).unwrap();
    let twin = p256::ecdsa::Signature::from_scalars(parsed.r().to_bytes(), (-*parsed.s()).to_bytes()).unwrap();
    let twin = with_signature(&good, &twin.to_bytes());
    assert_ne!(twin, good);
    assert_eq!(pair.verifier.verify(&twin), pair.verifier.verify(&good));
}

#[test]
fn unusable_keys() {
    let es256 = pair(Algorithm::Es256);
    let rs256 = pair(Algorithm::Rs256);
    let kid = KeyId::new("k1").unwrap();
    for (algorithm, bytes) in [
        (Algorithm::Rs256, es256.key.private_pkcs8.as_slice()),
        (Algorithm::Es256, rs256.key.private_pkcs8.as_slice()),
        (Algorithm::Es256, &es256.key.private_pkcs8[..40]),
        (Algorithm::Es256, b""),
    ] {
        assert_eq!(Signer::from_pkcs8(algorithm, &kid, bytes).err(), Some(CryptoError::PrivateKey(algorithm)));
    }
    let change = |pair: &Pair, name: &str, value: Value| {
        let mut jwk: Value = serde_json::from_str(&pair.key.public_jwk).unwrap();
        jwk[name] = value;
        Verifier::from_jwk(&jwk.to_string())
    };
    assert!(change(&es256, "extra", json!(1)).is_ok());
    for (name, value) in [
        ("alg", json!("RS256")),
        ("alg", json!(null)),
        ("kid", json!(null)),
        ("use", json!("enc")),
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("x", json!(encode([1; 32]))),
        ("x", json!("")),
        ("y", json!(encode([0; 31]))),
        ("d", json!("AAAA")),
    ] {
        assert!(change(&es256, name, value.clone()).is_err(), "{name} {value}");
    }
    for (name, value) in
        [("alg", json!("ES256")), ("n", json!(encode([0xff; 128]))), ("n", json!("")), ("p", json!("AAAA"))]
    {
        assert!(change(&rs256, name, value.clone()).is_err(), "{name} {value}");
    }
    for text in ["", "[]", "null", "{}", "-----BEGIN PUBLIC KEY-----"] {
        assert!(Verifier::from_jwk(text).is_err(), "{text}");
    }
}
