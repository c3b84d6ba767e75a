//! What a provider observes of itself, in memory, until it is written or asked for.

use super::Signet;
use super::audit::Audit;
use super::metrics::Metrics;
use super::readers::Readers;
use super::usage::KeyUsage;

/// Counters and entries on their way out.
#[derive(Debug, Default)]
pub struct Watch {
    pub audit: Audit,
    pub readers: Readers,
    pub usage: KeyUsage,
    pub metrics: Metrics,
}

impl Signet {
    /// Writes everything that is waiting: the last thing a server does.
    pub async fn flush(&self) {
        let written = [
            self.flush_audit().await,
            self.flush_readers().await,
            self.flush_key_usage().await,
            self.flush_audit().await,
        ];
        for cause in written.into_iter().filter_map(Result::err) {
            tracing::warn!(event = "not_flushed", cause = cause.for_the_log());
        }
    }
}
