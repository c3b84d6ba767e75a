//! Logging: text for a person at a terminal, JSON lines for everything else. To stderr.

use std::io;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::telemetry::LogFormat;
use crate::config::telemetry::Telemetry;

use super::Failure;
use super::log_line::LogLine;

/// Who reads what a server writes to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody at a terminal: prose may stand between the lines.
    Person,
    /// Whatever collects logs: nothing but log lines.
    Machine,
}

/// Here the HTTP library calls it an error of the server when a stranger sends what is no HTTP, and the TLS library warns
/// of every connection that is closed in its own way. Whoever likes to could fill the log with it.
const MALFORMED: &str = "actix_http::h1::dispatcher=off,actix_http::h1::decoder=off,rustls=error";

/// Starts logging for a server. Our own events at the configured level; of libraries only what is wrong. Says who reads
/// it.
///
/// # Errors
/// [`Failure`] when logging was started before.
pub(super) fn start(telemetry: &Telemetry) -> Result<Reader, Failure> {
    let level = telemetry.log_level.as_str();
    let filter = EnvFilter::new(format!("warn,{MALFORMED},signet={level}"));
    let json = match telemetry.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if json {
        subscriber.event_format(LogLine).try_init()
    } else {
        subscriber.with_target(false).with_ansi(io::stderr().is_terminal()).try_init()
    };
    started.map_err(|fault| Failure::failed(&fault))?;
    Ok(if !json && io::stderr().is_terminal() { Reader::Person } else { Reader::Machine })
}

/// Logging for a command: only what is wrong, as text. What a command did it says itself.
pub(super) fn start_quiet() {
    let subscriber = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("warn")).with_writer(io::stderr);
    // It fails only when logging was started before, which is as good.
    let _ = subscriber.without_time().with_target(false).with_ansi(false).try_init();
}
