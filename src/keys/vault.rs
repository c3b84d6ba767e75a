//! Private halves at rest: sealed under the master key, bound to their `kid` and algorithm.

use std::time::Duration;

use zeroize::Zeroizing;

pub use super::master::create_new;
pub use super::master::load;
pub use super::master::load_or_create;
use crate::ambient::Entropy;
use crate::crypto::CryptoError;
use crate::crypto::jwk;
use crate::crypto::seal::MasterKey;
use crate::crypto::seal::SubKey;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// Why something about the master key or what it seals is wrong. Nothing has been overwritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("there is no master key at {0}")]
    Missing(String),
    #[error("there is a master key at {0} already; it is not overwritten")]
    Exists(String),
    #[error("the master key at {0} is not a regular file (a symbolic link is not followed)")]
    NotAFile(String),
    #[error("the master key at {path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")]
    Mode { path: String, mode: u32 },
    #[error("the master key at {path} has {size} bytes; it should have 43 characters of base64url and a line end")]
    Size { path: String, size: u64 },
    #[error("the master key at {0} is not base64url of 32 bytes")]
    Undecodable(String),
    #[error("the master key at {path} cannot be {doing}: {kind}")]
    File { path: String, doing: &'static str, kind: std::io::ErrorKind },
    #[error("this is not the master key that the database was set up with")]
    WrongMasterKey,
    #[error("the sealed private half is damaged or was moved here from another key")]
    Damaged,
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Seals and unseals private halves.
#[derive(Debug, Clone)]
pub struct Vault {
    private_halves: SubKey,
    subject_secret: SubKey,
    canary: SubKey,
}

impl Vault {
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self {
            private_halves: master.derive("signing keys"),
            subject_secret: master.derive("pairwise subjects"),
            canary: master.derive("canary"),
        }
    }

    /// Makes a key pair as it goes into the database: `next`, or `active` when the algorithm has no key yet. It has
    /// signed nothing: how long its tokens live is for the caller to say. For RSA this takes about a tenth of a second
    /// of CPU.
    ///
    /// # Errors
    /// [`VaultError::Crypto`].
    pub fn make_key(
        &self,
        kid: &KeyId,
        algorithm: Algorithm,
        state: KeyState,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SigningKey, VaultError> {
        let key = jwk::generate(algorithm, kid, entropy)?;
        Ok(SigningKey {
            kid: kid.clone(),
            algorithm,
            state,
            public_jwk: key.public_jwk,
            sealed_private: Some(self.seal(kid, algorithm, &key.private_pkcs8, entropy)?),
            published_at: now,
            activates_at: None,
            activated_at: (state == KeyState::Active).then_some(now),
            retired_at: None,
            longest_token: Duration::ZERO,
            leaves_at: None,
            revoked_at: None,
            revoked_reason: None,
        })
    }

    /// # Errors
    /// [`VaultError::Crypto`], which 256 GiB would be needed for.
    pub fn seal(
        &self,
        kid: &KeyId,
        algorithm: Algorithm,
        pkcs8: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, VaultError> {
        Ok(self.private_halves.seal(pkcs8, &bound_to(kid, algorithm), entropy)?)
    }

    /// # Errors
    /// [`VaultError::Damaged`] when a bit changed, it was cut, or it belongs to another `kid`, algorithm or master key.
    pub fn unseal(&self, kid: &KeyId, algorithm: Algorithm, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.private_halves.open(sealed, &bound_to(kid, algorithm)).map_err(|_| VaultError::Damaged)
    }

    /// Moves a private half to the vault of another master key.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], as [`Vault::unseal`].
    pub fn reseal(
        &self,
        other: &Self,
        kid: &KeyId,
        algorithm: Algorithm,
        sealed: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, VaultError> {
        other.seal(kid, algorithm, &self.unseal(kid, algorithm, sealed)?, entropy)
    }

    /// Seals the secret that pairwise subjects are made with.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_subject_secret(&self, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
        Ok(self.subject_secret.seal(secret, b"", entropy)?)
    }

    /// # Errors
    /// [`VaultError::Damaged`], as [`Vault::unseal`].
    pub fn open_subject_secret(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.subject_secret.open(sealed, b"").map_err(|_| VaultError::Damaged)
    }

    /// What the database keeps beside the keys, to tell another master key from damage. Tells nothing about the key.
    #[must_use]
    pub fn canary(&self) -> [u8; 32] {
        self.canary.mac(b"signet master key")
    }

    /// Compares with the canary of the master key that the database was set up with.
    ///
    /// # Errors
    /// [`VaultError::WrongMasterKey`].
    pub fn check_canary(&self, kept: &[u8]) -> Result<(), VaultError> {
        if self.canary.verify_mac(b"signet master key", kept) { Ok(()) } else { Err(VaultError::WrongMasterKey) }
    }
}

/// A `kid` has no NUL, so no two pairs give the same bytes.
fn bound_to(kid: &KeyId, algorithm: Algorithm) -> Vec<u8> {
    [kid.as_str(), "\0", algorithm.as_str()].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::OsEntropy;
    use crate::crypto::Signer;

    #[test]
    fn a_private_half_stays_with_its_key() {
        let vault = Vault::new(&MasterKey::generate(&OsEntropy));
        let kid = KeyId::new("2026-11-22-es256-a").unwrap();
        let other = KeyId::new("2026-11-22-es256-b").unwrap();
        let key = vault.make_key(&kid, Algorithm::Es256, KeyState::Next, Timestamp::EPOCH, &OsEntropy).unwrap();
        let sealed = key.sealed_private.unwrap();
        let pkcs8 = vault.unseal(&kid, Algorithm::Es256, &sealed).unwrap();
        assert!(Signer::from_pkcs8(Algorithm::Es256, &kid, &pkcs8).is_ok());
        assert!(!sealed.windows(16).any(|window| pkcs8.windows(16).any(|plain| plain == window)));

        assert_eq!(vault.unseal(&other, Algorithm::Es256, &sealed), Err(VaultError::Damaged));
        assert_eq!(vault.unseal(&kid, Algorithm::Rs256, &sealed), Err(VaultError::Damaged));
        assert_eq!(vault.unseal(&kid, Algorithm::Es256, &sealed[..sealed.len() - 1]), Err(VaultError::Damaged));
        assert_eq!(vault.unseal(&kid, Algorithm::Es256, &[]), Err(VaultError::Damaged));
        let stranger = Vault::new(&MasterKey::generate(&OsEntropy));
        assert_eq!(stranger.unseal(&kid, Algorithm::Es256, &sealed), Err(VaultError::Damaged));
    }

    #[test]
    fn a_tampered_sealed_key() {
        let vault = Vault::new(&MasterKey::generate(&OsEntropy));
        let kid = KeyId::new("k1").unwrap();
        for algorithm in Algorithm::ALL {
            let key = vault.make_key(&kid, algorithm, KeyState::Next, Timestamp::EPOCH, &OsEntropy).unwrap();
            let sealed = key.sealed_private.unwrap();
            for at in (0..sealed.len()).step_by(13) {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert_eq!(vault.unseal(&kid, algorithm, &changed), Err(VaultError::Damaged), "{algorithm} byte {at}");
            }
        }
    }

    #[test]
    fn a_truncated_sealed_key() {
        let vault = Vault::new(&MasterKey::generate(&OsEntropy));
        let kid = KeyId::new("k1").unwrap();
        let key = vault.make_key(&kid, Algorithm::EdDsa, KeyState::Next, Timestamp::EPOCH, &OsEntropy).unwrap();
        let sealed = key.sealed_private.unwrap();
        for length in 0..sealed.len() {
            assert_eq!(vault.unseal(&kid, Algorithm::EdDsa, &sealed[..length]), Err(VaultError::Damaged), "{length}");
        }
    }

    #[test]
    fn a_key_sealed_for_the_wrong_kid_or_algorithm() {
        let vault = Vault::new(&MasterKey::generate(&OsEntropy));
        let (kid, other) = (KeyId::new("k1").unwrap(), KeyId::new("k2").unwrap());
        let key = vault.make_key(&kid, Algorithm::Rs256, KeyState::Next, Timestamp::EPOCH, &OsEntropy).unwrap();
        let sealed = key.sealed_private.unwrap();
        assert_eq!(vault.unseal(&other, Algorithm::Rs256, &sealed), Err(VaultError::Damaged));
        // The same numbers could sign with PS256; they are not allowed to.
        assert_eq!(vault.unseal(&kid, Algorithm::Ps256, &sealed), Err(VaultError::Damaged));
    }

    #[test]
    fn resealing_moves_a_key_to_another_master_key() {
        let old = Vault::new(&MasterKey::generate(&OsEntropy));
        let new = Vault::new(&MasterKey::generate(&OsEntropy));
        let kid = KeyId::new("k1").unwrap();
        let pkcs8 = b"private half";
        let sealed = old.seal(&kid, Algorithm::Es256, pkcs8, &OsEntropy).unwrap();
        let moved = old.reseal(&new, &kid, Algorithm::Es256, &sealed, &OsEntropy).unwrap();
        assert_eq!(new.unseal(&kid, Algorithm::Es256, &moved).unwrap().as_slice(), pkcs8);
        assert_eq!(old.unseal(&kid, Algorithm::Es256, &moved), Err(VaultError::Damaged));
        assert_eq!(old.reseal(&new, &kid, Algorithm::Es256, &moved, &OsEntropy), Err(VaultError::Damaged), "twice");
        assert_eq!(new.reseal(&old, &kid, Algorithm::Es256, &sealed, &OsEntropy), Err(VaultError::Damaged));
    }

    #[test]
    fn ky_09_the_canary_knows_its_master_key() {
        let master = MasterKey::generate(&OsEntropy);
        let canary = Vault::new(&master).canary();
        let again = MasterKey::from_base64(&master.to_base64()).unwrap();
        assert_eq!(Vault::new(&again).check_canary(&canary), Ok(()));
        let stranger = Vault::new(&MasterKey::generate(&OsEntropy));
        assert_eq!(stranger.check_canary(&canary), Err(VaultError::WrongMasterKey));
        assert_eq!(stranger.check_canary(&[]), Err(VaultError::WrongMasterKey));
    }
}
