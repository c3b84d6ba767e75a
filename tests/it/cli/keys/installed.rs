//! Every verb of `signet keys` on a configured installation while its server runs, on both databases: the server's JWKS
//! shows what was done within a second.

use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use signet::domain::key::Algorithm;

use super::BUSY;
use super::Installation;
use super::NOTICE;
use super::files::foreign;
use super::jwks;
use super::kid;
use crate::support::database::Kind;
use crate::support::postgres::left_out;
use crate::support::server::Server;

#[tokio::test]
async fn every_verb_on_sqlite() {
    every_verb(Kind::Sqlite).await;
}

#[tokio::test]
async fn every_verb_on_postgresql() {
    every_verb(Kind::Postgres).await;
}

async fn every_verb(kind: Kind) {
    let Some(installation) = Installation::on(kind, "") else { return left_out() };
    let server = installation.serve().await;
    // The next keys come after the first answer, as soon as they are made.
    shows_within(Duration::from_secs(30), &server, "four keys", |kids| kids.len() == 4).await;
    let list = || installation.run(&["keys", "list", "-o", "json"]).json();
    let run = |args: &[&str]| installation.run(&[&["keys"], args].concat());

    let before = list();
    assert_eq!(before.as_array().unwrap().len(), 4);
    let (old, next) = (kid(&before, "ES256", "active"), kid(&before, "ES256", "next"));

    // rotate
    let plan = run(&["rotate", "--dry-run", "-o", "jsonl"]).ends_with(5);
    assert!(plan.out.contains(&next) && plan.err.contains("Nothing was changed"), "{plan:?}");
    run(&["rotate"]).ends_with(5);
    assert_eq!(list(), before);
    let done = run(&["rotate", "--now", "--alg", "ES256"]).ends_with(0);
    assert!(done.err.contains(if kind == Kind::Sqlite { "signet.db" } else { "postgres:" }), "names it: {done:?}");
    shows(&server, "the next key signs", |kids| kids.first() == Some(&next) && kids.contains(&old)).await;
    let after = list();
    assert_eq!((kid(&after, "ES256", "active"), kid(&after, "ES256", "retired")), (next.clone(), old.clone()));
    assert_eq!(kid(&after, "RS256", "active"), kid(&before, "RS256", "active"));

    // pause, resume
    let far = "2090-01-01T00:00:00Z";
    run(&["pause", "--until", far]).ends_with(0);
    run(&["pause", "--until", far]).ends_with(3);
    assert!(run(&["list"]).ends_with(0).err.contains(far));
    run(&["resume"]).ends_with(0);
    run(&["resume"]).ends_with(3);
    assert!(!run(&["list"]).ends_with(0).err.contains(far));

    // import
    let fresh = kid(&after, "ES256", "next");
    let text = foreign(Algorithm::Es256);
    let done = installation.run_with(&["keys", "import", "-", "--alg", "ES256"], &text).ends_with(0);
    let imported = done.out.trim().to_owned();
    shows(&server, "the imported key is the next one", |kids| kids.contains(&imported) && !kids.contains(&fresh)).await;
    assert_eq!(kid(&list(), "ES256", "next"), imported);

    // revoke
    run(&["revoke", &next]).ends_with(5);
    run(&["revoke", &next, "--yes"]).ends_with(0);
    shows(&server, "the revoked key is gone", |kids| !kids.contains(&next) && kids.first() == Some(&imported)).await;
    run(&["revoke", &next, "--yes"]).ends_with(3);
    let rsa = kid(&list(), "RS256", "active");
    run(&["revoke", &rsa, "--flush", "--yes"]).ends_with(0);
    let unseen = kid(&list(), "RS256", "active");
    assert!(unseen != kid(&before, "RS256", "next"), "a key that nobody has seen");
    shows(&server, "a key that nobody has seen", |kids| !kids.contains(&rsa) && kids.contains(&unseen)).await;

    // export
    let set: Value = run(&["export"]).json();
    let kids: Vec<&str> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids, jwks(&server).await);
    assert!(run(&["export", &unseen, "--pem"]).ends_with(0).out.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    run(&["export", &unseen, "--private"]).ends_with(5);

    // consumers. A node may be a second behind, so the reader comes a little after the last key.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let http = reqwest::Client::builder().no_proxy().user_agent("verifier-of-this-test/1").build().unwrap();
    http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    assert!(counted(&installation, "verifier-of-this-test/1").await["fetches"] == 1);

    let trail = installation.run(&["audit", "tail", "-o", "jsonl"]).ends_with(0).out;
    for event in ["key_published", "key_activated", "key_retired", "key_revoked", "keys_paused", "keys_resumed"] {
        assert!(trail.contains(event), "{event}: {trail}");
    }
    assert_eq!(server.stop().await, Some(0));
}

/// Waits for the JWKS to be as told, for no longer than a server may take to notice.
async fn shows(server: &Server, what: &str, told: impl Fn(&[String]) -> bool) {
    shows_within(NOTICE + BUSY, server, what, told).await;
}

#[expect(clippy::disallowed_methods, reason = "how long a real server takes is measured with a real clock")]
async fn shows_within(bound: Duration, server: &Server, what: &str, told: impl Fn(&[String]) -> bool) {
    let since = Instant::now();
    loop {
        let kids = jwks(server).await;
        if told(&kids) {
            return;
        }
        assert!(since.elapsed() < bound, "after {:?}: {what}: {kids:?}", since.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Counters are written every ten seconds.
async fn counted(installation: &Installation, agent: &str) -> Value {
    for _ in 0..100 {
        let readers = installation.run(&["keys", "consumers", "-o", "json"]).json();
        if let Some(reader) = readers.as_array().unwrap().iter().find(|reader| reader["agent"] == agent) {
            assert_eq!(reader["seen_next"], true, "{reader}");
            return reader.clone();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{agent} was not counted");
}
