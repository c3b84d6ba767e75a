use super::*;

fn big(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 10).unwrap()
}

#[test]
fn roots() {
    for n in 0_u32..2000 {
        let root = residue(&root(&BigUint::from(n)), 5000);
        assert!(root * root <= n && (root + 1) * (root + 1) > n, "{n}");
    }
    let long = big("123456789012345678901234567890123456789012345678901234567890");
    assert_eq!(root(&(&long * &long)), long);
    assert_eq!(root(&(&long * &long - 1_u32)), &long - 1_u32);
}

#[test]
fn fermat_finds_what_is_close_and_only_that() {
    let n = |p: u32, q: u32| BigUint::from(p) * q;
    assert!(fermat_finds_factors(&n(1_000_003, 1_000_033)));
    assert!(fermat_finds_factors(&n(1_000_003, 1_000_003)));
    assert!(!fermat_finds_factors(&n(1_000_003, 1_073_741_827)));
}

#[test]
fn small_primes_are_primes() {
    assert_eq!(primes(30).collect::<Vec<_>>(), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
    assert_eq!(primes(168).count(), 39);
    assert_eq!(residue(&big("1000000000000000000000000000057"), 16_381), {
        let value = 1_000_000_000_000_000_000_000_000_000_057_u128 % 16_381;
        u32::try_from(value).unwrap()
    });
}

#[test]
fn own_keys_are_good() {
    for _ in 0..3 {
        let key = Rsa::generate(2048).unwrap();
        assert_eq!(rsa_private(&key), Ok(()));
    }
}

#[test]
fn nobody_registers_a_key_for_which_anybody_can_sign() {
    for mut y in SMALL_ORDER {
        for _ in 0..2 {
            assert_eq!(ed25519_public(&y), Err(Weakness::SmallOrder), "{y:02x?}");
            // Another implementation, which has no list, agrees wherever it takes these bytes for a point.
            if let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&y) {
                assert!(key.is_weak(), "{y:02x?}");
            }
            y[31] |= 0x80;
        }
    }
    let good = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes();
    assert_eq!(ed25519_public(&good), Ok(()));
    assert_eq!(ed25519_public(&good[1..]), Err(Weakness::Length(31)));
}
