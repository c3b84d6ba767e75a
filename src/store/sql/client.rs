//! `clients`: one JSON document each, and beside it what other statements ask for.

use diesel::prelude::*;

use crate::domain::client::Client;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::time::Timestamp;
use crate::store::client::CreateClient;
use crate::store::error::StoreError;
use crate::store::rows::from_json;
use crate::store::rows::to_json;
use crate::store::schema::clients;
use crate::store::schema::codes;
use crate::store::schema::families;
use crate::store::schema::logout_deliveries;
use crate::store::schema::session_clients;

use super::Conn;
use super::RunQueryDsl;
use super::denial;
use super::family;
use super::version;

pub(in crate::store) async fn all(conn: &mut Conn<'_>) -> Result<Vec<Client>, StoreError> {
    let documents: Vec<String> = clients::table.select(clients::document).order(clients::id).load(conn).await?;
    documents.iter().map(|document| from_json("clients", document)).collect()
}

pub(in crate::store) async fn one(conn: &mut Conn<'_>, id: ClientId) -> Result<Option<Client>, StoreError> {
    let document: Option<String> =
        clients::table.find(id.as_str()).select(clients::document).get_result(conn).await.optional()?;
    document.map(|document| from_json("clients", &document)).transpose()
}

pub(in crate::store) async fn create(conn: &mut Conn<'_>, client: Client) -> Result<CreateClient, StoreError> {
    let row = (
        clients::id.eq(client.id.as_str()),
        clients::disabled.eq(client.disabled),
        clients::backchannel_logout.eq(client.logout.backchannel_logout_uri.is_some()),
        clients::document.eq(to_json(&client)?),
    );
    let inserted = diesel::insert_into(clients::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    if inserted == 0 {
        return Ok(CreateClient::Taken);
    }
    version::bump(conn, version::CLIENTS).await?;
    Ok(CreateClient::Created)
}

pub(in crate::store) async fn replace(conn: &mut Conn<'_>, client: Client) -> Result<bool, StoreError> {
    let values = (
        clients::disabled.eq(client.disabled),
        clients::backchannel_logout.eq(client.logout.backchannel_logout_uri.is_some()),
        clients::document.eq(to_json(&client)?),
    );
    let replaced = diesel::update(clients::table.find(client.id.as_str())).set(values).execute(conn).await?;
    if replaced == 0 {
        return Ok(false);
    }
    version::bump(conn, version::CLIENTS).await?;
    Ok(true)
}

pub(in crate::store) async fn delete(conn: &mut Conn<'_>, id: ClientId, now: Timestamp) -> Result<bool, StoreError> {
    // First the client itself: a redemption that is under way holds its row, so nothing can be granted after this.
    if diesel::delete(clients::table.find(id.as_str())).execute(conn).await? == 0 {
        return Ok(false);
    }
    // Its access tokens name a client that is gone; should one of the same name come, they stay refused.
    end_grants(conn, &id, now).await?;
    version::bump(conn, version::CLIENTS).await?;
    Ok(true)
}

/// Codes, families, the access tokens that are out, and its place in sessions. For whoever holds the client's row.
pub(super) async fn end_grants(conn: &mut Conn<'_>, id: &ClientId, now: Timestamp) -> Result<(), StoreError> {
    diesel::delete(codes::table.filter(codes::client_id.eq(id.as_str()))).execute(conn).await?;
    diesel::delete(session_clients::table.filter(session_clients::client_id.eq(id.as_str()))).execute(conn).await?;
    diesel::delete(logout_deliveries::table.filter(logout_deliveries::client_id.eq(id.as_str()))).execute(conn).await?;
    let with_tokens = families::table.filter(families::client_id.eq(id.as_str())).filter(family::may_have_tokens(now));
    let denied = with_tokens.select(families::id).load(conn).await?;
    diesel::update(families::table)
        .filter(families::client_id.eq(id.as_str()).and(families::revoked_at.is_null()))
        .set(family::revoked(RevocationReason::Administrator, now))
        .execute(conn)
        .await?;
    denial::grants(conn, denied, now).await
}
