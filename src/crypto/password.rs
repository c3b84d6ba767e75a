//! Passwords: Argon2id (RFC 9106), kept as PHC strings.
//!
//! Each call takes about ten milliseconds of CPU and 19 MiB on purpose: run it on the bounded pool for passwords,
//! never on a thread that answers requests.

use std::fmt;

use argon2::Argon2;
use argon2::Block;
use argon2::password_hash::phc;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::hash::constant_time_eq;
use crate::ambient::Entropy;
use crate::domain::user::PasswordHash;

/// The longest password in bytes, once normalised.
pub const MAX_LENGTH: usize = 1024;
/// Longer input is not even normalised. Decomposed text is at most about three times as long as composed text.
const MAX_INPUT: usize = 4 * MAX_LENGTH;

/// The most that a hash made elsewhere may cost: memory in KiB, passes, lanes.
const MAX_COST: Params = Params { memory_kib: 256 * 1024, iterations: 10, parallelism: 16 };
const SALT: usize = 16;
const OUTPUT: usize = 32;

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

/// Memory that one hash after another uses. To get it anew for each, page by page, and to clear it costs a tenth of the
/// hash.
#[derive(Default)]
pub struct Memory {
    blocks: Vec<Block>,
}

/// More than 32 MiB the allocator of most systems takes from the kernel for this alone, and gives back when it is freed; what
/// is not used is not there. Of less it would keep hold for ever.
const LEAST_BLOCKS: usize = 33 * 1024;

impl Memory {
    fn blocks(&mut self, params: &argon2::Params) -> &mut [Block] {
        let count = params.block_count();
        if self.blocks.len() < count {
            self.blocks = Vec::with_capacity(count.max(LEAST_BLOCKS));
            self.blocks.resize(count, Block::new());
        }
        &mut self.blocks
    }

    /// As [`hash`].
    ///
    /// # Errors
    /// As [`hash`].
    pub fn hash(
        &mut self,
        password: &str,
        params: &Params,
        entropy: &dyn Entropy,
    ) -> Result<PasswordHash, PasswordError> {
        let (params, password) = (params.argon2()?, normalise(password)?);
        let mut salt = [0; SALT];
        entropy.fill(&mut salt);
        let output = self.output(&Kind::ours(params.clone()), password.as_bytes(), &salt, OUTPUT)?;
        phc_string(&params, &salt, &output)
    }

    /// As [`verify`].
    #[must_use]
    pub fn verify(&mut self, hash: &PasswordHash, password: &str) -> bool {
        normalise(password).is_ok_and(|password| self.verify_bytes(hash.as_phc(), password.as_bytes()))
    }

    fn verify_bytes(&mut self, phc: &str, secret: &[u8]) -> bool {
        if secret.len() > MAX_LENGTH {
            return false;
        }
        let Ok(parsed) = parse(phc) else { return false };
        let (Some(kind), Some(salt), Some(expected)) = (Kind::of(&parsed), parsed.salt, parsed.hash) else {
            return false;
        };
        let computed = self.output(&kind, secret, salt.as_ref(), expected.len());
        computed.is_ok_and(|computed| constant_time_eq(&computed, expected.as_ref()))
    }

    fn output(&mut self, kind: &Kind, secret: &[u8], salt: &[u8], length: usize) -> Result<Vec<u8>, PasswordError> {
        let argon2 = Argon2::new(kind.algorithm, kind.version, kind.params.clone());
        let mut output = vec![0; length];
        let done = argon2.hash_password_into_with_memory(secret, salt, &mut output, self.blocks(&kind.params));
        // What somebody else's hash needs is not kept.
        if self.blocks.len() > LEAST_BLOCKS {
            self.blocks = Vec::new();
        }
        done.map(|()| output).map_err(|_| PasswordError::Params)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("blocks", &self.blocks.len()).finish()
    }
}

/// One of the functions that are called Argon2.
struct Kind {
    algorithm: argon2::Algorithm,
    version: argon2::Version,
    params: argon2::Params,
}

impl Kind {
    const fn ours(params: argon2::Params) -> Self {
        Self { algorithm: argon2::Algorithm::Argon2id, version: argon2::Version::V0x13, params }
    }

    fn of(hash: &phc::PasswordHash) -> Option<Self> {
        let version = hash.version.map_or(Ok(argon2::Version::default()), argon2::Version::try_from).ok()?;
        let algorithm = argon2::Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        Some(Self { algorithm, version, params: argon2::Params::try_from(hash).ok()? })
    }
}

fn phc_string(params: &argon2::Params, salt: &[u8], output: &[u8]) -> Result<PasswordHash, PasswordError> {
    let hash = phc::PasswordHash {
        algorithm: argon2::Algorithm::Argon2id.ident(),
        version: Some(argon2::Version::V0x13.into()),
        params: phc::ParamsString::try_from(params).map_err(|_| PasswordError::Params)?,
        salt: Some(phc::Salt::new(salt).map_err(|_| PasswordError::Params)?),
        hash: Some(phc::Output::new(output).map_err(|_| PasswordError::Params)?),
    };
    Ok(PasswordHash::from_phc(hash.to_string()))
}

/// Hashes a password: normalised to NFC (RFC 8265 section 4.2), so that it does not matter which keyboard composed it;
/// spaces and case are kept. The rule is fixed for ever.
///
/// # Errors
/// [`PasswordError::TooLong`] before any work is done; [`PasswordError::Params`].
pub fn hash(password: &str, params: &Params, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    Memory::default().hash(password, params, entropy)
}

/// Whether `password` is the one behind `hash`. Costs what `hash` says; at once false for a hash that
/// [`check_costs`] refuses and for a password that [`hash`] refuses.
#[must_use]
pub fn verify(hash: &PasswordHash, password: &str) -> bool {
    Memory::default().verify(hash, password)
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

/// What a verification costs; `None` for a hash that [`check_costs`] refuses.
#[must_use]
pub fn params_of(hash: &PasswordHash) -> Option<Params> {
    parse(hash.as_phc()).ok().as_ref().and_then(costs)
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
    params: Params,
}

impl Decoy {
    /// A hash of no password at all: its output is as random as that of one, and takes no work to make.
    ///
    /// # Errors
    /// [`PasswordError::Params`].
    pub fn new(params: &Params, entropy: &dyn Entropy) -> Result<Self, PasswordError> {
        let (mut salt, mut output) = ([0; SALT], [0; OUTPUT]);
        entropy.fill(&mut salt);
        entropy.fill(&mut output);
        Ok(Self { hash: phc_string(&params.argon2()?, &salt, &output)?, params: *params })
    }

    /// What its verification costs.
    #[must_use]
    pub const fn params(&self) -> Params {
        self.params
    }

    /// Does the work of a verification, which says no.
    pub fn verify(&self, memory: &mut Memory, password: &str) {
        // Nobody looks at the result, so the optimiser must not know.
        std::hint::black_box(memory.verify(&self.hash, password));
    }
}

/// The same for bytes that are not normalised: secrets that other software made.
pub(super) fn verify_bytes(phc: &str, secret: &[u8]) -> bool {
    Memory::default().verify_bytes(phc, secret)
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

    fn argon2(&self) -> Result<argon2::Params, PasswordError> {
        if !self.within_bounds() {
            return Err(PasswordError::Params);
        }
        argon2::Params::new(self.memory_kib, self.iterations, self.parallelism, None).map_err(|_| PasswordError::Params)
    }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
