//! Browser sessions: kept alive by use.

use std::time::Duration;

use crate::domain::session::Session;
use crate::domain::time::Timestamp;

use super::Signet;
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
}
