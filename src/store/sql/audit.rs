//! `audit`: rows are added and read.

use diesel::prelude::*;

use crate::domain::time::Timestamp;
use crate::store::audit::Entry;
use crate::store::audit::Recorded;
use crate::store::error::StoreError;
use crate::store::rows::AuditRow;
use crate::store::schema::audit;

use super::Conn;
use super::RunQueryDsl;

pub(in crate::store) async fn append(conn: &mut Conn<'_>, entries: Vec<Entry>) -> Result<(), StoreError> {
    for Entry { at, event, actor, client_id, sub, kid, address, reference, detail } in entries {
        let row = (
            audit::at.eq(at.micros()),
            audit::event.eq(event),
            audit::actor.eq(actor),
            audit::client_id.eq(client_id),
            audit::sub.eq(sub),
            audit::kid.eq(kid),
            audit::address.eq(address),
            audit::reference.eq(reference),
            audit::detail.eq(detail),
        );
        diesel::insert_into(audit::table).values(row).execute(conn).await?;
    }
    Ok(())
}

pub(in crate::store) async fn after(conn: &mut Conn<'_>, id: i64, limit: i64) -> Result<Vec<Recorded>, StoreError> {
    let query = audit::table.filter(audit::id.gt(id)).order(audit::id).limit(limit);
    let rows: Vec<AuditRow> = query.select(AuditRow::as_select()).load(conn).await?;
    Ok(rows.into_iter().map(recorded).collect())
}

pub(in crate::store) async fn newest(conn: &mut Conn<'_>, limit: i64) -> Result<Vec<Recorded>, StoreError> {
    let query = audit::table.order(audit::id.desc()).limit(limit);
    let rows: Vec<AuditRow> = query.select(AuditRow::as_select()).load(conn).await?;
    Ok(rows.into_iter().rev().map(recorded).collect())
}

fn recorded(row: AuditRow) -> Recorded {
    Recorded {
        id: row.id,
        entry: Entry {
            at: Timestamp::from_micros(row.at),
            event: row.event,
            actor: row.actor,
            client_id: row.client_id,
            sub: row.sub,
            kid: row.kid,
            address: row.address,
            reference: row.reference,
            detail: row.detail,
        },
    }
}
