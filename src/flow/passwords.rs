//! Passwords, hashed a few at a time.
//!
//! One hash takes 19 MiB and some 10 ms of a core. As many as there are permits run at once, on threads for
//! blocking work; the rest waits a bounded time and is then told to come back, so that a flood of logins neither
//! eats the memory nor slows the issuing of tokens.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::ambient::Entropy;
use crate::crypto::password;
use crate::crypto::password::Decoy;
use crate::crypto::password::Params;
use crate::domain::secret::Secret;
use crate::domain::user::PasswordHash;

use super::error::FlowError;

/// The bounded place where passwords are hashed.
#[derive(Debug, Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    params: Params,
    wait: Duration,
    decoy: Arc<Decoy>,
}

impl Passwords {
    /// `concurrent` hashes at once; others wait at most `wait` for their turn.
    ///
    /// # Errors
    /// When the parameters are beyond what Argon2 allows.
    pub fn new(params: Params, concurrent: usize, wait: Duration, entropy: &dyn Entropy) -> Result<Self, FlowError> {
        let decoy = Arc::new(Decoy::new(&params, entropy)?);
        Ok(Self { permits: Arc::new(Semaphore::new(concurrent.max(1))), params, wait, decoy })
    }

    /// Whether the password is right. `None` stands for a user who does not exist or has no password: the same
    /// work is done, so that the time says nothing.
    ///
    /// # Errors
    /// [`FlowError::Busy`] when no turn came in time.
    pub async fn verify(&self, hash: Option<PasswordHash>, presented: Secret) -> Result<bool, FlowError> {
        let decoy = Arc::clone(&self.decoy);
        self.run(move || match hash {
            Some(hash) => password::verify(&hash, presented.reveal()),
            None => decoy.verify(presented.reveal()),
        })
        .await
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`FlowError::Busy`] when no turn came in time; [`FlowError::Password`] for a password over the limit.
    pub async fn hash(&self, password: Secret, entropy: Arc<dyn Entropy>) -> Result<PasswordHash, FlowError> {
        let params = self.params;
        Ok(self.run(move || password::hash(password.reveal(), &params, entropy.as_ref())).await??)
    }

    /// Whether a hash was made with other parameters than those in force.
    #[must_use]
    pub fn is_outdated(&self, hash: &PasswordHash) -> bool {
        password::needs_rehash(hash, &self.params)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, FlowError> {
        let busy = FlowError::Busy { retry_after: self.wait };
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = turn else { return Err(busy) };
        let done = tokio::task::spawn_blocking(move || {
            // The permit goes with the work: a caller who gives up does not make room for more work than allowed.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| FlowError::Internal("hashing did not finish"))
    }
}
