//! `registrations`: what is kept of clients that registered themselves, beside `clients`. `initial_tokens`.

use diesel::prelude::*;

use crate::domain::client::Client;
use crate::domain::ids::ClientId;
use crate::domain::ids::InitialTokenId;
use crate::domain::registration::InitialToken;
use crate::domain::registration::Registration;
use crate::domain::registration::Remains;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::store::client::CreateClient;
use crate::store::error::StoreError;
use crate::store::registration::ExchangeToken;
use crate::store::registration::Register;
use crate::store::registration::Registered;
use crate::store::registration::UpdateRegistration;
use crate::store::rows::InitialTokenRow;
use crate::store::rows::RegistrationRow;
use crate::store::rows::bytes;
use crate::store::rows::from_json;
use crate::store::schema::clients;
use crate::store::schema::codes;
use crate::store::schema::families;
use crate::store::schema::initial_tokens;
use crate::store::schema::registrations;

use super::Conn;
use super::RunQueryDsl;
use super::client;
use super::consent;
use super::version;

pub(in crate::store) async fn register(
    conn: &mut Conn<'_>,
    client: Client,
    registration: Registration,
    initial: Option<SecretHash>,
    most: i64,
    now: Timestamp,
) -> Result<Register, StoreError> {
    // First the counter, which is held until the commit: of many at once, each counts those before it.
    version::bump(conn, version::CLIENTS).await?;
    let registered: i64 = registrations::table.count().get_result(conn).await?;
    if registered >= most {
        return Ok(Register::Full);
    }
    // "Single use" and every other number of uses is this one conditional UPDATE.
    if let Some(initial) = initial {
        let good = initial_tokens::table
            .filter(initial_tokens::hash.eq(bytes(&initial)))
            .filter(initial_tokens::registered.lt(initial_tokens::clients))
            .filter(initial_tokens::expires_at.gt(now.micros()));
        let used = diesel::update(good).set(initial_tokens::registered.eq(initial_tokens::registered + 1));
        if used.execute(conn).await? == 0 {
            return Ok(Register::TokenSpent);
        }
    }
    if client::create(conn, client).await? == CreateClient::Taken {
        return Ok(Register::Taken);
    }
    diesel::insert_into(registrations::table).values(RegistrationRow::from(registration)).execute(conn).await?;
    Ok(Register::Registered)
}

pub(in crate::store) async fn one(conn: &mut Conn<'_>, id: ClientId) -> Result<Option<Registered>, StoreError> {
    let found: Option<(RegistrationRow, String)> = registrations::table
        .inner_join(clients::table.on(clients::id.eq(registrations::client_id)))
        .filter(registrations::client_id.eq(id.as_str()))
        .select((RegistrationRow::as_select(), clients::document))
        .get_result(conn)
        .await
        .optional()?;
    found
        .map(|(row, document)| {
            let client = from_json("clients", &document)?;
            Ok(Registered { registration: row.try_into()?, client, document })
        })
        .transpose()
}

/// What was read is what is replaced: an administrator who disables the client or gives it another secret in between is
/// not overruled.
pub(in crate::store) async fn update(
    conn: &mut Conn<'_>,
    client: Client,
    was: String,
    ExchangeToken { old, new }: ExchangeToken,
    remains: Remains,
    now: Timestamp,
) -> Result<UpdateRegistration, StoreError> {
    // First the client, as everywhere: this holds its row.
    let unchanged = clients::table.find(client.id.as_str()).filter(clients::document.eq(&was));
    if diesel::update(unchanged).set(clients::document.eq(&was)).execute(conn).await? == 0 {
        return Ok(UpdateRegistration::Changed);
    }
    let own = registrations::table.find(client.id.as_str()).filter(registrations::token.eq(bytes(&old)));
    if diesel::update(own).set(registrations::token.eq(bytes(&new))).execute(conn).await? == 0 {
        return Ok(UpdateRegistration::TokenGone);
    }
    if remains != Remains::Everything {
        consent::forget_client(conn, &client.id).await?;
    }
    if remains == Remains::Nothing {
        client::end_grants(conn, &client.id, now).await?;
    }
    client::replace(conn, client).await?;
    Ok(UpdateRegistration::Updated)
}

pub(in crate::store) async fn used(conn: &mut Conn<'_>, id: ClientId, now: Timestamp) -> Result<(), StoreError> {
    let unused = registrations::table.find(id.as_str()).filter(registrations::used_at.is_null());
    diesel::update(unused).set(registrations::used_at.eq(Some(now.micros()))).execute(conn).await?;
    Ok(())
}

pub(in crate::store) async fn sweep_unused(
    conn: &mut Conn<'_>,
    end: Timestamp,
    batch: i64,
) -> Result<usize, StoreError> {
    let unused = registrations::table.filter(registrations::used_at.is_null());
    let unused = unused.filter(registrations::created_at.le(end.micros())).select(registrations::client_id);
    let unused: Vec<String> = unused.order(registrations::client_id).limit(batch).load(conn).await?;
    if unused.is_empty() {
        return Ok(0);
    }
    // Looked at again here: one of them may have been used in between. And whoever has a grant was used.
    let granted = families::table.filter(families::client_id.eq(clients::id));
    let still =
        registrations::table.filter(registrations::client_id.eq(clients::id).and(registrations::used_at.is_null()));
    let gone: Vec<String> = diesel::delete(clients::table.filter(clients::id.eq_any(&unused)))
        .filter(diesel::dsl::exists(still))
        .filter(diesel::dsl::not(diesel::dsl::exists(granted)))
        .returning(clients::id)
        .load(conn)
        .await?;
    diesel::delete(codes::table.filter(codes::client_id.eq_any(&gone))).execute(conn).await?;
    if !gone.is_empty() {
        version::bump(conn, version::CLIENTS).await?;
    }
    Ok(gone.len())
}

pub(in crate::store) async fn create_token(conn: &mut Conn<'_>, token: InitialToken) -> Result<(), StoreError> {
    diesel::insert_into(initial_tokens::table).values(InitialTokenRow::from(token)).execute(conn).await?;
    Ok(())
}

pub(in crate::store) async fn tokens(conn: &mut Conn<'_>) -> Result<Vec<InitialToken>, StoreError> {
    let query = initial_tokens::table.order((initial_tokens::created_at.desc(), initial_tokens::id));
    let rows: Vec<InitialTokenRow> = query.select(InitialTokenRow::as_select()).load(conn).await?;
    rows.into_iter().map(InitialToken::try_from).collect()
}

pub(in crate::store) async fn token(conn: &mut Conn<'_>, hash: SecretHash) -> Result<Option<InitialToken>, StoreError> {
    let query = initial_tokens::table.filter(initial_tokens::hash.eq(bytes(&hash)));
    let row: Option<InitialTokenRow> = query.select(InitialTokenRow::as_select()).get_result(conn).await.optional()?;
    row.map(InitialToken::try_from).transpose()
}

pub(in crate::store) async fn delete_token(conn: &mut Conn<'_>, id: InitialTokenId) -> Result<bool, StoreError> {
    Ok(diesel::delete(initial_tokens::table.find(id.as_str())).execute(conn).await? == 1)
}
