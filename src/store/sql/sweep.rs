//! Takes away what nobody will ask for again, a few rows at a time. The condition stands in the DELETE too: a row may
//! have been used again since it was looked at.

use diesel::prelude::*;

use crate::domain::ids::FamilyId;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::assertions;
use crate::store::schema::attempts;
use crate::store::schema::audit;
use crate::store::schema::codes;
use crate::store::schema::denials;
use crate::store::schema::families;
use crate::store::schema::initial_tokens;
use crate::store::schema::jwks_readers;
use crate::store::schema::key_usage;
use crate::store::schema::sessions;
use crate::store::schema::setup_links;
use crate::store::schema::throttles;
use crate::store::sweep::SweptFamilies;

use super::Conn;
use super::RunQueryDsl;
use super::denial::GRANT;
use super::denial::TOKEN;

pub(in crate::store) async fn attempts(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale: Vec<String> =
        attempts::table.filter(attempts::expires_at.le(end)).select(attempts::id).limit(batch).load(conn).await?;
    let stale = diesel::delete(attempts::table).filter(attempts::id.eq_any(stale)).filter(attempts::expires_at.le(end));
    Ok(stale.execute(conn).await?)
}

pub(in crate::store) async fn codes(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale: Vec<Vec<u8>> =
        codes::table.filter(codes::expires_at.le(end)).select(codes::hash).limit(batch).load(conn).await?;
    let stale = diesel::delete(codes::table).filter(codes::hash.eq_any(stale)).filter(codes::expires_at.le(end));
    Ok(stale.execute(conn).await?)
}

pub(in crate::store) async fn sessions(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale: Vec<Vec<u8>> = sessions::table
        .filter(sessions::idle_expires_at.le(end).or(sessions::expires_at.le(end)).or(sessions::ended_at.le(end)))
        .select(sessions::hash)
        .limit(batch)
        .load(conn)
        .await?;
    let stale = diesel::delete(sessions::table)
        .filter(sessions::hash.eq_any(stale))
        .filter(sessions::idle_expires_at.le(end).or(sessions::expires_at.le(end)).or(sessions::ended_at.le(end)));
    Ok(stale.execute(conn).await?)
}

/// In the order of their names. There is no index of when families end: each refresh would have to move its entry.
pub(in crate::store) async fn families(
    conn: &mut Conn<'_>,
    after: Option<FamilyId>,
    end: Timestamp,
    batch: i64,
) -> Result<SweptFamilies, StoreError> {
    let end = end.micros();
    let beyond = families::id.gt(after.as_ref().map_or("", FamilyId::as_str));
    let rows = families::table.filter(beyond).order(families::id).limit(batch);
    let rows: Vec<(String, i64)> = rows.select((families::id, families::idle_expires_at)).load(conn).await?;
    let is_full = usize::try_from(batch).is_ok_and(|batch| rows.len() >= batch);
    let last = rows.last().filter(|_| is_full).map(|(id, _)| FamilyId::new(id));
    let last = last.transpose().map_err(|error| StoreError::corrupt("families", error))?;
    let stale: Vec<String> = rows.into_iter().filter(|(_, idle_end)| *idle_end <= end).map(|(id, _)| id).collect();
    if stale.is_empty() {
        return Ok(SweptFamilies { gone: 0, last });
    }
    let stale =
        diesel::delete(families::table).filter(families::id.eq_any(stale)).filter(families::idle_expires_at.le(end));
    Ok(SweptFamilies { gone: stale.execute(conn).await?, last })
}

pub(in crate::store) async fn denials(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale = denials::table.filter(denials::expires_at.le(end)).select((denials::kind, denials::id)).limit(batch);
    let stale: Vec<(String, String)> = stale.load(conn).await?;
    let mut swept = 0;
    for kind in [TOKEN, GRANT] {
        let ids = stale.iter().filter(|row| row.0 == kind).map(|row| row.1.as_str());
        let stale = denials::table.filter(denials::kind.eq(kind).and(denials::id.eq_any(ids)));
        swept += diesel::delete(stale.filter(denials::expires_at.le(end))).execute(conn).await?;
    }
    Ok(swept)
}

pub(in crate::store) async fn assertions(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale: Vec<Vec<u8>> = assertions::table
        .filter(assertions::expires_at.le(end))
        .select(assertions::hash)
        .limit(batch)
        .load(conn)
        .await?;
    let stale =
        diesel::delete(assertions::table).filter(assertions::hash.eq_any(stale)).filter(assertions::expires_at.le(end));
    Ok(stale.execute(conn).await?)
}

pub(in crate::store) async fn throttles(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale: Vec<Vec<u8>> =
        throttles::table.filter(throttles::forget_at.le(end)).select(throttles::bucket).limit(batch).load(conn).await?;
    let stale =
        diesel::delete(throttles::table).filter(throttles::bucket.eq_any(stale)).filter(throttles::forget_at.le(end));
    Ok(stale.execute(conn).await?)
}

pub(in crate::store) async fn setup_links(
    conn: &mut Conn<'_>,
    end: Timestamp,
    batch: i64,
) -> Result<usize, StoreError> {
    let end = end.micros();
    let stale: Vec<Vec<u8>> = setup_links::table
        .filter(setup_links::expires_at.le(end))
        .select(setup_links::hash)
        .limit(batch)
        .load(conn)
        .await?;
    let stale = diesel::delete(setup_links::table)
        .filter(setup_links::hash.eq_any(stale))
        .filter(setup_links::expires_at.le(end));
    Ok(stale.execute(conn).await?)
}

/// An administrator makes each of them, so there are never many.
pub(in crate::store) async fn initial_tokens(conn: &mut Conn<'_>, end: Timestamp) -> Result<usize, StoreError> {
    let stale = initial_tokens::table.filter(initial_tokens::expires_at.le(end.micros()));
    Ok(diesel::delete(stale).execute(conn).await?)
}

/// Few rows end at once: each was written every few seconds as long as its reader came.
pub(in crate::store) async fn readers(conn: &mut Conn<'_>, end: Timestamp) -> Result<usize, StoreError> {
    let stale = jwks_readers::table.filter(jwks_readers::last_at.le(end.micros()));
    Ok(diesel::delete(stale).execute(conn).await?)
}

/// One row for each key and hour.
pub(in crate::store) async fn usage(conn: &mut Conn<'_>, end_hour: i64) -> Result<usize, StoreError> {
    Ok(diesel::delete(key_usage::table.filter(key_usage::hour.le(end_hour))).execute(conn).await?)
}

/// The oldest entries have the smallest numbers: no other ones are looked at.
pub(in crate::store) async fn audit(conn: &mut Conn<'_>, end: Timestamp, batch: i64) -> Result<usize, StoreError> {
    let oldest: Vec<(i64, i64)> =
        audit::table.select((audit::id, audit::at)).order(audit::id).limit(batch).load(conn).await?;
    let stale: Vec<i64> = oldest.into_iter().filter(|(_, at)| *at <= end.micros()).map(|(id, _)| id).collect();
    if stale.is_empty() {
        return Ok(0);
    }
    Ok(diesel::delete(audit::table.filter(audit::id.eq_any(stale))).execute(conn).await?)
}
