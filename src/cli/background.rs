//! What a server does besides answering: notice changes, tend the keys, sweep.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::Signet;
use crate::flow::audit;
use crate::flow::backchannel;
use crate::flow::error::FlowError;
use crate::flow::readers;
use crate::flow::rotate;
use crate::flow::sweep;
use crate::flow::sync;

/// Between two looks at the keys, whatever the times of a rehearsal.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

/// Runs until the process ends. A task that fails is tried again at its next turn: the database may be back then.
pub(super) async fn run(signet: Arc<Signet>) {
    // Four looks while a key waits for its turn, so that a change of guard is planned in time however short that is.
    let shortest = (signet.config.keys.publish_ahead / 4).max(LEAST_PAUSE);
    tokio::join!(
        watch(Arc::clone(&signet)),
        signet.relay_denials(),
        // At once: a first start has made only the keys that sign.
        every(rotate::TEND_EVERY.min(shortest), Duration::ZERO, "keys", || tend(Arc::clone(&signet))),
        every(audit::FLUSH_EVERY, audit::FLUSH_EVERY, "audit", || flush_audit(Arc::clone(&signet))),
        every(readers::FLUSH_EVERY, readers::FLUSH_EVERY, "counters", || flush_counters(Arc::clone(&signet))),
        every(backchannel::DELIVER_EVERY, Duration::ZERO, "backchannel", || deliver_logouts(Arc::clone(&signet))),
        every(sweep::SWEEP_EVERY, sweep::SWEEP_EVERY, "sweep", || sweep_once(Arc::clone(&signet))),
    );
}

async fn watch(signet: Arc<Signet>) {
    let mut away = false;
    loop {
        signet.store.wait_for_change(sync::POLL_EVERY).await;
        match look(&signet).await {
            Ok(()) => {
                if std::mem::take(&mut away) {
                    tracing::info!(event = "store_available");
                }
            }
            Err(cause) => {
                away |= matches!(&cause, FlowError::Store(store) if store.is_unavailable());
                tracing::warn!(event = "background_failed", task = "watch", cause = cause.for_the_log());
            }
        }
    }
}

/// What others have changed, and what time it is.
async fn look(signet: &Signet) -> Result<(), FlowError> {
    signet.notice_changes().await?;
    signet.follow_database().await
}

async fn tend(signet: Arc<Signet>) -> Result<(), FlowError> {
    signet.tend_keys().await.map(|_| ())
}

async fn flush_audit(signet: Arc<Signet>) -> Result<(), FlowError> {
    signet.flush_audit().await
}

async fn flush_counters(signet: Arc<Signet>) -> Result<(), FlowError> {
    signet.flush_readers().await?;
    signet.flush_key_usage().await
}

async fn deliver_logouts(signet: Arc<Signet>) -> Result<(), FlowError> {
    signet.deliver_logouts().await
}

async fn sweep_once(signet: Arc<Signet>) -> Result<(), FlowError> {
    signet.sweep().await
}

async fn every<F: Future<Output = Result<(), FlowError>>>(
    period: Duration,
    first: Duration,
    task: &'static str,
    run: impl Fn() -> F,
) {
    let mut pause = first;
    loop {
        tokio::time::sleep(pause).await;
        pause = period;
        if let Err(cause) = run().await {
            tracing::warn!(event = "background_failed", task, cause = cause.for_the_log());
        }
    }
}
