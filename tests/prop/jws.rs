//! Tokens and JSON from strangers: never a panic, never another reading than that of `serde_json`.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use signet::ambient::SeededEntropy;
use signet::crypto::Signer;
use signet::crypto::Verifier;
use signet::crypto::json::strict;
use signet::crypto::jwk;
use signet::crypto::jws::Unverified;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

/// A token and the key to check it with; the key is the same in every run.
static SIGNED: LazyLock<(String, Verifier)> = LazyLock::new(|| {
    let kid = KeyId::new("k1").unwrap();
    let key = jwk::generate(Algorithm::Es256, &kid, &SeededEntropy::new(1)).unwrap();
    let signer = Signer::from_pkcs8(Algorithm::Es256, &kid, &key.private_pkcs8).unwrap();
    (signer.sign("at+jwt", &json!({"sub": "ada"})).unwrap(), Verifier::from_jwk(&key.public_jwk).unwrap())
});

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\0]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[^\0]{0,4}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_without_a_panic(text in prop_oneof![any::<String>(), "[A-Za-z0-9_.-]{0,80}"]) {
        let (_, verifier) = &*SIGNED;
        let _ = Unverified::parse(&text).map(|token| token.unverified_claims());
        prop_assert!(verifier.verify(&text).is_err());
    }

    #[test]
    fn no_other_text_is_the_token(at in any::<prop::sample::Index>(), byte in 0_u8..128, insert in any::<bool>()) {
        let (token, verifier) = &*SIGNED;
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        if insert {
            bytes.insert(at, byte);
        } else {
            bytes[at] = byte;
        }
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(verifier.verify(&text).is_ok(), text == *token);
    }

    #[test]
    fn strict_json_reads_what_serde_json_reads(value in value()) {
        let text = value.to_string();
        prop_assert_eq!(strict(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn strict_json_is_no_wider_than_serde_json(bytes in prop::collection::vec(
        prop::sample::select(b"{}[]\":,\\u0dea1.-+ tfn\xff\xc3".to_vec()), 0..24,
    )) {
        if let Ok(value) = strict(&bytes) {
            prop_assert_eq!(value, serde_json::from_slice::<Value>(&bytes).unwrap());
        }
    }
}
