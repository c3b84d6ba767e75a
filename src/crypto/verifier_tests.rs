//! The rows of the attack catalogue about keys and signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::HS256;
use josekit::jws::JwsSigner;
use p256::elliptic_curve::Curve;
use serde_json::Value;
use serde_json::json;

use super::Verifier;
use crate::ambient::SeededEntropy;
use crate::crypto::CryptoError;
use crate::crypto::Signer;
use crate::crypto::VerifyError;
use crate::crypto::entropy::Generator;
use crate::crypto::jwk;
use crate::crypto::pem;
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

    let ps256 = pair(Algorithm::Ps256);
    let compact = token(&ps256);
    let (input, signature) = compact.rsplit_once('.').unwrap();
    let public = rsa::pss::VerifyingKey::<rsa::sha2::Sha256>::new(rsa_key(&ps256).to_public_key());
    let signature = rsa::pss::Signature::try_from(&*URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    rsa::signature::Verifier::verify(&public, input.as_bytes(), &signature).unwrap();

    let eddsa = pair(Algorithm::EdDsa);
    let compact = token(&eddsa);
    let (input, signature) = compact.rsplit_once('.').unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    dalek(&eddsa).verify_strict(input.as_bytes(), &signature).unwrap();
}

fn rsa_key(pair: &Pair) -> rsa::RsaPrivateKey {
    rsa::pkcs8::DecodePrivateKey::from_pkcs8_der(&pair.key.private_pkcs8).unwrap()
}

fn dalek(pair: &Pair) -> ed25519_dalek::VerifyingKey {
    let jwk: Value = serde_json::from_str(&pair.key.public_jwk).unwrap();
    let x = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
    ed25519_dalek::VerifyingKey::from_bytes(x.as_slice().try_into().unwrap()).unwrap()
}

#[test]
fn we_accept_what_the_other_libraries_sign() {
    use rsa::signature::RandomizedSigner;
    use rsa::signature::SignatureEncoding;

    let ps256 = pair(Algorithm::Ps256);
    let input = format!("{}.{}", encode(r#"{"alg":"PS256","kid":"k1"}"#), encode(r#"{"sub":"ada"}"#));
    // RFC 7518 section 3.5: "The size of the salt value is the same size as the hash function output."
    for (salt, right) in [(32, true), (0, false), (20, false), (31, false), (33, false), (64, false)] {
        let signer = rsa::pss::SigningKey::<rsa::sha2::Sha256>::new_with_salt_len(rsa_key(&ps256), salt);
        let signature = signer.sign_with_rng(&mut Generator(&SeededEntropy::new(1)), input.as_bytes());
        let compact = format!("{input}.{}", encode(signature.to_bytes()));
        assert_eq!(ps256.verifier.verify(&compact).is_ok(), right, "salt of {salt} bytes");
    }
    // The right numbers under the other padding.
    let named = signed_with_header(&ps256, r#"{"alg":"RS256","kid":"k1"}"#);
    assert_eq!(ps256.verifier.verify(&named), Err(VerifyError::Key));
    let pkcs1 = josekit::jws::RS256.signer_from_der(&ps256.key.private_pkcs8).unwrap().sign(input.as_bytes()).unwrap();
    assert_eq!(ps256.verifier.verify(&format!("{input}.{}", encode(pkcs1))), Err(VerifyError::Signature));

    // RFC 8037 appendix A.4.
    let jwk =
        r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let verifier = Verifier::from_jwk(jwk).unwrap();
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(verifier.key.verify(input.as_bytes(), &signature).is_ok());
    assert!(verifier.key.verify(&input.as_bytes()[1..], &signature).is_err());
}

#[test]
fn odd_eddsa_signatures() {
    let pair = pair(Algorithm::EdDsa);
    let good = token(&pair);
    let signature = URL_SAFE_NO_PAD.decode(good.rsplit_once('.').unwrap().1).unwrap();
    // RFC 8032 section 5.1.7: S must be below the order L; S + L would be a second signature of the same message.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut carry = 0_u16;
    let mut twin = signature.clone();
    for (at, byte) in twin.iter_mut().skip(32).enumerate() {
        let sum = u16::from(*byte) + u16::from_str_radix(order.get(at * 2..at * 2 + 2).unwrap(), 16).unwrap() + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    for odd in [&twin[..], &signature[..63], &[&signature[..], &[0]].concat(), &[0; 64], &[0xff; 64], &[1]] {
        assert_eq!(pair.verifier.verify(&with_signature(&good, odd)), Err(VerifyError::Signature));
    }
}

#[test]
fn a_changed_bit_anywhere_is_refused() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        let good = token(&pair);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for bit in (0..signature.len() * 8).step_by(7) {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let token = format!("{input}.{}", encode(&changed));
            assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Signature), "{algorithm} bit {bit}");
        }
        let other = input.replace(&encode(r#"{"sub":"ada"}"#), &encode(r#"{"sub":"bob"}"#));
        assert_ne!(other, input);
        let token = format!("{other}.{}", encode(&signature));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Signature), "{algorithm}");
    }
}

#[test]
fn jw_03_public_keys_are_no_hmac_keys() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        let jwk: Value = serde_json::from_str(&pair.key.public_jwk).unwrap();
        let pem = pem::public(&pair.key.public_jwk).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        let members: &[&str] = match algorithm {
            Algorithm::Es256 => &["x", "y"],
            Algorithm::Rs256 | Algorithm::Ps256 => &["n"],
            Algorithm::EdDsa => &["x"],
        };
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
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        odd_rsa_signatures_of(&pair(algorithm));
    }
}

fn odd_rsa_signatures_of(pair: &Pair) {
    let good = token(pair);
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
    let eddsa = pair(Algorithm::EdDsa);
    let goldilocks = openssl::pkey::PKey::generate_ed448().unwrap();
    let goldilocks_x = encode(goldilocks.raw_public_key().unwrap());
    let goldilocks = goldilocks.private_key_to_pkcs8().unwrap();
    let kid = KeyId::new("k1").unwrap();
    for (algorithm, bytes) in [
        (Algorithm::Rs256, es256.key.private_pkcs8.as_slice()),
        (Algorithm::Es256, rs256.key.private_pkcs8.as_slice()),
        (Algorithm::Ps256, es256.key.private_pkcs8.as_slice()),
        (Algorithm::EdDsa, es256.key.private_pkcs8.as_slice()),
        (Algorithm::Es256, eddsa.key.private_pkcs8.as_slice()),
        (Algorithm::EdDsa, goldilocks.as_slice()),
        (Algorithm::EdDsa, b""),
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
    for (name, value) in [
        ("alg", json!("ES256")),
        ("crv", json!("Ed448")),
        ("crv", json!("X25519")),
        ("x", json!("")),
        ("d", json!("AA")),
    ] {
        assert!(change(&eddsa, name, value.clone()).is_err(), "{name} {value}");
    }
    let other_curve = json!({"kty": "OKP", "crv": "Ed448", "alg": "EdDSA", "kid": "k1", "x": goldilocks_x});
    assert!(Verifier::from_jwk(&other_curve.to_string()).is_err());
    for text in ["", "[]", "null", "{}", "-----BEGIN PUBLIC KEY-----"] {
        assert!(Verifier::from_jwk(text).is_err(), "{text}");
    }
}
