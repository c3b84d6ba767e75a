//! `instance` and `setup_links`: what belongs to the installation as a whole.

use diesel::prelude::*;

use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::instance::SetUp;
use crate::store::rows::bytes;
use crate::store::schema::instance;
use crate::store::schema::setup_links;
use crate::store::user::CreateUser;

use super::Conn;
use super::RunQueryDsl;
use super::user;

pub(in crate::store) async fn ping(conn: &mut Conn<'_>) -> Result<(), StoreError> {
    // A table of ours: a database that answers but was not migrated is of no use.
    instance::table.select(instance::name).limit(1).get_result::<String>(conn).await.optional()?;
    Ok(())
}

pub(in crate::store) async fn value(conn: &mut Conn<'_>, name: String) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(instance::table.find(name).select(instance::value).get_result(conn).await.optional()?)
}

/// Of several nodes that start at once, one decides; all are told what it was.
pub(in crate::store) async fn put_if_absent(
    conn: &mut Conn<'_>,
    name: String,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    diesel::insert_into(instance::table)
        .values((instance::name.eq(&name), instance::value.eq(bytes)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(instance::table.find(name).select(instance::value).get_result(conn).await?)
}

pub(in crate::store) async fn set(conn: &mut Conn<'_>, name: String, bytes: Option<Vec<u8>>) -> Result<(), StoreError> {
    diesel::delete(instance::table.find(&name)).execute(conn).await?;
    if let Some(bytes) = bytes {
        let row = (instance::name.eq(name), instance::value.eq(bytes));
        // Somebody who sets it at the same time may have been faster.
        diesel::insert_into(instance::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    }
    Ok(())
}

/// Keeps the greater of the two values.
pub(in crate::store) async fn raise(conn: &mut Conn<'_>, name: &'static str, bytes: Vec<u8>) -> Result<(), StoreError> {
    let row = (instance::name.eq(name), instance::value.eq(&bytes));
    diesel::insert_into(instance::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    let lesser = instance::table.find(name).filter(instance::value.lt(&bytes));
    diesel::update(lesser).set(instance::value.eq(&bytes)).execute(conn).await?;
    Ok(())
}

/// The newest link is the only one.
pub(in crate::store) async fn put_setup_link(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    diesel::delete(setup_links::table).execute(conn).await?;
    diesel::insert_into(setup_links::table)
        .values((setup_links::hash.eq(bytes(&hash)), setup_links::expires_at.eq(expires_at.micros())))
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::store) async fn setup_link(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let query = setup_links::table.find(bytes(&hash)).filter(setup_links::expires_at.gt(now.micros()));
    Ok(query.select(setup_links::expires_at).get_result::<i64>(conn).await.optional()?.is_some())
}

/// Single use is the first UPDATE: it changes nothing, but holds the row until it is deleted, so that of several callers one
/// goes on and the others find none.
pub(in crate::store) async fn set_up(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    user: User,
    now: Timestamp,
) -> Result<SetUp, StoreError> {
    let link = setup_links::table.find(bytes(&hash)).filter(setup_links::expires_at.gt(now.micros()));
    if diesel::update(link).set(setup_links::expires_at.eq(setup_links::expires_at)).execute(conn).await? == 0 {
        return Ok(SetUp::LinkGone);
    }
    match user::create(conn, user).await? {
        CreateUser::Taken => Ok(SetUp::EmailTaken),
        CreateUser::Created => {
            diesel::delete(setup_links::table.find(bytes(&hash))).execute(conn).await?;
            Ok(SetUp::Done)
        }
    }
}
