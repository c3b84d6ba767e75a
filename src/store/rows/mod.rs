//! Rows as the tables have them, and their way to and from the domain. One file per noun.

mod audit;
mod code;
mod family;
mod key;
mod registration;
mod request;
mod session;
mod user;

pub(super) use audit::AuditRow;
pub(super) use code::CodeRow;
pub(super) use family::FamilyRow;
pub(super) use key::KeyRow;
pub(super) use registration::InitialTokenRow;
pub(super) use registration::RegistrationRow;
pub(super) use request::AttemptRow;
pub(super) use session::SessionRow;
pub(super) use user::UserRow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::claims::ClaimsRequest;
use crate::domain::scope::Scope;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;

use super::error::StoreError;

pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::internal(error.to_string()))
}

/// Line and column only: the message of the parser may quote what is stored.
pub(super) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        StoreError::corrupt(table, format!("{:?} at {}:{}", error.classify(), error.line(), error.column()))
    })
}

pub(super) fn hash(table: &'static str, bytes: &[u8]) -> Result<SecretHash, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::corrupt(table, "a hash without 32 bytes"))?;
    Ok(SecretHash::from_bytes(bytes))
}

pub(super) fn bytes(hash: &SecretHash) -> Vec<u8> {
    hash.as_bytes().to_vec()
}

pub(super) fn scope(table: &'static str, text: &str) -> Result<Scope, StoreError> {
    Scope::parse(text).map_err(|error| StoreError::corrupt(table, error))
}

/// Hardly any code or family has some: no text for none.
pub(super) fn claims_to_json(claims: &ClaimsRequest) -> Result<Option<String>, StoreError> {
    (!claims.is_empty()).then(|| to_json(claims)).transpose()
}

pub(super) fn claims(table: &'static str, text: Option<&str>) -> Result<ClaimsRequest, StoreError> {
    text.map_or(Ok(ClaimsRequest::default()), |text| from_json(table, text))
}

pub(super) fn instant(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}
