//! Figures about a running provider, in the text format of Prometheus. Every label has few values: routes of our own,
//! status codes, grants, outcomes, keys. Nothing that a stranger can invent.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::domain::client::GrantType;
use crate::domain::key::KeyState;
use crate::domain::time::Timestamp;
use crate::keys::forecast::forecast;

use super::Signet;
use super::audit::Event;
use super::error::FlowError;

/// Upper bounds of the classes of durations, in microseconds, and as they are printed, in seconds.
const BOUNDS: [(u64, &str); 11] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
];

/// Pairs of route and status. There are some thirty routes and a dozen status codes for each.
const MOST_SERIES: usize = 500;

/// A rotation that is this late has a cause.
const OVERDUE_AFTER: Duration = Duration::from_mins(5);

/// Counters since the start of this process.
#[derive(Debug, Default)]
pub struct Metrics {
    durations: RwLock<HashMap<Box<str>, ByStatus>>,
    codes: AtomicU64,
    refreshes: AtomicU64,
    client_credentials: AtomicU64,
    exchanges: AtomicU64,
    signed_in: AtomicU64,
    denied: AtomicU64,
    throttled: AtomicU64,
    reuse: AtomicU64,
    logouts_delivered: AtomicU64,
    logouts_failed: AtomicU64,
    logouts_given_up: AtomicU64,
    registered: AtomicU64,
    registrations_refused: AtomicU64,
    /// When the certificate of our own https ends; nothing without one.
    certificate_ends: Mutex<Option<Timestamp>>,
    /// As they were when the database last answered.
    keys: Mutex<Vec<KeyFigures>>,
}

type ByStatus = HashMap<u16, Arc<Histogram>>;

#[derive(Debug, Default)]
struct Histogram {
    classes: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // One class only; they are summed up when somebody asks.
        if let Some((_, class)) = BOUNDS.iter().zip(&self.classes).find(|((bound, _), _)| micros <= *bound) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
struct KeyFigures {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    /// When an active key is to be followed by the next one.
    rotates_at: Option<Timestamp>,
    tokens: i64,
}

impl Metrics {
    /// One answer, if there has been one of this route and status before.
    pub fn answered_again(&self, route: &str, status: u16, took: Duration) -> bool {
        let known = self.durations.read().unwrap_or_else(PoisonError::into_inner);
        let histogram = known.get(route).and_then(|statuses| statuses.get(&status));
        histogram.inspect(|histogram| histogram.add(took)).is_some()
    }

    /// One answer. `route` is a pattern of ours, never the path of a request.
    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        if self.answered_again(route, status, took) {
            return;
        }
        let mut known = self.durations.write().unwrap_or_else(PoisonError::into_inner);
        if known.values().map(HashMap::len).sum::<usize>() < MOST_SERIES {
            known.entry(route.into()).or_default().entry(status).or_default().add(took);
        }
    }

    /// One answer of the token endpoint with tokens in it.
    pub fn token_issued(&self, grant: GrantType) {
        let counter = match grant {
            GrantType::AuthorizationCode => &self.codes,
            GrantType::RefreshToken => &self.refreshes,
            GrantType::ClientCredentials => &self.client_credentials,
            GrantType::TokenExchange => &self.exchanges,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// When the certificate ends that new connections get.
    pub fn certificate_ends(&self, at: Timestamp) {
        *self.certificate_ends.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// One attempt to tell a client of a logout that did not work.
    pub(super) fn logout_failed(&self) {
        self.logouts_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// One client that wanted to register itself and could not.
    pub(super) fn registration_refused(&self) {
        self.registrations_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// What the events of the audit trail add up to.
    pub(super) fn count(&self, event: &Event) {
        let counter = match event {
            Event::SignedIn { .. } | Event::SignedInAt { .. } => &self.signed_in,
            Event::LoginDenied { .. } => &self.denied,
            Event::LoginThrottled { .. } => &self.throttled,
            Event::RefreshReuse { .. } => &self.reuse,
            Event::LogoutDelivered { .. } => &self.logouts_delivered,
            Event::LogoutUndelivered { .. } => &self.logouts_given_up,
            Event::ClientRegistered { .. } => &self.registered,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn write_durations(&self, text: &mut Text) {
        text.head("signet_http_request_duration_seconds", "histogram", "Time from request to answer.");
        let known = self.durations.read().unwrap_or_else(PoisonError::into_inner);
        let mut series: Vec<(String, Arc<Histogram>)> = known
            .iter()
            .flat_map(|(route, statuses)| statuses.iter().map(move |(status, histogram)| (route, status, histogram)))
            .map(|(route, status, histogram)| {
                (format!(r#"route="{}",status="{status}""#, escaped(route)), Arc::clone(histogram))
            })
            .collect();
        drop(known);
        series.sort_by(|a, b| a.0.cmp(&b.0));
        for (labels, histogram) in series {
            let mut sum = 0;
            for ((_, bound), class) in BOUNDS.iter().zip(&histogram.classes) {
                sum += class.load(Ordering::Relaxed);
                let labels = format!(r#"{labels},le="{bound}""#);
                text.line("signet_http_request_duration_seconds_bucket", &labels, sum);
            }
            // Counted after its class: never less than what the classes add up to.
            let count = histogram.count.load(Ordering::Relaxed).max(sum);
            text.line("signet_http_request_duration_seconds_bucket", &format!(r#"{labels},le="+Inf""#), count);
            let micros = histogram.micros.load(Ordering::Relaxed);
            let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            text.line("signet_http_request_duration_seconds_sum", &labels, seconds);
            text.line("signet_http_request_duration_seconds_count", &labels, count);
        }
    }
}

impl Signet {
    /// Everything that is measured. States of keys are read from the database; while it is away they stay as they
    /// were, and `signet_database_up` is 0.
    pub async fn metrics_text(&self) -> String {
        let metrics = &self.watch.metrics;
        let up = match self.key_figures().await {
            Ok(keys) => {
                *metrics.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
                true
            }
            Err(_) => false,
        };
        let keys = metrics.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = Text::default();
        text.head("signet_build_info", "gauge", "Always 1; the version is in the label.");
        text.line("signet_build_info", &format!(r#"version="{}""#, env!("CARGO_PKG_VERSION")), 1);
        text.head("signet_database_up", "gauge", "Whether the database answered just now.");
        text.line("signet_database_up", "", u8::from(up));
        write_keys(&mut text, &keys, self.steady_now());
        let certificate_ends = *metrics.certificate_ends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ends) = certificate_ends {
            const NAME: &str = "signet_tls_certificate_days_left";
            text.head(NAME, "gauge", "Whole days until the certificate of the public listener ends.");
            text.line(NAME, "", (ends.seconds() - self.now().seconds()).div_euclid(86_400));
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        text.head("signet_jwks_requests_total", "counter", "Fetches of the JWKS.");
        text.line("signet_jwks_requests_total", "", self.watch.readers.requests());
        text.head("signet_tokens_issued_total", "counter", "Answers of the token endpoint with tokens in them.");
        text.line("signet_tokens_issued_total", r#"grant="authorization_code""#, count(&metrics.codes));
        text.line("signet_tokens_issued_total", r#"grant="refresh_token""#, count(&metrics.refreshes));
        text.line("signet_tokens_issued_total", r#"grant="client_credentials""#, count(&metrics.client_credentials));
        text.line("signet_tokens_issued_total", r#"grant="token_exchange""#, count(&metrics.exchanges));
        text.head("signet_authn_total", "counter", "Attempts to sign in.");
        let outcomes =
            [("success", &metrics.signed_in), ("denied", &metrics.denied), ("throttled", &metrics.throttled)];
        for (outcome, counter) in outcomes {
            let labels = format!(r#"method="password",outcome="{outcome}""#);
            text.line("signet_authn_total", &labels, count(counter));
        }
        text.head("signet_refresh_reuse_detected_total", "counter", "Refresh families revoked because of reuse.");
        text.line("signet_refresh_reuse_detected_total", "", count(&metrics.reuse));
        text.head("signet_backchannel_logouts_total", "counter", "Attempts to tell clients of ended sessions.");
        let outcomes = [
            ("delivered", &metrics.logouts_delivered),
            ("failed", &metrics.logouts_failed),
            ("given_up", &metrics.logouts_given_up),
        ];
        for (outcome, counter) in outcomes {
            text.line("signet_backchannel_logouts_total", &format!(r#"outcome="{outcome}""#), count(counter));
        }
        text.head("signet_client_registrations_total", "counter", "Clients that wanted to register themselves.");
        let outcomes = [("registered", &metrics.registered), ("refused", &metrics.registrations_refused)];
        for (outcome, counter) in outcomes {
            text.line("signet_client_registrations_total", &format!(r#"outcome="{outcome}""#), count(counter));
        }
        text.head("signet_audit_waiting", "gauge", "Audit entries that wait for the database.");
        text.line("signet_audit_waiting", "", self.watch.audit.waiting());
        text.head("signet_audit_dropped_total", "counter", "Audit entries that found no room.");
        text.line("signet_audit_dropped_total", "", self.watch.audit.dropped());
        metrics.write_durations(&mut text);
        text.0
    }

    async fn key_figures(&self) -> Result<Vec<KeyFigures>, FlowError> {
        let keys = self.store.signing_keys().await?;
        let policy = self.key_policy().await?;
        let tokens = self.tokens_in_24_hours().await?;
        let figures = |key: &crate::domain::key::SigningKey| KeyFigures {
            kid: key.kid.as_str().to_owned(),
            algorithm: key.algorithm.as_str(),
            state: key.state.as_str(),
            rotates_at: match key.state {
                KeyState::Active => forecast(key, &keys, &policy).signs_until,
                _ => None,
            },
            tokens: tokens.get(&key.kid).copied().unwrap_or(0),
        };
        // Expired keys stay in the database for a year and more; nobody watches them.
        Ok(keys.iter().filter(|key| key.state != KeyState::Expired).map(figures).collect())
    }
}

fn write_keys(text: &mut Text, keys: &[KeyFigures], now: Timestamp) {
    text.head("signet_key_state", "gauge", "1 for the state that each signing key is in; expired ones are left out.");
    for key in keys {
        let labels = format!(r#"kid="{}",alg="{}",state="{}""#, escaped(&key.kid), key.algorithm, key.state);
        text.line("signet_key_state", &labels, 1);
    }
    text.head("signet_key_tokens_24h", "gauge", "Tokens that each key has signed in 24 hours, on all nodes.");
    for key in keys {
        text.line(
            "signet_key_tokens_24h",
            &format!(r#"kid="{}",alg="{}""#, escaped(&key.kid), key.algorithm),
            key.tokens,
        );
    }
    let planned: Vec<(&str, Timestamp)> =
        keys.iter().filter_map(|key| Some((key.algorithm, key.rotates_at?))).collect();
    text.head("signet_key_next_rotation_timestamp_seconds", "gauge", "When the next key is to sign.");
    for (algorithm, at) in &planned {
        text.line("signet_key_next_rotation_timestamp_seconds", &format!(r#"alg="{algorithm}""#), at.seconds());
    }
    text.head("signet_key_rotation_overdue", "gauge", "1 when that was more than five minutes ago.");
    for (algorithm, at) in &planned {
        let overdue = now > at.plus(OVERDUE_AFTER);
        text.line("signet_key_rotation_overdue", &format!(r#"alg="{algorithm}""#), u8::from(overdue));
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use super::Text;
    use std::time::Duration;

    #[test]
    fn classes_add_up() {
        let metrics = Metrics::default();
        for micros in [100, 900, 900, 9_000_000] {
            metrics.answered("/token", 200, Duration::from_micros(micros));
        }
        let mut text = Text::default();
        metrics.write_durations(&mut text);
        for line in [
            r#"_bucket{route="/token",status="200",le="0.0005"} 1"#,
            r#"_bucket{route="/token",status="200",le="0.001"} 3"#,
            r#"_bucket{route="/token",status="200",le="5"} 3"#,
            r#"_bucket{route="/token",status="200",le="+Inf"} 4"#,
            r#"_sum{route="/token",status="200"} 9.001900"#,
            r#"_count{route="/token",status="200"} 4"#,
        ] {
            assert!(text.0.contains(line), "{line}\n{}", text.0);
        }
    }

    #[test]
    fn ds_03_series_are_bounded() {
        let metrics = Metrics::default();
        for number in 0..100_000_u32 {
            metrics.answered(&format!("/{number}"), 200, Duration::ZERO);
        }
        let mut text = Text::default();
        metrics.write_durations(&mut text);
        assert_eq!(text.0.matches("_count{").count(), super::MOST_SERIES);
    }
}
