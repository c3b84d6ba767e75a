//! Which database, and how many connections to it.

use std::fmt;

use serde_json::Value as Json;
use serde_json::json;
use url::Url;

use super::key::section;
use super::node::Node;
use super::value::Between;
use super::value::Refusal;
use super::value::Value;
use super::value::parsed;
use crate::domain::secret::Secret;

section! {
    /// Which database, and how many connections to it.
    Database in "database" {
        /// "sqlite://" and a path (relative to the working directory, or absolute with a third slash), or
        /// "<postgres://user:password@host/name>".
        url: DatabaseUrl = Default(r#""sqlite://./data/signet.db""#);
        /// Connections for transactions. `SQLite` writes through one, whatever this says.
        max_connections: u32 = Default("16"), Between(1, 1000);
    }
}

/// The address of a database. Shows itself without the password.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    Sqlite(String),
    Postgres(Secret),
}

impl DatabaseUrl {
    /// Reads `sqlite://path`, `postgres://...` or `postgresql://...`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            let plain = !path.is_empty() && !path.contains(['?', '#', '\0']);
            return plain.then(|| Self::Sqlite(text.to_owned()));
        }
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "postgres" | "postgresql").then(|| Self::Postgres(Secret::new(text)))
    }

    /// The whole address with its password, for the driver.
    #[must_use]
    pub fn reveal(&self) -> &str {
        match self {
            Self::Sqlite(url) => url,
            Self::Postgres(url) => url.reveal(),
        }
    }

    /// The file of an `SQLite` database.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&str> {
        match self {
            Self::Sqlite(url) => url.strip_prefix("sqlite://"),
            Self::Postgres(_) => None,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(url) => f.write_str(url),
            Self::Postgres(url) => match Url::parse(url.reveal()) {
                Ok(mut url) => {
                    if url.password().is_some() && url.set_password(Some("***")).is_err() {
                        return f.write_str("postgres://***");
                    }
                    // A password may also stand among the parameters (`?password=`).
                    if url.query().is_some() {
                        url.set_query(Some("***"));
                    }
                    write!(f, "{url}")
                }
                Err(_) => f.write_str("postgres://***"),
            },
        }
    }
}

impl Value for DatabaseUrl {
    const SECRET: bool = true;
    fn expected() -> String {
        "\"sqlite://path\" or \"postgres://user@host/name\"".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(sqlite|postgres|postgresql)://" })
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
    use super::DatabaseUrl;

    #[test]
    fn the_password_is_never_shown() {
        for text in [
            "postgres://signet:hunter2@db.example.test/signet",
            "postgres://signet@db.example.test/signet?password=hunter2",
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert!(!format!("{url} {url:?}").contains("hunter2"));
            assert_eq!(url.reveal(), text);
        }
    }

    #[test]
    fn only_two_databases() {
        assert_eq!(DatabaseUrl::parse("sqlite:///var/lib/s.db").unwrap().sqlite_path(), Some("/var/lib/s.db"));
        for bad in ["", "sqlite://", "mysql://x/y", "signet.db", "sqlite:x", "sqlite://a?mode=ro"] {
            assert!(DatabaseUrl::parse(bad).is_none(), "{bad:?}");
        }
    }
}
