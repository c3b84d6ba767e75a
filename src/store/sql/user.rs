//! `users`. Each change that ends what a user had begins with the user's own row: whoever is about to grant something
//! to this user holds that row, so the two cannot pass each other.

use diesel::prelude::*;

use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::family::RevocationReason::UserChanged;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::domain::user::Email;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::rows::UserRow;
use crate::store::schema::codes;
use crate::store::schema::consents;
use crate::store::schema::families;
use crate::store::schema::sessions;
use crate::store::schema::users;
use crate::store::user::CreateUser;
use crate::store::user::UpdateUser;

use super::Conn;
use super::RunQueryDsl;
use super::denial;
use super::family;
use super::hold;
use super::logout;

pub(in crate::store) async fn one(conn: &mut Conn<'_>, id: UserId) -> Result<Option<User>, StoreError> {
    let row = users::table.find(id.as_str()).select(UserRow::as_select()).get_result(conn).await.optional()?;
    row.map(User::try_from).transpose()
}

pub(in crate::store) async fn by_email(conn: &mut Conn<'_>, email: Email) -> Result<Option<User>, StoreError> {
    let query = users::table.filter(users::email.eq(email.as_str())).select(UserRow::as_select());
    let row = query.get_result(conn).await.optional()?;
    row.map(User::try_from).transpose()
}

pub(in crate::store) async fn page(
    conn: &mut Conn<'_>,
    after: Option<Email>,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    let after = after.as_ref().map_or("", Email::as_str);
    let query = users::table.filter(users::email.gt(after)).order(users::email).limit(limit);
    let rows: Vec<UserRow> = query.select(UserRow::as_select()).load(conn).await?;
    rows.into_iter().map(User::try_from).collect()
}

pub(in crate::store) async fn create(conn: &mut Conn<'_>, user: User) -> Result<CreateUser, StoreError> {
    let row = UserRow::try_from(&user)?;
    let inserted = diesel::insert_into(users::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    Ok(if inserted == 1 { CreateUser::Created } else { CreateUser::Taken })
}

/// What a user is called and may do; password and state have statements of their own.
pub(in crate::store) async fn update(conn: &mut Conn<'_>, user: User) -> Result<UpdateUser, StoreError> {
    let row = UserRow::try_from(&user)?;
    let values = (
        users::email.eq(row.email),
        users::roles.eq(row.roles),
        users::claims.eq(row.claims),
        users::updated_at.eq(row.updated_at),
    );
    match diesel::update(users::table.find(row.id)).set(values).execute(conn).await.map_err(StoreError::from) {
        Ok(0) => Ok(UpdateUser::Unknown),
        Ok(_) => Ok(UpdateUser::Updated),
        Err(StoreError::Conflict { .. }) => Ok(UpdateUser::EmailTaken),
        Err(error) => Err(error),
    }
}

pub(in crate::store) async fn set_password(
    conn: &mut Conn<'_>,
    id: UserId,
    password: PasswordHash,
    now: Timestamp,
    keep: Option<SessionId>,
) -> Result<bool, StoreError> {
    let values = (users::password.eq(Some(password.as_phc())), users::updated_at.eq(now.micros()));
    if diesel::update(users::table.find(id.as_str())).set(values).execute(conn).await? == 0 {
        return Ok(false);
    }
    end_all(conn, &id, now, keep.as_ref(), UserChanged, Reach::Immediate).await?;
    Ok(true)
}

/// Whether a user still has the password that was `proven`: comparing takes its time, and whoever sets another one
/// meanwhile ends all that the old one gives. None when the user is disabled or gone. The caller holds the user.
pub(super) async fn still_has(
    conn: &mut Conn<'_>,
    id: &UserId,
    proven: Option<&PasswordHash>,
) -> Result<Option<bool>, StoreError> {
    let query = users::table.find(id.as_str()).select((users::disabled, users::password));
    let Some((false, password)) = query.get_result::<(bool, Option<String>)>(conn).await.optional()? else {
        return Ok(None);
    };
    Ok(Some(proven.is_none_or(|proven| password.as_deref() == Some(proven.as_phc()))))
}

/// Only when the stored hash is still the one that the password was compared with.
pub(in crate::store) async fn rehash_password(
    conn: &mut Conn<'_>,
    id: UserId,
    old: PasswordHash,
    new: PasswordHash,
) -> Result<bool, StoreError> {
    let unchanged = users::table.find(id.as_str()).filter(users::password.eq(old.as_phc()));
    let changed = diesel::update(unchanged).set(users::password.eq(Some(new.as_phc()))).execute(conn).await?;
    Ok(changed == 1)
}

pub(in crate::store) async fn set_disabled(
    conn: &mut Conn<'_>,
    id: UserId,
    disabled: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let values = (users::disabled.eq(disabled), users::updated_at.eq(now.micros()));
    if diesel::update(users::table.find(id.as_str())).set(values).execute(conn).await? == 0 {
        return Ok(false);
    }
    if disabled {
        end_all(conn, &id, now, None, UserChanged, Reach::Immediate).await?;
    }
    Ok(true)
}

pub(in crate::store) async fn sign_out(
    conn: &mut Conn<'_>,
    id: UserId,
    reason: RevocationReason,
    reach: Reach,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold::user_for_change(conn, id.as_str()).await?;
    end_all(conn, &id, now, None, reason, reach).await
}

/// What one application has of a user: unused codes, families and the remembered consent.
pub(in crate::store) async fn remove_access(
    conn: &mut Conn<'_>,
    id: UserId,
    client: ClientId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    hold::user_for_change(conn, id.as_str()).await?;
    let remembered = consents::table.find((id.as_str(), client.as_str()));
    let forgotten = diesel::delete(remembered).execute(conn).await?;
    diesel::delete(codes::table)
        .filter(codes::user_id.eq(id.as_str()).and(codes::client_id.eq(client.as_str())))
        .filter(codes::redeemed_at.is_null())
        .execute(conn)
        .await?;
    let of_client = families::user_id.eq(id.as_str()).and(families::client_id.eq(client.as_str()));
    let with_tokens = families::table.filter(of_client).filter(family::may_have_tokens(now));
    let denied: Vec<String> = with_tokens.select(families::id).load(conn).await?;
    let revoked = diesel::update(families::table)
        .filter(of_client)
        .filter(families::revoked_at.is_null())
        .set(family::revoked(RevocationReason::AccessRemoved, now))
        .execute(conn)
        .await?;
    denial::grants(conn, denied, now).await?;
    Ok(forgotten + revoked > 0)
}

/// Sessions, unused codes and families of a user, but for what belongs to the session `keep`.
async fn end_all(
    conn: &mut Conn<'_>,
    id: &UserId,
    now: Timestamp,
    keep: Option<&SessionId>,
    reason: RevocationReason,
    reach: Reach,
) -> Result<(), StoreError> {
    // No session has the empty text as its id.
    let keep = keep.map_or("", SessionId::as_str);
    let ended: Vec<String> = diesel::update(sessions::table)
        .filter(sessions::user_id.eq(id.as_str()).and(sessions::id.ne(keep)).and(sessions::ended_at.is_null()))
        .set(sessions::ended_at.eq(Some(now.micros())))
        .returning(sessions::id)
        .load(conn)
        .await?;
    logout::announce_ended(conn, &ended, id.as_str(), now).await?;
    diesel::delete(codes::table)
        .filter(codes::user_id.eq(id.as_str()).and(codes::redeemed_at.is_null()))
        .execute(conn)
        .await?;
    let of_others = families::session_id.is_null().or(families::session_id.ne(keep));
    let with_tokens = families::table.filter(families::user_id.eq(id.as_str())).filter(of_others);
    let denied = with_tokens.filter(family::may_have_tokens(now)).select(families::id).load(conn).await?;
    diesel::update(families::table)
        .filter(families::user_id.eq(id.as_str()).and(families::revoked_at.is_null()))
        .filter(of_others)
        .set(family::revoked(reason, now))
        .execute(conn)
        .await?;
    match reach {
        Reach::Immediate => denial::grants(conn, denied, now).await,
        Reach::RefreshOnly => Ok(()),
    }
}
