//! The certificate of the public listener: where a server gets it, and what becomes of it while the server runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::ambient::Clock;
use crate::ambient::Entropy;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::flow::Signet;
use crate::http::tls::Reload;
use crate::http::tls::Tls;

use super::Failure;
use super::local_ca::Kept;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Between two warnings about one certificate.
const WARN_EVERY: Duration = Duration::from_hours(12);
/// Who renews by themselves does so a month ahead; with two weeks left something has gone wrong.
const SOON: Duration = Duration::from_hours(24 * 14);

/// What the public listener shows.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) tls: Arc<Tls>,
    /// The authority on this computer that has made it.
    pub(super) authority: Option<Kept>,
}

/// Nothing when the listener speaks plain http.
///
/// # Errors
/// Exit code 78 with the file that cannot be used, and why.
pub(super) fn open(config: &Config, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Result<Option<Opened>, Failure> {
    let refused = |fault: &dyn std::fmt::Display| Failure::configuration(&format!("server.tls: {fault}"));
    let client_ca = config.tls.client_ca.as_deref();
    if let Some((certificate, key)) = config.tls.files() {
        let tls = Tls::from_files(certificate, key, client_ca, clock).map_err(|fault| refused(&fault))?;
        return Ok(Some(Opened { tls: Arc::new(tls), authority: None }));
    }
    if !config.tls.is_local() {
        return Ok(None);
    }
    let kept = Kept::load_or_create(clock.as_ref(), entropy)?;
    let now = Timestamp::from_micros(clock.unix_micros());
    let leaf = kept.ca.issue(now, entropy).map_err(|fault| refused(&fault))?;
    let tls = Tls::from_leaf(&leaf, client_ca, clock).map_err(|fault| refused(&fault))?;
    Ok(Some(Opened { tls: Arc::new(tls), authority: Some(kept) }))
}

/// Watches over it until the process ends: exchanges it when its files change, and warns before it ends.
pub(super) async fn watch(tls: Arc<Tls>, signet: Arc<Signet>) {
    let host = url::Url::parse(signet.issuer()).ok().and_then(|url| url.host_str().map(str::to_owned));
    let check_host = || {
        if let Some(host) = host.as_deref().filter(|host| !tls.is_for(host)) {
            tracing::warn!(event = "certificate_for_another_host", host, "nobody who checks it will connect");
        }
    };
    check_host();
    // A local certificate has no files; then a terminal that is closed still ends the server.
    let mut hangup = tls.has_files().then(|| signal(SignalKind::hangup()).ok()).flatten();
    let mut since_warning = WARN_EVERY;
    loop {
        signet.watch.metrics.certificate_ends(tls.ends());
        if since_warning >= WARN_EVERY && tls.left() < SOON {
            warn_of_end(&tls);
            since_warning = Duration::ZERO;
        }
        match &mut hangup {
            Some(hangup) => drop(tokio::time::timeout(LOOK_EVERY, hangup.recv()).await),
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
        since_warning += LOOK_EVERY;
        let looking = Arc::clone(&tls);
        match tokio::task::spawn_blocking(move || looking.reload()).await {
            Ok(Reload::Exchanged) => {
                tracing::info!(event = "certificate_exchanged", ends = %tls.ends());
                since_warning = WARN_EVERY;
                check_host();
            }
            Ok(Reload::Refused(fault)) => {
                tracing::warn!(event = "certificate_refused", cause = %fault, ends = %tls.ends(), "the old one stays");
            }
            Ok(Reload::Unchanged) | Err(_) => {}
        }
    }
}

fn warn_of_end(tls: &Tls) {
    let days_left = tls.left().as_secs() / 86_400;
    tracing::warn!(event = "certificate_ends", ends = %tls.ends(), days_left, "renew the certificate of server.tls");
}
