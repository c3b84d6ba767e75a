//! The rows of the attack catalogue that apply to our own tokens: form, header, signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::HS256;
use josekit::jws::JwsSigner;
use p256::elliptic_curve::Curve;
use rsa::traits::PublicKeyParts;
use serde_json::Value;
use serde_json::json;

use super::MAX_LENGTH;
use super::Unverified;
use super::claims;
use super::typ;
use crate::ambient::SeededEntropy;
use crate::crypto::CryptoError;
use crate::crypto::Signer;
use crate::crypto::Verifier;
use crate::crypto::VerifyError;
use crate::crypto::jwk;
use crate::crypto::jwk::GeneratedKey;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

struct Pair {
    key: GeneratedKey,
    signer: Signer,
    verifier: Verifier,
}

fn pair(algorithm: Algorithm) -> Pair {
    let kid = KeyId::new("k1").unwrap();
    let key = jwk::generate(algorithm, &kid, &SeededEntropy::new(42)).unwrap();
    let signer = Signer::from_pkcs8(algorithm, &kid, &key.private_pkcs8).unwrap();
    let verifier = Verifier::from_jwk(&key.public_jwk).unwrap();
    Pair { key, signer, verifier }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header, rightly signed.
fn signed_with_header(pair: &Pair, header: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(r#"{"sub":"ada"}"#));
    let der = &pair.key.private_pkcs8;
    let signature = match pair.signer.algorithm() {
        Algorithm::Es256 => josekit::jws::ES256.signer_from_der(der).unwrap().sign(input.as_bytes()),
        Algorithm::Rs256 => josekit::jws::RS256.signer_from_der(der).unwrap().sign(input.as_bytes()),
    };
    format!("{input}.{}", encode(signature.unwrap()))
}

fn token(pair: &Pair) -> String {
    pair.signer.sign(typ::ACCESS_TOKEN, &json!({"sub": "ada"})).unwrap()
}

fn with_signature(token: &str, signature: &[u8]) -> String {
    format!("{}.{}", token.rsplit_once('.').unwrap().0, encode(signature))
}

fn assert_send_sync<T: Send + Sync>(_: &T) {}

#[test]
fn a_signed_token_verifies_and_says_what_it_is() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        assert_send_sync(&pair.signer);
        assert_send_sync(&pair.verifier);
        for typ in [typ::ACCESS_TOKEN, typ::ID_TOKEN, typ::LOGOUT_TOKEN, "other+jwt"] {
            let token = pair.signer.sign(typ, &json!({"sub": "ada"})).unwrap();
            let parsed = Unverified::parse(&token).unwrap();
            assert_eq!((parsed.algorithm(), parsed.kid().as_str(), parsed.typ()), (algorithm, "k1", Some(typ)));
            assert_eq!(parsed.unverified_claims().unwrap()["sub"], "ada");
            assert_eq!(claims(&pair.verifier.verify(&token).unwrap()).unwrap()["sub"], "ada");
            let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(header, json!({"alg": algorithm.as_str(), "kid": "k1", "typ": typ}));
        }
        assert!(!format!("{:?}{:?}", pair.signer, pair.verifier).contains("PKey"));
    }
}

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
fn jw_02_alg_none_in_any_case() {
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    let signature = good.rsplit_once('.').unwrap().1;
    for alg in [r#""alg":"none","#, r#""alg":"None","#, r#""alg":"nOnE","#, r#""alg":"NONE","#, "", r#""alg":"","#] {
        let input = format!("{}.{}", encode(format!(r#"{{{alg}"kid":"k1"}}"#)), encode(r#"{"sub":"ada"}"#));
        assert_eq!(pair.verifier.verify(&format!("{input}.")), Err(VerifyError::Shape));
        assert_eq!(pair.verifier.verify(&format!("{input}.{signature}")), Err(VerifyError::Algorithm), "{alg}");
    }
    for alg in [r#""es256""#, r#""ES256 ""#, r#""ES384""#, r#""PS256""#, r#""EdDSA""#] {
        let token = signed_with_header(&pair, &format!(r#"{{"alg":{alg},"kid":"k1"}}"#));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Algorithm), "{alg}");
    }
    for alg in ["null", "1", "[]", r#"["ES256"]"#, "{}"] {
        let token = signed_with_header(&pair, &format!(r#"{{"alg":{alg},"kid":"k1"}}"#));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Header("alg")), "{alg}");
    }
    assert_eq!(pair.verifier.verify(&format!("{}.", good.rsplit_once('.').unwrap().0)), Err(VerifyError::Shape));
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
fn jw_07_crit() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        for crit in [
            r#"["exp"],"exp":1"#,
            r#"["x"],"x":1"#,
            r#"["x"]"#,
            "[]",
            r#""x""#,
            "null",
            "1",
            r#"["b64"],"b64":true"#,
            r#"["b64"],"b64":false"#,
        ] {
            let token = signed_with_header(&pair, &format!(r#"{{"alg":"{algorithm}","kid":"k1","crit":{crit}}}"#));
            assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Header("crit")), "{crit}");
        }
    }
}

#[test]
fn jw_08_unencoded_payload() {
    let pair = pair(Algorithm::Es256);
    for b64 in ["false", "true", "null", r#""false""#] {
        let token = signed_with_header(&pair, &format!(r#"{{"alg":"ES256","kid":"k1","b64":{b64}}}"#));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Header("b64")), "{b64}");
    }
}

#[test]
fn jw_09_other_serialisations() {
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let flattened = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    let general =
        json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}).to_string();
    let others = [
        flattened,
        general,
        "{".to_owned(),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.x"),
        format!("{good}.x.y"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}=.{payload}.{signature}"),
        good.replace('.', ","),
        format!("{header}.{payload}+.{signature}"),
        format!("{header}.{payload}/.{signature}"),
        format!("{header}.{payload}\u{e9}.{signature}"),
    ];
    for other in others {
        assert_eq!(pair.verifier.verify(&other), Err(VerifyError::Shape), "{other}");
    }
    for header in ["", "null", "[]", "1", r#""x""#, "{", r#"{"alg":"ES256"}x"#] {
        let token = format!("{}.{payload}.{signature}", encode(header));
        assert!(pair.verifier.verify(&token).is_err(), "{header}");
    }
}

#[test]
fn jw_10_canonical_base64() {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    let last = *good.as_bytes().last().unwrap();
    let value = alphabet.iter().position(|letter| *letter == last).unwrap();
    assert_eq!(value % 16, 0, "64 bytes leave four bits to spare");
    for spare in 1..16 {
        let other = char::from(alphabet[value + spare]);
        let token = format!("{}{other}", good.strip_suffix(char::from(last)).unwrap());
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Shape), "{other}");
    }
}

#[test]
fn jw_14_times_are_the_callers_and_never_josekits() {
    // josekit's payload validator panics on these; we only hand out the numbers.
    let pair = pair(Algorithm::Es256);
    for exp in ["1e300", "18446744073709551615", "10000000000000000000", "9223372036854775807", "253402300800", "-1"] {
        let payload = format!(r#"{{"exp":{exp},"nbf":{exp},"iat":{exp}}}"#);
        let input = format!("{}.{}", encode(r#"{"alg":"ES256","kid":"k1"}"#), encode(payload));
        let signer = josekit::jws::ES256.signer_from_der(&pair.key.private_pkcs8).unwrap();
        let token = format!("{input}.{}", encode(signer.sign(input.as_bytes()).unwrap()));
        let claims = claims(&pair.verifier.verify(&token).unwrap()).unwrap();
        assert!(crate::crypto::json::numeric_date(&claims["exp"]).is_err(), "{exp}");
    }
}

#[test]
fn jw_15_duplicate_members() {
    let pair = pair(Algorithm::Es256);
    for header in [
        r#"{"alg":"ES256","alg":"ES256","kid":"k1"}"#,
        r#"{"alg":"none","kid":"k1","alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":"k0","kid":"k1"}"#,
        r#"{"alg":"ES256","kid":"k1","\u006bid":"k1"}"#,
        r#"{"alg":"ES256","kid":"k1","x":{"a":1,"a":2}}"#,
        "\u{feff}{\"alg\":\"ES256\",\"kid\":\"k1\"}",
        r#"{"alg":"ES256","kid":"k1"}{}"#,
        r#"{"alg":"ES256","kid":"k1","x":"\ud800"}"#,
        r#"{"alg":"ES256","kid":"k1","x":"\u0000"}"#,
    ] {
        let token = signed_with_header(&pair, header);
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Header("not a JSON object")), "{header}");
    }
    let deep = format!(r#"{{"alg":"ES256","kid":"k1","x":{}{}}}"#, "[".repeat(16), "]".repeat(16));
    assert!(pair.verifier.verify(&signed_with_header(&pair, &deep)).is_err());
    for payload in [r#"{"sub":"ada","sub":"bob"}"#, r#"{"sub":"a\u0000"}"#, "[]", "null", "", "{}{}"] {
        assert_eq!(claims(payload.as_bytes()), Err(VerifyError::Payload), "{payload}");
    }
}

#[test]
fn jw_16_size_is_refused_before_anything_else() {
    let pair = pair(Algorithm::Es256);
    for long in [
        "a".repeat(MAX_LENGTH + 1),
        "a".repeat(64 * 1024 + 1),
        ".".repeat(1_000_000),
        format!("{}.e30.AA", encode(format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(200 * 1024)))),
    ] {
        assert_eq!(pair.verifier.verify(&long), Err(VerifyError::TooLong));
    }
    assert_eq!(pair.verifier.verify(&".".repeat(MAX_LENGTH)), Err(VerifyError::Shape));
    let just_fits = pair.signer.sign(typ::ACCESS_TOKEN, &json!({"x": "a".repeat(11_000)})).unwrap();
    assert!(pair.verifier.verify(&just_fits).is_ok());
}

#[test]
fn jw_19_kid_absent_unknown_or_odd() {
    let pair = pair(Algorithm::Es256);
    for (header, fault) in [
        (r#"{"alg":"ES256"}"#, VerifyError::Header("kid")),
        (r#"{"alg":"ES256","kid":null}"#, VerifyError::Header("kid")),
        (r#"{"alg":"ES256","kid":1}"#, VerifyError::Header("kid")),
        (r#"{"alg":"ES256","kid":""}"#, VerifyError::Header("kid")),
        (r#"{"alg":"ES256","kid":"../k1"}"#, VerifyError::Key),
        (r#"{"alg":"ES256","kid":"k1 "}"#, VerifyError::Header("kid")),
        (r#"{"alg":"ES256","kid":"K1"}"#, VerifyError::Key),
        (r#"{"alg":"RS256","kid":"k1"}"#, VerifyError::Key),
        (r#"{"alg":"ES256","kid":"k1","typ":1}"#, VerifyError::Header("typ")),
    ] {
        assert_eq!(pair.verifier.verify(&signed_with_header(&pair, header)), Err(fault), "{header}");
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    for index in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert!(pair.verifier.verify(std::str::from_utf8(&bytes).unwrap()).is_err(), "{index}");
    }
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
