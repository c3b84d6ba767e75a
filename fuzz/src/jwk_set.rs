//! Public keys that others publish: RFC 7517 section 5.

use serde_json::Value;
use signet::crypto::Verifier;
use signet::crypto::jwk;
use signet::crypto::jwk_set::JwkSet;
use signet::crypto::jwk_set::JwkSetError;
use signet::crypto::jwk_set::MAX_KEYS;
use signet::crypto::jwk_set::MAX_LENGTH;
use signet::crypto::pem;

use super::oracle;

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The bytes are the document.
pub fn run(data: &[u8]) {
    let set = JwkSet::parse(data);
    let document = oracle::object(data).filter(|_| data.len() <= MAX_LENGTH);
    let keys = document.as_ref().and_then(|document| document.get("keys")?.as_array());
    let objects = keys.filter(|keys| keys.len() <= MAX_KEYS && keys.iter().all(Value::is_object));
    let private = |key: &Value| PRIVATE.iter().any(|name| key.get(name).is_some());
    let symmetric = |key: &Value| key.get("kty").is_some_and(|kty| kty == "oct");
    // Read exactly when it is a set, and nobody's secret is in it.
    let readable = objects.is_some_and(|keys| !keys.iter().any(|key| private(key) || symmetric(key)));
    assert_eq!(set.is_ok(), readable);
    let Ok(set) = set else { return };
    let keys = objects.map(Vec::as_slice).unwrap_or_default();
    assert!(set.len() <= keys.len());
    if let Ok(text) = std::str::from_utf8(data) {
        let check = JwkSet::check(text);
        assert_eq!(check, if set.is_empty() { Err(JwkSetError::Empty) } else { Ok(()) });
    }
    // Each key by itself counts as it does among others; the other readers of a JWK take it too.
    let mut alone = 0;
    for key in keys {
        let one = JwkSet::parse(format!("{{\"keys\":[{key}]}}").as_bytes()).expect("one of them");
        alone += one.len();
        let text = key.to_string();
        if one.is_empty() {
            continue;
        }
        assert!(["EC", "RSA", "OKP"].iter().any(|kty| key.get("kty").is_some_and(|own| own == kty)));
        assert!(key.get("use").is_none_or(|purpose| purpose == "sig"));
        assert!(jwk::thumbprint(&text).is_ok());
        let pem = pem::public(&text).expect("numbers that are a key");
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        // Ours has to have a name and one algorithm; then both readers agree.
        let named =
            key.get("kid").and_then(Value::as_str).is_some_and(|kid| signet::domain::ids::KeyId::new(kid).is_ok());
        let ours = key.get("alg").and_then(Value::as_str).is_some_and(|alg| alg != "Ed25519");
        if named && ours {
            Verifier::from_jwk(&alone_with_its_own(key)).expect("the other reader takes it");
        }
    }
    assert_eq!(alone, set.len());
}

/// A key without the members that keys of other types have: here they say nothing and may be anything (RFC 7517 section 4), while the other
/// reader wants even those to be numbers.
fn alone_with_its_own(key: &Value) -> String {
    let own: &[&str] = match key.get("kty").and_then(Value::as_str) {
        Some("EC") => &["crv", "x", "y"],
        Some("OKP") => &["crv", "x"],
        _ => &["n", "e"],
    };
    let mut key = key.clone();
    if let Some(members) = key.as_object_mut() {
        members.retain(|name, _| own.contains(&name.as_str()) || !["crv", "x", "y", "n", "e"].contains(&name.as_str()));
    }
    key.to_string()
}
