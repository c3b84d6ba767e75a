//! Request objects from strangers: only what is inside counts, and nothing falls over.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::collection::btree_map;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use signet::domain::client::Client;
use signet::domain::client::ClientKeys;
use signet::domain::client::SecurityProfile;
use signet::domain::time::Timestamp;
use signet::protocol::authorize::request_object::read;
use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::Params;

use crate::support::client;

const ISSUER: &str = "https://op.test";
const NOW: i64 = 1_000_000;
/// Parameters of a query that an object may have as text.
const NAMES: [&str; 8] =
    ["redirect_uri", "scope", "state", "nonce", "prompt", "login_hint", "code_challenge", "ui_locales"];

fn signer(strict: bool) -> Client {
    let keys = ClientKeys { jwks: Some(r#"{"keys":[]}"#.to_owned()), jwks_uri: None };
    let security_profile = if strict { SecurityProfile::Fapi2 } else { SecurityProfile::Oidc };
    Client { keys, security_profile, ..client("https://c1.test/cb", false, true) }
}

fn compact(claims: &Value) -> String {
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = json!({"alg": "ES256"}).to_string();
    format!("{}.{}.{}", encode(header), encode(claims.to_string()), encode("unchecked".to_owned()))
}

fn outer(pairs: &[(String, String)]) -> Params {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap()
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from("c1")),
        Just(Value::from(ISSUER)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-z]{0,4}", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// RO-02: whatever the query says, the parameters are those of the object, and of nothing else.
    #[test]
    fn only_what_is_inside_counts(
        inside in btree_map(0..NAMES.len(), "[a-z ]{1,12}", 0..6),
        outside in btree_map(0..NAMES.len(), "[A-Z]{1,12}", 0..6),
    ) {
        let mut claims: Map<String, Value> =
            inside.iter().map(|(name, text)| (NAMES[*name].to_owned(), json!(text))).collect();
        claims.insert("client_id".to_owned(), json!("c1"));
        let mut pairs: Vec<(String, String)> =
            outside.iter().map(|(name, text)| (NAMES[*name].to_owned(), text.clone())).collect();
        pairs.push(("client_id".to_owned(), "c1".to_owned()));
        let now = Timestamp::from_seconds(NOW);
        let params = read(&compact(&Value::Object(claims)), &outer(&pairs), &signer(false), ISSUER, now).unwrap().signed();
        for (index, name) in NAMES.iter().enumerate() {
            prop_assert_eq!(params.get(name).unwrap(), inside.get(&index).map(String::as_str));
        }
    }

    /// RO-05 to RO-07: any members of any type are an answer, and what is taken is for us, of this client and of now.
    #[test]
    fn any_members_are_taken_rightly_or_refused(
        members in btree_map(prop_oneof![
            Just("iss"), Just("aud"), Just("sub"), Just("exp"), Just("nbf"), Just("iat"), Just("client_id"), Just("state"),
            Just("response_type"), Just("max_age"), Just("claims"), Just("resource"), Just("request"), Just("request_uri"),
        ], anything(), 0..8),
        strict in any::<bool>(),
    ) {
        let claims: Value = members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let pairs = [("client_id".to_owned(), "c1".to_owned()), ("response_type".to_owned(), "code".to_owned())];
        let now = Timestamp::from_seconds(NOW);
        let Ok(object) = read(&compact(&claims), &outer(&pairs), &signer(strict), ISSUER, now) else { return Ok(()) };
        let params = object.signed();
        let names: BTreeSet<&str> = members.keys().copied().collect();
        prop_assert!(!names.contains("request") && !names.contains("request_uri"));
        prop_assert!(members.get("iss").map_or(!strict, |iss| *iss == "c1"));
        prop_assert_eq!(params.get("client_id").unwrap(), Some("c1"));
        prop_assert_eq!(params.get("response_type").unwrap(), Some("code"));
        prop_assert!(members.get("exp").map_or(!strict, |exp| exp.as_i64().is_some_and(|exp| exp > NOW - 10)));
        prop_assert!(members.get("max_age").is_none_or(Value::is_u64));
        prop_assert!(members.get("claims").is_none_or(Value::is_object));
        prop_assert!(params.check().is_ok());
    }

    /// RO-06: any text is refused without a panic.
    #[test]
    fn any_text_is_refused(text in prop_oneof![any::<String>(), "[A-Za-z0-9_.-]{0,80}"]) {
        let params = outer(&[("client_id".to_owned(), "c1".to_owned())]);
        prop_assert!(read(&text, &params, &signer(false), ISSUER, Timestamp::from_seconds(NOW)).is_err());
    }
}
