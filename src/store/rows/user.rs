//! `users`

use diesel::prelude::Identifiable;
use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::domain::user::Email;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::schema::users;

use super::from_json;
use super::to_json;

const TABLE: &str = "users";

#[derive(Queryable, Selectable, Insertable, Identifiable)]
#[diesel(table_name = users)]
pub(in crate::store) struct UserRow {
    pub(in crate::store) id: String,
    pub(in crate::store) email: String,
    pub(in crate::store) password: Option<String>,
    pub(in crate::store) roles: String,
    pub(in crate::store) claims: String,
    pub(in crate::store) disabled: bool,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) updated_at: i64,
}

impl TryFrom<&User> for UserRow {
    type Error = StoreError;

    fn try_from(user: &User) -> Result<Self, StoreError> {
        Ok(Self {
            id: user.id.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            password: user.password.as_ref().map(|hash| hash.as_phc().to_owned()),
            roles: to_json(&user.roles)?,
            claims: to_json(&user.claims)?,
            disabled: user.disabled,
            created_at: user.created_at.micros(),
            updated_at: user.updated_at.micros(),
        })
    }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::new(row.id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            email: Email::parse(&row.email).map_err(|error| StoreError::corrupt(TABLE, error))?,
            password: row.password.map(PasswordHash::from_phc),
            roles: from_json(TABLE, &row.roles)?,
            claims: from_json(TABLE, &row.claims)?,
            disabled: row.disabled,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
