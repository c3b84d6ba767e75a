//! Sets as clients write them, and the rows of the attack catalogue about the keys of clients.

use josekit::jws::HS256;
use josekit::jws::JwsSigner;
use serde_json::Value;
use serde_json::json;

use super::JwkSet;
use super::JwkSetError;
use super::MAX_KEYS;
use super::MAX_LENGTH;
use super::check_form;
use crate::crypto::VerifyError;
use crate::crypto::json::JsonError;
use crate::crypto::test_pair::Pair;
use crate::crypto::test_pair::encode;
use crate::crypto::test_pair::pair;
use crate::crypto::test_pair::signed_with_header;
use crate::crypto::test_pair::with_signature;
use crate::domain::key::Algorithm;

const LARGEST: usize = 16 * 1024;

fn public(pair: &Pair) -> Value {
    serde_json::from_str(&pair.key.public_jwk).unwrap()
}

/// The key with other members; `null` takes one away.
fn with(jwk: &Value, changes: &Value) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => jwk.as_object_mut().unwrap().remove(name),
            value => jwk.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    jwk
}

fn parse(keys: &[Value]) -> Result<JwkSet, JwkSetError> {
    JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn verify(set: &JwkSet, compact: &str) -> Result<Value, VerifyError> {
    set.verify(compact, &Algorithm::ALL, LARGEST).map(|jws| jws.claims["sub"].clone())
}

fn named(pair: &Pair, kid: &str) -> String {
    signed_with_header(pair, &json!({"alg": pair.signer.algorithm().as_str(), "kid": kid}).to_string())
}

fn nameless(pair: &Pair) -> String {
    signed_with_header(pair, &json!({"alg": pair.signer.algorithm().as_str()}).to_string())
}

#[test]
fn c_23_every_algorithm_with_and_without_names() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        for key in [
            public(&pair),
            with(&public(&pair), &json!({"kid": null})),
            with(&public(&pair), &json!({"alg": null, "use": null})),
            with(&public(&pair), &json!({"kid": null, "alg": null, "use": null, "key_ops": ["verify"]})),
        ] {
            let set = parse(std::slice::from_ref(&key)).unwrap();
            assert_eq!(verify(&set, &nameless(&pair)), Ok(json!("ada")), "{key}");
            assert_eq!(verify(&set, &named(&pair, "k1")), Ok(json!("ada")), "{key}");
            let other = verify(&set, &named(&pair, "k2"));
            assert_eq!(other.is_ok(), key.get("kid").is_none(), "{key}");
        }
    }
}

#[test]
fn f2_02_ed25519_is_another_name_of_eddsa() {
    let pair = pair(Algorithm::EdDsa);
    for alg in ["EdDSA", "Ed25519"] {
        let set = parse(&[with(&public(&pair), &json!({ "alg": alg }))]).unwrap();
        for header in [r#"{"alg":"EdDSA","kid":"k1"}"#, r#"{"alg":"Ed25519","kid":"k1"}"#] {
            assert_eq!(verify(&set, &signed_with_header(&pair, header)), Ok(json!("ada")), "{alg} {header}");
        }
        assert_eq!(verify(&set, &signed_with_header(&pair, r#"{"alg":"Ed448"}"#)), Err(VerifyError::Algorithm));
    }
}

#[test]
fn dy_01_a_key_is_chosen_only_when_no_other_could_be_meant() {
    let (es, rs) = (pair(Algorithm::Es256), pair(Algorithm::Rs256));
    let stranger = json!({"kty": "EC", "crv": "P-256", "x": public(&es)["x"], "y": public(&es)["y"]});
    // Of different types, even under one name.
    let set = parse(&[public(&es), public(&rs)]).unwrap();
    for pair in [&es, &rs] {
        assert_eq!(verify(&set, &nameless(pair)), Ok(json!("ada")));
        assert_eq!(verify(&set, &named(pair, "k1")), Ok(json!("ada")));
    }
    // The name decides between two of one type; without one nothing does.
    let set = parse(&[public(&es), with(&stranger, &json!({"kid": "k2"}))]).unwrap();
    assert_eq!(verify(&set, &named(&es, "k1")), Ok(json!("ada")));
    assert_eq!(verify(&set, &nameless(&es)), Err(VerifyError::Key));
    assert_eq!(verify(&set, &named(&es, "k3")), Err(VerifyError::Key));
    let set = parse(&[public(&es), stranger.clone()]).unwrap();
    assert_eq!(verify(&set, &named(&es, "k1")), Ok(json!("ada")));
    assert_eq!(verify(&set, &named(&es, "k2")), Err(VerifyError::Key));
    // A key says what it is for.
    let set = parse(&[with(&public(&rs), &json!({"kid": "r"})), with(&public(&rs), &json!({"alg": "PS256"}))]).unwrap();
    assert_eq!(verify(&set, &nameless(&rs)), Ok(json!("ada")));
}

#[test]
fn cj_08_a_name_that_two_keys_have_names_none() {
    let es = pair(Algorithm::Es256);
    let set = parse(&[public(&es), public(&es)]).unwrap();
    assert_eq!(set.len(), 2);
    assert_eq!(verify(&set, &named(&es, "k1")), Err(VerifyError::Key));
    assert_eq!(verify(&set, &nameless(&es)), Err(VerifyError::Key));
    let set = parse(&[public(&es)]).unwrap();
    for kid in ["../../dev/null", "' OR 1=1--", "K1", "k1 ", "", &"k".repeat(10_000)] {
        assert_eq!(verify(&set, &named(&es, kid)), Err(VerifyError::Key), "{kid}");
    }
    for kid in ["1", "null", "[\"k1\"]", "{}"] {
        let token = signed_with_header(&es, &format!(r#"{{"alg":"ES256","kid":{kid}}}"#));
        assert_eq!(verify(&set, &token), Err(VerifyError::Header("kid")));
    }
}

#[test]
fn cj_06_the_algorithm_is_of_the_key_and_of_the_caller() {
    let rs = pair(Algorithm::Rs256);
    let set = parse(&[with(&public(&rs), &json!({"alg": null}))]).unwrap();
    let token = nameless(&rs);
    assert_eq!(verify(&set, &token), Ok(json!("ada")));
    assert_eq!(set.verify(&token, &[Algorithm::Ps256], LARGEST).unwrap_err(), VerifyError::Algorithm);
    assert_eq!(set.verify(&token, &[], LARGEST).unwrap_err(), VerifyError::Algorithm);
    // The numbers of RS256 under another name.
    let input = format!("{}.{}", encode(r#"{"alg":"PS256"}"#), encode(r#"{"sub":"ada"}"#));
    let der = &rs.key.private_pkcs8;
    let signature = josekit::jws::RS256.signer_from_der(der).unwrap().sign(input.as_bytes()).unwrap();
    assert_eq!(verify(&set, &format!("{input}.{}", encode(signature))), Err(VerifyError::Signature));
    for alg in ["none", "None", "HS256", "RS512", "RSA1_5", "ES256K", ""] {
        let input = format!("{}.{}", encode(json!({ "alg": alg }).to_string()), encode(r#"{"sub":"ada"}"#));
        for secret in [rs.key.public_jwk.as_bytes(), public(&rs)["n"].as_str().unwrap().as_bytes()] {
            let signature = HS256.signer_from_bytes(secret).unwrap().sign(input.as_bytes()).unwrap();
            assert_eq!(verify(&set, &format!("{input}.{}", encode(signature))), Err(VerifyError::Algorithm), "{alg}");
        }
    }
    // A key that says RS256 checks nothing else.
    let ps = pair(Algorithm::Ps256);
    let set = parse(&[with(&public(&ps), &json!({"alg": "RS256"}))]).unwrap();
    assert_eq!(verify(&set, &nameless(&ps)), Err(VerifyError::Key));
}

#[test]
fn cj_07_keys_of_the_header_are_not_looked_at() {
    let (own, attacker) = (pair(Algorithm::Es256), pair(Algorithm::EdDsa));
    let set = parse(&[public(&own)]).unwrap();
    let header = json!({"alg": "EdDSA", "kid": "k1", "jwk": public(&attacker), "jku": "https://evil.test/jwks",
        "x5u": "https://evil.test/x", "x5c": ["MIIB"]});
    assert_eq!(verify(&set, &signed_with_header(&attacker, &header.to_string())), Err(VerifyError::Key));
    let header = json!({"alg": "ES256", "kid": "k1", "jwk": public(&own)});
    assert_eq!(verify(&set, &signed_with_header(&own, &header.to_string())), Ok(json!("ada")));
}

#[test]
fn the_signature_is_checked() {
    for algorithm in Algorithm::ALL {
        let pair = pair(algorithm);
        let set = parse(&[public(&pair)]).unwrap();
        let good = nameless(&pair);
        let (input, signature) = good.rsplit_once('.').unwrap();
        assert_eq!(verify(&set, &with_signature(&good, &[0; 64])), Err(VerifyError::Signature));
        let other = format!("{}.{}.{signature}", input.split('.').next().unwrap(), encode(r#"{"sub":"eve"}"#));
        assert_eq!(verify(&set, &other), Err(VerifyError::Signature));
    }
}

#[test]
fn cj_12_form_is_checked_before_anything_else() {
    let es = pair(Algorithm::Es256);
    let good = nameless(&es);
    assert_eq!(check_form(&good, &Algorithm::ALL, good.len()), Ok(()));
    let refused = |compact: &str| check_form(compact, &Algorithm::ALL, LARGEST).unwrap_err();
    assert_eq!(check_form(&good, &Algorithm::ALL, good.len() - 1), Err(VerifyError::TooLong));
    assert_eq!(check_form(&good, &[Algorithm::Rs256], LARGEST), Err(VerifyError::Algorithm));
    for header in [r#"{"alg":"ES256","crit":[]}"#, r#"{"alg":"ES256","crit":["exp"],"exp":1}"#] {
        assert_eq!(refused(&signed_with_header(&es, header)), VerifyError::Header("crit"));
    }
    for header in [r#"{"alg":"ES256","alg":"ES256"}"#, "[]", "\"ES256\"", "null", "{"] {
        assert_eq!(refused(&signed_with_header(&es, header)), VerifyError::Header("not a JSON object"));
    }
    let header = encode(r#"{"alg":"ES256"}"#);
    for payload in [r#"{"sub":"a","sub":"a"}"#, r#"{"a":{"aud":1,"aud":2}}"#, "[]", "x"] {
        assert_eq!(refused(&format!("{header}.{}.AAAA", encode(payload))), VerifyError::Payload);
    }
    for shape in ["", "a", "a.b", "a.b.c.d", "..", &format!("{good}="), &format!(" {good}"), &good.replace('.', " .")] {
        assert_eq!(refused(shape), VerifyError::Shape, "{shape}");
    }
}

#[test]
fn dr_05_what_is_no_set_of_public_keys() {
    let es = public(&pair(Algorithm::Es256));
    let refused = |text: &str| JwkSet::parse(text.as_bytes()).unwrap_err();
    for text in ["[]", "null", "\"x\"", "{}", r#"{"keys":null}"#, r#"{"keys":{}}"#, r#"{"keys":[null]}"#] {
        assert_eq!(refused(text), JwkSetError::Shape, "{text}");
    }
    assert_eq!(refused("{"), JwkSetError::Json(JsonError::Syntax));
    assert_eq!(refused(r#"{"keys":[],"keys":[]}"#), JwkSetError::Json(JsonError::Duplicate));
    assert_eq!(refused(r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#), JwkSetError::Json(JsonError::Duplicate));
    assert_eq!(refused(&format!("{{\"keys\":[]{}}}", " ".repeat(MAX_LENGTH))), JwkSetError::TooLong);
    assert_eq!(parse(&vec![es.clone(); MAX_KEYS + 1]).unwrap_err(), JwkSetError::TooMany);
    assert_eq!(parse(&vec![es.clone(); MAX_KEYS]).unwrap().len(), MAX_KEYS);
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(parse(&[es.clone(), with(&es, &json!({ private: "AQAB" }))]).unwrap_err(), JwkSetError::Private);
    }
    assert_eq!(parse(&[es, json!({"kty": "oct", "k": "c2VjcmV0"})]).unwrap_err(), JwkSetError::Symmetric);
}

#[test]
fn what_cannot_be_used_is_left_out() {
    let (es, rs, ed) = (pair(Algorithm::Es256), pair(Algorithm::Rs256), pair(Algorithm::EdDsa));
    let (es, rs, ed) = (public(&es), public(&rs), public(&ed));
    let n = |bytes: usize| json!({"kid": null, "n": encode(vec![0xff; bytes])});
    for unused in [
        json!({"kty": "XYZ"}),
        json!({}),
        json!({"kty": 1}),
        with(&es, &json!({"use": "enc"})),
        with(&es, &json!({"use": 1})),
        with(&es, &json!({"key_ops": ["sign"]})),
        with(&es, &json!({"kid": 7})),
        with(&es, &json!({"alg": "ES384"})),
        with(&es, &json!({"alg": "RS256"})),
        with(&es, &json!({"alg": "ECDH-ES"})),
        with(&es, &json!({"crv": "P-384"})),
        with(&es, &json!({"crv": "secp256k1"})),
        with(&es, &json!({"y": null})),
        with(&es, &json!({"y": es["x"]})),
        with(&es, &json!({"x": encode([0; 32]), "y": encode([0; 32])})),
        with(&es, &json!({"x": encode([1; 31])})),
        with(&es, &json!({"x": format!("{}=", es["x"].as_str().unwrap())})),
        with(&ed, &json!({"crv": "Ed448"})),
        with(&ed, &json!({"crv": "X25519"})),
        with(&ed, &json!({"x": encode([0; 31])})),
        with(&rs, &json!({"e": "Aw"})),
        with(&rs, &json!({"e": "AQ"})),
        with(&rs, &json!({"n": null})),
        with(&rs, &json!({"alg": "RS512"})),
        with(&rs, &n(128)),
        with(&rs, &n(2048)),
    ] {
        let set = parse(&[unused.clone(), ed.clone()]).unwrap_or_else(|fault| panic!("{fault}: {unused}"));
        assert_eq!(set.len(), 1, "{unused}");
    }
    assert!(parse(&[]).unwrap().is_empty());
    assert_eq!(JwkSet::check(r#"{"keys":[{"kty":"XYZ"}]}"#), Err(JwkSetError::Empty));
    assert_eq!(JwkSet::check(&json!({ "keys": [ed] }).to_string()), Ok(()));
    assert!(!format!("{:?}", parse(&[es, rs]).unwrap()).contains("PKey"));
}
