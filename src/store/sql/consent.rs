//! `consents`

use diesel::prelude::*;

use crate::domain::consent::Consent;
use crate::domain::ids::ClientId;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::rows::scope;
use crate::store::schema::consents;

use super::Conn;
use super::RunQueryDsl;
use super::hold;

pub(in crate::store) async fn one(
    conn: &mut Conn<'_>,
    user_id: UserId,
    client_id: ClientId,
) -> Result<Option<Consent>, StoreError> {
    let query = consents::table.find((user_id.as_str(), client_id.as_str()));
    let found: Option<(String, i64)> =
        query.select((consents::scope, consents::granted_at)).get_result(conn).await.optional()?;
    found.map(|row| of_row(user_id, client_id, row)).transpose()
}

pub(super) fn of_row(
    user_id: UserId,
    client_id: ClientId,
    (text, granted_at): (String, i64),
) -> Result<Consent, StoreError> {
    let scope = scope("consents", &text)?;
    Ok(Consent { user_id, client_id, scope, granted_at: Timestamp::from_micros(granted_at) })
}

pub(in crate::store) async fn of_user(conn: &mut Conn<'_>, user_id: UserId) -> Result<Vec<Consent>, StoreError> {
    let query = consents::table.filter(consents::user_id.eq(user_id.as_str())).order(consents::client_id);
    let rows: Vec<(String, String, i64)> =
        query.select((consents::client_id, consents::scope, consents::granted_at)).load(conn).await?;
    rows.into_iter()
        .map(|(client, text, granted_at)| {
            let client_id = ClientId::new(client).map_err(|error| StoreError::corrupt("consents", error))?;
            of_row(user_id.clone(), client_id, (text, granted_at))
        })
        .collect()
}

/// Adds to what is remembered. The user's row is held so that of two pages neither forgets what the other allowed.
pub(in crate::store) async fn remember(conn: &mut Conn<'_>, consent: Consent) -> Result<(), StoreError> {
    hold::user_for_change(conn, consent.user_id.as_str()).await?;
    let known = one(conn, consent.user_id.clone(), consent.client_id.clone()).await?;
    let all = known.map_or_else(|| consent.scope.clone(), |known| known.scope.union(&consent.scope));
    let values = (consents::scope.eq(all.to_string()), consents::granted_at.eq(consent.granted_at.micros()));
    let key = (consents::user_id.eq(consent.user_id.as_str()), consents::client_id.eq(consent.client_id.as_str()));
    diesel::insert_into(consents::table)
        .values((key, values.clone()))
        .on_conflict((consents::user_id, consents::client_id))
        .do_update()
        .set(values)
        .execute(conn)
        .await?;
    Ok(())
}

/// All that anybody has allowed a client.
pub(super) async fn forget_client(conn: &mut Conn<'_>, id: &ClientId) -> Result<(), StoreError> {
    diesel::delete(consents::table.filter(consents::client_id.eq(id.as_str()))).execute(conn).await?;
    Ok(())
}
