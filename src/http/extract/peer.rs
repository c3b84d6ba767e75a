//! Who is connected: the address of the other end, or what a trusted proxy says about it.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;

use crate::config::server::Cidr;

/// The address a request came from.
///
/// `X-Forwarded-For` is believed only when the connection comes from a configured proxy, and then only up to the
/// right-most hop that is not itself such a proxy: everything to its left was written by a stranger.
#[must_use]
pub fn address(request: &HttpRequest, trusted_proxies: &[Cidr]) -> IpAddr {
    let trusted = |address: IpAddr| trusted_proxies.iter().any(|network| network.contains(address));
    let mut peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |socket| socket.ip().to_canonical());
    if !trusted(peer) {
        return peer;
    }
    let hops = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).collect();
    for hop in hops.into_iter().rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        peer = hop.to_canonical();
        if !trusted(peer) {
            break;
        }
    }
    peer
}

/// What a gateway says about the request that it asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Original<'a> {
    pub url: Cow<'a, str>,
    pub method: Option<&'a str>,
    /// nginx names the whole address (`X-Original-URL`), other proxies its parts (`X-Forwarded-*`).
    pub is_nginx: bool,
}

/// The request behind the one that a trusted proxy makes; nothing when a stranger asks, or when a part is missing,
/// there twice or no text. `loopback` says that whoever is on this machine is trusted.
#[must_use]
pub fn original<'a>(request: &'a HttpRequest, trusted_proxies: &[Cidr], loopback: bool) -> Option<Original<'a>> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let configured = trusted_proxies.iter().any(|network| network.contains(peer));
    if !(configured || loopback && peer.is_loopback()) {
        return None;
    }
    let once = |name: &str| {
        let mut values = request.headers().get_all(name).map(HeaderValue::to_str);
        match (values.next(), values.next()) {
            (Some(Ok(value)), None) => Some(value).filter(|value| !value.is_empty()),
            _ => None,
        }
    };
    if request.headers().contains_key("x-original-url") {
        let url = Cow::Borrowed(once("x-original-url")?);
        return Some(Original { url, method: once("x-original-method"), is_nginx: true });
    }
    let (proto, host, uri) = (once("x-forwarded-proto")?, once("x-forwarded-host")?, once("x-forwarded-uri")?);
    // An absolute form would bring a host of its own.
    let url = uri.starts_with('/').then(|| Cow::Owned(format!("{proto}://{host}{uri}")))?;
    Some(Original { url, method: once("x-forwarded-method"), is_nginx: false })
}

#[cfg(test)]
mod tests {
    use super::address;
    use super::original;
    use crate::config::server::Cidr;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for value in forwarded {
            request = request.append_header(("X-Forwarded-For", *value));
        }
        let trusted: Vec<Cidr> = trusted.iter().map(|text| Cidr::parse(text).unwrap()).collect();
        address(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn px_01_strangers_are_not_believed() {
        assert_eq!(seen("203.0.113.9:1", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9:1", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    fn behind(peer: &str, headers: &[(&'static str, &'static str)], dev: bool) -> Option<(String, bool)> {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let trusted = [Cidr::parse("10.0.0.0/8").unwrap()];
        original(&request.to_http_request(), &trusted, dev)
            .map(|original| (original.url.into_owned(), original.is_nginx))
    }

    #[test]
    fn px_01_the_original_address_is_told_by_trusted_proxies_only() {
        let parts = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "app.test"), ("X-Forwarded-Uri", "/a?b")];
        assert_eq!(behind("10.0.0.7:1", &parts, false), Some(("https://app.test/a?b".to_owned(), false)));
        assert_eq!(behind("203.0.113.9:1", &parts, false), None);
        assert_eq!(behind("127.0.0.1:1", &parts, false), None);
        assert_eq!(behind("203.0.113.9:1", &parts, true), None);
        assert!(behind("127.0.0.1:1", &parts, true).is_some());
        let whole = [("X-Original-URL", "https://app.test/a")];
        assert_eq!(behind("10.0.0.7:1", &whole, false), Some(("https://app.test/a".to_owned(), true)));
        assert_eq!(behind("203.0.113.9:1", &whole, false), None);
    }

    #[test]
    fn px_02_an_original_address_in_two_versions_is_none() {
        let twice = [("X-Original-URL", "https://app.test/a"), ("X-Original-URL", "https://evil.test/")];
        assert_eq!(behind("10.0.0.7:1", &twice, false), None);
        let hosts = [
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "app.test"),
            ("X-Forwarded-Host", "evil.test"),
            ("X-Forwarded-Uri", "/"),
        ];
        assert_eq!(behind("10.0.0.7:1", &hosts, false), None);
        let absolute = [
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "app.test"),
            ("X-Forwarded-Uri", "http://evil.test/"),
        ];
        assert_eq!(behind("10.0.0.7:1", &absolute, false), None);
    }

    #[test]
    fn px_02_the_right_most_untrusted_hop_counts() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.7:1", &["6.6.6.6, 198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.7:1", &["6.6.6.6, 198.51.100.1, 10.0.0.8"], &proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.7:1", &["6.6.6.6", "198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.7:1", &["198.51.100.1, rubbish"], &proxies), "10.0.0.7");
        assert_eq!(seen("10.0.0.7:1", &[], &proxies), "10.0.0.7");
    }
}
