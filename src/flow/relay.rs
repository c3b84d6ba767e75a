//! Denials by way of Redis, where one is configured: what this node learns is announced there, and what others announce
//! is in memory here, without waiting for the database's own news. The denylist never depends on it: while this way is
//! closed, or swallows something, the database is looked at as always ([`STALE_AFTER`](super::denylist::STALE_AFTER)).

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::domain::denial::CLOCKS_APART;
use crate::domain::denial::Denial;
use crate::domain::denial::outlasts;
use crate::store::relay::Relay;
use crate::store::relay::RelayError;

use super::Signet;

/// How long until a closed way is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often the way is asked whether it is still open.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Denials that wait to be announced. What finds no room is announced when the way is opened anew.
pub(super) const MOST_WAITING: usize = 10_000;

impl Signet {
    /// Keeps the way open for as long as the server runs. Without `denylist.url` there is nothing to do. One such task
    /// for each process.
    pub async fn relay_denials(&self) {
        let Some(url) = &self.config.denylist.url else { return };
        let Some(mut waiting) = self.denylist.take_waiting() else { return };
        let mut told = false;
        loop {
            let cause = match Relay::connect(url.reveal(), self.issuer()).await {
                Ok(relay) => self.relay(relay, &mut waiting).await,
                Err(cause) => Err(cause),
            };
            let Err(cause) = cause;
            let was_open = self.denylist.set_relayed(false);
            if !std::mem::replace(&mut told, true) || was_open {
                tracing::warn!(event = "denylist_relay_closed", %cause, "denials come from the database alone");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn relay(&self, mut relay: Relay, waiting: &mut mpsc::Receiver<Denial>) -> Result<Infallible, RelayError> {
        relay.announce(&self.denylist.entries(), self.now()).await?;
        for denial in relay.all(self.now()).await? {
            self.hear(denial);
        }
        self.denylist.set_relayed(true);
        tracing::info!(event = "denylist_relay_open");
        let mut batch = Vec::new();
        let mut check = tokio::time::interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = waiting.recv_many(&mut batch, 100) => {
                    relay.announce(&batch, self.now()).await?;
                    batch.clear();
                }
                heard = relay.next() => {
                    if let Some(denial) = heard? {
                        self.hear(denial);
                    }
                }
                _ = check.tick() => relay.check().await?,
            }
        }
    }

    /// Whoever can write to that server can deny tokens, but not for longer than we would ourselves.
    fn hear(&self, denial: Denial) {
        if denial.expires_at <= outlasts(self.now()).plus(CLOCKS_APART) {
            self.denylist.hear(denial);
        }
    }
}
