//! Faults that others have had, put back in on request: a simulation that does not find them proves nothing.

use diesel::sql_types::BigInt;
use diesel::sql_types::Binary;
use diesel::sql_types::Text;
use futures_util::FutureExt;

use crate::domain::family::Family;
use crate::domain::ids::FamilyId;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::store::code::RedeemCode;
use crate::store::error::StoreError;
use crate::store::family::RotateFamily;
use crate::store::family::Rotation;
use crate::store::sqlite::Conn;
use crate::store::sqlite::RunQueryDsl;
use crate::store::sqlite::sql;

use super::Simulated;
use super::Work;

/// A fault in a statement, or around one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A code is looked up, and then marked as used whatever has happened since.
    ReadThenWriteRedemption,
    /// A refresh token is looked up, and then exchanged whatever has happened since.
    ReadThenWriteRotation,
    /// A rotation looks at the token, but not at whether the family has been revoked since.
    RotationIgnoresRevocation,
    /// A key leaves the JWKS as soon as it no longer signs.
    OldKeyDroppedEarly,
}

impl Fault {
    pub const ALL: [Self; 4] = [
        Self::ReadThenWriteRedemption,
        Self::ReadThenWriteRotation,
        Self::RotationIgnoresRevocation,
        Self::OldKeyDroppedEarly,
    ];
}

pub(in crate::store) async fn redeem_after_reading(
    db: &Simulated,
    hash: SecretHash,
    now: Timestamp,
    family: Family,
) -> Result<RedeemCode, StoreError> {
    let code = db.call(Work::Read, "code::one", move |conn| sql::code::one(conn, hash).now_or_never()).await?;
    let unused = code.is_some_and(|code| code.redeemed.is_none());
    let write = move |conn: &mut Conn<'static>| redeem(conn, hash, now, family, unused).now_or_never();
    db.call(Work::Transaction, "code::redeem", write).await
}

async fn redeem(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    now: Timestamp,
    family: Family,
    unused: bool,
) -> Result<RedeemCode, StoreError> {
    if unused {
        diesel::sql_query("UPDATE codes SET redeemed_at = NULL, family_id = NULL WHERE hash = ?")
            .bind::<Binary, _>(hash.as_bytes().to_vec())
            .execute(conn)
            .await?;
    }
    sql::code::redeem(conn, hash, now, family).await
}

pub(in crate::store) async fn rotate_after_reading(
    db: &Simulated,
    id: FamilyId,
    rotation: Rotation,
) -> Result<RotateFamily, StoreError> {
    let read = id.clone();
    let family = db.call(Work::Read, "family::one", move |conn| sql::family::one(conn, read).now_or_never()).await?;
    let current = family.is_some_and(|family| family.current == Some(rotation.presented));
    let write = move |conn: &mut Conn<'static>| rotate(conn, id, rotation, current).now_or_never();
    db.call(Work::Transaction, "family::rotate", write).await
}

async fn rotate(
    conn: &mut Conn<'_>,
    id: FamilyId,
    rotation: Rotation,
    current: bool,
) -> Result<RotateFamily, StoreError> {
    if current {
        diesel::sql_query("UPDATE families SET current_hash = ? WHERE id = ? AND revoked_at IS NULL")
            .bind::<Binary, _>(rotation.presented.as_bytes().to_vec())
            .bind::<Text, _>(id.as_str())
            .execute(conn)
            .await?;
    }
    sql::family::rotate(conn, id, rotation).await
}

pub(in crate::store) async fn rotate_in_spite_of_revocation(
    db: &Simulated,
    id: FamilyId,
    rotation: Rotation,
) -> Result<RotateFamily, StoreError> {
    let write = move |conn: &mut Conn<'static>| rotate_anyway(conn, id, rotation).now_or_never();
    db.call(Work::Transaction, "family::rotate", write).await
}

async fn rotate_anyway(conn: &mut Conn<'_>, id: FamilyId, rotation: Rotation) -> Result<RotateFamily, StoreError> {
    let revived = "UPDATE families SET revoked_at = NULL, revocation = NULL, idle_expires_at = ? \
                   WHERE id = ? AND current_hash = ?";
    diesel::sql_query(revived)
        .bind::<BigInt, _>(rotation.idle_expires_at.micros())
        .bind::<Text, _>(id.as_str())
        .bind::<Binary, _>(rotation.presented.as_bytes().to_vec())
        .execute(conn)
        .await?;
    sql::family::rotate(conn, id, rotation).await
}
