//! Browser sessions: kept alive by use, ended on request.

use std::time::Duration;

use crate::domain::family::Reach;
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;

use super::Signet;
use super::audit::Event;
use super::authorize::BrowserCookies;
use super::error::FlowError;

/// How often a session in use is written again: not at every request.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

impl Signet {
    pub(super) async fn keep_alive(&self, session: &Session, now: Timestamp) -> Result<(), FlowError> {
        if now.since(session.last_seen_at) < TOUCH_EVERY {
            return Ok(());
        }
        self.store.touch_session(session.hash, now, now.plus(self.config.sessions.idle)).await?;
        Ok(())
    }

    /// Ends the session of this browser, and says which it was.
    ///
    /// # Errors
    /// [`FlowError::Store`]: then it has not ended.
    pub async fn sign_out(&self, cookies: &BrowserCookies) -> Result<Option<SessionId>, FlowError> {
        let Some((session, user)) = self.signed_in(cookies).await? else { return Ok(None) };
        self.end_session(&session.id, Reach::Immediate).await?;
        self.note(&Event::SignedOut { sub: user.id, sid: session.id.clone() });
        Ok(Some(session.id))
    }
}
