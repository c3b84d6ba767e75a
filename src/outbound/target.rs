//! What a URL asks for, and whether it may.

use std::net::SocketAddr;

use url::Host;
use url::Position;
use url::Url;

use crate::config::outbound::AllowedHost;

use super::OutboundError;
use super::address;

/// A URL whose scheme, host and port are allowed. Its addresses are still to be checked.
#[derive(Debug)]
pub(super) struct Target {
    url: Url,
    host: Host,
    port: u16,
    /// The operator vouches for this host and port, whatever its addresses are.
    vouched_for: bool,
    https: bool,
}

impl Target {
    pub(super) fn parse(url: &str, allow: &[AllowedHost], dev: bool) -> Result<Self, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Refused("not a URL"))?;
        let https = match url.scheme() {
            "https" => true,
            // For trying things out on one machine; its addresses must be loopback then, see `check`.
            "http" if dev => false,
            _ => return Err(OutboundError::Refused("https only")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Refused("credentials in the URL"));
        }
        let host = url.host().ok_or(OutboundError::Refused("no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or(OutboundError::Refused("no port"))?;
        let vouched_for = https && allow.iter().any(|allowed| allowed.is(&host, port));
        if !vouched_for && !dev && port != 443 {
            return Err(OutboundError::Refused("another port than 443, and host and port are not in outbound.allow"));
        }
        Ok(Self { url, host, port, vouched_for, https })
    }

    /// Every address counts: one private one among ten public ones is enough to refuse.
    pub(super) fn check(&self, addresses: &[SocketAddr], own: &[SocketAddr], dev: bool) -> Result<(), OutboundError> {
        if addresses.is_empty() {
            return Err(OutboundError::Unresolved);
        }
        if self.vouched_for {
            return Ok(());
        }
        if dev && addresses.iter().all(|address| address.ip().is_loopback()) {
            return Ok(());
        }
        if !self.https {
            return Err(OutboundError::Refused("https only, but for loopback in dev mode"));
        }
        if self.port != 443 {
            return Err(OutboundError::Refused("another port than 443, and host and port are not in outbound.allow"));
        }
        if addresses.iter().any(|address| own.contains(address)) {
            return Err(OutboundError::Refused("the address of this server itself"));
        }
        if addresses.iter().any(|address| !address::is_public(address.ip())) {
            return Err(OutboundError::Refused("an address that is not public, and the host is not in outbound.allow"));
        }
        Ok(())
    }

    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Value of the header `Host`: the port only when it is not the usual one.
    pub(super) fn authority(&self) -> &str {
        self.url.authority()
    }

    /// What is asked for. Without the fragment, which is never sent.
    pub(super) fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}
