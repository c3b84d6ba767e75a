//! `signet db`, and the same walk through all nouns on either database.

use super::Installation;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

#[test]
fn migrations_are_shown_then_applied_once() {
    let installation = Installation::empty();
    let state = || installation.run(&["db", "status", "-o", "json"]).json()[0]["state"].clone();
    assert_eq!(state(), "pending");
    assert!(!installation.folder.path().join("data").exists(), "looking has made a database");
    let applied = installation.run(&["db", "migrate"]).ends_with(0);
    assert!(applied.out.contains("applied") && applied.err.contains("data/signet.db"), "{applied:?}");
    assert_eq!(state(), "applied");
    let again = installation.run(&["db", "migrate", "-o", "json"]).ends_with(3);
    assert_eq!(again.out, "[]\n");
}

#[test]
fn no_other_verb_migrates() {
    let installation = Installation::empty();
    let file = installation.folder.path().join("data/signet.db");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "").unwrap();
    for verb in [&["keys", "list"][..], &["users", "list"], &["setup-link"]] {
        let said = installation.run(verb).ends_with(1);
        assert!(said.err.contains("`signet db migrate`"), "{said:?}");
    }
    assert_eq!(installation.run(&["db", "status", "-o", "json"]).json()[0]["state"], "pending");
}

#[test]
fn an_unreachable_server_exits_69() {
    let installation = Installation::empty();
    let toml = "[database]\nurl = \"postgres://signet:hunter2@127.0.0.1:1/signet\"\n";
    std::fs::write(installation.folder.path().join("signet.toml"), toml).unwrap();
    for verb in [&["db", "status"][..], &["db", "migrate"], &["keys", "list"], &["users", "list"]] {
        let said = installation.run(verb).ends_with(69);
        assert!(!said.err.contains("hunter2"), "{said:?}");
        assert!(said.err.contains("127.0.0.1:1: error connecting"), "{said:?}");
    }
}

#[test]
fn a_walk_on_sqlite() {
    walk(&Installation::with(""));
}

#[test]
fn a_walk_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return left_out() };
    walk(&Installation::with(&format!("[database]\nurl = \"{}\"\n", cluster.database())));
}

fn walk(installation: &Installation) {
    assert_eq!(installation.run(&["db", "status", "-o", "json"]).json()[0]["state"], "applied");
    assert_eq!(installation.run(&["keys", "list", "-o", "json"]).json(), serde_json::json!([]));
    let none = installation.run(&["keys", "rotate", "--now"]).ends_with(5);
    assert!(none.err.contains("no next ES256 key"), "{none:?}");
    let link = installation.run(&["setup-link"]).ends_with(0).out;
    assert!(link.starts_with("http://localhost:8080/setup/sgl_"), "{link}");
    installation.run(&["clients", "create", "Shop", "--redirect", "https://shop.test/cb"]).ends_with(0);
    installation.run(&["clients", "rotate-secret", "shop"]).ends_with(0);
    installation.run(&["clients", "delete", "shop", "--yes"]).ends_with(0);
    let create = ["users", "create", "ada@example.test", "--role", "admin", "--password-stdin"];
    installation.run_with(&create, "correct-horse").ends_with(0);
    installation
        .run_with(&["users", "set-password", "ada@example.test", "--password-stdin"], "battery-staple")
        .ends_with(0);
    installation.run(&["users", "disable", "ada@example.test", "--yes"]).ends_with(0);
    let shown = installation.run(&["users", "show", "ada@example.test", "-o", "json"]).json();
    assert_eq!((&shown["disabled"], &shown["live_sessions"]), (&true.into(), &0.into()));
    installation.run(&["setup-link"]).ends_with(5);
}
