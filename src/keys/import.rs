//! Keys that were made elsewhere, as rows of ours.

use super::vault::Vault;
use super::vault::VaultError;
use crate::ambient::Entropy;
use crate::crypto::import;
use crate::crypto::import::ImportError;
use crate::crypto::jwk;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// Why a key cannot come in. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Text(#[from] ImportError),
    /// Two keys of one name: a verifier would take one for the other.
    #[error("there is a signing key called {0} already")]
    NameTaken(KeyId),
    /// The same key under two names, or for two algorithms.
    #[error("the same key is here already; it is called {0}")]
    Known(KeyId),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Reads a private key (PEM or private JWK) as the next key of `algorithm`, published now; `keys` are all that there are.
/// A JWK keeps its `kid`, so that tokens signed elsewhere can still be verified; other keys get a name like
/// `2026-11-22-es256-import-a`.
///
/// # Errors
/// [`Refused`].
pub fn import(
    text: &str,
    algorithm: Algorithm,
    keys: &[SigningKey],
    vault: &Vault,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SigningKey, Refused> {
    let imported = import::read(text, algorithm)?;
    let is_taken = |kid: &KeyId| keys.iter().any(|key| key.kid == *kid);
    let kid = match imported.kid.clone() {
        Some(kid) if is_taken(&kid) => return Err(Refused::NameTaken(kid)),
        Some(kid) => kid,
        None => free_name(algorithm, keys, now),
    };
    let unreadable = || Refused::Text(ImportError::Damaged);
    let public_jwk = imported.public_jwk(&kid).ok_or_else(unreadable)?;
    let thumbprint = jwk::thumbprint(&public_jwk).map_err(|_| unreadable())?;
    if let Some(same) = keys.iter().find(|key| jwk::thumbprint(&key.public_jwk).as_ref() == Ok(&thumbprint)) {
        return Err(Refused::Known(same.kid.clone()));
    }
    let sealed = vault.seal(&kid, algorithm, &imported.private_pkcs8, entropy)?;
    Ok(SigningKey {
        kid,
        algorithm,
        state: KeyState::Next,
        public_jwk,
        sealed_private: Some(sealed),
        published_at: now,
        activated_at: None,
        retired_at: None,
        longest_token: std::time::Duration::ZERO,
        leaves_at: None,
        revoked_at: None,
        activates_at: None,
        revoked_reason: None,
    })
}

/// The date, the algorithm and the first free letter.
fn free_name(algorithm: Algorithm, keys: &[SigningKey], now: Timestamp) -> KeyId {
    let date = jiff::Timestamp::from_second(now.seconds())
        .map_or_else(|_| now.seconds().to_string(), |instant| instant.strftime("%Y-%m-%d").to_string());
    let prefix = format!("{date}-{}-import-", algorithm.as_str().to_ascii_lowercase());
    let mut letters = 1;
    loop {
        for letter in 'a'..='z' {
            let name = prefix.clone() + &letter.to_string().repeat(letters);
            if let Ok(kid) = KeyId::new(name)
                && !keys.iter().any(|key| key.kid == kid)
            {
                return kid;
            }
        }
        letters += 1;
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
