//! Where a browser goes back to after sign-in.

use std::fmt;

use url::Url;

/// The longest address that is kept whole.
const MAX_LENGTH: usize = 2000;

/// An address that a browser may be sent to: on a host of the list, written by the URL parser itself, so that
/// nobody reads another host from it than we did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress(Url);

/// Why nobody can be sent back to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    #[error("the original address is not an http or https URL with a host and without user information")]
    NotAnAddress,
    #[error("the host of the original address is not in gateway.hosts")]
    Host,
}

impl ReturnAddress {
    /// `is_allowed` says whether an origin (its URL without path) is on the list.
    ///
    /// # Errors
    /// [`NoWayBack`].
    pub fn parse(text: &str, is_allowed: impl FnOnce(&Url) -> bool) -> Result<Self, NoWayBack> {
        // What the parser would quietly drop or mend was not written by a browser or a proxy.
        let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let url = Url::parse(text).ok().filter(|_| clean).ok_or(NoWayBack::NotAnAddress)?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !web || !url.username().is_empty() || url.password().is_some() {
            return Err(NoWayBack::NotAnAddress);
        }
        if !is_allowed(&url) {
            return Err(NoWayBack::Host);
        }
        let mut url = url;
        url.set_fragment(None);
        if url.as_str().len() > MAX_LENGTH {
            url.set_query(None);
            url.set_path("/");
        }
        Ok(Self(url))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Host and port, as pages show them.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Display for ReturnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::NoWayBack;
    use super::ReturnAddress;
    use url::Url;

    fn parse(text: &str) -> Result<String, NoWayBack> {
        let listed = |url: &Url| url.origin().ascii_serialization() == "https://app.example.test";
        ReturnAddress::parse(text, listed).map(|address| address.as_str().to_owned())
    }

    #[test]
    fn gw_03_back_to_hosts_of_the_list_only() {
        assert_eq!(parse("https://app.example.test/a?b=c"), Ok("https://app.example.test/a?b=c".to_owned()));
        assert_eq!(parse("https://APP.example.test:443/a"), Ok("https://app.example.test/a".to_owned()));
        assert_eq!(parse("https://app.example.test/a?to=x@y"), Ok("https://app.example.test/a?to=x@y".to_owned()));
        assert_eq!(parse("https://app.example.test/a#f"), Ok("https://app.example.test/a".to_owned()));
        for (bad, fault) in [
            ("https://evil.test/", NoWayBack::Host),
            ("http://app.example.test/", NoWayBack::Host),
            ("https://app.example.test:8443/", NoWayBack::Host),
            ("https://app.example.test.evil.test/", NoWayBack::Host),
            ("https://app.example.test@evil.test/", NoWayBack::NotAnAddress),
            ("https://ada@app.example.test/", NoWayBack::NotAnAddress),
            ("https://:secret@app.example.test/", NoWayBack::NotAnAddress),
            ("https://evil.test\\@app.example.test/", NoWayBack::NotAnAddress),
            ("https://app.example.test/\r\nSet-Cookie: x", NoWayBack::NotAnAddress),
            ("https:// app.example.test/", NoWayBack::NotAnAddress),
            ("//app.example.test/", NoWayBack::NotAnAddress),
            ("/a", NoWayBack::NotAnAddress),
            ("javascript:alert(1)", NoWayBack::NotAnAddress),
            ("javascript://app.example.test/%0aalert(1)", NoWayBack::NotAnAddress),
            ("data:text/html,x", NoWayBack::NotAnAddress),
            ("", NoWayBack::NotAnAddress),
        ] {
            assert_eq!(parse(bad), Err(fault), "{bad}");
        }
    }

    #[test]
    fn a_long_address_becomes_the_host_alone() {
        let long = format!("https://app.example.test/{}", "a".repeat(3000));
        assert_eq!(parse(&long), Ok("https://app.example.test/".to_owned()));
        let of = |length: usize| format!("{:a<length$}", "https://app.example.test/");
        assert_eq!(parse(&of(2000)), Ok(of(2000)));
        assert_eq!(parse(&of(2001)), Ok("https://app.example.test/".to_owned()));
    }

    #[test]
    fn pages_show_host_and_port() {
        let shown = |text| ReturnAddress::parse(text, |_| true).unwrap().host();
        assert_eq!(shown("https://app.example.test:443/a"), "app.example.test");
        assert_eq!(shown("https://app.example.test:8443/a"), "app.example.test:8443");
    }
}
