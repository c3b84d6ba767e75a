//! What the server itself may fetch and post to.

use std::fmt;
use std::path::PathBuf;

use super::key::section;
use super::value::written;

section! {
    /// Requests of the server itself, such as back-channel logout. Without any of this they go to public addresses
    /// over https on port 443, and nowhere else.
    Outbound in "outbound" {
        /// Hosts that may be reached whatever their addresses are (an intranet), and other ports than 443: "host" or
        /// "host:port". It is https all the same.
        allow: Vec<AllowedHost> = Default("[]");
        /// PEM file with one more certificate authority, trusted beside those of the system.
        ca_file: Option<PathBuf> = Example(r#""/etc/signet/outbound-ca.pem""#);
    }
}

/// A host, and the port on it, that the operator vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: url::Host,
    port: u16,
}

impl AllowedHost {
    /// Reads `host`, `host:port`, `192.0.2.1:8443` or `[2001:db8::1]:8443`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of an address in brackets is not one before a port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port| *port != 0)?),
            _ => (text, 443),
        };
        // No pattern: each host is named.
        if host.contains('*') {
            return None;
        }
        Some(Self { host: url::Host::parse(host).ok()?, port })
    }

    /// Whether it is this host and this port.
    #[must_use]
    pub fn is(&self, host: &url::Host, port: u16) -> bool {
        self.host == *host && self.port == port
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => write!(f, "{}", self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

written!(AllowedHost: "a host such as \"app.internal.example\" or \"app.internal.example:8443\"", AllowedHost::parse, ToString::to_string);

#[cfg(test)]
mod tests {
    use super::AllowedHost;

    #[test]
    fn hosts_and_ports() {
        for (text, shown) in [
            ("localhost", "localhost"),
            ("LOCALHOST:8443", "localhost:8443"),
            ("192.0.2.1:443", "192.0.2.1"),
            ("[::1]:8443", "[::1]:8443"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(AllowedHost::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", ":443", "https://host", "host:0", "host:70000", "host/path", "*", "a b", "::1"] {
            assert_eq!(AllowedHost::parse(bad), None, "{bad}");
        }
    }
}
