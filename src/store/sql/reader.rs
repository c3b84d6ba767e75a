//! `jwks_readers`

use diesel::prelude::*;

use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::reader::OTHER;
use crate::store::reader::Reader;
use crate::store::schema::jwks_readers;

use super::Conn;
use super::RunQueryDsl;

pub(in crate::store) async fn count(conn: &mut Conn<'_>, fetched: Vec<Reader>, most: i64) -> Result<(), StoreError> {
    let mut room = None;
    for mut reader in fetched {
        if add(conn, &reader).await? {
            continue;
        }
        let free = match room {
            Some(free) => free,
            None => most - jwks_readers::table.count().get_result::<i64>(conn).await?,
        };
        room = Some(free - 1);
        if free <= 0 {
            OTHER.clone_into(&mut reader.address);
            OTHER.clone_into(&mut reader.agent);
        }
        // Another node may have met the same reader a moment ago.
        if !insert(conn, &reader).await? {
            add(conn, &reader).await?;
        }
    }
    Ok(())
}

/// False when the reader is new.
async fn add(conn: &mut Conn<'_>, reader: &Reader) -> Result<bool, StoreError> {
    let known = jwks_readers::table.find((&reader.address, &reader.agent));
    let added = diesel::update(known).set(jwks_readers::fetches.eq(jwks_readers::fetches + reader.fetches));
    if added.execute(conn).await? == 0 {
        return Ok(false);
    }
    // A node that counts late does not turn time back.
    diesel::update(known)
        .filter(jwks_readers::last_at.lt(reader.last_at.micros()))
        .set((jwks_readers::last_at.eq(reader.last_at.micros()), jwks_readers::etag.eq(&reader.etag)))
        .execute(conn)
        .await?;
    Ok(true)
}

async fn insert(conn: &mut Conn<'_>, reader: &Reader) -> Result<bool, StoreError> {
    let row = (
        jwks_readers::address.eq(&reader.address),
        jwks_readers::agent.eq(&reader.agent),
        jwks_readers::first_at.eq(reader.first_at.micros()),
        jwks_readers::last_at.eq(reader.last_at.micros()),
        jwks_readers::fetches.eq(reader.fetches),
        jwks_readers::etag.eq(&reader.etag),
    );
    let inserted = diesel::insert_into(jwks_readers::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    Ok(inserted == 1)
}

pub(in crate::store) async fn all(conn: &mut Conn<'_>) -> Result<Vec<Reader>, StoreError> {
    let query = jwks_readers::table.order((jwks_readers::last_at.desc(), jwks_readers::address, jwks_readers::agent));
    let rows: Vec<(String, String, i64, i64, i64, String)> = query.load(conn).await?;
    let reader = |(address, agent, first_at, last_at, fetches, etag)| Reader {
        address,
        agent,
        first_at: Timestamp::from_micros(first_at),
        last_at: Timestamp::from_micros(last_at),
        fetches,
        etag,
    };
    Ok(rows.into_iter().map(reader).collect())
}
