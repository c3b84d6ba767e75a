use super::*;
use crate::ambient::OsEntropy;

const CHEAP: Params = Params { memory_kib: 64, iterations: 1, parallelism: 1 };

fn hashed(password: &str) -> PasswordHash {
    hash(password, &CHEAP, &OsEntropy).unwrap()
}

#[test]
fn right_and_wrong_passwords() {
    let kept = hashed("correct horse");
    assert!(verify(&kept, "correct horse"));
    for wrong in ["", "correct hors", "correct horse ", " correct horse", "Correct horse", "correct horse\0"] {
        assert!(!verify(&kept, wrong), "{wrong:?}");
    }
    assert_ne!(hashed("correct horse"), kept, "every hash has its own salt");
    assert!(kept.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
}

#[test]
fn lg_20_one_password_however_it_was_typed() {
    assert!(verify(&hashed("caf\u{e9}"), "cafe\u{301}"));
    assert!(verify(&hashed("cafe\u{301}"), "caf\u{e9}"));
    assert!(!verify(&hashed("caf\u{e9}"), "cafe"));
    assert!(!verify(&hashed("a b"), "a\u{a0}b"), "NFC, not NFKC: other spaces stay other spaces");
    assert!(verify(&hashed("\u{1f600} \u{378}"), "\u{1f600} \u{378}"), "emoji and unassigned code points");
}

#[test]
fn too_long_is_refused_before_any_work() {
    let too_costly_to_wait_for = Params { memory_kib: 256 * 1024, iterations: 10, parallelism: 1 };
    for long in ["x".repeat(1025), "x".repeat(1 << 20), "\u{1d160}".repeat(256)] {
        assert_eq!(hash(&long, &too_costly_to_wait_for, &OsEntropy), Err(PasswordError::TooLong));
        assert!(!verify(&hashed("x"), &long));
    }
    let longest = "x".repeat(1024);
    assert!(verify(&hashed(&longest), &longest));
    let decomposed = "e\u{301}".repeat(512);
    assert!(verify(&hashed(&decomposed), &"\u{e9}".repeat(512)), "1536 bytes as typed, 1024 once composed");
}

#[test]
fn m_15_costs_of_others_are_capped() {
    let salt_and_hash = "c29tZXNhbHRzb21lc2FsdA$Jc6yJWg8RgYmXzLaPCNHKV1GHHRVRxMkGE4Iyi3hY5Q";
    for (costs, allowed) in [
        ("m=262144,t=10,p=16", true),
        ("m=262145,t=1,p=1", false),
        ("m=4294967295,t=1,p=1", false),
        ("m=1024,t=11,p=1", false),
        ("m=1024,t=4294967295,p=1", false),
        ("m=1024,t=1,p=17", false),
    ] {
        let hash = PasswordHash::from_phc(format!("$argon2id$v=19${costs}${salt_and_hash}"));
        assert_eq!(check_costs(&hash).is_ok(), allowed, "{costs}");
        if !allowed {
            assert_eq!(check_costs(&hash), Err(PasswordError::Params));
            assert!(!verify(&hash, "x"));
        }
    }
    let dear = Params { memory_kib: 262_145, ..CHEAP };
    assert_eq!(hash("x", &dear, &OsEntropy), Err(PasswordError::Params));
    assert_eq!(hash("x", &Params { memory_kib: 1, ..CHEAP }, &OsEntropy), Err(PasswordError::Params));
}

#[test]
fn nonsense_verifies_nothing() {
    for phc in
        ["", "$", "x", "$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id"]
    {
        let hash = PasswordHash::from_phc(phc);
        assert!(!verify(&hash, ""), "{phc}");
        assert_eq!(check_costs(&hash), Err(PasswordError::Format), "{phc}");
        assert!(needs_rehash(&hash, &CHEAP), "{phc}");
    }
}

#[test]
fn rehash_when_parameters_change() {
    let kept = hashed("x");
    assert!(!needs_rehash(&kept, &CHEAP));
    for other in [
        Params { memory_kib: 128, ..CHEAP },
        Params { iterations: 2, ..CHEAP },
        Params { parallelism: 2, ..CHEAP },
        Params::default(),
    ] {
        assert!(needs_rehash(&kept, &other));
    }
    let other_kind = PasswordHash::from_phc(kept.as_phc().replace("argon2id", "argon2i"));
    assert!(needs_rehash(&other_kind, &CHEAP));
}

#[test]
fn the_reference_implementation_agrees() {
    // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 (test suite of the reference implementation)
    let kept = PasswordHash::from_phc(
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    );
    assert!(verify(&kept, "password"));
    assert!(!verify(&kept, "Password"));
}

#[test]
fn the_decoy_has_the_costs_of_a_real_hash() {
    let decoy = Decoy::new(&Params::default(), &OsEntropy).unwrap();
    assert!(!needs_rehash(&decoy.hash, &Params::default()));
    assert_eq!(decoy.params(), Params::default());
    assert!(!verify(&decoy.hash, "") && !verify(&decoy.hash, "password"));
    assert!(!format!("{decoy:?}").contains("argon2"));
}
