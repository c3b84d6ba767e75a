//! How much one sender may ask for.

use std::time::Duration;

use serde_json::Value as Json;
use serde_json::json;

use super::key::section;
use super::node::Node;
use super::text::parse_duration;
use super::text::show_duration;
use super::tokens::MINUTE;
use super::tokens::SECOND;
use super::value::Between;
use super::value::Refusal;
use super::value::Size;
use super::value::Value;
use super::value::parsed;

section! {
    /// How much one sender may ask for.
    Limits in "limits" {
        /// Largest body of a request.
        body: Size = Default(r#""64 KiB""#), Between(Size::from_bytes(4 << 10), Size::from_bytes(16 << 20));
        /// Largest head (request line and header fields) of a request.
        head: Size = Default(r#""32 KiB""#), Between(Size::from_bytes(8 << 10), Size::from_bytes(1 << 20));
        /// How long the head of a request may take to arrive.
        head_timeout: Duration = Default(r#""5s""#), Between(SECOND, MINUTE);
        /// How long the body of a request may take to arrive.
        body_timeout: Duration = Default(r#""10s""#), Between(SECOND, MINUTE);
        /// Wrong passwords for one account, from browsers that never signed in to it before.
        login_per_account: Rate = Default(r#""10 per 15m""#);
        /// Wrong passwords from one address.
        login_per_address: Rate = Default(r#""100 per 15m""#);
        /// Wrong secrets for one client from one address.
        client_secret_failures: Rate = Default(r#""20 per 1m""#);
        /// Sign-in pages that one browser may have open; beyond it the oldest is forgotten.
        attempts_per_browser: u32 = Default("10"), Between(1, 100);
        /// Sign-ins begun from one address. A browser that keeps no cookies is a new one each time.
        attempts_per_address: Rate = Default(r#""1000 per 15m""#);
    }
}

/// So many events in a time, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub window: Duration,
}

impl Rate {
    /// Reads `"10 per 15m"`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (limit, window) = text.split_once(" per ")?;
        let rate = Self { limit: limit.trim().parse().ok()?, window: parse_duration(window.trim())? };
        (rate.limit > 0 && rate.window >= SECOND).then_some(rate)
    }
}

impl Value for Rate {
    fn expected() -> String {
        "a rate such as \"10 per 15m\" (at least one, over at least 1s)".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[1-9][0-9]* per ([0-9]+(d|h|m|s|ms))+$" })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, Self::parse)
    }
    fn show(&self) -> Json {
        json!(format!("{} per {}", self.limit, show_duration(self.window)))
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;
    use std::time::Duration;

    #[test]
    fn rates_read() {
        assert_eq!(Rate::parse("10 per 15m"), Some(Rate { limit: 10, window: Duration::from_mins(15) }));
        for bad in ["", "10", "10 per", "0 per 1m", "10 per 0", "10/1m", "-1 per 1m", "10 per 1ms"] {
            assert_eq!(Rate::parse(bad), None, "{bad:?}");
        }
    }
}
