use serde_json::Value;

use super::*;
use crate::ambient::OsEntropy;
use crate::crypto::pem;
use crate::crypto::seal::MasterKey;
use crate::keys::Ring;

const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

fn vault() -> Vault {
    Vault::new(&MasterKey::generate(&OsEntropy))
}

fn made(vault: &Vault, algorithm: Algorithm, name: &str) -> SigningKey {
    vault.make_key(&KeyId::new(name).unwrap(), algorithm, KeyState::Active, NOW, &OsEntropy).unwrap()
}

fn exported(vault: &Vault, key: &SigningKey) -> String {
    let sealed = key.sealed_private.as_deref().unwrap();
    pem::private(&vault.unseal(&key.kid, key.algorithm, sealed).unwrap()).to_string()
}

#[test]
fn what_one_installation_exports_another_imports() {
    let (here, there) = (vault(), vault());
    for algorithm in Algorithm::ALL {
        let ours = made(&here, algorithm, "k1");
        let text = exported(&here, &ours);
        let theirs = import(&text, algorithm, &[], &there, NOW, &OsEntropy).unwrap();
        let name = format!("2026-11-22-{}-import-a", algorithm.as_str().to_ascii_lowercase());
        assert_eq!((theirs.kid.as_str(), theirs.state, theirs.published_at), (name.as_str(), KeyState::Next, NOW));
        assert_eq!(jwk::thumbprint(&theirs.public_jwk), jwk::thumbprint(&ours.public_jwk));
        let (mut one, mut other): (Value, Value) =
            (serde_json::from_str(&ours.public_jwk).unwrap(), serde_json::from_str(&theirs.public_jwk).unwrap());
        one["kid"] = Value::Null;
        other["kid"] = Value::Null;
        assert_eq!(one, other);
        assert!(Ring::build(&[theirs], &there, std::time::Duration::from_mins(5)).is_ok());
    }
}

#[test]
fn ky_07_the_same_key_twice() {
    let vault = vault();
    let ours = made(&vault, Algorithm::Rs256, "k1");
    let text = exported(&vault, &ours);
    let keys = [ours];
    let known = Err(Refused::Known(KeyId::new("k1").unwrap()));
    assert_eq!(import(&text, Algorithm::Rs256, &keys, &vault, NOW, &OsEntropy), known);
    // Nor for another algorithm: a signature of one could be taken for one of the other.
    assert_eq!(import(&text, Algorithm::Ps256, &keys, &vault, NOW, &OsEntropy), known);
}

#[test]
fn ky_07_a_name_that_is_taken() {
    let vault = vault();
    let keys = [made(&vault, Algorithm::EdDsa, "old-1")];
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"old-1"}"#;
    let taken = Err(Refused::NameTaken(KeyId::new("old-1").unwrap()));
    assert_eq!(import(jwk, Algorithm::EdDsa, &keys, &vault, NOW, &OsEntropy), taken);
    let key = import(jwk, Algorithm::EdDsa, &[], &vault, NOW, &OsEntropy).unwrap();
    assert_eq!(key.kid.as_str(), "old-1");
}

#[test]
fn names_go_on() {
    let mut keys = Vec::new();
    let vault = vault();
    for number in 0..28 {
        let mut key = made(&vault, Algorithm::EdDsa, "k1");
        key.kid = free_name(Algorithm::EdDsa, &keys, NOW);
        if number == 27 {
            assert_eq!(key.kid.as_str(), "2026-11-22-eddsa-import-bb");
        }
        keys.push(key);
    }
}
