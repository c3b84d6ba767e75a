//! Who is connected: the address of the other end, or what a trusted proxy says about it.

use std::net::IpAddr;

use actix_web::HttpRequest;

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

#[cfg(test)]
mod tests {
    use super::address;
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
