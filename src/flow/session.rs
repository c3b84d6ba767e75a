//! Browser sessions: found by their cookie, kept alive by use.

use std::time::Duration;

use crate::crypto::hash;
use crate::domain::consent::Consent;
use crate::domain::ids::ClientId;
use crate::domain::secret::SecretHash;
use crate::domain::secret::SecretKind;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::user::User;

use super::Signet;
use super::authorize::BrowserCookies;
use super::error::FlowError;

/// How often a session in use is written again: not at every request.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// Who is signed in in a browser, and what they have allowed a client.
pub(super) type AtClient = (Option<(Session, User)>, Option<Consent>);

impl Signet {
    /// Who is signed in in this browser.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn signed_in(&self, cookies: &BrowserCookies) -> Result<Option<(Session, User)>, FlowError> {
        let Some(hash) = session_hash(cookies) else { return Ok(None) };
        let Some((session, user)) = self.store.session(hash).await? else { return Ok(None) };
        self.used(session, user).await
    }

    /// The same, and what they have allowed a client.
    pub(super) async fn signed_in_at(
        &self,
        client: &ClientId,
        cookies: &BrowserCookies,
    ) -> Result<AtClient, FlowError> {
        let Some(hash) = session_hash(cookies) else { return Ok((None, None)) };
        match self.store.session_and_consent(hash, client.clone()).await? {
            Some((session, user, consent)) => Ok((self.used(session, user).await?, consent)),
            None => Ok((None, None)),
        }
    }

    /// A session that is asked about is kept alive; none when it has ended.
    async fn used(&self, session: Session, user: User) -> Result<Option<(Session, User)>, FlowError> {
        let now = self.now();
        if !session.is_live(now) || user.disabled {
            return Ok(None);
        }
        self.keep_alive(&session, now).await?;
        Ok(Some((session, user)))
    }

    pub(super) async fn keep_alive(&self, session: &Session, now: Timestamp) -> Result<(), FlowError> {
        if now.since(session.last_seen_at) < TOUCH_EVERY {
            return Ok(());
        }
        self.store.touch_session(session.hash, now, now.plus(self.config.sessions.idle)).await?;
        Ok(())
    }
}

fn session_hash(cookies: &BrowserCookies) -> Option<SecretHash> {
    cookies.session.as_ref().map(|secret| hash::secret_hash(SecretKind::Session, secret.reveal()))
}
