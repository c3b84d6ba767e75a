//! `session_clients`: whom a session has signed in to. `logout_deliveries`: who has yet to be told that one has ended.

use diesel::prelude::*;

use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::logout::Delivery;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::clients;
use crate::store::schema::logout_deliveries;
use crate::store::schema::session_clients;

use super::Conn;
use super::RunQueryDsl;

/// Notes that a session has signed somebody in to a client; goes into the transaction that gives the client its
/// tokens, and with them the session's name.
pub(super) async fn served(conn: &mut Conn<'_>, session: &str, client: &str) -> Result<(), StoreError> {
    diesel::insert_into(session_clients::table)
        .values((session_clients::session_id.eq(session), session_clients::client_id.eq(client)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::store) async fn clients_of_session(
    conn: &mut Conn<'_>,
    id: SessionId,
) -> Result<Vec<ClientId>, StoreError> {
    let query = session_clients::table.filter(session_clients::session_id.eq(id.as_str()));
    let ids: Vec<String> =
        query.select(session_clients::client_id).order(session_clients::client_id).load(conn).await?;
    ids.into_iter().map(|id| ClientId::new(id).map_err(|error| StoreError::corrupt("session_clients", error))).collect()
}

/// Queues word of ended sessions of one user, in the transaction that ends them: none can end without it.
pub(super) async fn announce_ended(
    conn: &mut Conn<'_>,
    sessions: &[String],
    user: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let told = session_clients::table
        .inner_join(clients::table.on(clients::id.eq(session_clients::client_id)))
        .filter(session_clients::session_id.eq_any(sessions))
        .filter(clients::backchannel_logout.eq(true))
        .select((session_clients::session_id, session_clients::client_id));
    let told: Vec<(String, String)> = told.load(conn).await?;
    for (session, client) in told {
        diesel::insert_into(logout_deliveries::table)
            .values((
                logout_deliveries::session_id.eq(session),
                logout_deliveries::client_id.eq(client),
                logout_deliveries::user_id.eq(user),
                logout_deliveries::ended_at.eq(now.micros()),
                logout_deliveries::attempts.eq(0),
                logout_deliveries::next_at.eq(now.micros()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// One conditional UPDATE for each: whoever moves `next_at` on has it.
pub(in crate::store) async fn claim(
    conn: &mut Conn<'_>,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let due = logout_deliveries::table
        .filter(logout_deliveries::next_at.le(now.micros()))
        .order((logout_deliveries::next_at, logout_deliveries::session_id, logout_deliveries::client_id))
        .limit(limit)
        .select((logout_deliveries::session_id, logout_deliveries::client_id));
    let mut due: Vec<(String, String)> = due.load(conn).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    // Two nodes take the rows in one order, so neither waits for the other in a circle.
    due.sort();
    let mut claimed = Vec::new();
    for (session, client) in due {
        let row: Option<(String, i64, i64)> = diesel::update(logout_deliveries::table.find((&session, &client)))
            .filter(logout_deliveries::next_at.le(now.micros()))
            .set((
                logout_deliveries::next_at.eq(until.micros()),
                logout_deliveries::attempts.eq(logout_deliveries::attempts + 1),
            ))
            .returning((logout_deliveries::user_id, logout_deliveries::ended_at, logout_deliveries::attempts))
            .get_result(conn)
            .await
            .optional()?;
        let Some((user, ended_at, attempts)) = row else { continue };
        let corrupt = |error| StoreError::corrupt("logout_deliveries", error);
        claimed.push(Delivery {
            session_id: SessionId::new(session).map_err(corrupt)?,
            client_id: ClientId::new(client).map_err(corrupt)?,
            user_id: UserId::new(user).map_err(corrupt)?,
            ended_at: Timestamp::from_micros(ended_at),
            attempts,
        });
    }
    Ok(claimed)
}

pub(in crate::store) async fn finish(conn: &mut Conn<'_>, delivery: Delivery) -> Result<(), StoreError> {
    let row = logout_deliveries::table.find((delivery.session_id.as_str(), delivery.client_id.as_str()));
    diesel::delete(row).execute(conn).await?;
    Ok(())
}

pub(in crate::store) async fn put_off(
    conn: &mut Conn<'_>,
    delivery: Delivery,
    next_at: Timestamp,
) -> Result<(), StoreError> {
    let row = logout_deliveries::table.find((delivery.session_id.as_str(), delivery.client_id.as_str()));
    diesel::update(row)
        .filter(logout_deliveries::attempts.eq(delivery.attempts))
        .set(logout_deliveries::next_at.eq(next_at.micros()))
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::store) async fn waiting(conn: &mut Conn<'_>) -> Result<i64, StoreError> {
    Ok(logout_deliveries::table.count().get_result(conn).await?)
}
