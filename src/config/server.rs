//! Where the server is and what it listens on.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;
use serde_json::json;
use url::Host;
use url::Url;

use super::key::section;
use super::node::Node;
use super::value::Between;
use super::value::NotEmpty;
use super::value::Refusal;
use super::value::Value;
use super::value::parsed;
use super::value::text;
use super::value::written;

section! {
    /// Where the server is, what it listens on, and how it stops.
    Server in "server" {
        /// The name of this provider, as applications know it: an https URL without a trailing slash. Compared byte
        /// by byte everywhere. Plain http is for localhost, 127.0.0.1 and [`::1`] only.
        issuer: Issuer = Default(r#""http://localhost:8080""#);
        /// Addresses of the public listener. Other machines reach it only when the issuer is https.
        listen: Vec<SocketAddr> = Default(r#"["127.0.0.1:8080", "[::1]:8080"]"#), NotEmpty;
        /// Address of the listener for metrics and health checks. Keep it away from the internet.
        admin_listen: SocketAddr = Default(r#""127.0.0.1:8081""#);
        /// Reverse proxies whose X-Forwarded-For is believed, as addresses or CIDR blocks. Nobody else's is.
        trusted_proxies: Vec<Cidr> = Default("[]");
        /// Worker threads; 0 means one for each core.
        workers: u32 = Default("0"), Between(0, 1024);
        /// After SIGTERM: how long everything is still answered while /health/ready says 503 and every connection is asked to
        /// close, so that a load balancer goes elsewhere before anything is refused. Twice its interval of checks is
        /// enough. Ctrl-C does not wait.
        drain: Duration = Default(r#""0s""#), Between(Duration::ZERO, Duration::from_mins(10));
        /// How long requests that are under way may go on after that.
        shutdown_timeout: Duration = Default(r#""10s""#), Between(Duration::ZERO, Duration::from_mins(10));
        /// How long a quiet connection stays open; some seconds longer when a request has begun or an answer is not read.
        keep_alive: Duration = Default(r#""75s""#), Between(Duration::from_secs(1), Duration::from_hours(1));
    }
}

impl Server {
    /// Whether the issuer is an https host of its own. The names of this computer are every program's on it: a browser told
    /// to keep to https there would keep to it at every port (RFC 6797 section 8.3 knows none).
    #[must_use]
    pub fn keeps_to_https(&self) -> bool {
        Url::parse(self.issuer.as_str()).is_ok_and(|url| url.scheme() == "https" && !is_loopback(&url))
    }

    /// What other machines may reach of it, in words: listeners and an issuer that are not on loopback.
    pub(super) fn beyond_loopback(&self) -> Vec<String> {
        let outside = self.listen.iter().filter(|address| !address.ip().is_loopback());
        let mut found: Vec<String> = outside.map(|address| format!("server.listen has {address}")).collect();
        if !Url::parse(self.issuer.as_str()).is_ok_and(|url| is_loopback(&url)) {
            found.push(format!("server.issuer is {}", self.issuer));
        }
        found
    }
}

/// The issuer identifier, `OpenID` Connect Discovery section 3: "a case-sensitive URL using the https scheme that
/// contains scheme, host, and optionally, port number and path components and no query or fragment components".
/// Kept byte for byte as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// Why a text is not an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an https URL without path, trailing slash, query, fragment and user information, lower-case scheme and host, no default \
     port (http only for localhost, 127.0.0.1 and [::1])"
)]
pub struct InvalidIssuer;

impl Issuer {
    /// # Errors
    /// [`InvalidIssuer`] for anything that some verifier would compare as another text.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(text).map_err(|_| InvalidIssuer)?;
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        let bare = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !text.ends_with('/')
            // Every endpoint and every form of ours starts at the root of its host.
            && url.path() == "/";
        // What the URL parser would write differently, a verifier might too; then two texts name one issuer.
        let canonical = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
        if scheme && bare && canonical { Ok(Self(text.to_owned())) } else { Err(InvalidIssuer) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What has to change, all of it; empty also when it is something else that no rule here has a word for.
fn faults(text: &str, url: &Url) -> Vec<&'static str> {
    let rules = [
        // RFC 8414 section 2: the issuer "MUST be a URL that uses the "https" scheme".
        (url.scheme() == "http" && !is_loopback(url), "https (plain http is for localhost, 127.0.0.1 and [::1] only)"),
        (!url.username().is_empty() || url.password().is_some(), "without user name and password"),
        (url.path() != "/", "without a path"),
        (url.path() == "/" && text.ends_with('/'), "without a trailing slash"),
        (url.query().is_some(), "without a query"),
        (url.fragment().is_some(), "without a fragment"),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, rule)| rule).collect()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl Value for Issuer {
    fn expected() -> String {
        InvalidIssuer.to_string()
    }
    fn schema() -> Json {
        json!({ "type": "string", "format": "uri", "pattern": "^https?://[^?#@]*[^/?#@]$" })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        let text = text::<Self>(node)?;
        let faults = Url::parse(text).map(|url| faults(text, &url)).unwrap_or_default();
        if !faults.is_empty() {
            return Err(Refusal::of(node, faults.join(", ")));
        }
        parsed(node, |text| Self::parse(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.0)
    }
}

/// A block of addresses, RFC 4632 section 3.1. IPv4 addresses mapped into IPv6 count as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u32,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address. Bits beyond the prefix must be zero, or it is a mistake.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().ok()?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        let block = Self { network, prefix: prefix.unwrap_or(width) };
        (block.prefix <= width && masked(network, block.prefix) == network).then_some(block)
    }

    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.prefix) == self.network
    }
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::from((ip.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::from((ip.to_bits() & mask).to_be_bytes())
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

written!(Cidr: "an address or a block such as \"10.0.0.0/8\" or \"fd00::/8\", with no bits set beyond the prefix", Cidr::parse, ToString::to_string);

#[cfg(test)]
mod tests {
    use super::Cidr;
    use super::Issuer;

    #[test]
    fn issuer_is_kept_byte_for_byte() {
        for good in [
            "https://id.example.test",
            "https://id.example.test:8443",
            "http://localhost:8080",
            "http://127.0.0.1:9",
            "http://[::1]:8080",
        ] {
            assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "id.example.test",
            "http://id.example.test",
            "http://localhost.example.test",
            "https://id.example.test/",
            "https://id.example.test/a",
            "https://id.example.test/a/",
            "https://id.example.test?x",
            "https://id.example.test#x",
            "https://ada@id.example.test",
            "https://ID.example.test",
            "HTTPS://id.example.test",
            "https://id.example.test:443",
            "https://id.example.test/a/../b",
            " https://id.example.test",
            "ftp://id.example.test",
        ] {
            assert!(Issuer::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn cidr_blocks() {
        let block = Cidr::parse("10.0.0.0/8").unwrap();
        assert!(block.contains("10.255.0.1".parse().unwrap()));
        assert!(block.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(!block.contains("11.0.0.1".parse().unwrap()));
        assert!(Cidr::parse("::/0").unwrap().contains("fd00::1".parse().unwrap()));
        assert!(Cidr::parse("192.0.2.7").unwrap().contains("192.0.2.7".parse().unwrap()));
        for bad in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "x", "10.0.0/8"] {
            assert_eq!(Cidr::parse(bad), None, "{bad:?}");
        }
    }
}
