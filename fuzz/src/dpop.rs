//! Tokens that bring their own key (RFC 9449 section 4.2). This server has no `DPoP` yet; what reads such a key, and
//! what checks a signature with a key that an attacker has chosen, it has, and both are asked here.

use serde_json::Value;
use signet::crypto::Verifier;
use signet::crypto::jwk;
use signet::crypto::jwk_set::JwkSet;
use signet::crypto::jws;
use signet::domain::key::Algorithm;

use super::oracle;
use super::signed;

/// `header JSON, line end, claims JSON`, or a token as it is. The header's `jwk` is whose signature counts.
pub fn run(data: &[u8]) {
    let Some(token) = signed::token(data) else { return };
    let Ok(peeked) = jws::peek(&token.compact, jws::MAX_LENGTH) else { return };
    let Some(key) = peeked.header.get("jwk") else { return };
    let text = key.to_string();
    let set = JwkSet::parse(format!("{{\"keys\":[{text}]}}").as_bytes());
    let thumbprint = jwk::thumbprint(&text);
    let verifier = Verifier::from_jwk(&text);
    let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| key.get(name).is_some());
    // DP-02: a private or symmetric key is no key to check with.
    if secret || key.get("kty").is_some_and(|kty| kty == "oct") {
        assert!(set.is_err() && verifier.is_err());
    }
    let Ok(set) = set else { return };
    assert!(set.len() <= 1);
    if !set.is_empty() {
        is_fit(key);
        // RFC 7638: the same key has the same thumbprint however it is written.
        let thumbprint = thumbprint.expect("a key of a known type");
        assert_eq!(thumbprint.len(), 43);
        assert!(jwk::thumbprint(r#"{"use":"sig"}"#).is_err());
        let Value::Object(mut members) = key.clone() else { return };
        members.remove("kid");
        members.insert("x-note".to_owned(), Value::from("beside"));
        assert_eq!(jwk::thumbprint(&Value::Object(members).to_string()), Ok(thumbprint));
    }
    let outcome = set.verify(&token.compact, &Algorithm::ALL, jws::MAX_LENGTH);
    let (Ok(good), Some(made)) = (outcome, &token.made) else { return };
    // Signed here by one of two keys: what verifies names that one.
    let own = signed::KEYS.jwks.iter().map(|own| jwk::thumbprint(own).expect("our own key"));
    let own: Vec<String> = own.collect();
    let which = if made.with == Algorithm::EdDsa { own.get(1) } else { own.first() };
    assert_eq!(jwk::thumbprint(&text).ok().as_ref(), which);
    assert_eq!((Some(good.header), Some(good.claims)), (oracle::object(&made.header), oracle::object(&made.payload)));
}

/// DP-09: types and sizes that a signature may be checked with.
fn is_fit(key: &Value) {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => {
            assert_eq!((text("x").map(str::len), text("y").map(str::len)), (Some(43), Some(43)));
        }
        (Some("OKP"), Some("Ed25519")) => assert_eq!(text("x").map(str::len), Some(43)),
        (Some("RSA"), _) => {
            let length = text("n").map_or(0, str::len);
            assert!((342..=683).contains(&length), "{length}");
            assert!(text("e").is_some_and(|e| e.trim_start_matches('A').ends_with("QAB")));
        }
        other => panic!("{other:?}"),
    }
}
