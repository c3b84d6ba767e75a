//! `attempts`

use diesel::prelude::*;

use crate::domain::ids::RequestId;
use crate::domain::request::Attempt;
use crate::domain::request::Consented;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::rows::AttemptRow;
use crate::store::schema::attempts;

use super::Conn;
use super::RunQueryDsl;

pub(in crate::store) async fn begin(
    conn: &mut Conn<'_>,
    attempt: Attempt,
    max_per_browser: i64,
) -> Result<(), StoreError> {
    let row = AttemptRow::try_from(&attempt)?;
    diesel::insert_into(attempts::table).values(row).execute(conn).await?;
    // The new one stays whatever the clocks of other nodes say. SQLite has no OFFSET without LIMIT.
    let beyond: Vec<String> = attempts::table
        .filter(attempts::browser.eq(attempt.browser.as_bytes().as_slice()))
        .filter(attempts::id.ne(attempt.id.as_str()))
        .order((attempts::created_at.desc(), attempts::id.desc()))
        .select(attempts::id)
        .limit(i64::MAX)
        .offset(max_per_browser.max(1) - 1)
        .load(conn)
        .await?;
    for id in beyond {
        diesel::delete(attempts::table.find(id)).execute(conn).await?;
    }
    Ok(())
}

pub(in crate::store) async fn one(conn: &mut Conn<'_>, id: RequestId) -> Result<Option<Attempt>, StoreError> {
    let row = attempts::table.find(id.as_str()).select(AttemptRow::as_select()).get_result(conn).await.optional()?;
    row.map(Attempt::try_from).transpose()
}

pub(in crate::store) async fn record_consent(
    conn: &mut Conn<'_>,
    id: RequestId,
    browser: SecretHash,
    consented: Consented,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let recorded = diesel::update(attempts::table.find(id.as_str()))
        .filter(attempts::browser.eq(browser.as_bytes().as_slice()))
        .filter(attempts::finished_at.is_null().and(attempts::expires_at.gt(now.micros())))
        .set((
            attempts::consented.eq(Some(consented.scope.to_string())),
            attempts::consented_by.eq(Some(consented.user_id.to_string())),
        ))
        .execute(conn)
        .await?;
    Ok(recorded == 1)
}

pub(in crate::store) async fn select_account(
    conn: &mut Conn<'_>,
    id: RequestId,
    browser: SecretHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let selected = diesel::update(attempts::table.find(id.as_str()))
        .filter(attempts::browser.eq(browser.as_bytes().as_slice()))
        .filter(attempts::finished_at.is_null().and(attempts::expires_at.gt(now.micros())))
        .set(attempts::account_selected.eq(true))
        .execute(conn)
        .await?;
    Ok(selected == 1)
}

/// An attempt is answered once, with a code or with an error.
pub(in crate::store) async fn finish(conn: &mut Conn<'_>, id: RequestId, now: Timestamp) -> Result<bool, StoreError> {
    let finished = diesel::update(attempts::table.find(id.as_str()))
        .filter(attempts::finished_at.is_null().and(attempts::expires_at.gt(now.micros())))
        .set(attempts::finished_at.eq(Some(now.micros())))
        .execute(conn)
        .await?;
    Ok(finished == 1)
}
