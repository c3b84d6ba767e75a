//! Signing keys: which, and how they change.

use std::time::Duration;

use serde_json::Value as Json;
use serde_json::json;

use super::key::section;
use super::node::Node;
use super::text::parse_duration;
use super::text::show_duration;
use super::value::Between;
use super::value::NotEmpty;
use super::value::Refusal;
use super::value::Value;
use super::value::choice;
use super::value::parsed;
use crate::domain::key::Algorithm;
use crate::domain::window::Window;

section! {
    /// Signing keys and their rotation. No verifier notices a rotation as long as `publish_ahead` is longer than it
    /// keeps the key set.
    Keys in "keys" {
        /// Signature algorithms: ES256, RS256, PS256, EdDSA (Ed25519). RS256 must stay: `OpenID` Connect requires it.
        algorithms: Vec<Algorithm> = Default(r#"["ES256", "RS256"]"#), NotEmpty;
        /// How long a key signs before the next one takes over, or "never". At least 24 h outside dev.
        rotate_every: RotateEvery = Default(r#""90d""#);
        /// How long a key is published before it signs. At least 1 h outside dev, better 24 h; 14 days covers
        /// applications that read keys only when they start.
        publish_ahead: Duration = Default(r#""14d""#);
        /// How long a key stays published after it has stopped to sign; "auto" is the longest token lifetime of any
        /// client and one hour.
        retire_for: RetireFor = Default(r#""auto""#);
        /// When scheduled rotations may be: days, times of day and a time zone. Always, if it is not set.
        window: Option<Window> = Example(r#""Tue-Thu 09:00-16:00 Europe/Berlin""#);
        /// By how many percent of `rotate_every` a rotation is put off at most, so that not all installations of a
        /// house rotate at the same moment. All nodes of one installation choose the same.
        jitter: u32 = Default("0"), Between(0, 5);
        /// Lets keys change within seconds, to watch a rotation before one is relied upon. Only where the issuer is plain
        /// http, which nobody outside of this machine can use; always so with --dev.
        rehearsal: bool = Default("false");
        /// How long others may keep the key set: the max-age of /.well-known/jwks.json.
        jwks_max_age: Duration = Default(r#""5m""#), Between(Duration::from_secs(1), Duration::from_hours(24));
    }
}

/// Clocks of verifiers may be this far off, at least.
const LEAST_SKEW: Duration = Duration::from_mins(5);

impl Keys {
    /// By how much a key outlives the longest token, at least: clocks of verifiers are off. In a rehearsal and with
    /// `--dev` all of them are on this machine and share its clock.
    #[must_use]
    pub const fn least_skew(&self, dev: bool) -> Duration {
        if dev || self.rehearsal { Duration::ZERO } else { LEAST_SKEW }
    }
}

/// How long a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotateEvery {
    Never,
    Every(Duration),
}

/// How long a key stays published after its last signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetireFor {
    /// The longest token lifetime of any client and one hour.
    Auto,
    For(Duration),
}

choice!(Algorithm: "ES256" => Algorithm::Es256, "RS256" => Algorithm::Rs256, "PS256" => Algorithm::Ps256,
    "EdDSA" => Algorithm::EdDsa);

impl Value for Window {
    fn expected() -> String {
        "days, times of day and a time zone such as \"Tue-Thu 09:00-16:00 Europe/Berlin\"".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, Self::parse)
    }
    fn show(&self) -> Json {
        json!(self.to_string())
    }
}

impl Value for RotateEvery {
    fn expected() -> String {
        format!("\"never\" or {}", Duration::expected())
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| match text {
            "never" => Some(Self::Never),
            _ => parse_duration(text).filter(|every| !every.is_zero()).map(Self::Every),
        })
    }
    fn show(&self) -> Json {
        match self {
            Self::Never => json!("never"),
            Self::Every(every) => json!(show_duration(*every)),
        }
    }
}

impl Value for RetireFor {
    fn expected() -> String {
        format!("\"auto\" or {}", Duration::expected())
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| match text {
            "auto" => Some(Self::Auto),
            _ => parse_duration(text).map(Self::For),
        })
    }
    fn show(&self) -> Json {
        match self {
            Self::Auto => json!("auto"),
            Self::For(time) => json!(show_duration(*time)),
        }
    }
}
