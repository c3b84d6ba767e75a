//! Project Wycheproof's vectors (tests/data/wycheproof), all of them, through the readers of this room: what is labelled
//! valid is accepted when its algorithm is one of ours, and everything else is refused.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::JwkSet;
use super::JwkSetError;
use super::Parts;
use super::check_form;
use crate::crypto::Verifier;
use crate::crypto::jws;
use crate::crypto::verifier;
use crate::domain::key::Algorithm;
use josekit::jwk::Jwk;

/// Labelled valid, and refused here on purpose. May only shrink.
const STRICTER: &[(&str, u64, &str)] = &[
    ("json_web_signature", 259, "an empty payload, which no token has: it is no JSON object"),
    ("json_web_signature", 272, "an empty payload"),
    ("json_web_signature", 346, "PS384, which is none of ours, with a key that says PS256"),
    ("json_web_signature", 350, "PS384 with a key that says PS256"),
];

struct Vector {
    file: &'static str,
    number: u64,
    key: Value,
    fields: Value,
}

impl Vector {
    fn text(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let text = self.text(name);
        let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        text.as_bytes().chunks(2).map(byte).collect()
    }

    /// The token; where it is in the JSON serialization, its JSON.
    fn token(&self) -> String {
        self.fields["jws"].as_str().map_or_else(|| self.fields["jws"].to_string(), str::to_owned)
    }

    fn is_labelled_valid(&self) -> bool {
        self.text("result") == "valid"
    }

    fn excused(&self) -> bool {
        STRICTER.iter().any(|(file, number, _)| (*file, *number) == (self.file, self.number))
    }

    fn name(&self) -> String {
        format!("{} {}: {}", self.file, self.number, self.text("comment"))
    }
}

fn vectors(file: &'static str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wycheproof").join(format!("{file}.json"));
    let groups: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let group = |group: &Value| {
        let key = group["key"].clone();
        let vector = |fields: &Value| Vector {
            file,
            number: fields["tcId"].as_u64().unwrap(),
            key: key.clone(),
            fields: fields.clone(),
        };
        group["tests"].as_array().unwrap().iter().map(vector).collect::<Vec<_>>()
    };
    groups.as_array().unwrap().iter().flat_map(group).collect()
}

fn set(key: &Value) -> Result<JwkSet, JwkSetError> {
    let text = if key.get("keys").is_some() { key.to_string() } else { format!("{{\"keys\":[{key}]}}") };
    JwkSet::parse(text.as_bytes())
}

/// What a client has signed, without its claims, which must be an object: most of these sign the word `foo`.
fn by_set(set: &JwkSet, compact: &str) -> bool {
    let Ok(token) = Parts::split(compact, jws::MAX_LENGTH, Algorithm::parse_of_client) else { return false };
    let Ok(kid) = token.kid() else { return false };
    set.key_of(token.algorithm, kid).is_some_and(|key| key.verify(token.signing_input, &token.signature).is_ok())
}

/// What we have signed ourselves, with that one key.
fn by_verifier(key: &Value, compact: &str) -> bool {
    Verifier::from_jwk(&key.to_string()).is_ok_and(|verifier| verifier.verify(compact).is_ok())
}

/// RFC 7518 section 3.1 and RFC 8037: the keys of these algorithms are ours to use.
fn is_offered(key: &Value) -> bool {
    let of = |key: &Value| key["alg"].as_str().and_then(Algorithm::parse_of_client).is_some();
    match key.get("keys").and_then(Value::as_array) {
        Some(keys) => keys.iter().all(of),
        None => of(key),
    }
}

#[test]
fn jw_01_json_web_signatures_as_labelled() {
    let mut accepted = 0;
    // RSA keys take long to read, and most vectors have the key of the one before.
    let (mut key, mut keys) = (Value::Null, Err(JwkSetError::Empty));
    for vector in ["json_web_signature", "json_web_crypto"].into_iter().flat_map(vectors) {
        let compact = &vector.token();
        let wanted = vector.is_labelled_valid() && is_offered(&vector.key) && !vector.excused();
        if key != vector.key {
            (key, keys) = (vector.key.clone(), set(&vector.key));
        }
        assert_eq!(keys.as_ref().is_ok_and(|keys| by_set(keys, compact)), wanted, "{}", vector.name());
        // Our own keys are weighed when they are made or imported, not each time that they are read.
        let is_weak = vector.text("comment") == "rejectsKeyWithRocaVulnerability";
        if vector.key.get("keys").is_none() && !is_weak {
            assert_eq!(by_verifier(&vector.key, compact), wanted, "{}", vector.name());
        }
        accepted += usize::from(wanted);
    }
    assert_eq!(accepted, 16, "valid and of an algorithm of ours");
}

/// Keys: what is weak, for another purpose or not what it says is left out or refused, and no symmetric key is ever read.
#[test]
fn jw_01_json_web_keys_as_labelled() {
    for vector in vectors("json_web_key") {
        let compact = &vector.token();
        let wanted = vector.is_labelled_valid() && is_offered(&vector.key);
        match set(&vector.key) {
            Ok(set) => {
                assert_eq!(set.is_empty(), !wanted, "{}", vector.name());
                assert_eq!(by_set(&set, compact), wanted, "{}", vector.name());
            }
            Err(fault) => {
                assert_eq!(fault, JwkSetError::Symmetric, "{}", vector.name());
                assert!(!wanted, "{}", vector.name());
            }
        }
    }
}

/// JW-17, JW-18, JW-21: nothing encrypted is read, whatever its label.
#[test]
fn jw_01_no_json_web_encryption_is_read() {
    let vectors = vectors("json_web_encryption");
    assert_eq!(vectors.len(), 173);
    for vector in vectors {
        let compact = &vector.token();
        assert!(jws::Unverified::parse(compact).is_err(), "{}", vector.name());
        assert!(jws::peek(compact, jws::MAX_LENGTH).is_err(), "{}", vector.name());
        assert!(check_form(compact, &Algorithm::ALL, jws::MAX_LENGTH).is_err(), "{}", vector.name());
    }
}

/// JW-05: the check of a signature alone, which both readers share.
#[test]
fn jw_01_signatures_as_labelled() {
    for (file, algorithm, count) in [
        ("ecdsa_secp256r1_sha256_p1363", Algorithm::Es256, 262),
        ("ed25519", Algorithm::EdDsa, 151),
        ("rsa_signature_2048_sha256", Algorithm::Rs256, 259),
        ("rsa_pss_2048_sha256_mgf1_32", Algorithm::Ps256, 108),
    ] {
        let vectors = vectors(file);
        assert_eq!(vectors.len(), count);
        for vector in vectors {
            let jwk = Jwk::from_map(vector.key.as_object().unwrap().clone()).unwrap();
            let key = verifier::PublicKey::of_jwk(algorithm, &jwk).unwrap();
            let accepted = key.verify(&vector.bytes("msg"), &vector.bytes("sig")).is_ok();
            // "acceptable" leaves it to the implementation.
            if vector.text("result") != "acceptable" {
                assert_eq!(accepted, vector.is_labelled_valid() && !vector.excused(), "{}", vector.name());
            }
        }
    }
}
