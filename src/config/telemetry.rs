//! What the server says about itself.

use std::time::Duration;

use super::key::section;
use super::tokens::DAY;
use super::value::Between;
use super::value::choice;

section! {
    /// What the server says about itself, on stderr.
    Telemetry in "telemetry" {
        /// "auto" is text on a terminal and JSON elsewhere.
        log_format: LogFormat = Default(r#""auto""#);
        /// The least important lines that are written.
        log_level: LogLevel = Default(r#""info""#);
        /// How long entries of the audit trail are kept. The database itself refuses to delete those of 30 days.
        audit_keep: Duration = Default(r#""400d""#), Between(DAY * 30, DAY * 3650);
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Json,
    Text,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

choice!(LogFormat: "auto" => LogFormat::Auto, "json" => LogFormat::Json, "text" => LogFormat::Text);
choice!(LogLevel:
    "error" => LogLevel::Error,
    "warn" => LogLevel::Warn,
    "info" => LogLevel::Info,
    "debug" => LogLevel::Debug,
    "trace" => LogLevel::Trace,
);
