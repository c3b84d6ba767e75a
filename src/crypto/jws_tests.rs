//! The rows of the attack catalogue about the form and the header of our own tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::JwsSigner;
use serde_json::Value;
use serde_json::json;

use super::MAX_LENGTH;
use super::Unverified;
use super::claims;
use super::typ;
use crate::crypto::VerifyError;
use crate::crypto::json::numeric_date;
use crate::crypto::test_pair::encode;
use crate::crypto::test_pair::pair;
use crate::crypto::test_pair::signed_with_header;
use crate::crypto::test_pair::token;
use crate::domain::key::Algorithm;

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
fn jw_02_alg_none_in_any_case() {
    let pair = pair(Algorithm::Es256);
    let good = token(&pair);
    let signature = good.rsplit_once('.').unwrap().1;
    for alg in [r#""alg":"none","#, r#""alg":"None","#, r#""alg":"nOnE","#, r#""alg":"NONE","#, "", r#""alg":"","#] {
        let input = format!("{}.{}", encode(format!(r#"{{{alg}"kid":"k1"}}"#)), encode(r#"{"sub":"ada"}"#));
        assert_eq!(pair.verifier.verify(&format!("{input}.")), Err(VerifyError::Shape));
        assert_eq!(pair.verifier.verify(&format!("{input}.{signature}")), Err(VerifyError::Algorithm), "{alg}");
    }
    for alg in [r#""es256""#, r#""ES256 ""#, r#""ES384""#, r#""PS384""#, r#""Ed25519""#, r#""eddsa""#] {
        let token = signed_with_header(&pair, &format!(r#"{{"alg":{alg},"kid":"k1"}}"#));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Algorithm), "{alg}");
    }
    for alg in ["RS256", "PS256", "EdDSA"] {
        let token = signed_with_header(&pair, &format!(r#"{{"alg":"{alg}","kid":"k1"}}"#));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Key), "{alg}: ours, but not this key's");
    }
    for alg in ["null", "1", "[]", r#"["ES256"]"#, "{}"] {
        let token = signed_with_header(&pair, &format!(r#"{{"alg":{alg},"kid":"k1"}}"#));
        assert_eq!(pair.verifier.verify(&token), Err(VerifyError::Header("alg")), "{alg}");
    }
    assert_eq!(pair.verifier.verify(&format!("{}.", good.rsplit_once('.').unwrap().0)), Err(VerifyError::Shape));
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
        assert!(numeric_date(&claims["exp"]).is_err(), "{exp}");
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
