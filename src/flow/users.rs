//! Users, as an administrator changes them.

use std::collections::BTreeSet;

use crate::crypto::hash;
use crate::domain::ids::USER_PREFIX;
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::user::Email;
use crate::domain::user::Role;
use crate::domain::user::StandardClaims;
use crate::domain::user::User;
use crate::store::user::CreateUser;

use super::Signet;
use super::audit::Event;
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

/// What somebody can do without typing a password again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveAccess {
    /// Browser sessions.
    pub sessions: i64,
    /// Refresh families with a token that would still be accepted.
    pub families: i64,
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
        let id = UserId::new(hash::random_id(USER_PREFIX, self.entropy.as_ref()))
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
                self.record(&Event::UserCreated { sub: user.id.clone() }).await;
                Ok(Some(user))
            }
            CreateUser::Taken => Ok(None),
        }
    }

    /// What ends when a user is disabled or gets a new password.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn live_access(&self, user: &UserId) -> Result<LiveAccess, FlowError> {
        let now = self.now();
        let families = self.store.families_of_user(user.clone()).await?;
        let live = families.iter().filter(|family| family.current.is_some() && family.is_live(now)).count();
        Ok(LiveAccess {
            sessions: self.store.live_sessions_of_user(user.clone(), now).await?,
            families: i64::try_from(live).unwrap_or(i64::MAX),
        })
    }

    /// Disables or enables a user. Disabling ends all sessions, unused codes and refresh families; enabling brings
    /// none of them back. False when there is no such user.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn set_user_disabled(&self, user: &UserId, disabled: bool) -> Result<bool, FlowError> {
        let done = self.store.set_user_disabled(user.clone(), disabled, self.now()).await?;
        if done {
            self.learn_denials().await?;
            let sub = user.clone();
            let event = if disabled { Event::UserDisabled { sub } } else { Event::UserEnabled { sub } };
            self.record(&event).await;
        }
        Ok(done)
    }

    /// Sets a password. Everything that the old one gave access to ends: sessions and refresh families.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Busy`], [`FlowError::Password`] for a password over the limit.
    pub async fn set_password(&self, user: &UserId, password: Secret) -> Result<bool, FlowError> {
        let hash = self.passwords.hash(password, self.entropy.clone()).await?;
        let done = self.store.set_password(user.clone(), hash, self.now(), None).await?;
        if done {
            self.learn_denials().await?;
            self.record(&Event::PasswordSet { sub: user.clone() }).await;
        }
        Ok(done)
    }
}
