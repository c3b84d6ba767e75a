//! Hashes, random values and comparisons in constant time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::password;
use crate::ambient::Entropy;
use crate::domain::client::ClientSecretHash;
use crate::domain::ids::ClientId;
use crate::domain::key::Algorithm;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretHash;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;

/// What the database keeps of a secret: SHA-256 over the kind's prefix, a zero byte and the value as written. One
/// round is enough for 256 random bits; do not give it anything that a person made up.
#[must_use]
pub fn secret_hash(kind: SecretKind, value: &str) -> SecretHash {
    let digest = Sha256::new().chain_update(kind.prefix()).chain_update([0]).chain_update(value.as_bytes()).finalize();
    SecretHash::from_bytes(digest.into())
}

/// What the database keeps of an assertion that a client has used, for as long as it could be used again: SHA-256 over
/// who and which. Neither has a NUL. It stays what it is: nodes of two versions may share a database.
#[must_use]
pub fn assertion(client: &ClientId, id: &str) -> [u8; 32] {
    Sha256::new().chain_update(client.as_str()).chain_update([0]).chain_update(id).finalize().into()
}

/// A new secret, `sgc_` (or another prefix) and base64url of 32 random bytes, with its hash.
#[must_use]
pub fn new_secret(kind: SecretKind, entropy: &dyn Entropy) -> (Secret, SecretHash) {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut_slice());
    // Exactly as long as it gets, so that growing leaves no unwiped copy behind.
    let mut text = String::with_capacity(kind.prefix().len() + 43);
    text.push_str(kind.prefix());
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
    let hash = secret_hash(kind, &text);
    (Secret::new(text), hash)
}

/// A name that is unique but not secret: `prefix` and 22 letters and digits, which have 131 random bits.
#[must_use]
pub fn random_id(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut id = String::with_capacity(prefix.len() + ID);
    id.push_str(prefix);
    randomly(&mut id, prefix.len() + ID, entropy);
    id
}

/// The same length, but what was named later comes later in byte order: rows that are made one after the other lie beside
/// each other. Eight letters say when, in milliseconds; the other fourteen have 83 random bits.
#[must_use]
pub fn ordered_id(prefix: &str, at: Timestamp, entropy: &dyn Entropy) -> String {
    let mut millis = usize::try_from(at.micros() / 1000).unwrap_or(0);
    let mut when = [b'0'; 8];
    for place in when.iter_mut().rev() {
        *place = LETTERS.get(millis % LETTERS.len()).copied().unwrap_or(b'0');
        millis /= LETTERS.len();
    }
    let mut id = String::with_capacity(prefix.len() + ID);
    id.push_str(prefix);
    id.extend(when.map(char::from));
    randomly(&mut id, prefix.len() + ID, entropy);
    id
}

/// In the order of their bytes.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID: usize = 22;

/// Adds random letters until `id` has `end` of them.
fn randomly(id: &mut String, end: usize, entropy: &dyn Entropy) {
    while id.len() < end {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        // Two of 64 values fall out of the table and are skipped, so that all letters are equally likely.
        let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
        for letter in letters.take(end - id.len()) {
            id.push(char::from(*letter));
        }
    }
}

/// BASE64URL(SHA256(verifier)): the `S256` code challenge of RFC 7636 section 4.2.
#[must_use]
pub fn s256(verifier: &str) -> String {
    sha256(verifier.as_bytes())
}

/// BASE64URL(SHA256(bytes)): what thumbprints are made of (RFC 7638, RFC 8705).
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(bytes))
}

/// SHA-256.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// RFC 4648 section 5, without padding.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The left half of the hash that `algorithm` uses, in base64url: `at_hash` and `c_hash` of OpenID Connect Core
/// sections 3.1.3.6 and 3.3.2.11.
#[must_use]
pub fn half_hash(algorithm: Algorithm, value: &str) -> String {
    match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => left_half(&Sha256::digest(value.as_bytes())),
        // Core speaks of "the hash algorithm used in the alg Header Parameter"; EdDSA names none, Ed25519 hashes with
        // SHA-512 (RFC 8032 section 5.1), and that is what relying parties and the conformance suite compare with.
        Algorithm::EdDsa => left_half(&Sha512::digest(value.as_bytes())),
    }
}

fn left_half(digest: &[u8]) -> String {
    let (left, _) = digest.split_at(digest.len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// Whether `a` and `b` are the same; takes as long whatever the first difference is. Their lengths are not hidden.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Hashes a client secret that [`new_secret`] made.
#[must_use]
pub fn client_secret_hash(secret: &str) -> ClientSecretHash {
    ClientSecretHash::Sha256(URL_SAFE_NO_PAD.encode(secret_hash(SecretKind::ClientSecret, secret).as_bytes()))
}

/// Whether `presented` is the secret behind `hash`. Takes microseconds for our own secrets and as long as a password
/// for imported ones (`Argon2id`), which should then run where passwords do.
#[must_use]
pub fn verify_client_secret(hash: &ClientSecretHash, presented: &str) -> bool {
    match hash {
        ClientSecretHash::Sha256(_) => match (hash, client_secret_hash(presented)) {
            (ClientSecretHash::Sha256(kept), ClientSecretHash::Sha256(made)) => {
                constant_time_eq(kept.as_bytes(), made.as_bytes())
            }
            _ => false,
        },
        ClientSecretHash::Argon2id(phc) => password::verify_bytes(phc, presented.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::OsEntropy;
    use crate::ambient::SeededEntropy;

    #[test]
    fn a_secret_of_one_kind_is_none_of_another() {
        let (code, hash) = new_secret(SecretKind::Code, &OsEntropy);
        assert_eq!(code.reveal().len(), 47);
        assert!(code.reveal().starts_with("sgc_"));
        assert_eq!(secret_hash(SecretKind::Code, code.reveal()), hash);
        assert_ne!(secret_hash(SecretKind::Refresh, code.reveal()), hash);
        assert_ne!(new_secret(SecretKind::Code, &OsEntropy).1, hash);
    }

    #[test]
    fn secret_hash_is_fixed_for_ever() {
        // printf 'sgc_\0sgc_x' | openssl sha256 -binary | basenc --base64url
        let hash = secret_hash(SecretKind::Code, "sgc_x");
        assert_eq!(URL_SAFE_NO_PAD.encode(hash.as_bytes()), "EgnYP83m5cLdtOD3zR8blhzQuEFT7wP_8sfWOhCYkyE");
    }

    #[test]
    fn cj_04_an_assertion_is_the_same_in_every_version() {
        // printf 'c1\0j1' | openssl sha256 -binary | basenc --base64url
        let hash = assertion(&ClientId::new("c1").unwrap(), "j1");
        assert_eq!(base64url(&hash), "BGDfUHCX_brQKyzh1i5S3vCqqG74p7LrUoy6yeWYR7M");
        assert_ne!(assertion(&ClientId::new("c").unwrap(), "1j1"), hash);
    }

    #[test]
    fn random_ids_are_letters_and_digits() {
        let entropy = SeededEntropy::new(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let id = random_id("u_", &entropy);
            assert_eq!(id.len(), 24);
            assert!(id.bytes().skip(2).all(|byte| byte.is_ascii_alphanumeric()), "{id}");
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn what_is_named_later_comes_later() {
        let entropy = SeededEntropy::new(4);
        let at = |micros| ordered_id("fam_", Timestamp::from_micros(micros), &entropy);
        // 62^3 milliseconds are a one and three zeros.
        assert!(at(238_328_000).starts_with("fam_00001000"));
        let begun = [0, 1000, 61_000, 62_000, 238_327_000, 238_328_000, 1_795_910_400_000_000, 253_402_300_799_000_000];
        let ids = begun.map(at);
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 26 && id.bytes().skip(4).all(|byte| byte.is_ascii_alphanumeric())));
        assert_ne!(at(5), at(5));
    }

    #[test]
    fn rfc_7636_appendix_b() {
        assert_eq!(s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn core_a_3_at_hash() {
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(Algorithm::Rs256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(Algorithm::Es256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(Algorithm::Ps256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        let digest = openssl::hash::hash(openssl::hash::MessageDigest::sha512(), access_token.as_bytes()).unwrap();
        assert_eq!(half_hash(Algorithm::EdDsa, access_token), base64url(&digest[..32]));
    }

    #[test]
    fn client_secrets_of_both_kinds() {
        let (secret, _) = new_secret(SecretKind::ClientSecret, &OsEntropy);
        let hash = client_secret_hash(secret.reveal());
        assert!(verify_client_secret(&hash, secret.reveal()));
        assert!(!verify_client_secret(&hash, "sgs_"));
        assert!(!verify_client_secret(&hash, ""));

        let params = password::Params { memory_kib: 64, iterations: 1, parallelism: 1 };
        let phc = password::hash("imported", &params, &OsEntropy).unwrap().as_phc().to_owned();
        assert!(verify_client_secret(&ClientSecretHash::Argon2id(phc.clone()), "imported"));
        assert!(!verify_client_secret(&ClientSecretHash::Argon2id(phc), "Imported"));
        assert!(!verify_client_secret(&ClientSecretHash::Argon2id("nonsense".to_owned()), "imported"));
    }
}
