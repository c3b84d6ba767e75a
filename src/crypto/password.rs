//! Passwords: Argon2id (RFC 9106), kept as PHC strings.
//!
//! Each call takes about ten milliseconds of CPU and 19 MiB on purpose: run it on the bounded pool for passwords,
//! never on a thread that answers requests.

use argon2::Argon2;
use argon2::PasswordHasher;
use argon2::PasswordVerifier;
use argon2::password_hash::phc;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::ambient::Entropy;
use crate::domain::user::PasswordHash;

/// The longest password in bytes, once normalised.
pub const MAX_LENGTH: usize = 1024;
/// Longer input is not even normalised. Decomposed text is at most about three times as long as composed text.
const MAX_INPUT: usize = 4 * MAX_LENGTH;

/// The most that a hash made elsewhere may cost: memory in KiB, passes, lanes.
const MAX_COST: Params = Params { memory_kib: 256 * 1024, iterations: 10, parallelism: 16 };
const SALT: usize = 16;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes. They are computed one after the other; one is right unless hashes are shared with other software.
    pub parallelism: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

/// Why a password or a hash is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has at most {MAX_LENGTH} bytes")]
    TooLong,
    #[error("password costs are 8 KiB per lane to 256 MiB, 1 to 10 passes and 1 to 16 lanes")]
    Params,
    #[error("not a PHC string of Argon2")]
    Format,
}

/// Hashes a password: normalised to NFC (RFC 8265 section 4.2), so that it does not matter which keyboard composed it;
/// spaces and case are kept. The rule is fixed for ever.
///
/// # Errors
/// [`PasswordError::TooLong`] before any work is done; [`PasswordError::Params`].
pub fn hash(password: &str, params: &Params, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    hash_bytes(normalise(password)?.as_bytes(), params, entropy)
}

/// Whether `password` is the one behind `hash`. Costs what `hash` says; at once false for a hash that
/// [`check_costs`] refuses and for a password that [`hash`] refuses.
#[must_use]
pub fn verify(hash: &PasswordHash, password: &str) -> bool {
    normalise(password).is_ok_and(|password| verify_bytes(hash.as_phc(), password.as_bytes()))
}

/// Whether the password should be hashed anew at the next login, because other parameters are in force now.
#[must_use]
pub fn needs_rehash(hash: &PasswordHash, params: &Params) -> bool {
    let current = phc::PasswordHash::new(hash.as_phc()).is_ok_and(|parsed| {
        parsed.algorithm.as_str() == "argon2id"
            && parsed.version == Some(argon2::Version::V0x13.into())
            && parsed.salt.is_some_and(|salt| salt.len() >= SALT)
            && costs(&parsed) == Some(*params)
    });
    !current
}

/// Whether a hash made elsewhere may be kept: Argon2, at most 256 MiB, ten passes and sixteen lanes.
///
/// # Errors
/// [`PasswordError::Format`], [`PasswordError::Params`].
pub fn check_costs(hash: &PasswordHash) -> Result<(), PasswordError> {
    parse(hash.as_phc()).map(|_| ())
}

/// The password of nobody. Verified in place of an unknown user's, so that the answer takes as long.
#[derive(Debug, Clone)]
pub struct Decoy {
    hash: PasswordHash,
}

impl Decoy {
    /// # Errors
    /// [`PasswordError::Params`].
    pub fn new(params: &Params, entropy: &dyn Entropy) -> Result<Self, PasswordError> {
        let mut nobody_knows = Zeroizing::new([0; 32]);
        entropy.fill(nobody_knows.as_mut_slice());
        Ok(Self { hash: hash_bytes(nobody_knows.as_slice(), params, entropy)? })
    }

    /// Does the work of a verification and always says no.
    #[must_use]
    pub fn verify(&self, password: &str) -> bool {
        // Nobody looks at the result, so the optimiser must not know.
        std::hint::black_box(verify(&self.hash, password));
        false
    }
}

/// The same for bytes that are not normalised: secrets that other software made.
pub(super) fn verify_bytes(phc: &str, secret: &[u8]) -> bool {
    secret.len() <= MAX_LENGTH
        && parse(phc).is_ok_and(|parsed| Argon2::default().verify_password(secret, &parsed).is_ok())
}

fn hash_bytes(secret: &[u8], params: &Params, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    let argon2 = params.argon2()?;
    let mut salt = [0; SALT];
    entropy.fill(&mut salt);
    let hash = argon2.hash_password_with_salt(secret, &salt).map_err(|_| PasswordError::Params)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn normalise(password: &str) -> Result<Zeroizing<String>, PasswordError> {
    if password.len() > MAX_INPUT {
        return Err(PasswordError::TooLong);
    }
    let mut normalised = Zeroizing::new(String::with_capacity(MAX_INPUT));
    for character in password.nfc() {
        if normalised.len() + character.len_utf8() > MAX_LENGTH {
            return Err(PasswordError::TooLong);
        }
        normalised.push(character);
    }
    Ok(normalised)
}

fn parse(phc: &str) -> Result<phc::PasswordHash, PasswordError> {
    let parsed = phc::PasswordHash::new(phc).map_err(|_| PasswordError::Format)?;
    if !matches!(parsed.algorithm.as_str(), "argon2id" | "argon2i" | "argon2d") || parsed.hash.is_none() {
        return Err(PasswordError::Format);
    }
    let costs = costs(&parsed).ok_or(PasswordError::Format)?;
    // The whole point: somebody else's numbers must not decide how much memory we use.
    if !costs.within_bounds() {
        return Err(PasswordError::Params);
    }
    Ok(parsed)
}

fn costs(parsed: &phc::PasswordHash) -> Option<Params> {
    let params = argon2::Params::try_from(parsed).ok()?;
    Some(Params { memory_kib: params.m_cost(), iterations: params.t_cost(), parallelism: params.p_cost() })
}

impl Params {
    const fn within_bounds(&self) -> bool {
        self.memory_kib <= MAX_COST.memory_kib
            && self.iterations <= MAX_COST.iterations
            && self.parallelism <= MAX_COST.parallelism
    }

    fn argon2(&self) -> Result<Argon2<'static>, PasswordError> {
        if !self.within_bounds() {
            return Err(PasswordError::Params);
        }
        let params = argon2::Params::new(self.memory_kib, self.iterations, self.parallelism, None)
            .map_err(|_| PasswordError::Params)?;
        Ok(Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params))
    }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
