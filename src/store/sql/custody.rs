//! `signing_keys`, the secret of pairwise subjects and the canary of the master key, together. Each fails with a conflict, and so changes nothing, when
//! the database is no longer as its caller saw it.

use diesel::prelude::*;

use crate::domain::key::KeyState;
use crate::store::custody::Adoption;
use crate::store::custody::CANARY;
use crate::store::custody::Resealed;
use crate::store::custody::ResealedSecret;
use crate::store::custody::SUBJECT_SECRET;
use crate::store::error::StoreError;
use crate::store::rows::KeyRow;
use crate::store::schema::instance;
use crate::store::schema::signing_keys;

use super::Conn;
use super::RunQueryDsl;
use super::version;

pub(in crate::store) async fn adopt(conn: &mut Conn<'_>, adoption: Adoption) -> Result<(), StoreError> {
    hold_canary(conn, &adoption.canary).await?;
    if let Some(old) = adoption.replaces {
        let revoked = diesel::update(signing_keys::table.find(old.as_str()))
            .filter(signing_keys::state.eq(KeyState::Next.as_str()))
            .set((
                signing_keys::state.eq(KeyState::Revoked.as_str()),
                signing_keys::revoked_at.eq(Some(adoption.now.micros())),
                signing_keys::sealed_private.eq(None::<Vec<u8>>),
            ))
            .execute(conn)
            .await?;
        as_seen(revoked, 1)?;
    }
    let row = KeyRow::from(adoption.key);
    let inserted = diesel::insert_into(signing_keys::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    as_seen(inserted, 1)?;
    version::bump(conn, version::KEYS).await
}

pub(in crate::store) async fn put_subject_secret(
    conn: &mut Conn<'_>,
    sealed: Vec<u8>,
    canary: Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    hold_canary(conn, &canary).await?;
    super::instance::put_if_absent(conn, SUBJECT_SECRET.to_owned(), sealed).await
}

/// Makes sure that this canary stays in force until the transaction ends. Writes the row as it is: whoever changes it
/// waits, or has changed it already.
pub(super) async fn hold_canary(conn: &mut Conn<'_>, canary: &[u8]) -> Result<(), StoreError> {
    let held = diesel::update(instance::table.find(CANARY))
        .filter(instance::value.eq(canary))
        .set(instance::value.eq(canary))
        .execute(conn)
        .await?;
    as_seen(held, 1)
}

pub(in crate::store) async fn reseal(
    conn: &mut Conn<'_>,
    keys: Vec<Resealed>,
    subjects: Option<ResealedSecret>,
    old_canary: Vec<u8>,
    new_canary: Vec<u8>,
) -> Result<(), StoreError> {
    let exchanged = diesel::update(instance::table.find(CANARY))
        .filter(instance::value.eq(old_canary))
        .set(instance::value.eq(new_canary))
        .execute(conn)
        .await?;
    as_seen(exchanged, 1)?;
    let secrets = usize::from(subjects.is_some());
    if let Some(ResealedSecret { old, new }) = subjects {
        let resealed = diesel::update(instance::table.find(SUBJECT_SECRET))
            .filter(instance::value.eq(old))
            .set(instance::value.eq(new))
            .execute(conn)
            .await?;
        as_seen(resealed, 1)?;
    }
    let there: i64 = instance::table.find(SUBJECT_SECRET).count().get_result(conn).await?;
    as_seen(usize::try_from(there).unwrap_or(usize::MAX), secrets)?;
    let expected = keys.len();
    for key in keys {
        let resealed = diesel::update(signing_keys::table.find(key.kid.as_str()))
            .filter(signing_keys::sealed_private.eq(Some(key.old)))
            .set(signing_keys::sealed_private.eq(Some(key.new)))
            .execute(conn)
            .await?;
        as_seen(resealed, 1)?;
    }
    let sealed: i64 =
        signing_keys::table.filter(signing_keys::sealed_private.is_not_null()).count().get_result(conn).await?;
    as_seen(usize::try_from(sealed).unwrap_or(usize::MAX), expected)?;
    version::bump(conn, version::KEYS).await
}

fn as_seen(found: usize, expected: usize) -> Result<(), StoreError> {
    if found == expected { Ok(()) } else { Err(StoreError::Conflict { constraint: "keys_as_seen".to_owned() }) }
}
