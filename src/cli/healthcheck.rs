//! `signet healthcheck`: for containers that have no curl.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::time::Duration;

use super::Failure;
use super::console::Console;
use super::http;
use super::open;
use super::open::Selection;
use super::tls_client::Peer;

/// Shorter than the time that containers give such a check.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the listener itself whether it is ready, not what stands in front of it.
///
/// # Errors
/// Exit code 69 when it does not answer, or says that it is not ready.
pub(super) async fn run(selection: &Selection, console: Console) -> Result<(), Failure> {
    let config = open::load(selection)?.config;
    let addresses: Vec<SocketAddr> = config.server.listen.iter().copied().map(reachable).collect();
    let url = format!("{}/health/ready", config.server.issuer);
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let peer = Peer { addresses, trust: open::trust(&config)? };
    let answer = http::exchange(&peer, http::get(&url)?, PATIENCE)
        .await
        .map_err(|fault| Failure::unavailable(&format!("No answer from {}: {fault}", names.join(", "))))?;
    if !answer.status().is_success() {
        let said = String::from_utf8_lossy(answer.body());
        return Err(Failure::unavailable(&format!("Not ready ({}): {said}", answer.status().as_u16())));
    }
    console.say(&"ready");
    Ok(())
}

/// A listener on all addresses is asked on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(loopback, address.port())
}
