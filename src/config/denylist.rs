//! How denied tokens reach other nodes, beside the database.

use std::fmt;

use serde_json::Value as Json;
use serde_json::json;
use url::Url;

use super::key::section;
use super::node::Node;
use super::value::Refusal;
use super::value::Value;
use super::value::parsed;
use crate::domain::secret::Secret;

section! {
    /// How the denylist reaches other nodes. It is kept in the database, and that is enough: a second way is for where
    /// a pooler swallows what `PostgreSQL` announces.
    Denylist in "denylist" {
        /// A Redis server: "<redis://user:password@host:6379/0>". Without TLS: it belongs on a private network.
        url: Option<RedisUrl> = Example(r#""redis://127.0.0.1:6379/0""#);
    }
}

/// The address of a Redis server. Shows itself without the password.
#[derive(Debug, Clone)]
pub struct RedisUrl(Secret);

impl RedisUrl {
    /// Reads `redis://[user:password@]host[:port][/database]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let database = url.path().trim_start_matches('/');
        let plain = url.scheme() == "redis" && url.has_host() && url.query().is_none() && url.fragment().is_none();
        let numbered = database.is_empty() || database.parse::<u16>().is_ok();
        (plain && numbered).then(|| Self(Secret::new(text)))
    }

    /// The whole address with its password, for the driver.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(mut url) = Url::parse(self.reveal()) else { return f.write_str("redis://***") };
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return f.write_str("redis://***");
        }
        write!(f, "{url}")
    }
}

impl Value for RedisUrl {
    const SECRET: bool = true;
    fn expected() -> String {
        "\"redis://host:port\", optionally with user:password@ and /database".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^redis://" })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, Self::parse)
    }
    fn show(&self) -> Json {
        json!(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::RedisUrl;

    #[test]
    fn the_password_is_never_shown() {
        let url = RedisUrl::parse("redis://signet:hunter2@cache.example.test:6380/3").unwrap();
        assert!(!format!("{url} {url:?}").contains("hunter2"));
        assert_eq!(url.to_string(), "redis://signet:***@cache.example.test:6380/3");
        assert!(url.reveal().contains("hunter2"));
    }

    #[test]
    fn only_redis_without_tls() {
        for good in ["redis://127.0.0.1", "redis://127.0.0.1:6379/", "redis://:pw@h/0"] {
            assert!(RedisUrl::parse(good).is_some(), "{good}");
        }
        for bad in ["", "redis://", "rediss://h", "http://h", "redis://h/name", "redis://h?protocol=3", "h:6379"] {
            assert!(RedisUrl::parse(bad).is_none(), "{bad:?}");
        }
    }
}
