//! `assertions`: a row for each that was used, until it has expired.

use diesel::prelude::*;

use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::assertions;

use super::Conn;
use super::RunQueryDsl;

/// Single use is this one INSERT: whoever comes later finds the row.
pub(in crate::store) async fn spend(conn: &mut Conn<'_>, hash: [u8; 32], until: Timestamp) -> Result<bool, StoreError> {
    let row = (assertions::hash.eq(hash.to_vec()), assertions::expires_at.eq(until.micros()));
    let inserted = diesel::insert_into(assertions::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    Ok(inserted == 1)
}
