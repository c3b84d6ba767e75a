//! What can go wrong in a use case.

use std::time::Duration;

use crate::crypto::CryptoError;
use crate::crypto::jwk_set::JwkSetError;
use crate::crypto::password::PasswordError;
use crate::domain::ids::ClientId;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::time::Timestamp;
use crate::keys::KeysError;
use crate::keys::VaultError;
use crate::keys::revocation::NotRevoked;
use crate::keys::schedule::Refused;
use crate::outbound::OutboundError;
use crate::protocol::error::OAuthError;
use crate::store::StoreError;

/// The failure of a use case. Only [`FlowError::Refused`] says anything to the outside.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The standard's own answer to a request that must not succeed.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// The database is away, full or too slow. Nothing has been done; trying again is right.
    #[error("the database does not answer")]
    Store(#[from] StoreError),
    /// Too much of this work is under way.
    #[error("busy; try again in {} s", .retry_after.as_secs())]
    Busy { retry_after: Duration },
    /// Too many attempts.
    #[error("too many attempts; try again in {} s", .retry_after.as_secs())]
    Throttled { retry_after: Duration },
    #[error("no key signs with {0} yet; `signet keys list` says when one does")]
    NoKey(Algorithm),
    #[error("cryptography failed")]
    Crypto(#[from] CryptoError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The master key is not the right one, or what it sealed is damaged. Nothing was overwritten.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The signing keys in the database do not make a ring. The ring in force stays.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// This machine's clock shows a time long before what it has done already.
    #[error(
        "the clock of this machine shows {now}, but the signing key {kid} is of {at}: set the clock first. If the clock was \
         wrong then, revoke that key. Nothing was changed"
    )]
    ClockBehind { now: Timestamp, kid: KeyId, at: Timestamp },
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error(transparent)]
    RotationRefused(#[from] Refused),
    #[error(transparent)]
    NotRevoked(#[from] NotRevoked),
    #[error("the client {0} is in the database already and was not made from the configuration file")]
    ClientTaken(ClientId),
    #[error("the keys of client {client} in the configuration file cannot be used: {fault}")]
    ClientKeys { client: ClientId, fault: JwkSetError },
    #[error("an internal promise was broken: {0}")]
    Internal(&'static str),
}

impl FlowError {
    /// What the log may say: the sentence, and the detail that others do not get.
    #[must_use]
    pub fn for_the_log(&self) -> String {
        match self {
            Self::Store(store) => format!("{store}: {}", store.detail()),
            Self::Crypto(fault) => format!("{self}: {fault}"),
            other => other.to_string(),
        }
    }
}
