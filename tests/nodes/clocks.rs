//! DB-07: two nodes whose wall clocks are far apart, on one PostgreSQL, whose clock both go by.
//!
//! libfaketime shows each process another time of day. The monotonic clock is left alone: it is what no clock is set by.

use std::path::Path;
use std::path::PathBuf;

use crate::builds::across;
use crate::fleet::Fleet;
use crate::support::database::block_on;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::postgres::left_out_because;
use crate::support::rounds;

#[test]
fn db_07_clocks_of_nodes_are_minutes_apart() {
    block_on(async {
        let Some(cluster) = Cluster::shared() else { return left_out() };
        let Some(library) = library() else {
            return left_out_because("libfaketime (package faketime) is not installed");
        };
        // More than a code lives, more than a refresh may be repeated, and more than goes unnoticed.
        let fleet = Fleet::of_places(cluster, ["+400s", "-400s"].map(|offset| shown(&library, offset))).await;
        for node in &fleet.nodes {
            node.says("clock_is_off").await;
        }
        let shop = fleet.app("shop");
        across(&fleet, &shop, rounds(2, 20)).await;
        // Keys that either of them makes are keys of both.
        for node in &fleet.nodes {
            node.cli(&["keys", "rotate", "--now"]).ends_with(0);
            across(&fleet, &shop, rounds(1, 10)).await;
        }
    });
}

fn library() -> Option<PathBuf> {
    let places = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let mut files = places.map(|place| place.join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.is_file())
}

fn shown(library: &Path, offset: &str) -> Vec<(&'static str, String)> {
    vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", offset.to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}
