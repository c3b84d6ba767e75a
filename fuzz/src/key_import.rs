//! Private keys from elsewhere: PEM (RFC 7468) and private JWKs (RFC 7517).

use serde_json::json;
use signet::crypto::Signer;
use signet::crypto::Verifier;
use signet::crypto::import;
use signet::crypto::jwk;
use signet::crypto::pem;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

/// The bytes are the text that an operator hands over.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for algorithm in Algorithm::ALL {
        match import::read(text, algorithm) {
            Ok(key) => usable(&key, algorithm),
            Err(error) => {
                // KY: nothing of a key shows. No public sentence is as long as a line of one.
                let shown = error.to_string();
                assert!(!text.split_whitespace().any(|word| word.len() > 40 && shown.contains(word)));
            }
        }
    }
}

/// What was imported signs, is verified by its own public half, and comes back the same from our own spelling.
fn usable(key: &import::ImportedKey, algorithm: Algorithm) {
    let kid = KeyId::new("imported").expect("a name");
    let public = key.public_jwk(&kid).expect("a public half");
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(!public.contains(&format!("\"{private}\":")));
    }
    let signer = Signer::from_pkcs8(algorithm, &kid, &key.private_pkcs8).expect("a key that signs");
    let verifier = Verifier::from_jwk(&public).expect("a key that verifies");
    let token = signer.sign("JWT", &json!({"sub": "ada"})).expect("a token");
    verifier.verify(&token).expect("its own signature");
    let again = import::read(&pem::private(&key.private_pkcs8), algorithm).expect("what we write");
    assert_eq!(again.public_jwk(&kid), Some(public.clone()));
    assert_eq!(again.private_pkcs8, key.private_pkcs8);
    assert!(jwk::thumbprint(&public).is_ok() && pem::public(&public).is_ok());
    assert!(key.kid.as_ref().is_none_or(|kid| kid.as_str().len() <= 64));
}
