//! Addresses that are none to send a browser back to.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::BadAuthority;
use super::RedirectUri;
use super::host;
use super::on_the_web;
use super::written_out;

/// Why an address cannot be registered that is none to send a browser back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebUri {
    #[error("an address is an absolute URL of at most {} printable ASCII characters", RedirectUri::MAX_LENGTH)]
    Shape,
    #[error("an address has no user information")]
    UserInfo,
    #[error("http is for loopback addresses only, such as localhost; use https")]
    PlainHttp,
    #[error("an address begins with https://")]
    Scheme,
}

/// An address that a registration names for others to load or that this server fetches: `https`, or `http` on a loopback
/// host for development.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebUri(String);

impl WebUri {
    /// Checks what a client wants to register. A fragment is left in place: a `request_uri` may have one (OpenID
    /// Connect Core section 6.2).
    ///
    /// # Errors
    /// [`InvalidWebUri`] says which rule is broken.
    pub fn register(text: &str) -> Result<Self, InvalidWebUri> {
        if text.len() > RedirectUri::MAX_LENGTH || !text.bytes().all(written_out) {
            return Err(InvalidWebUri::Shape);
        }
        let url = Url::parse(text).map_err(|_| InvalidWebUri::Shape)?;
        match url.scheme() {
            "https" | "http" => on_the_web(text, &url)?,
            _ => return Err(InvalidWebUri::Scheme),
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn host(&self) -> Option<String> {
        host(&self.0)
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Host and port as in an `Origin` header.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        Url::parse(&self.0).ok().map(|url| url.origin().ascii_serialization())
    }
}

impl fmt::Debug for WebUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for WebUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<BadAuthority> for InvalidWebUri {
    fn from(fault: BadAuthority) -> Self {
        match fault {
            BadAuthority::Shape => Self::Shape,
            BadAuthority::UserInfo => Self::UserInfo,
            BadAuthority::PlainHttp => Self::PlainHttp,
        }
    }
}
