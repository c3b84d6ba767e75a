//! `families`

use diesel::prelude::*;

use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::UserId;
use crate::domain::place::Place;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::family::BeginFamily;
use crate::store::family::MOST_ALIVE;
use crate::store::family::RotateFamily;
use crate::store::family::Rotation;
use crate::store::rows::FamilyRow;
use crate::store::rows::UserRow;
use crate::store::rows::bytes;
use crate::store::schema::clients;
use crate::store::schema::families;
use crate::store::schema::users;

use super::Conn;
use super::RunQueryDsl;
use super::denial;
use super::hold;
use super::user;

/// How many end at once, should there be that many too many.
const MAKE_ROOM_FOR: i64 = 100;

#[derive(AsChangeset)]
#[diesel(table_name = families, treat_none_as_null = true)]
pub(super) struct Ended {
    revoked_at: Option<i64>,
    revocation: Option<String>,
    successor: Option<Vec<u8>>,
    idle_expires_at: i64,
}

/// What a revoked family looks like. Its sealed successor is of no use to anybody, and the clean-up goes by the idle end.
pub(super) fn revoked(reason: RevocationReason, now: Timestamp) -> Ended {
    Ended {
        revoked_at: Some(now.micros()),
        revocation: Some(reason.as_str().to_owned()),
        successor: None,
        idle_expires_at: now.micros(),
    }
}

/// Whether access tokens of a family may still be good. One is issued only before the idle end, and not after the
/// revocation.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn may_have_tokens(now: Timestamp) -> _ {
    let oldest: i64 = denial::oldest_token(now);
    families::idle_expires_at.gt(oldest).and(families::revoked_at.is_null().or(families::revoked_at.gt(oldest)))
}

pub(in crate::store) async fn one(conn: &mut Conn<'_>, id: FamilyId) -> Result<Option<Family>, StoreError> {
    let query = families::table.find(id.as_str()).select(FamilyRow::as_select());
    query.get_result(conn).await.optional()?.map(Family::try_from).transpose()
}

pub(in crate::store) async fn and_user(
    conn: &mut Conn<'_>,
    id: FamilyId,
) -> Result<Option<(Family, Option<User>)>, StoreError> {
    let found: Option<(FamilyRow, Option<UserRow>)> = families::table
        .left_join(users::table.on(users::id.eq(families::user_id)))
        .filter(families::id.eq(id.as_str()))
        .select((FamilyRow::as_select(), Option::<UserRow>::as_select()))
        .get_result(conn)
        .await
        .optional()?;
    found.map(|(family, user)| Ok((family.try_into()?, user.map(User::try_from).transpose()?))).transpose()
}

pub(in crate::store) async fn of_user(conn: &mut Conn<'_>, user_id: UserId) -> Result<Vec<Family>, StoreError> {
    let query = families::table.filter(families::user_id.eq(user_id.as_str()));
    let rows: Vec<FamilyRow> =
        query.order((families::created_at, families::id)).select(FamilyRow::as_select()).load(conn).await?;
    rows.into_iter().map(Family::try_from).collect()
}

pub(in crate::store) async fn of_client(conn: &mut Conn<'_>, client_id: ClientId) -> Result<Vec<Family>, StoreError> {
    let query = families::table.filter(families::client_id.eq(client_id.as_str()));
    let rows: Vec<FamilyRow> =
        query.order((families::created_at, families::id)).select(FamilyRow::as_select()).load(conn).await?;
    rows.into_iter().map(Family::try_from).collect()
}

pub(in crate::store) async fn begin(
    conn: &mut Conn<'_>,
    family: Family,
    replaces: Option<FamilyId>,
    proven: Option<PasswordHash>,
) -> Result<BeginFamily, StoreError> {
    // Whoever disables the user, changes the password or deletes the client waits for us, or we for them.
    hold::user(conn, family.user_id.as_str()).await?;
    hold::client(conn, family.client_id.as_str()).await?;
    match user::still_has(conn, &family.user_id, proven.as_ref()).await? {
        None => return Ok(BeginFamily::Gone),
        Some(false) => return Ok(BeginFamily::PasswordChanged),
        Some(true) => {}
    }
    let client = clients::table.filter(clients::id.eq(family.client_id.as_str()).and(clients::disabled.eq(false)));
    if client.count().get_result::<i64>(conn).await? == 0 {
        return Ok(BeginFamily::Gone);
    }
    if let Some(old) = replaces
        && let Some(old) = one(conn, old).await?
    {
        // Somebody else's is ended as everything is that must not be found by the next person.
        let reach = if old.user_id == family.user_id { Reach::RefreshOnly } else { Reach::Immediate };
        revoke(conn, old.id, RevocationReason::Logout, reach, family.created_at).await?;
    }
    diesel::insert_into(families::table).values(FamilyRow::try_from(&family)?).execute(conn).await?;
    make_room(conn, &family, family.created_at).await?;
    Ok(BeginFamily::Begun)
}

/// Those with a refresh token that would still be accepted.
pub(in crate::store) async fn live_of_client(
    conn: &mut Conn<'_>,
    client_id: ClientId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let now = now.micros();
    let live = families::table
        .filter(families::client_id.eq(client_id.as_str()).and(families::current_hash.is_not_null()))
        .filter(
            families::revoked_at.is_null().and(families::idle_expires_at.gt(now)).and(families::expires_at.gt(now)),
        );
    Ok(live.count().get_result(conn).await?)
}

pub(in crate::store) async fn with_user(
    conn: &mut Conn<'_>,
    id: FamilyId,
) -> Result<Option<(Family, User)>, StoreError> {
    let found: Option<(FamilyRow, UserRow)> = families::table
        .inner_join(users::table.on(users::id.eq(families::user_id)))
        .filter(families::id.eq(id.as_str()))
        .select((FamilyRow::as_select(), UserRow::as_select()))
        .get_result(conn)
        .await
        .optional()?;
    found.map(|(family, user)| Ok((family.try_into()?, user.try_into()?))).transpose()
}

/// One conditional UPDATE: of any number of presentations of one token at once, one moves the family on. A revocation
/// that is under way is waited for and wins.
pub(in crate::store) async fn rotate(
    conn: &mut Conn<'_>,
    id: FamilyId,
    rotation: Rotation,
) -> Result<RotateFamily, StoreError> {
    let now = rotation.now.micros();
    let rotated = diesel::update(families::table.find(id.as_str()))
        .filter(families::current_hash.eq(rotation.presented.as_bytes().as_slice()))
        .filter(families::revoked_at.is_null())
        .filter(families::idle_expires_at.gt(now).and(families::expires_at.gt(now)))
        .set((
            families::generation.eq(families::generation + 1),
            families::previous_hash.eq(families::current_hash),
            families::current_hash.eq(Some(bytes(&rotation.next))),
            families::successor.eq(Some(rotation.successor)),
            families::rotated_at.eq(Some(now)),
            families::rotated_from.eq(rotation.from.as_ref().map(Place::to_string)),
            families::idle_expires_at.eq(rotation.idle_expires_at.micros()),
        ))
        .returning(FamilyRow::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    if let Some(row) = rotated {
        return Ok(RotateFamily::Rotated(row.try_into()?));
    }
    Ok(one(conn, id).await?.map_or(RotateFamily::Unknown, RotateFamily::Lost))
}

pub(in crate::store) async fn keep(
    conn: &mut Conn<'_>,
    id: FamilyId,
    presented: SecretHash,
    now: Timestamp,
    idle_expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let now = now.micros();
    let kept = diesel::update(families::table.find(id.as_str()))
        .filter(families::current_hash.eq(presented.as_bytes().as_slice()))
        .filter(families::revoked_at.is_null())
        .filter(families::idle_expires_at.gt(now).and(families::expires_at.gt(now)))
        .set(families::idle_expires_at.eq(idle_expires_at.micros()))
        .execute(conn)
        .await?;
    Ok(kept == 1)
}

/// Ends the oldest families of a user at a client until there is room for the new one. Nearly always that is one look
/// at an index.
pub(super) async fn make_room(conn: &mut Conn<'_>, new: &Family, now: Timestamp) -> Result<(), StoreError> {
    let others = families::table
        .filter(families::user_id.eq(new.user_id.as_str()).and(families::client_id.eq(new.client_id.as_str())))
        .filter(families::revoked_at.is_null().and(families::id.ne(new.id.as_str())));
    if others.count().get_result::<i64>(conn).await? < MOST_ALIVE {
        return Ok(());
    }
    let surplus = others.order(families::created_at.desc()).offset(MOST_ALIVE - 1).limit(MAKE_ROOM_FOR);
    let surplus: Vec<String> = surplus.select(families::id).load(conn).await?;
    let ended = families::table.filter(families::id.eq_any(surplus).and(families::revoked_at.is_null()));
    diesel::update(ended).set(revoked(RevocationReason::Superseded, now)).execute(conn).await?;
    Ok(())
}

pub(in crate::store) async fn revoke(
    conn: &mut Conn<'_>,
    id: FamilyId,
    reason: RevocationReason,
    reach: Reach,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let ended = diesel::update(families::table.find(id.as_str()))
        .filter(families::revoked_at.is_null())
        .set(revoked(reason, now))
        .execute(conn)
        .await?;
    if reach == Reach::Immediate {
        denial::grants(conn, vec![id.into()], now).await?;
    }
    Ok(ended == 1)
}

pub(in crate::store) async fn revoke_of_user(
    conn: &mut Conn<'_>,
    user_id: UserId,
    reason: RevocationReason,
    reach: Reach,
    now: Timestamp,
) -> Result<usize, StoreError> {
    hold::user_for_change(conn, user_id.as_str()).await?;
    let with_tokens = families::table.filter(families::user_id.eq(user_id.as_str())).filter(may_have_tokens(now));
    let denied = with_tokens.select(families::id).load(conn).await?;
    let ended = diesel::update(families::table)
        .filter(families::user_id.eq(user_id.as_str()).and(families::revoked_at.is_null()))
        .set(revoked(reason, now))
        .execute(conn)
        .await?;
    if reach == Reach::Immediate {
        denial::grants(conn, denied, now).await?;
    }
    Ok(ended)
}
