//! How a command ends when it does not succeed: a sentence and an exit code.

use std::fmt;
use std::io;

use crate::config::ConfigErrors;
use crate::flow::error::FlowError;
use crate::flow::key_files::KeyFileError;
use crate::keys::import::Refused;
use crate::keys::revocation::NotRevoked;
use crate::outbound::OutboundError;
use crate::store::StoreError;

use super::output;

/// A sentence for stderr, and the exit code of its kind.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub message: String,
}

impl Failure {
    fn new(code: u8, message: &impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// Something went wrong: 1.
    #[must_use]
    pub fn failed(message: &impl fmt::Display) -> Self {
        Self::new(output::FAILED, message)
    }

    /// The command was used wrongly: 2.
    #[must_use]
    pub fn usage(message: &impl fmt::Display) -> Self {
        Self::new(output::USAGE, message)
    }

    /// Nothing to change: 3.
    #[must_use]
    pub fn unchanged(message: &impl fmt::Display) -> Self {
        Self::new(output::UNCHANGED, message)
    }

    /// There is no such thing: 4.
    #[must_use]
    pub fn not_found(message: &impl fmt::Display) -> Self {
        Self::new(output::NOT_FOUND, message)
    }

    /// A safety rule says no: 5.
    #[must_use]
    pub fn refused(message: &impl fmt::Display) -> Self {
        Self::new(output::REFUSED, message)
    }

    /// Server or database do not answer: 69.
    #[must_use]
    pub fn unavailable(message: &impl fmt::Display) -> Self {
        Self::new(output::UNAVAILABLE, message)
    }

    /// The configuration is not usable: 78.
    #[must_use]
    pub fn configuration(message: &impl fmt::Display) -> Self {
        Self::new(output::CONFIGURATION, message)
    }
}

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Self {
        match &error {
            FlowError::Store(store) => store.clone().into(),
            FlowError::RotationRefused(_) | FlowError::ClientTaken(_) | FlowError::ClockBehind { .. } => {
                Self::refused(&error)
            }
            FlowError::NotRevoked(NotRevoked::Unknown(_)) => Self::not_found(&error),
            FlowError::NotRevoked(NotRevoked::Before(_)) => Self::unchanged(&error),
            FlowError::Vault(_)
            | FlowError::Keys(_)
            | FlowError::ClientKeys { .. }
            | FlowError::Outbound(OutboundError::Settings(_)) => Self::configuration(&error),
            _ => Self::failed(&error),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::Store(store) => store.into(),
            KeyFileError::Reload(flow) | KeyFileError::Refused(flow) => flow.into(),
            KeyFileError::Unknown(_) => Self::not_found(&error),
            KeyFileError::Import(Refused::NameTaken(_) | Refused::Known(_))
            | KeyFileError::NotConfigured(_)
            | KeyFileError::NoPrivateHalf(..)
            | KeyFileError::SameMasterKey => Self::refused(&error),
            KeyFileError::Vault(_) | KeyFileError::Sealed { .. } => Self::configuration(&error),
            _ => Self::failed(&error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        // Whoever runs the command administers the database: here the detail helps, and nobody else sees it.
        let message = format!("{error}: {}", error.detail());
        match error {
            StoreError::Unavailable { .. } => Self::unavailable(&message),
            StoreError::Address(_) => Self::configuration(&message),
            _ => Self::failed(&message),
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::configuration(&errors)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(&error)
    }
}
