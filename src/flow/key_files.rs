//! Signing keys that come in and go out as text, and another master key for those that stay.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::ambient::Entropy;
use crate::crypto::CryptoError;
use crate::crypto::pem;
use crate::crypto::seal::MasterKey;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::keys::Vault;
use crate::keys::VaultError;
use crate::keys::import;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::custody::AdoptKey;
use crate::store::custody::Adoption;
use crate::store::custody::CANARY;
use crate::store::custody::Resealed;
use crate::store::custody::ResealedSecret;
use crate::store::custody::SUBJECT_SECRET;

use super::Signet;
use super::audit::Event;
use super::audit::KeyChange;
use super::error::FlowError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(transparent)]
    Import(#[from] import::Refused),
    #[error("{0} is not one of keys.algorithms, so nothing would ever sign with the key")]
    NotConfigured(Algorithm),
    #[error("there is no signing key called {0}")]
    Unknown(KeyId),
    #[error("{0} is {state}: its private half is gone", state = .1.as_str())]
    NoPrivateHalf(KeyId, KeyState),
    #[error("the old and the new master key are the same")]
    SameMasterKey,
    #[error("the signing key {kid} cannot be unsealed: {source}")]
    Sealed { kid: KeyId, source: VaultError },
    #[error("other nodes kept changing the keys; try again")]
    Contended,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    #[error("the database does not answer")]
    Store(#[from] StoreError),
    /// The key is in the database, but this process does not use it yet.
    #[error(transparent)]
    Reload(#[from] FlowError),
    /// Nothing has been changed.
    #[error(transparent)]
    Refused(FlowError),
    #[error("an internal promise was broken: {0}")]
    Internal(&'static str),
}

/// How often a change is planned anew because another node was faster.
const ATTEMPTS: usize = 5;

/// A key that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The new next key. It signs when it has been published for `publish_ahead`.
    pub kid: KeyId,
    /// The next key that made room. It had never signed, so nobody misses it.
    pub replaced: Option<KeyId>,
}

/// How a public key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicForm {
    /// As in the JWKS.
    Jwk,
    /// `SubjectPublicKeyInfo`.
    Pem,
}

/// What [`reseal`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reseal {
    /// So many private halves are under the new master key now.
    Done(usize),
    /// They were before.
    Already,
}

impl Signet {
    /// Takes a private key (PEM or private JWK) in as the next key of `algorithm`.
    ///
    /// # Errors
    /// [`KeyFileError`]; unless it is [`KeyFileError::Reload`], nothing has been changed.
    pub async fn import_key(
        self: &Arc<Self>,
        text: Zeroizing<String>,
        algorithm: Algorithm,
    ) -> Result<Imported, KeyFileError> {
        if !self.config.keys.algorithms.contains(&algorithm) {
            return Err(KeyFileError::NotConfigured(algorithm));
        }
        for _ in 0..ATTEMPTS {
            let keys = self.store.signing_keys().await?;
            self.check_clock(&keys).map_err(KeyFileError::Refused)?;
            let next = |key: &&SigningKey| key.algorithm == algorithm && key.state == KeyState::Next;
            let replaces = keys.iter().find(next).map(|key| key.kid.clone());
            let mut key = self.read_key(text.clone(), algorithm, keys).await?;
            key.longest_token = self.longest_token(&self.store.clients().await?);
            let imported = Imported { kid: key.kid.clone(), replaced: replaces.clone() };
            let canary = self.vault.canary().to_vec();
            let adoption = Adoption { key, replaces, canary, now: self.steady_now() };
            if self.store.adopt_key(adoption).await? == AdoptKey::Adopted {
                self.record(&Event::Key { kid: imported.kid.clone(), change: KeyChange::Published }).await;
                if let Some(kid) = imported.replaced.clone() {
                    let reason = format!("{} was imported in its place", imported.kid);
                    self.record(&Event::Key { kid, change: KeyChange::Revoked { reason } }).await;
                }
                self.reload_keys().await?;
                return Ok(imported);
            }
            self.check_canary().await.map_err(not_adopted)?;
        }
        Err(KeyFileError::Contended)
    }

    /// Testing the primes of an RSA key takes tenths of a second: on a thread for that, never on one that answers.
    async fn read_key(
        self: &Arc<Self>,
        text: Zeroizing<String>,
        algorithm: Algorithm,
        keys: Vec<SigningKey>,
    ) -> Result<SigningKey, KeyFileError> {
        let signet = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            import::import(&text, algorithm, &keys, &signet.vault, signet.steady_now(), signet.entropy.as_ref())
        });
        Ok(reading.await.map_err(|_| KeyFileError::Internal("reading a key did not finish"))??)
    }

    /// The public half of a key in any state.
    ///
    /// # Errors
    /// [`KeyFileError::Unknown`], [`KeyFileError::Store`].
    pub async fn export_public(&self, kid: &KeyId, form: PublicForm) -> Result<String, KeyFileError> {
        let key = self.signing_key(kid).await?;
        match form {
            PublicForm::Jwk => Ok(key.public_jwk),
            PublicForm::Pem => Ok(pem::public(&key.public_jwk)?),
        }
    }

    /// The private half of a next or active key, PKCS#8 in PEM, not encrypted. Who has it can sign tokens of this issuer.
    ///
    /// # Errors
    /// [`KeyFileError::NoPrivateHalf`] when it has been destroyed; [`KeyFileError::Unknown`], [`KeyFileError::Vault`],
    /// [`KeyFileError::Store`].
    pub async fn export_private(&self, kid: &KeyId) -> Result<Zeroizing<String>, KeyFileError> {
        let key = self.signing_key(kid).await?;
        let (KeyState::Next | KeyState::Active, Some(sealed)) = (key.state, key.sealed_private) else {
            return Err(KeyFileError::NoPrivateHalf(key.kid, key.state));
        };
        let pkcs8 = self.vault.unseal(kid, key.algorithm, &sealed)?;
        self.record(&Event::Key { kid: kid.clone(), change: KeyChange::Exported }).await;
        Ok(pem::private(&pkcs8))
    }

    async fn signing_key(&self, kid: &KeyId) -> Result<SigningKey, KeyFileError> {
        let keys = self.store.signing_keys().await?;
        keys.into_iter().find(|key| key.kid == *kid).ok_or_else(|| KeyFileError::Unknown(kid.clone()))
    }
}

/// Seals all private halves and the secret of pairwise subjects under another master key, in one transaction with the canary: afterwards the new one opens
/// everything and the old one nothing, before that it is the other way round, and there is no third. Write the new
/// master key where it will be found *before*: a crash after the commit must not lose it. Needs no open provider, so it
/// can be run again after such a crash and then says [`Reseal::Already`].
///
/// Everything else that comes from the master key changes with it, once servers are started with the new one. Forms that
/// are open in browsers have to be loaded again. Browsers count as new ones for throttling, and running throttles begin
/// at zero. Refresh families and sessions go on, because they are found by hashes without a key; only a refresh token so
/// old that its hash is gone is answered as unknown rather than as reused.
///
/// # Errors
/// [`KeyFileError::Vault`] with [`VaultError::WrongMasterKey`] when `old` is not the master key of this database;
/// [`KeyFileError::Sealed`] when a private half is damaged. Nothing has been changed.
pub async fn reseal(
    store: &Store,
    old: &MasterKey,
    new: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<Reseal, KeyFileError> {
    let (old, new) = (Vault::new(old), Vault::new(new));
    if old.canary() == new.canary() {
        return Err(KeyFileError::SameMasterKey);
    }
    for _ in 0..ATTEMPTS {
        let Some(kept) = store.instance_value(CANARY).await? else {
            return Err(KeyFileError::Vault(VaultError::WrongMasterKey));
        };
        if new.check_canary(&kept).is_ok() {
            return Ok(Reseal::Already);
        }
        old.check_canary(&kept)?;
        let mut resealed = Vec::new();
        for key in store.signing_keys().await? {
            let Some(sealed) = key.sealed_private else { continue };
            let again = old
                .reseal(&new, &key.kid, key.algorithm, &sealed, entropy)
                .map_err(|source| KeyFileError::Sealed { kid: key.kid.clone(), source })?;
            resealed.push(Resealed { kid: key.kid, old: sealed, new: again });
        }
        let subjects = match store.instance_value(SUBJECT_SECRET).await? {
            Some(sealed) => {
                let again = new.seal_subject_secret(&old.open_subject_secret(&sealed)?, entropy)?;
                Some(ResealedSecret { old: sealed, new: again })
            }
            None => None,
        };
        let count = resealed.len();
        if store.reseal_keys(resealed, subjects, kept, new.canary().to_vec()).await? {
            tracing::info!(event = "keys_resealed", keys = count);
            return Ok(Reseal::Done(count));
        }
    }
    Err(KeyFileError::Contended)
}

/// Nothing has come in yet.
fn not_adopted(fault: FlowError) -> KeyFileError {
    match fault {
        FlowError::Vault(fault) => KeyFileError::Vault(fault),
        FlowError::Store(fault) => KeyFileError::Store(fault),
        _ => KeyFileError::Internal("comparing master keys failed"),
    }
}
