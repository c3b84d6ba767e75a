//! `denials`. Each is numbered with the value that the counter of that name takes in the same transaction, and that
//! counter's row is held until the commit: so numbers become visible in their order, whatever the clocks say.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;

use crate::domain::denial;
use crate::domain::denial::CLOCKS_APART;
use crate::domain::denial::Denial;
use crate::domain::denial::Denied;
use crate::domain::denial::LONGEST_ACCESS_TOKEN;
use crate::domain::ids::FamilyId;
use crate::domain::ids::TokenId;
use crate::domain::time::Timestamp;
use crate::store::denial::NewDenials;
use crate::store::error::StoreError;
use crate::store::schema::denials;
use crate::store::schema::families;

use super::Conn;
use super::RunQueryDsl;
use super::version;

pub(super) const TOKEN: &str = "token";
pub(super) const GRANT: &str = "grant";

/// How many go into one statement: SQLite limits its parameters.
const BATCH: usize = 1000;

/// When an access token that is good now was issued at the earliest, in microseconds.
pub(super) fn oldest_token(now: Timestamp) -> i64 {
    now.minus(LONGEST_ACCESS_TOKEN).minus(CLOCKS_APART).micros()
}

/// Denies all access tokens of these families. Those that are denied already stay as they are, and cost nobody a turn
/// at the counter: whoever replays a code a thousand times is told no a thousand times, and no more.
pub(super) async fn grants(conn: &mut Conn<'_>, mut ids: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
    for batch in ids.clone().chunks(BATCH) {
        let known = denials::table.filter(denials::kind.eq(GRANT).and(denials::id.eq_any(batch)));
        let known: Vec<String> = known.select(denials::id).load(conn).await?;
        ids.retain(|id| !known.contains(id));
    }
    if ids.is_empty() {
        return Ok(());
    }
    let seq = version::next(conn, version::DENIALS).await?;
    let expires_at = denial::outlasts(now).micros();
    for batch in ids.chunks(BATCH) {
        families::table
            .filter(families::id.eq_any(batch))
            .select((
                GRANT.into_sql::<Text>(),
                families::id,
                seq.into_sql::<BigInt>(),
                now.micros().into_sql::<BigInt>(),
                expires_at.into_sql::<BigInt>(),
            ))
            .insert_into(denials::table)
            .into_columns((denials::kind, denials::id, denials::seq, denials::denied_at, denials::expires_at))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
    }
    Ok(())
}

pub(in crate::store) async fn token(
    conn: &mut Conn<'_>,
    id: TokenId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let known = denials::table.filter(denials::kind.eq(TOKEN).and(denials::id.eq(id.as_str())));
    if known.count().get_result::<i64>(conn).await? > 0 {
        return Ok(false);
    }
    let seq = version::next(conn, version::DENIALS).await?;
    let row = (
        denials::kind.eq(TOKEN),
        denials::id.eq(id.as_str()),
        denials::seq.eq(seq),
        denials::denied_at.eq(now.micros()),
        denials::expires_at.eq(expires_at.micros()),
    );
    let inserted = diesel::insert_into(denials::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    Ok(inserted == 1)
}

pub(in crate::store) async fn since(conn: &mut Conn<'_>, seq: i64) -> Result<NewDenials, StoreError> {
    // The counter first: every row that it stands for is there by now.
    let known = version::all(conn).await?.denials;
    let rows: Vec<(String, String, i64, i64)> = denials::table
        .filter(denials::seq.gt(seq))
        .select((denials::kind, denials::id, denials::seq, denials::expires_at))
        .load(conn)
        .await?;
    let seq = rows.iter().map(|row| row.2).fold(known, i64::max);
    let entries = rows.into_iter().map(|(kind, id, _, expires_at)| entry(&kind, id, expires_at));
    Ok(NewDenials { entries: entries.collect::<Result<_, _>>()?, seq })
}

fn entry(kind: &str, id: String, expires_at: i64) -> Result<Denial, StoreError> {
    let corrupt = |error| StoreError::corrupt("denials", error);
    let denied = match kind {
        TOKEN => Denied::Token(TokenId::new(id).map_err(corrupt)?),
        GRANT => Denied::Grant(FamilyId::new(id).map_err(corrupt)?),
        _ => return Err(StoreError::corrupt("denials", "an unknown kind")),
    };
    Ok(Denial { denied, expires_at: Timestamp::from_micros(expires_at) })
}
