//! Telling clients that a session has ended: OpenID Connect Back-Channel Logout 1.0.
//!
//! Whoever ends a session writes down, in the same transaction, who has to be told. Any node takes what is due,
//! signs a token of two minutes and posts it. What does not work is tried again, later each time, until
//! `sessions.backchannel_retry_for` has passed. So every client is told at least once or given up on in the audit
//! trail, nobody's logout waits for it, and no restart forgets it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::ambient::Entropy;
use crate::domain::logout::Delivery;
use crate::domain::time::Timestamp;
use crate::outbound::Limits;
use crate::outbound::OutboundError;
use crate::protocol::logout::LogoutToken;
use crate::protocol::logout::TOKEN_LIFETIME;
use crate::protocol::logout::TYPE;

use super::Signet;
use super::audit::Event;
use super::error::FlowError;

/// How often a node looks for what is due.
pub const DELIVER_EVERY: Duration = Duration::from_secs(1);

/// Deliveries that a node takes at a time.
const AT_ONCE: usize = 16;
/// For how long they are its own: some times longer than [`Limits::DELIVERY`] lets them take.
const LEASE: Duration = Duration::from_secs(30);
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

impl Signet {
    /// Delivers what is due, until nothing is.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::NoKey`]: what was not delivered stays in the queue.
    pub async fn deliver_logouts(&self) -> Result<(), FlowError> {
        loop {
            let now = self.now();
            let limit = i64::try_from(AT_ONCE).unwrap_or(1);
            let claimed = self.store.claim_deliveries(now, now.plus(LEASE), limit).await?;
            let full = claimed.len() == AT_ONCE;
            // Each on its own: one that fails keeps no other from being delivered.
            let outcomes = join_all(claimed.into_iter().map(|delivery| self.deliver(delivery))).await;
            outcomes.into_iter().collect::<Result<(), _>>()?;
            if !full {
                return Ok(());
            }
        }
    }

    async fn deliver(&self, delivery: Delivery) -> Result<(), FlowError> {
        let client = self.client(&delivery.client_id).await?.filter(|client| !client.disabled);
        let wanted = client.as_ref().and_then(|client| Some((client, client.logout.backchannel_logout_uri.as_ref()?)));
        let Some((client, uri)) = wanted else {
            // It has left, or does not want to know any more.
            return Ok(self.store.finish_delivery(delivery).await?);
        };
        let algorithm = client.id_token_signed_response_alg;
        let pen = self.pen(&[(algorithm, TOKEN_LIFETIME)]).await?;
        let sub = self.subject(client, &delivery.user_id);
        let (sid, jti) = (self.session_name(client, &delivery.session_id), self.new_jti());
        let token = LogoutToken::new(self.issuer(), client.id.as_str(), sub.as_str(), sid.as_str(), &jti, self.now());
        let token = self.sign(&pen, algorithm, TYPE, &token)?;
        match self.outbound.post_form(uri.as_str(), &[("logout_token", &token)], Limits::DELIVERY).await {
            Ok(()) => {
                self.store.finish_delivery(delivery.clone()).await?;
                self.note(&Event::LogoutDelivered { delivery });
                Ok(())
            }
            Err(fault) => self.put_off(delivery, &fault).await,
        }
    }

    async fn put_off(&self, delivery: Delivery, fault: &OutboundError) -> Result<(), FlowError> {
        self.watch.metrics.logout_failed();
        let next_at = self.now().plus(pause(delivery.attempts, self.entropy.as_ref()));
        tracing::warn!(
            event = "logout_not_delivered",
            client_id = %delivery.client_id,
            sid = %delivery.session_id,
            attempt = delivery.attempts,
            cause = fault.detail(),
        );
        if next_at > last_chance(&delivery, self.config.sessions.backchannel_retry_for) {
            self.store.finish_delivery(delivery.clone()).await?;
            self.note(&Event::LogoutUndelivered { delivery, cause: fault.detail() });
            return Ok(());
        }
        Ok(self.store.put_off_delivery(delivery, next_at).await?)
    }
}

fn last_chance(delivery: &Delivery, retry_for: Duration) -> Timestamp {
    delivery.ended_at.plus(retry_for)
}

/// Up to a quarter longer than the plan, so that many that failed together do not come back together.
fn pause(attempts: i64, entropy: &dyn Entropy) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    let planned = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let mut byte = [0];
    entropy.fill(&mut byte);
    planned + planned.mul_f64(f64::from(byte[0]) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::pause;
    use crate::ambient::SeededEntropy;
    use std::time::Duration;

    #[test]
    fn lo_10_each_pause_is_longer_up_to_a_bound() {
        let entropy = SeededEntropy::new(1);
        for (attempts, seconds) in [(1, 5), (2, 10), (3, 20), (7, 320), (8, 600), (1000, 600)] {
            let (least, pause) = (Duration::from_secs(seconds), pause(attempts, &entropy));
            assert!(pause >= least && pause <= least.mul_f64(1.25), "{attempts}: {pause:?}");
        }
    }
}
