//! DB-02, DB-03, RF-14, JW-23: the wire between a node and PostgreSQL breaks in every way, while people use it.

use std::io::Write;
use std::time::Duration;

use crate::kills::lives::settle;
use crate::load::Load;
use crate::long;
use crate::proxy::Proxy;
use crate::proxy::Wire;
use crate::support::database::block_on;
use crate::support::installation::Installation;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::server::Server;
use crate::visitor;
use crate::visitor::Deed;
use crate::visitor::Site;
use crate::visitor::Visitor;

const WIRES: [Wire; 6] = [Wire::Cut, Wire::Refused, Wire::CutAfterCommit, Wire::Stalled, Wire::Slow, Wire::HalfOpen];

/// A node whose way to its database leads over a proxy.
pub(crate) struct Node {
    pub(crate) proxy: Proxy,
    pub(crate) site: Site,
    /// The database itself, past the proxy.
    pub(crate) database: String,
    _server: Server,
    _installation: Installation,
}

impl Node {
    pub(crate) async fn on(cluster: &Cluster) -> Self {
        let installation = Installation::empty();
        let (port, admin, url) = (installation.port, installation.port + 1, cluster.database());
        let database = url.split(['/', '?']).nth(3).expect("the name of a database").to_owned();
        let proxy = Proxy::to(cluster.socket()).await;
        let toml = format!(
            "[server]\nissuer = \"http://localhost:{port}\"\nlisten = [\"127.0.0.1:{port}\"]\nadmin_listen = \"127.0.0.1:{admin}\"\n\
             [database]\nurl = \"{}\"\n[limits]\nlogin_per_address = \"100000 per 15m\"\n",
            proxy.url(&database)
        );
        std::fs::write(installation.folder.path().join("signet.toml"), toml).expect("a configuration file");
        let server = Server::installed(installation.folder.path(), port).await;
        // The first keys are all there: what is published does not change any more.
        let site = Site::at(&format!("http://127.0.0.1:{port}"));
        site.has_next_keys().await;
        Self { proxy, site, database: url, _server: server, _installation: installation }
    }

    /// People with codes, and some whose grants have been revoked.
    pub(crate) async fn people(&self, count: usize) -> (Vec<Visitor>, Vec<Visitor>) {
        let options = crate::support::database::options();
        let store = signet::store::Store::open(&self.database, options).expect("the database");
        visitor::furnish(&store).await;
        let people = visitor::arrive(&store, count).await;
        let mut gone = visitor::arrive(&store, 4).await;
        for visitor in &mut gone {
            for deed in [Deed::Redeem, Deed::Deny, Deed::Revoke] {
                assert_eq!(visitor.does(deed, &self.site).await, Some(true));
            }
        }
        (people, gone)
    }

    /// How many codes were redeemed more than once, or left more than one family.
    pub(crate) fn is_whole(&self, cluster: &Cluster) {
        let name = self.database.split(['/', '?']).nth(3).expect("the name of a database");
        let told = cluster.psql(
            name,
            "SELECT (SELECT count(*) FROM families), (SELECT count(DISTINCT family_id) FROM codes WHERE redeemed_at IS NOT NULL), \
             (SELECT count(*) FROM codes WHERE redeemed_at IS NOT NULL)",
        );
        let counts: Vec<&str> = told.trim().split('|').collect();
        assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "families, of codes, codes: {told}");
    }
}

#[test]
fn db_02_db_03_the_wire_to_postgres_breaks() {
    block_on(async {
        let Some(cluster) = Cluster::shared() else { return left_out() };
        let node = Node::on(cluster).await;
        let (people, mut gone) = node.people(if long() { 4000 } else { 1200 }).await;
        let mut load = Load::start(&node.site, people).await;
        for round in 0..if long() { 5 } else { 1 } {
            for wire in WIRES {
                let (before, cuts) = (load.counts(), node.proxy.cuts());
                node.proxy.set(wire);
                let mut noticed = Duration::ZERO;
                if matches!(wire, Wire::Refused | Wire::Stalled | Wire::HalfOpen) {
                    noticed = load.is_unavailable().await;
                    load.stays(503).await;
                    for visitor in &mut gone {
                        visitor.checks(&node.site).await;
                    }
                } else {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    for visitor in &mut gone {
                        visitor.checks(&node.site).await;
                    }
                }
                node.proxy.set(Wire::Good);
                let ready = load.is_ready().await;
                load.goes_on().await;
                load.stays(200).await;
                let (after, cuts) = (load.counts(), node.proxy.cuts() - cuts);
                let line = format!(
                    "{round} {wire:?}: 503 after {noticed:?}, ready {ready:?} after it was over; {} answered, {} times 503, {cuts} cuts\n",
                    after.0 - before.0,
                    after.1 - before.1,
                );
                let _ = std::io::stderr().write_all(line.as_bytes());
                assert!(cuts > 0 || !matches!(wire, Wire::Cut | Wire::CutAfterCommit), "nothing was cut");
            }
        }
        let people = load.stop().await;
        settle(people, false, &node.site).await;
        settle(gone, false, &node.site).await;
        node.is_whole(cluster);
    });
}
