//! RSA keys that look right and are not. What can be told from the public half is told from it, so that the same rules
//! can be asked of keys that others publish.

use std::sync::LazyLock;

use openssl::bn::BigNum;
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use rsa::BigUint;

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    // RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used".
    #[error("the RSA key has {0} bits; it must have 2048 to 4096, in whole bytes")]
    Size(u64),
    #[error("the public exponent of the RSA key is not 65537")]
    Exponent,
    #[error("the modulus of the RSA key can be divided by {0}")]
    SmallFactor(u32),
    #[error("the RSA key was made by a faulty chip and can be factored (ROCA, CVE-2017-15361)")]
    Roca,
    #[error("the primes of the RSA key are so close to each other that it can be factored")]
    ClosePrimes,
    #[error("the numbers of the private key do not belong together")]
    Inconsistent,
    #[error("the Ed25519 key is a point of small order, for which anybody can sign")]
    SmallOrder,
    #[error("the Ed25519 key has {0} bytes; it must have 32")]
    Length(usize),
    #[error("the point of the EC key is not on the curve P-256, or is not the one of its private number")]
    OffCurve,
}

/// As many steps of Fermat's factoring as certificate authorities take.
const FERMAT_ROUNDS: u32 = 100;

/// What trial division is done with: all primes below 2^14, found once.
static SMALL: LazyLock<Vec<u32>> = LazyLock::new(|| primes(1 << 14).collect());

/// Checks modulus and exponent, both big-endian.
///
/// # Errors
/// The first [`Weakness`].
pub fn rsa_public(n: &[u8], e: &[u8]) -> Result<(), Weakness> {
    let n = BigUint::from_bytes_be(n);
    let bits = n.bits() as u64;
    if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(8) {
        return Err(Weakness::Size(bits));
    }
    // Smaller ones have been broken where padding was checked carelessly; larger ones are only slow.
    if BigUint::from_bytes_be(e) != BigUint::from(65_537_u32) {
        return Err(Weakness::Exponent);
    }
    if let Some(factor) = SMALL.iter().find(|prime| residue(&n, **prime) == 0) {
        return Err(Weakness::SmallFactor(*factor));
    }
    if is_roca(&n) {
        return Err(Weakness::Roca);
    }
    if fermat_finds_factors(&n) {
        return Err(Weakness::ClosePrimes);
    }
    Ok(())
}

/// The points of Ed25519 whose order divides eight, as they may be written: RFC 8032 section 5.1.3 without its check that y is less than
/// p. For each of them signatures exist that are good for any text, and everybody can write them down.
const SMALL_ORDER: [[u8; 32]; 7] = {
    const fn ends(first: u8, rest: u8, last: u8) -> [u8; 32] {
        let mut y = [rest; 32];
        (y[0], y[31]) = (first, last);
        y
    }
    [
        ends(0, 0, 0),
        ends(1, 0, 0),
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
        ends(0xec, 0xff, 0x7f),
        ends(0xed, 0xff, 0x7f),
        ends(0xee, 0xff, 0x7f),
    ]
};

/// Checks the public half of an Ed25519 key, as RFC 8037 has it.
///
/// # Errors
/// The first [`Weakness`].
pub fn ed25519_public(x: &[u8]) -> Result<(), Weakness> {
    let Ok(mut y) = <[u8; 32]>::try_from(x) else { return Err(Weakness::Length(x.len())) };
    // The highest bit is the sign of the other coordinate.
    y[31] &= 0x7f;
    if SMALL_ORDER.contains(&y) { Err(Weakness::SmallOrder) } else { Ok(()) }
}

/// Checks a whole key. Both halves of every rule: what OpenSSL knows to check (two primes that make the modulus, exponents
/// that belong to them) and what it does not.
///
/// # Errors
/// The first [`Weakness`].
pub(super) fn rsa_private(key: &Rsa<Private>) -> Result<(), Weakness> {
    rsa_public(&key.n().to_vec(), &key.e().to_vec())?;
    let (Some(p), Some(q)) = (key.p(), key.q()) else { return Err(Weakness::Inconsistent) };
    if !matches!(key.check_key(), Ok(true)) {
        return Err(Weakness::Inconsistent);
    }
    // FIPS 186-5 appendix A.1.3: |p - q| must be greater than 2 to the power of (bits / 2 - 100).
    let mut distance = BigNum::new().map_err(|_| Weakness::Inconsistent)?;
    distance.checked_sub(p, q).map_err(|_| Weakness::Inconsistent)?;
    if distance.num_bits() <= key.n().num_bits() / 2 - 100 {
        return Err(Weakness::ClosePrimes);
    }
    Ok(())
}

/// Nemec and others, "The Return of Coppersmith's Attack" (2017): primes of these chips are powers of 65537 modulo every
/// small prime, and so is their product. A good key passes all 38 of these tests once in 2^50.
fn is_roca(n: &BigUint) -> bool {
    SMALL.iter().take_while(|prime| **prime < 168).skip(1).all(|&prime| {
        let wanted = residue(n, prime);
        let mut power = 1;
        loop {
            if power == wanted {
                return true;
            }
            power = power * (65_537 % prime) % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

/// Looks for a and b with n = a^2 - b^2, from the root of n upwards.
fn fermat_finds_factors(n: &BigUint) -> bool {
    let one = BigUint::from(1_u32);
    let mut a = root(n);
    if &a * &a < *n {
        a += &one;
    }
    for _ in 0..FERMAT_ROUNDS {
        let square = &a * &a - n;
        let b = root(&square);
        if &b * &b == square {
            return true;
        }
        a += &one;
    }
    false
}

/// The whole part of the square root, after Newton.
fn root(n: &BigUint) -> BigUint {
    if n.bits() == 0 {
        return BigUint::default();
    }
    let mut guess = BigUint::from(1_u32) << n.bits().div_ceil(2);
    loop {
        let better: BigUint = (&guess + n / &guess) >> 1;
        if better >= guess {
            return guess;
        }
        guess = better;
    }
}

fn residue(n: &BigUint, divisor: u32) -> u32 {
    (n % divisor).to_bytes_le().iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn primes(below: u32) -> impl Iterator<Item = u32> {
    (2..below).filter(|number| (2..*number).take_while(|divisor| divisor * divisor <= *number).all(|d| number % d != 0))
}

#[cfg(test)]
#[path = "quality_tests.rs"]
mod tests;
