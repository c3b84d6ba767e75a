//! Three nodes behind a proxy, restarted one after the other and killed, while people sign in and applications work.

use std::time::Duration;

use crate::fleet::Fleet;
use crate::load::Load;
use crate::load::Outcome;
use crate::proxy::Kind;
use crate::proxy::Proxy;
use crate::support::database::block_on;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::postgres::left_out_because;
use crate::support::rounds;

const WORKERS: usize = 4;

/// Everything that is asked for while nodes come and go.
const ASKED: [&str; 7] = ["authorize", "client_credentials", "code", "introspect", "jwks", "refresh", "userinfo"];

#[test]
fn a_rolling_restart_behind_nginx_fails_no_request() {
    restarted_behind(Kind::Nginx);
}

#[test]
fn a_rolling_restart_behind_haproxy_fails_no_request() {
    restarted_behind(Kind::Haproxy);
}

fn restarted_behind(kind: Kind) {
    block_on(async {
        let Some((mut fleet, proxy)) = behind(kind).await else { return };
        let load = Load::start(&fleet, WORKERS).await;
        for _ in 0..rounds(1, 10) {
            fleet.roll().await;
        }
        let outcome = load.end().await;
        say(kind, "restarts", &outcome);
        assert!(outcome.failed.is_empty(), "{:#?}\n{}", outcome.failed, proxy.log());
        assert_eq!(outcome.answered.keys().copied().collect::<Vec<_>>(), ASKED);
    });
}

#[test]
fn a_killed_node_behind_nginx_fails_what_it_had_in_hand() {
    killed_behind(Kind::Nginx);
}

#[test]
fn a_killed_node_behind_haproxy_fails_what_it_had_in_hand() {
    killed_behind(Kind::Haproxy);
}

fn killed_behind(kind: Kind) {
    block_on(async {
        let Some((mut fleet, proxy)) = behind(kind).await else { return };
        let kills = rounds(2, 20);
        let load = Load::start(&fleet, WORKERS).await;
        for kill in 0..kills {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let node = &mut fleet.nodes[kill % 3];
            node.kill();
            tokio::time::sleep(Duration::from_secs(1)).await;
            node.start().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        // Every worker has refreshed once more, or this fails: nobody was logged out.
        let outcome = load.end().await;
        say(kind, "kills", &outcome);
        // One request of each worker may be in the hands of a node that dies; the next one goes elsewhere.
        assert!(outcome.most_of_one <= kills, "{:#?}\n{}", outcome.failed, proxy.log());
        assert_eq!(outcome.answered.keys().copied().collect::<Vec<_>>(), ASKED);
    });
}

/// Three nodes and their proxy, if this machine has what they need.
async fn behind(kind: Kind) -> Option<(Fleet, Proxy)> {
    if kind.program().is_none() {
        left_out_because(&format!("{} is not installed", kind.name()));
        return None;
    }
    let Some(cluster) = Cluster::shared() else {
        left_out();
        return None;
    };
    let fleet = Fleet::start(cluster, 3).await;
    let proxy = Proxy::start(kind, fleet.port, &fleet.ports()).await;
    Some((fleet, proxy))
}

/// For docs/reliability.md: `cargo test --test nodes rolling -- --nocapture`.
fn say(kind: Kind, what: &str, outcome: &Outcome) {
    let all: usize = outcome.answered.values().sum();
    println!("{} {what}: {all} answered {:?}, {} failed", kind.name(), outcome.answered, outcome.failed.len());
}
