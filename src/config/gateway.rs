//! Applications behind a reverse proxy that asks us who is calling.

use std::time::Duration;

use super::key::section;
use super::tokens::DAY;
use super::tokens::MINUTE;
use super::value::Between;
use super::value::written;
use crate::domain::uri::Origin;

section! {
    /// Applications behind a reverse proxy that asks /forward-auth who is calling. See docs/gateway.md.
    Gateway in "gateway" {
        /// What an access token must be meant for (aud) to be accepted at /forward-auth. A request may name one of
        /// these; without a name any of them will do. Empty: access tokens are not accepted there, only people who
        /// are signed in. serve --dev adds its demo API.
        audiences: Vec<String> = Default("[]");
        /// Where the applications are, as origins: browsers may be sent back there after sign-in, and nowhere else.
        /// Each is on the issuer's own host (any port) or within `cookie_domain`. serve --dev allows every port of its
        /// own host.
        hosts: Vec<Origin> = Default("[]");
        /// The domain that issuer and applications share. With it, people who sign in get one more cookie for the whole
        /// domain, good for nothing but /forward-auth. Without it only the issuer's own host can be protected.
        cookie_domain: Option<CookieDomain> = Example(r#""example.com""#);
        /// How long that cookie lasts. It is renewed by a visit here that nobody sees, and ends with the session.
        cookie_lifetime: Duration = Default(r#""1h""#), Between(MINUTE, DAY);
    }
}

/// The `Domain` of a cookie, RFC 6265 section 4.1.2.3: a name with at least one dot, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieDomain(String);

impl CookieDomain {
    /// Whether a text is a domain that several hosts can share; addresses and single names are not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let label = |label: &str| {
            let bytes = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(bytes)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last_has_letters = text.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_lowercase()));
        (text.len() <= 253 && text.contains('.') && last_has_letters && text.split('.').all(label))
            .then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a cookie of this domain goes to `host`, RFC 6265 section 5.1.3.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        host.strip_suffix(self.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

written!(CookieDomain: "a domain in lower case with at least one dot, without a leading one, such as \"example.com\"", CookieDomain::parse, |own| own.0.clone());

#[cfg(test)]
mod tests {
    use super::CookieDomain;

    #[test]
    fn a_domain_that_hosts_share() {
        let domain = CookieDomain::parse("example.com").unwrap();
        assert!(domain.covers("example.com") && domain.covers("app.example.com") && domain.covers("a.b.example.com"));
        for other in ["badexample.com", "example.com.evil.test", "com", "", "example.org"] {
            assert!(!domain.covers(other), "{other}");
        }
        for bad in ["", "com", "localhost", ".example.com", "example.com.", "Example.com", "a b.c", "192.0.2.1", "a..b"]
        {
            assert_eq!(CookieDomain::parse(bad), None, "{bad:?}");
        }
    }
}
