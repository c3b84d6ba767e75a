//! Initial access tokens, RFC 7591 section 3: made by an administrator, each good for so many registrations.

use std::time::Duration;

use crate::crypto::hash;
use crate::domain::ids::InitialTokenId;
use crate::domain::registration::InitialToken;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretKind;

use super::Signet;
use super::audit::Event;
use super::error::FlowError;

/// A token to be.
#[derive(Debug)]
pub struct NewInitialToken {
    /// How many clients; `registration.clients_per_token` when absent.
    pub clients: Option<u32>,
    pub lifetime: Duration,
    /// What its clients may ask for; all of `registration.scope` when absent.
    pub scope: Option<Scope>,
    pub note: String,
}

impl Signet {
    /// Makes a token. Its value exists only in the answer.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn create_initial_token(&self, new: NewInitialToken) -> Result<(InitialToken, Secret), FlowError> {
        let now = self.now();
        let (secret, hash) = hash::new_secret(SecretKind::InitialAccess, self.entropy.as_ref());
        let id = InitialTokenId::new(hash::random_id("iat_", self.entropy.as_ref()));
        let token = InitialToken {
            id: id.map_err(|_| FlowError::Internal("made an unusable id"))?,
            hash,
            note: new.note,
            scope: new.scope,
            clients: i64::from(new.clients.unwrap_or(self.config.registration.clients_per_token)),
            registered: 0,
            created_at: now,
            expires_at: now.plus(new.lifetime),
        };
        self.store.create_initial_token(token.clone()).await?;
        self.record(&Event::InitialTokenCreated { token: token.id.clone(), clients: token.clients }).await;
        Ok((token, secret))
    }

    /// Takes a token away; the clients that were registered with it stay. False when there is none of this name.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn revoke_initial_token(&self, id: &InitialTokenId) -> Result<bool, FlowError> {
        let done = self.store.delete_initial_token(id.clone()).await?;
        if done {
            self.record(&Event::InitialTokenRevoked { token: id.clone() }).await;
        }
        Ok(done)
    }
}
