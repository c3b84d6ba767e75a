//! `sessions`

use diesel::prelude::*;

use crate::domain::consent::Consent;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::secret::SecretHash;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::rows::SessionRow;
use crate::store::rows::UserRow;
use crate::store::schema::codes;
use crate::store::schema::consents;
use crate::store::schema::families;
use crate::store::schema::sessions;
use crate::store::schema::users;
use crate::store::session::BeginSession;
use crate::store::session::MOST_ALIVE;

use super::Conn;
use super::RunQueryDsl;
use super::consent;
use super::denial;
use super::family;
use super::hold;
use super::logout;
use super::user;

/// How many end at once, should there be that many too many.
const MAKE_ROOM_FOR: i64 = 20;

pub(in crate::store) async fn begin(
    conn: &mut Conn<'_>,
    session: Session,
    replaces: Option<SecretHash>,
    proven: Option<PasswordHash>,
) -> Result<BeginSession, StoreError> {
    hold::user_for_change(conn, session.user_id.as_str()).await?;
    match user::still_has(conn, &session.user_id, proven.as_ref()).await? {
        None => return Ok(BeginSession::UserGone),
        Some(false) => return Ok(BeginSession::PasswordChanged),
        Some(true) => {}
    }
    if let Some(old) = replaces {
        if let Some(id) = go_on(conn, &old, &session).await? {
            return Ok(BeginSession::Begun(id));
        }
        end_of_somebody_else(conn, &old, &session).await?;
    }
    diesel::insert_into(sessions::table).values(SessionRow::try_from(&session)?).execute(conn).await?;
    make_room(conn, &session).await?;
    Ok(BeginSession::Begun(session.id))
}

/// Signs the oldest sessions of a user out until there is room for the new one.
async fn make_room(conn: &mut Conn<'_>, new: &Session) -> Result<(), StoreError> {
    let others = sessions::table
        .filter(sessions::user_id.eq(new.user_id.as_str()).and(sessions::ended_at.is_null()))
        .filter(sessions::id.ne(new.id.as_str()));
    let surplus = others.order(sessions::created_at.desc()).offset(MOST_ALIVE - 1).limit(MAKE_ROOM_FOR);
    let surplus: Vec<String> = surplus.select(sessions::id).load(conn).await?;
    for old in surplus {
        end_row(conn, &old, Reach::RefreshOnly, new.created_at).await?;
    }
    Ok(())
}

/// The same person has signed in again: their session goes on under its public name, with all that hangs on it, and
/// under a new secret. The old secret opens nothing any more.
async fn go_on(conn: &mut Conn<'_>, old: &SecretHash, new: &Session) -> Result<Option<SessionId>, StoreError> {
    let row = SessionRow::try_from(new)?;
    let goes_on: Option<String> = diesel::update(sessions::table.find(old.as_bytes().as_slice()))
        .filter(sessions::user_id.eq(new.user_id.as_str()).and(sessions::ended_at.is_null()))
        .set((
            sessions::hash.eq(row.hash),
            sessions::authentication.eq(row.authentication),
            sessions::created_at.eq(row.created_at),
            sessions::last_seen_at.eq(row.last_seen_at),
            sessions::idle_expires_at.eq(row.idle_expires_at),
            sessions::expires_at.eq(row.expires_at),
        ))
        .returning(sessions::id)
        .get_result(conn)
        .await
        .optional()?;
    goes_on.map(|id| SessionId::new(id).map_err(|error| StoreError::corrupt("sessions", error))).transpose()
}

/// Another person's session in this browser is signed out.
async fn end_of_somebody_else(conn: &mut Conn<'_>, old: &SecretHash, new: &Session) -> Result<(), StoreError> {
    let query = sessions::table.find(old.as_bytes().as_slice()).select((sessions::id, sessions::user_id));
    match query.get_result::<(String, String)>(conn).await.optional()? {
        Some((id, user)) if user != new.user_id.as_str() => {
            end_row(conn, &id, Reach::Immediate, new.created_at).await.map(|_| ())
        }
        _ => Ok(()),
    }
}

pub(in crate::store) async fn with_user(
    conn: &mut Conn<'_>,
    hash: SecretHash,
) -> Result<Option<(Session, User)>, StoreError> {
    let found: Option<(SessionRow, UserRow)> = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::hash.eq(hash.as_bytes().as_slice()))
        .select((SessionRow::as_select(), UserRow::as_select()))
        .get_result(conn)
        .await
        .optional()?;
    found.map(|(session, user)| Ok((session.try_into()?, user.try_into()?))).transpose()
}

/// The last is scope and time of a consent.
type AtClient = (SessionRow, UserRow, Option<(String, i64)>);

pub(in crate::store) async fn with_user_and_consent(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    client_id: ClientId,
) -> Result<Option<(Session, User, Option<Consent>)>, StoreError> {
    let of_both = consents::user_id.eq(sessions::user_id).and(consents::client_id.eq(client_id.as_str()));
    let found: Option<AtClient> = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .left_join(consents::table.on(of_both))
        .filter(sessions::hash.eq(hash.as_bytes().as_slice()))
        .select((SessionRow::as_select(), UserRow::as_select(), (consents::scope, consents::granted_at).nullable()))
        .get_result(conn)
        .await
        .optional()?;
    let Some((session, user, allowed)) = found else { return Ok(None) };
    let (session, user) = (Session::try_from(session)?, User::try_from(user)?);
    let consent = allowed.map(|row| consent::of_row(user.id.clone(), client_id, row)).transpose()?;
    Ok(Some((session, user, consent)))
}

pub(in crate::store) async fn with_user_by_id(
    conn: &mut Conn<'_>,
    id: SessionId,
) -> Result<Option<(Session, User)>, StoreError> {
    let found: Option<(SessionRow, UserRow)> = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::id.eq(id.as_str()))
        .select((SessionRow::as_select(), UserRow::as_select()))
        .get_result(conn)
        .await
        .optional()?;
    found.map(|(session, user)| Ok((session.try_into()?, user.try_into()?))).transpose()
}

pub(in crate::store) async fn live(
    conn: &mut Conn<'_>,
    user_id: Option<UserId>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Session, User)>, StoreError> {
    let now = now.micros();
    let query = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_expires_at.gt(now).and(sessions::expires_at.gt(now)))
        .order((sessions::last_seen_at.desc(), sessions::id))
        .limit(limit)
        .select((SessionRow::as_select(), UserRow::as_select()));
    let found: Vec<(SessionRow, UserRow)> = match user_id {
        Some(user) => query.filter(sessions::user_id.eq(user.as_str().to_owned())).load(conn).await?,
        None => query.load(conn).await?,
    };
    found.into_iter().map(|(session, user)| Ok((session.try_into()?, user.try_into()?))).collect()
}

pub(in crate::store) async fn live_of_user(
    conn: &mut Conn<'_>,
    user_id: UserId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let now = now.micros();
    let live = sessions::table
        .filter(sessions::user_id.eq(user_id.as_str()).and(sessions::ended_at.is_null()))
        .filter(sessions::idle_expires_at.gt(now).and(sessions::expires_at.gt(now)));
    Ok(live.count().get_result(conn).await?)
}

pub(in crate::store) async fn touch(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    last_seen_at: Timestamp,
    idle_expires_at: Timestamp,
) -> Result<bool, StoreError> {
    // Two requests may finish in either order: neither takes time away from the other.
    let touched = diesel::update(sessions::table.find(hash.as_bytes().as_slice()))
        .filter(sessions::ended_at.is_null().and(sessions::last_seen_at.le(last_seen_at.micros())))
        .set((sessions::last_seen_at.eq(last_seen_at.micros()), sessions::idle_expires_at.eq(idle_expires_at.micros())))
        .execute(conn)
        .await?;
    Ok(touched == 1)
}

pub(in crate::store) async fn end(
    conn: &mut Conn<'_>,
    id: SessionId,
    reach: Reach,
    now: Timestamp,
) -> Result<bool, StoreError> {
    end_row(conn, id.as_str(), reach, now).await
}

async fn end_row(conn: &mut Conn<'_>, id: &str, reach: Reach, now: Timestamp) -> Result<bool, StoreError> {
    let query = sessions::table.filter(sessions::id.eq(id)).select(sessions::user_id);
    let Some(user_id) = query.get_result::<String>(conn).await.optional()? else {
        return Ok(false);
    };
    hold::user_for_change(conn, &user_id).await?;
    // First, because an end of today makes those of long ago look as if they still had tokens.
    let with_tokens = families::table
        .filter(families::user_id.eq(&user_id).and(families::session_id.eq(id)))
        .filter(families::offline.eq(false).and(family::may_have_tokens(now)));
    let denied = with_tokens.select(families::id).load(conn).await?;
    let live = sessions::table.filter(sessions::id.eq(id).and(sessions::ended_at.is_null()));
    let ended = diesel::update(live).set(sessions::ended_at.eq(Some(now.micros()))).execute(conn).await? == 1;
    if ended {
        end_what_hangs_on_it(conn, id, &user_id, now).await?;
    }
    if reach == Reach::Immediate {
        denial::grants(conn, denied, now).await?;
    }
    Ok(ended)
}

async fn end_what_hangs_on_it(conn: &mut Conn<'_>, id: &str, user_id: &str, now: Timestamp) -> Result<(), StoreError> {
    logout::announce_ended(conn, &[id.to_owned()], user_id, now).await?;
    diesel::delete(codes::table)
        .filter(codes::user_id.eq(user_id).and(codes::session_id.eq(id)).and(codes::redeemed_at.is_null()))
        .execute(conn)
        .await?;
    // "Refresh tokens issued without the offline_access property to a session being logged out SHOULD be revoked."
    // (OpenID Connect Back-Channel Logout section 2.7)
    diesel::update(families::table)
        .filter(families::user_id.eq(user_id).and(families::session_id.eq(id)))
        .filter(families::offline.eq(false).and(families::revoked_at.is_null()))
        .set(family::revoked(RevocationReason::Logout, now))
        .execute(conn)
        .await?;
    Ok(())
}
