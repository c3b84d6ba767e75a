//! `families`

use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::family::Family;
use crate::domain::family::Revocation;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::place::Place;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::families;

use super::bytes;
use super::claims;
use super::claims_to_json;
use super::from_json;
use super::hash;
use super::instant;
use super::scope;
use super::to_json;

const TABLE: &str = "families";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = families)]
pub(in crate::store) struct FamilyRow {
    id: String,
    client_id: String,
    user_id: String,
    session_id: Option<String>,
    scope: String,
    resources: String,
    /// Whether it outlives the session: the scope has `offline_access` (OpenID Connect Core section 11).
    offline: bool,
    claims: Option<String>,
    authentication: String,
    generation: i64,
    current_hash: Option<Vec<u8>>,
    previous_hash: Option<Vec<u8>>,
    successor: Option<Vec<u8>>,
    rotated_at: Option<i64>,
    rotated_from: Option<String>,
    created_at: i64,
    idle_expires_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    revocation: Option<String>,
}

impl TryFrom<&Family> for FamilyRow {
    type Error = StoreError;

    fn try_from(family: &Family) -> Result<Self, StoreError> {
        Ok(Self {
            id: family.id.as_str().to_owned(),
            client_id: family.client_id.as_str().to_owned(),
            user_id: family.user_id.as_str().to_owned(),
            session_id: family.session_id.as_ref().map(|id| id.as_str().to_owned()),
            scope: family.scope.to_string(),
            resources: to_json(&family.resources)?,
            offline: family.scope.contains("offline_access"),
            claims: claims_to_json(&family.claims)?,
            authentication: to_json(&family.authentication)?,
            generation: family.generation,
            current_hash: family.current.as_ref().map(bytes),
            previous_hash: family.previous.as_ref().map(bytes),
            successor: family.successor.clone(),
            rotated_at: family.rotated_at.map(Timestamp::micros),
            rotated_from: family.rotated_from.as_ref().map(Place::to_string),
            created_at: family.created_at.micros(),
            // Never later than the absolute end: the clean-up goes by this one alone.
            idle_expires_at: family.idle_expires_at.min(family.expires_at).micros(),
            expires_at: family.expires_at.micros(),
            revoked_at: family.revoked.map(|revoked| revoked.at.micros()),
            revocation: family.revoked.map(|revoked| revoked.reason.as_str().to_owned()),
        })
    }
}

impl TryFrom<FamilyRow> for Family {
    type Error = StoreError;

    fn try_from(row: FamilyRow) -> Result<Self, StoreError> {
        let revoked = match (row.revoked_at, row.revocation) {
            (Some(at), Some(reason)) => Some(Revocation {
                at: Timestamp::from_micros(at),
                reason: RevocationReason::parse(&reason)
                    .ok_or_else(|| StoreError::corrupt(TABLE, "an unknown reason of revocation"))?,
            }),
            (None, None) => None,
            _ => return Err(StoreError::corrupt(TABLE, "half a revocation")),
        };
        let session_id = row.session_id.map(SessionId::new).transpose();
        Ok(Self {
            id: FamilyId::new(row.id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            client_id: ClientId::new(row.client_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            user_id: UserId::new(row.user_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            session_id: session_id.map_err(|error| StoreError::corrupt(TABLE, error))?,
            scope: scope(TABLE, &row.scope)?,
            resources: from_json(TABLE, &row.resources)?,
            claims: claims(TABLE, row.claims.as_deref())?,
            authentication: from_json(TABLE, &row.authentication)?,
            generation: row.generation,
            current: row.current_hash.map(|bytes| hash(TABLE, &bytes)).transpose()?,
            previous: row.previous_hash.map(|bytes| hash(TABLE, &bytes)).transpose()?,
            successor: row.successor,
            rotated_at: instant(row.rotated_at),
            rotated_from: row.rotated_from.as_deref().and_then(Place::parse),
            created_at: Timestamp::from_micros(row.created_at),
            idle_expires_at: Timestamp::from_micros(row.idle_expires_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            revoked,
        })
    }
}
