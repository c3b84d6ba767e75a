//! The first administrator: a link that works once, for an hour, shown on the console.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::crypto::hash;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretKind;
use crate::domain::user::Email;
use crate::domain::user::Role;
use crate::domain::user::StandardClaims;
use crate::domain::user::User;
use crate::store::instance::SetUp;

use super::Signet;
use super::audit::Event;
use super::error::FlowError;
use super::users::NewUser;

/// How long a setup link works.
pub const LINK_LIVES: Duration = Duration::from_hours(1);

const ADMINISTRATOR: &str = "admin";

/// How a setup ended.
#[derive(Debug)]
pub enum Setup {
    Done(Box<User>),
    /// The link was used before, has expired, or never was.
    LinkGone,
    /// There is a user with this address. The link still works.
    EmailTaken,
}

impl Signet {
    /// Whether nobody can administer yet.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn needs_setup(&self) -> Result<bool, FlowError> {
        Ok(self.store.users(None, 1).await?.is_empty())
    }

    /// Makes a new setup link; only its hash is kept.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn new_setup_link(&self) -> Result<String, FlowError> {
        let (secret, hash) = hash::new_secret(SecretKind::SetupLink, self.entropy.as_ref());
        self.store.put_setup_link(hash, self.now().plus(LINK_LIVES)).await?;
        Ok(format!("{}/setup/{}", self.issuer(), secret.reveal()))
    }

    /// Whether a setup link would work now.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn is_setup_link(&self, link: &str) -> Result<bool, FlowError> {
        let hash = hash::secret_hash(SecretKind::SetupLink, link);
        Ok(self.store.setup_link(hash, self.now()).await?)
    }

    /// Uses a setup link up and makes an administrator. Of several who try at once, one succeeds.
    ///
    /// # Errors
    /// [`FlowError::Store`]; [`FlowError::Busy`]; [`FlowError::Password`] for a password over the limit.
    pub async fn set_up(&self, link: &str, email: Email, password: Secret) -> Result<Setup, FlowError> {
        if !self.is_setup_link(link).await? {
            return Ok(Setup::LinkGone);
        }
        if self.store.user_by_email(email.clone()).await?.is_some() {
            return Ok(Setup::EmailTaken);
        }
        let role = Role::parse(ADMINISTRATOR).map_err(|_| FlowError::Internal("the administrator's role"))?;
        let claims = StandardClaims::default();
        let new = NewUser { email, password: Some(password), roles: BTreeSet::from([role]), claims };
        let user = self.new_user(new).await?;
        let hash = hash::secret_hash(SecretKind::SetupLink, link);
        Ok(match self.store.set_up(hash, user.clone(), self.now()).await? {
            SetUp::LinkGone => Setup::LinkGone,
            SetUp::EmailTaken => Setup::EmailTaken,
            SetUp::Done => {
                self.record(&Event::UserCreated { sub: user.id.clone() }).await;
                Setup::Done(Box::new(user))
            }
        })
    }
}
