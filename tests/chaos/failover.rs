//! DB-08: PostgreSQL is restarted under load, and fails over to a standby.

use std::io::Write;

use crate::faults::Node;
use crate::kills::lives::settle;
use crate::load::Load;
use crate::support::database::block_on;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

#[test]
fn db_08_postgres_restarted_under_load() {
    block_on(async {
        let Some(cluster) = Cluster::start_new() else { return left_out() };
        let node = Node::on(&cluster).await;
        let (people, gone) = node.people(800).await;
        let mut load = Load::start(&node.site, people).await;
        for crash in [false, true] {
            if crash {
                cluster.abort();
            } else {
                cluster.stop();
            }
            let noticed = load.is_unavailable().await;
            load.stays(503).await;
            cluster.start();
            let ready = load.is_ready().await;
            load.goes_on().await;
            load.stays(200).await;
            let line =
                format!("restarted (crash: {crash}): 503 after {noticed:?}, ready {ready:?} after it was back\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
        settle(load.stop().await, false, &node.site).await;
        settle(gone, false, &node.site).await;
        node.is_whole(&cluster);
    });
}

#[test]
fn db_08_postgres_fails_over_to_its_synchronous_standby() {
    block_on(async {
        let Some(primary) = Cluster::start_new() else { return left_out() };
        let node = Node::on(&primary).await;
        let standby = primary.synchronous_standby();
        let (people, gone) = node.people(800).await;
        let mut load = Load::start(&node.site, people).await;
        primary.crash();
        let noticed = load.is_unavailable().await;
        // To one that still follows: it can be read, and nothing can be written. That is not ready.
        node.proxy.lead_to(standby.socket());
        load.stays(503).await;
        standby.promote();
        let ready = load.is_ready().await;
        load.goes_on().await;
        load.stays(200).await;
        let line = format!("failed over: 503 after {noticed:?}, ready {ready:?} after the promotion\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
        settle(load.stop().await, false, &node.site).await;
        settle(gone, false, &node.site).await;
        node.is_whole(&standby);
    });
}
