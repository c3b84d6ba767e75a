//! `sessions`

use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::sessions;

use super::bytes;
use super::from_json;
use super::hash;
use super::instant;
use super::to_json;

const TABLE: &str = "sessions";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub(in crate::store) struct SessionRow {
    pub(in crate::store) hash: Vec<u8>,
    id: String,
    user_id: String,
    pub(in crate::store) authentication: String,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) last_seen_at: i64,
    pub(in crate::store) idle_expires_at: i64,
    pub(in crate::store) expires_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<&Session> for SessionRow {
    type Error = StoreError;

    fn try_from(session: &Session) -> Result<Self, StoreError> {
        Ok(Self {
            hash: bytes(&session.hash),
            id: session.id.as_str().to_owned(),
            user_id: session.user_id.as_str().to_owned(),
            authentication: to_json(&session.authentication)?,
            created_at: session.created_at.micros(),
            last_seen_at: session.last_seen_at.micros(),
            idle_expires_at: session.idle_expires_at.micros(),
            expires_at: session.expires_at.micros(),
            ended_at: session.ended_at.map(Timestamp::micros),
        })
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            hash: hash(TABLE, &row.hash)?,
            id: SessionId::new(row.id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            user_id: UserId::new(row.user_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            authentication: from_json(TABLE, &row.authentication)?,
            created_at: Timestamp::from_micros(row.created_at),
            last_seen_at: Timestamp::from_micros(row.last_seen_at),
            idle_expires_at: Timestamp::from_micros(row.idle_expires_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            ended_at: instant(row.ended_at),
        })
    }
}
