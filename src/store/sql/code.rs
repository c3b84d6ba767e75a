//! `codes`: issued once for an attempt, redeemed once.

use diesel::prelude::*;

use crate::domain::code::Code;
use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::FamilyId;
use crate::domain::ids::RequestId;
use crate::domain::ids::SessionId;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::code::IssueCode;
use crate::store::code::RedeemCode;
use crate::store::error::StoreError;
use crate::store::rows::CodeRow;
use crate::store::rows::FamilyRow;
use crate::store::rows::UserRow;
use crate::store::schema::clients;
use crate::store::schema::codes;
use crate::store::schema::families;
use crate::store::schema::sessions;
use crate::store::schema::users;

use super::Conn;
use super::RunQueryDsl;
use super::family;
use super::hold;
use super::logout;
use super::request;

pub(in crate::store) async fn issue(
    conn: &mut Conn<'_>,
    code: Code,
    finishes: Option<RequestId>,
    now: Timestamp,
) -> Result<IssueCode, StoreError> {
    if let Some(attempt) = finishes
        && !request::finish(conn, attempt, now).await?
    {
        return Ok(IssueCode::AttemptGone);
    }
    diesel::insert_into(codes::table).values(CodeRow::try_from(&code)?).execute(conn).await?;
    Ok(IssueCode::Issued)
}

pub(in crate::store) async fn one(conn: &mut Conn<'_>, hash: SecretHash) -> Result<Option<Code>, StoreError> {
    let query = codes::table.find(hash.as_bytes().as_slice()).select(CodeRow::as_select());
    query.get_result(conn).await.optional()?.map(Code::try_from).transpose()
}

pub(in crate::store) async fn and_user(
    conn: &mut Conn<'_>,
    hash: SecretHash,
) -> Result<Option<(Code, Option<User>)>, StoreError> {
    let found: Option<(CodeRow, Option<UserRow>)> = codes::table
        .left_join(users::table.on(users::id.eq(codes::user_id)))
        .filter(codes::hash.eq(hash.as_bytes().as_slice()))
        .select((CodeRow::as_select(), Option::<UserRow>::as_select()))
        .get_result(conn)
        .await
        .optional()?;
    found.map(|(code, user)| Ok((code.try_into()?, user.map(User::try_from).transpose()?))).transpose()
}

/// "The client MUST NOT use the authorization code more than once." (RFC 6749 section 4.1.2) Single use is the one
/// conditional UPDATE below: of any number of redemptions at once, one finds the row as it was.
pub(in crate::store) async fn redeem(
    conn: &mut Conn<'_>,
    hash: SecretHash,
    now: Timestamp,
    mut family: Family,
) -> Result<RedeemCode, StoreError> {
    // Whoever disables the user, signs out, changes the password or deletes the client waits for us, or we for them.
    hold::user(conn, family.user_id.as_str()).await?;
    hold::client(conn, family.client_id.as_str()).await?;
    let user_stands = users::table.filter(users::id.eq(codes::user_id).and(users::disabled.eq(false)));
    let client_stands = clients::table.filter(clients::id.eq(codes::client_id).and(clients::disabled.eq(false)));
    let session_stands = sessions::table.filter(sessions::id.eq(codes::session_id).and(sessions::ended_at.is_null()));
    let session: Option<String> = diesel::update(codes::table.find(hash.as_bytes().as_slice()))
        .filter(codes::redeemed_at.is_null().and(codes::expires_at.gt(now.micros())))
        .filter(codes::client_id.eq(family.client_id.as_str()).and(codes::user_id.eq(family.user_id.as_str())))
        .filter(diesel::dsl::exists(user_stands))
        .filter(diesel::dsl::exists(client_stands))
        .filter(diesel::dsl::exists(session_stands))
        .set((codes::redeemed_at.eq(Some(now.micros())), codes::family_id.eq(Some(family.id.as_str()))))
        .returning(codes::session_id)
        .get_result(conn)
        .await
        .optional()?;
    let Some(session) = session else {
        return replayed(conn, &hash, now).await;
    };
    // The session may have been replaced since the code was read; the family belongs to the one that goes on.
    logout::served(conn, &session, family.client_id.as_str()).await?;
    family.session_id = Some(SessionId::new(session).map_err(|error| StoreError::corrupt("codes", error))?);
    diesel::insert_into(families::table).values(FamilyRow::try_from(&family)?).execute(conn).await?;
    family::make_room(conn, &family, now).await?;
    Ok(RedeemCode::Fresh)
}

/// "If an authorization code is used more than once, the authorization server MUST deny the request and SHOULD revoke
/// (when possible) all tokens previously issued based on that authorization code." (RFC 6749 section 4.1.2)
async fn replayed(conn: &mut Conn<'_>, hash: &SecretHash, now: Timestamp) -> Result<RedeemCode, StoreError> {
    let query = codes::table.find(hash.as_bytes().as_slice()).select(codes::family_id);
    let Some(family_id) = query.get_result::<Option<String>>(conn).await.optional()?.flatten() else {
        return Ok(RedeemCode::Unknown);
    };
    let family_id = FamilyId::new(family_id).map_err(|error| StoreError::corrupt("codes", error))?;
    family::revoke(conn, family_id.clone(), RevocationReason::CodeReplayed, Reach::Immediate, now).await?;
    Ok(RedeemCode::Replayed { family_id })
}
