//! `key_usage`

use diesel::prelude::*;

use crate::domain::ids::KeyId;
use crate::store::error::StoreError;
use crate::store::schema::key_usage;
use crate::store::usage::Usage;

use super::Conn;
use super::RunQueryDsl;

pub(in crate::store) async fn add(conn: &mut Conn<'_>, usage: Vec<Usage>) -> Result<(), StoreError> {
    for Usage { kid, hour, tokens } in usage {
        diesel::insert_into(key_usage::table)
            .values((key_usage::kid.eq(kid.as_str()), key_usage::hour.eq(hour), key_usage::tokens.eq(tokens)))
            .on_conflict((key_usage::kid, key_usage::hour))
            .do_update()
            .set(key_usage::tokens.eq(key_usage::tokens + tokens))
            .execute(conn)
            .await?;
    }
    Ok(())
}

pub(in crate::store) async fn since(conn: &mut Conn<'_>, hour: i64) -> Result<Vec<Usage>, StoreError> {
    let query = key_usage::table.filter(key_usage::hour.ge(hour)).order((key_usage::kid, key_usage::hour));
    let rows: Vec<(String, i64, i64)> = query.load(conn).await?;
    let usage = |(kid, hour, tokens): (String, i64, i64)| {
        let kid = KeyId::new(kid).map_err(|error| StoreError::corrupt("key_usage", error))?;
        Ok(Usage { kid, hour, tokens })
    };
    rows.into_iter().map(usage).collect()
}
