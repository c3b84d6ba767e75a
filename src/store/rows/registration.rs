//! `registrations` and `initial_tokens`

use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::ids::ClientId;
use crate::domain::ids::InitialTokenId;
use crate::domain::registration::InitialToken;
use crate::domain::registration::Registration;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::initial_tokens;
use crate::store::schema::registrations;

use super::bytes;
use super::hash;
use super::instant;
use super::scope;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = registrations)]
pub(in crate::store) struct RegistrationRow {
    client_id: String,
    token: Vec<u8>,
    scope: Option<String>,
    initial_token: Option<String>,
    created_at: i64,
    used_at: Option<i64>,
}

impl From<Registration> for RegistrationRow {
    fn from(own: Registration) -> Self {
        Self {
            client_id: own.client_id.into(),
            token: bytes(&own.token),
            scope: own.scope.map(String::from),
            initial_token: own.initial_token.map(String::from),
            created_at: own.created_at.micros(),
            used_at: own.used_at.map(Timestamp::micros),
        }
    }
}

impl TryFrom<RegistrationRow> for Registration {
    type Error = StoreError;

    fn try_from(row: RegistrationRow) -> Result<Self, StoreError> {
        const TABLE: &str = "registrations";
        let corrupt = |error| StoreError::corrupt(TABLE, error);
        Ok(Self {
            client_id: ClientId::new(row.client_id).map_err(corrupt)?,
            token: hash(TABLE, &row.token)?,
            scope: row.scope.as_deref().map(|text| scope(TABLE, text)).transpose()?,
            initial_token: row.initial_token.map(InitialTokenId::new).transpose().map_err(corrupt)?,
            created_at: Timestamp::from_micros(row.created_at),
            used_at: instant(row.used_at),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = initial_tokens)]
pub(in crate::store) struct InitialTokenRow {
    id: String,
    hash: Vec<u8>,
    note: String,
    scope: Option<String>,
    clients: i64,
    registered: i64,
    created_at: i64,
    expires_at: i64,
}

impl From<InitialToken> for InitialTokenRow {
    fn from(own: InitialToken) -> Self {
        Self {
            id: own.id.into(),
            hash: bytes(&own.hash),
            note: own.note,
            scope: own.scope.map(String::from),
            clients: own.clients,
            registered: own.registered,
            created_at: own.created_at.micros(),
            expires_at: own.expires_at.micros(),
        }
    }
}

impl TryFrom<InitialTokenRow> for InitialToken {
    type Error = StoreError;

    fn try_from(row: InitialTokenRow) -> Result<Self, StoreError> {
        const TABLE: &str = "initial_tokens";
        Ok(Self {
            id: InitialTokenId::new(row.id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            hash: hash(TABLE, &row.hash)?,
            note: row.note,
            scope: row.scope.as_deref().map(|text| scope(TABLE, text)).transpose()?,
            clients: row.clients,
            registered: row.registered,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}
