//! `versions`: counters that tell other nodes that something was changed.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::store::error::StoreError;
use crate::store::schema::versions;
use crate::store::version::Versions;

use super::Conn;
use super::announce;

pub(super) const CLIENTS: &str = "clients";
pub(super) const KEYS: &str = "keys";

/// Part of every transaction that changes what the counter stands for.
pub(super) async fn bump(conn: &mut Conn<'_>, name: &'static str) -> Result<(), StoreError> {
    let bumped =
        diesel::update(versions::table.find(name)).set(versions::value.eq(versions::value + 1)).execute(conn).await?;
    if bumped != 1 {
        return Err(StoreError::corrupt("versions", "a counter is missing"));
    }
    announce::change(conn, name).await
}

pub(in crate::store) async fn all(conn: &mut Conn<'_>) -> Result<Versions, StoreError> {
    let rows: Vec<(String, i64)> = versions::table.load(conn).await?;
    let value = |name: &str| {
        let found = rows.iter().find(|row| row.0 == name).map(|row| row.1);
        found.ok_or_else(|| StoreError::corrupt("versions", "a counter is missing"))
    };
    Ok(Versions { clients: value(CLIENTS)?, keys: value(KEYS)? })
}
