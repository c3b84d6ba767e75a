//! Users, as an administrator changes them.

use std::collections::BTreeSet;

use crate::crypto::hash;
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::user::Email;
use crate::domain::user::Role;
use crate::domain::user::StandardClaims;
use crate::domain::user::User;
use crate::store::user::CreateUser;

use super::Signet;
use super::error::FlowError;

/// A user to be.
#[derive(Debug)]
pub struct NewUser {
    pub email: Email,
    /// Without one, the user cannot sign in until a password is set.
    pub password: Option<Secret>,
    pub roles: BTreeSet<Role>,
    pub claims: StandardClaims,
}

impl Signet {
    /// Creates a user. `None`: the address is taken.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Busy`], [`FlowError::Password`] for a password over the limit.
    pub async fn create_user(&self, new: NewUser) -> Result<Option<User>, FlowError> {
        let user = self.new_user(new).await?;
        self.add_user(user).await
    }

    pub(super) async fn new_user(&self, new: NewUser) -> Result<User, FlowError> {
        let now = self.now();
        let password = match new.password {
            Some(password) => Some(self.passwords.hash(password, self.entropy.clone()).await?),
            None => None,
        };
        let id = UserId::new(hash::random_id("usr_", self.entropy.as_ref()))
            .map_err(|_| FlowError::Internal("made an unusable id"))?;
        Ok(User {
            id,
            email: new.email,
            password,
            roles: new.roles,
            claims: new.claims,
            disabled: false,
            created_at: now,
            updated_at: now,
        })
    }

    pub(super) async fn add_user(&self, user: User) -> Result<Option<User>, FlowError> {
        match self.store.create_user(user.clone()).await? {
            CreateUser::Created => {
                tracing::info!(event = "user_created", sub = %user.id);
                Ok(Some(user))
            }
            CreateUser::Taken => Ok(None),
        }
    }

    /// Sets a password. Everything that the old one gave access to ends: sessions and refresh families.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Busy`], [`FlowError::Password`] for a password over the limit.
    pub async fn set_password(&self, user: &UserId, password: Secret) -> Result<bool, FlowError> {
        let hash = self.passwords.hash(password, self.entropy.clone()).await?;
        let done = self.store.set_password(user.clone(), hash, self.now(), None).await?;
        if done {
            tracing::info!(event = "password_set", sub = %user);
        }
        Ok(done)
    }
}
