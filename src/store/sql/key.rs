//! `signing_keys`. The database itself allows one active and one next key for each algorithm.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::ids::KeyId;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::key::Activation;
use crate::store::key::CreateKey;
use crate::store::rows::KeyRow;
use crate::store::schema::signing_keys;

use super::Conn;
use super::version;

pub(in crate::store) async fn all(conn: &mut Conn<'_>) -> Result<Vec<SigningKey>, StoreError> {
    let query = signing_keys::table.order((signing_keys::published_at, signing_keys::kid));
    let rows: Vec<KeyRow> = query.select(KeyRow::as_select()).load(conn).await?;
    rows.into_iter().map(SigningKey::try_from).collect()
}

pub(in crate::store) async fn create(conn: &mut Conn<'_>, key: SigningKey) -> Result<CreateKey, StoreError> {
    let row = KeyRow::from(key);
    let inserted = diesel::insert_into(signing_keys::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    if inserted == 0 {
        return Ok(CreateKey::Exists);
    }
    version::bump(conn, version::KEYS).await?;
    Ok(CreateKey::Created)
}

/// Fails with a conflict, and so changes nothing, when the keys are no longer as the plan saw them.
pub(in crate::store) async fn activate(conn: &mut Conn<'_>, activation: Activation) -> Result<(), StoreError> {
    let now = activation.now.micros();
    if let Some(retire) = activation.retire {
        let retired = diesel::update(signing_keys::table.find(retire.as_str()))
            .filter(signing_keys::state.eq(KeyState::Active.as_str()))
            .set((
                signing_keys::state.eq(KeyState::Retired.as_str()),
                signing_keys::retired_at.eq(Some(now)),
                signing_keys::leaves_at.eq(activation.leaves_at.map(Timestamp::micros)),
                signing_keys::sealed_private.eq(None::<Vec<u8>>),
            ))
            .execute(conn)
            .await?;
        as_planned(retired)?;
    }
    let activated = diesel::update(signing_keys::table.find(activation.kid.as_str()))
        .filter(signing_keys::state.eq(KeyState::Next.as_str()))
        .set((signing_keys::state.eq(KeyState::Active.as_str()), signing_keys::activated_at.eq(Some(now))))
        .execute(conn)
        .await?;
    as_planned(activated)?;
    version::bump(conn, version::KEYS).await
}

fn as_planned(changed: usize) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Conflict { constraint: "key_as_planned".to_owned() }) }
}

pub(in crate::store) async fn expire(conn: &mut Conn<'_>, kid: KeyId) -> Result<bool, StoreError> {
    let expired = diesel::update(signing_keys::table.find(kid.as_str()))
        .filter(signing_keys::state.eq(KeyState::Retired.as_str()))
        .set(signing_keys::state.eq(KeyState::Expired.as_str()))
        .execute(conn)
        .await?;
    if expired == 1 {
        version::bump(conn, version::KEYS).await?;
    }
    Ok(expired == 1)
}

pub(in crate::store) async fn revoke(conn: &mut Conn<'_>, kid: KeyId, now: Timestamp) -> Result<bool, StoreError> {
    let revoked = diesel::update(signing_keys::table.find(kid.as_str()))
        .filter(signing_keys::state.ne(KeyState::Revoked.as_str()))
        .set((
            signing_keys::state.eq(KeyState::Revoked.as_str()),
            signing_keys::revoked_at.eq(Some(now.micros())),
            signing_keys::sealed_private.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?;
    if revoked == 1 {
        version::bump(conn, version::KEYS).await?;
    }
    Ok(revoked == 1)
}
