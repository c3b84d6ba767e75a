//! `signing_keys`

use std::time::Duration;

use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::signing_keys;

use super::instant;

const TABLE: &str = "signing_keys";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub(in crate::store) struct KeyRow {
    kid: String,
    algorithm: String,
    state: String,
    public_jwk: String,
    sealed_private: Option<Vec<u8>>,
    published_at: i64,
    activates_at: Option<i64>,
    activated_at: Option<i64>,
    retired_at: Option<i64>,
    longest_token: i64,
    leaves_at: Option<i64>,
    revoked_at: Option<i64>,
    revoked_reason: Option<String>,
}

impl From<SigningKey> for KeyRow {
    fn from(key: SigningKey) -> Self {
        Self {
            kid: key.kid.into(),
            algorithm: key.algorithm.as_str().to_owned(),
            state: key.state.as_str().to_owned(),
            public_jwk: key.public_jwk,
            sealed_private: key.sealed_private,
            published_at: key.published_at.micros(),
            activates_at: key.activates_at.map(Timestamp::micros),
            activated_at: key.activated_at.map(Timestamp::micros),
            retired_at: key.retired_at.map(Timestamp::micros),
            longest_token: i64::try_from(key.longest_token.as_micros()).unwrap_or(i64::MAX),
            leaves_at: key.leaves_at.map(Timestamp::micros),
            revoked_at: key.revoked_at.map(Timestamp::micros),
            revoked_reason: key.revoked_reason,
        }
    }
}

impl TryFrom<KeyRow> for SigningKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        Ok(Self {
            kid: KeyId::new(row.kid).map_err(|error| StoreError::corrupt(TABLE, error))?,
            algorithm: Algorithm::parse(&row.algorithm)
                .ok_or_else(|| StoreError::corrupt(TABLE, "an unknown algorithm"))?,
            state: KeyState::parse(&row.state).ok_or_else(|| StoreError::corrupt(TABLE, "an unknown state"))?,
            public_jwk: row.public_jwk,
            sealed_private: row.sealed_private,
            published_at: Timestamp::from_micros(row.published_at),
            activates_at: instant(row.activates_at),
            activated_at: instant(row.activated_at),
            retired_at: instant(row.retired_at),
            longest_token: Duration::from_micros(
                u64::try_from(row.longest_token).map_err(|_| StoreError::corrupt(TABLE, "a negative lifetime"))?,
            ),
            leaves_at: instant(row.leaves_at),
            revoked_at: instant(row.revoked_at),
            revoked_reason: row.revoked_reason,
        })
    }
}
