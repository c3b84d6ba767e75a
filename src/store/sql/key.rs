//! `signing_keys`. The database itself allows one active and one next key for each algorithm.

use std::time::Duration;

use diesel::prelude::*;

use crate::domain::ids::KeyId;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::key::Activation;
use crate::store::key::Revocation;
use crate::store::rows::KeyRow;
use crate::store::schema::signing_keys;

use super::Conn;
use super::RunQueryDsl;
use super::custody;
use super::version;

pub(in crate::store) async fn all(conn: &mut Conn<'_>) -> Result<Vec<SigningKey>, StoreError> {
    let query = signing_keys::table.order((signing_keys::published_at, signing_keys::kid));
    let rows: Vec<KeyRow> = query.select(KeyRow::as_select()).load(conn).await?;
    rows.into_iter().map(SigningKey::try_from).collect()
}

pub(in crate::store) async fn create(
    conn: &mut Conn<'_>,
    keys: Vec<SigningKey>,
    canary: Vec<u8>,
) -> Result<(), StoreError> {
    custody::hold_canary(conn, &canary).await?;
    insert(conn, keys).await?;
    version::bump(conn, version::KEYS).await
}

async fn insert(conn: &mut Conn<'_>, keys: impl IntoIterator<Item = SigningKey>) -> Result<(), StoreError> {
    for key in keys {
        let row = KeyRow::from(key);
        let inserted = diesel::insert_into(signing_keys::table).values(row).on_conflict_do_nothing();
        as_planned(inserted.execute(conn).await?)?;
    }
    Ok(())
}

pub(in crate::store) async fn raise_longest_token(
    conn: &mut Conn<'_>,
    kid: KeyId,
    longest: Duration,
) -> Result<(), StoreError> {
    let longest = micros(longest);
    let raised = diesel::update(signing_keys::table.find(kid.as_str()))
        .filter(signing_keys::state.eq_any([KeyState::Next.as_str(), KeyState::Active.as_str()]))
        .filter(signing_keys::longest_token.lt(longest))
        .set(signing_keys::longest_token.eq(longest))
        .execute(conn)
        .await?;
    as_planned(raised)?;
    version::bump(conn, version::KEYS).await
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// A plan may be brought forward but never put off: a node that has seen it may go by it already.
pub(in crate::store) async fn plan_activations(
    conn: &mut Conn<'_>,
    plans: Vec<(KeyId, Timestamp)>,
) -> Result<(), StoreError> {
    for (kid, at) in plans {
        let at = at.micros();
        let planned = diesel::update(signing_keys::table.find(kid.as_str()))
            .filter(signing_keys::state.eq(KeyState::Next.as_str()))
            .filter(signing_keys::activates_at.is_null().or(signing_keys::activates_at.gt(at)))
            .set(signing_keys::activates_at.eq(Some(at)))
            .execute(conn)
            .await?;
        as_planned(planned)?;
    }
    version::bump(conn, version::KEYS).await
}

/// Fails with a conflict, and so changes nothing, when the keys are no longer as the plan saw them.
pub(in crate::store) async fn activate(conn: &mut Conn<'_>, activation: Activation) -> Result<(), StoreError> {
    if activation.successor.is_some() {
        // Before any key, as a reseal does: neither can wait for the other.
        custody::hold_canary(conn, &activation.canary).await?;
    }
    if let Some(retire) = activation.retire {
        let retired = diesel::update(signing_keys::table.find(retire.as_str()))
            .filter(signing_keys::state.eq(KeyState::Active.as_str()))
            // It may have signed a longer one since the plan was made.
            .filter(signing_keys::longest_token.le(micros(activation.longest_token)))
            .set((
                signing_keys::state.eq(KeyState::Retired.as_str()),
                signing_keys::retired_at.eq(Some(activation.at.micros())),
                signing_keys::leaves_at.eq(activation.leaves_at.map(Timestamp::micros)),
                signing_keys::sealed_private.eq(None::<Vec<u8>>),
            ))
            .execute(conn)
            .await?;
        as_planned(retired)?;
    }
    take_office(conn, &activation.kid, activation.at).await?;
    insert(conn, activation.successor).await?;
    version::bump(conn, version::KEYS).await
}

async fn take_office(conn: &mut Conn<'_>, kid: &KeyId, at: Timestamp) -> Result<(), StoreError> {
    let activated = diesel::update(signing_keys::table.find(kid.as_str()))
        .filter(signing_keys::state.eq(KeyState::Next.as_str()))
        .set((
            signing_keys::state.eq(KeyState::Active.as_str()),
            signing_keys::activates_at.eq(None::<i64>),
            signing_keys::activated_at.eq(Some(at.micros())),
        ))
        .execute(conn)
        .await?;
    as_planned(activated)
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

pub(in crate::store) async fn forget(conn: &mut Conn<'_>, kid: KeyId) -> Result<bool, StoreError> {
    let expired = diesel::delete(signing_keys::table.find(kid.as_str()))
        .filter(signing_keys::state.eq(KeyState::Expired.as_str()));
    let forgotten = expired.execute(conn).await? == 1;
    if forgotten {
        version::bump(conn, version::KEYS).await?;
    }
    Ok(forgotten)
}

pub(in crate::store) async fn revoke(conn: &mut Conn<'_>, revocation: Revocation) -> Result<(), StoreError> {
    if !revocation.create.is_empty() {
        custody::hold_canary(conn, &revocation.canary).await?;
    }
    let revoked = diesel::update(signing_keys::table.find(revocation.kid.as_str()))
        .filter(signing_keys::state.eq(revocation.state.as_str()))
        .filter(signing_keys::state.ne(KeyState::Revoked.as_str()))
        .set((
            signing_keys::state.eq(KeyState::Revoked.as_str()),
            signing_keys::activates_at.eq(None::<i64>),
            signing_keys::revoked_at.eq(Some(revocation.now.micros())),
            signing_keys::revoked_reason.eq(Some(revocation.reason)),
            signing_keys::sealed_private.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?;
    as_planned(revoked)?;
    if let Some(next) = revocation.activate {
        take_office(conn, &next, revocation.now).await?;
    }
    insert(conn, revocation.create).await?;
    version::bump(conn, version::KEYS).await
}
