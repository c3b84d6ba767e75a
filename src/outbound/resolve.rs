//! From a host to its addresses.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use url::Host;

use super::OutboundError;

type Resolved<'a> = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, OutboundError>> + Send + 'a>>;

/// A source of addresses, asked once for each request.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of `host`; never empty.
    fn resolve<'a>(&'a self, host: &'a Host, port: u16) -> Resolved<'a>;
}

/// The resolver of the operating system.
#[derive(Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a Host, port: u16) -> Resolved<'a> {
        Box::pin(async move {
            let name = match host {
                Host::Ipv4(address) => return Ok(vec![SocketAddr::from((*address, port))]),
                Host::Ipv6(address) => return Ok(vec![SocketAddr::from((*address, port))]),
                Host::Domain(name) => name,
            };
            let found = tokio::net::lookup_host((name.as_str(), port)).await;
            let addresses: Vec<SocketAddr> = found.map_err(|_| OutboundError::Unresolved)?.collect();
            if addresses.is_empty() { Err(OutboundError::Unresolved) } else { Ok(addresses) }
        })
    }
}
