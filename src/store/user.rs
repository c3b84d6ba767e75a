//! Users.

use crate::domain::family::Reach;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::domain::user::Email;
use crate::domain::user::PasswordHash;
use crate::domain::user::User;

use super::Store;
use super::StoreError;
use super::dispatch;

/// What became of a new user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateUser {
    Created,
    /// Another user has this id or this e-mail address.
    Taken,
}

/// What became of a change to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateUser {
    Updated,
    /// Another user has the new e-mail address.
    EmailTaken,
    Unknown,
}

impl Store {
    pub async fn create_user(&self, user: User) -> Result<CreateUser, StoreError> {
        dispatch!(self, statement, user::create(user))
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        dispatch!(self, read, user::one(id))
    }

    pub async fn user_by_email(&self, email: Email) -> Result<Option<User>, StoreError> {
        dispatch!(self, read, user::by_email(email))
    }

    /// At most `limit` users by e-mail address (bytes, not letters), those beyond `after`.
    pub async fn users(&self, after: Option<Email>, limit: u32) -> Result<Vec<User>, StoreError> {
        dispatch!(self, read, user::page(after, i64::from(limit)))
    }

    /// Writes e-mail address, roles, claims and `updated_at`; password and `disabled` have methods of their own.
    pub async fn update_user(&self, user: User) -> Result<UpdateUser, StoreError> {
        dispatch!(self, statement, user::update(user))
    }

    /// A new password ends every session but `keep_session`, all unused codes, and all families but those of
    /// `keep_session` (`UserChanged`). False when there is no such user.
    pub async fn set_password(
        &self,
        id: UserId,
        password: PasswordHash,
        now: Timestamp,
        keep_session: Option<SessionId>,
    ) -> Result<bool, StoreError> {
        dispatch!(self, transaction, user::set_password(id, password, now, keep_session))
    }

    /// The same password under other parameters: ends nothing. False when the stored hash is no longer `old`.
    pub async fn rehash_password(&self, id: UserId, old: PasswordHash, new: PasswordHash) -> Result<bool, StoreError> {
        dispatch!(self, statement, user::rehash_password(id, old, new))
    }

    /// Ends all sessions, unused codes and families (`Logout`).
    pub async fn sign_out_user(&self, id: UserId, reach: Reach, now: Timestamp) -> Result<(), StoreError> {
        dispatch!(self, transaction, user::sign_out(id, reach, now))
    }

    /// Disabling ends all sessions, unused codes and families; enabling brings none of them back. False when there is
    /// no such user.
    pub async fn set_user_disabled(&self, id: UserId, disabled: bool, now: Timestamp) -> Result<bool, StoreError> {
        dispatch!(self, transaction, user::set_disabled(id, disabled, now))
    }
}
