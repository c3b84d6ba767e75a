//! `versions`: counters that tell other nodes that something was changed.

use diesel::prelude::*;

use crate::store::error::StoreError;
use crate::store::schema::versions;
use crate::store::version::Versions;

use super::Conn;
use super::RunQueryDsl;
use super::announce;

pub(super) const CLIENTS: &str = "clients";
pub(super) const KEYS: &str = "keys";
pub(super) const DENIALS: &str = "denials";

/// Part of every transaction that changes what the counter stands for.
pub(super) async fn bump(conn: &mut Conn<'_>, name: &'static str) -> Result<(), StoreError> {
    next(conn, name).await.map(|_| ())
}

/// The same, and the new value. Transactions that move one counter commit one after the other, so this comes last.
pub(super) async fn next(conn: &mut Conn<'_>, name: &'static str) -> Result<i64, StoreError> {
    let value = diesel::update(versions::table.find(name))
        .set(versions::value.eq(versions::value + 1))
        .returning(versions::value)
        .get_result(conn)
        .await
        .optional()?;
    let value = value.ok_or_else(|| StoreError::corrupt("versions", "a counter is missing"))?;
    announce::change(conn, name).await?;
    Ok(value)
}

pub(in crate::store) async fn all(conn: &mut Conn<'_>) -> Result<Versions, StoreError> {
    let rows: Vec<(String, i64)> = versions::table.load(conn).await?;
    let value = |name: &str| {
        let found = rows.iter().find(|row| row.0 == name).map(|row| row.1);
        found.ok_or_else(|| StoreError::corrupt("versions", "a counter is missing"))
    };
    Ok(Versions { clients: value(CLIENTS)?, keys: value(KEYS)?, denials: value(DENIALS)? })
}
