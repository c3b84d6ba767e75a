//! How soon a node knows what another one has done.

use std::sync::Arc;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::KeyId;
use signet::domain::ids::TokenId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::flow::keys_by_hand::Revoked;
use signet::flow::sync;
use tokio::task::JoinHandle;

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns::*;
use crate::support::party::Party;
use crate::support::party::opened;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::rounds;
use crate::support::server::Server;
use crate::support::server::command;

const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(20);
const JWKS: &str = "/.well-known/jwks.json";

/// What was heard while the connection was made.
async fn settle(db: &Database) {
    db.store.wait_for_change(Duration::from_secs(2)).await;
    db.store.wait_for_change(Duration::from_millis(300)).await;
}

pub(super) async fn a_change_elsewhere_ends_the_wait(db: Database) {
    settle(&db).await;
    let other = db.another_node();
    for round in 0..3 {
        let waiting = tokio::spawn({
            let store = db.store.clone();
            async move { store.wait_for_change(LONG).await }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished(), "{round}");
        let changed = SystemClock::new();
        match round {
            0 => drop(other.create_client(client("demo-web")).await.unwrap()),
            1 => drop(create_key(&other, key("k1", Algorithm::Es256, KeyState::Next)).await.unwrap()),
            _ => drop(other.delete_client(client_id("demo-web"), later(1)).await.unwrap()),
        }
        waiting.await.unwrap();
        assert!(changed.monotonic() < SOON, "{round}: {:?}", changed.monotonic());
    }
}

pub(super) async fn without_news_the_wait_ends_in_time(db: Database) {
    settle(&db).await;
    // What changes nothing that others know by heart is no news.
    db.store.create_user(user("ada")).await.unwrap();
    let begun = SystemClock::new();
    db.store.wait_for_change(Duration::from_millis(700)).await;
    let waited = begun.monotonic();
    assert!(waited >= Duration::from_millis(650) && waited < Duration::from_secs(2), "{waited:?}");
}

/// As a server does.
fn watching(app: &App) -> JoinHandle<()> {
    let signet = Arc::clone(&app.signet);
    tokio::spawn(async move {
        loop {
            signet.store.wait_for_change(sync::POLL_EVERY).await;
            let _ = signet.notice_changes().await;
        }
    })
}

#[test]
fn two_nodes_on_postgres_within_a_second() {
    block_on(async {
        let Some(one) = App::start(Kind::Postgres).await else { return left_out() };
        let two = one.another_node().await;
        let task = watching(&two);
        let (party, there) = (Party::web(&one), Party::web(&one).at(&two));
        tokio::time::sleep(Duration::from_millis(700)).await;
        let before = there.get(JWKS).await.text;
        assert_eq!(before, party.get(JWKS).await.text);
        let kid = KeyId::new(before.split("\"kid\":\"").nth(1).unwrap().split('"').next().unwrap());
        let plan = one.signet.plan_revocation(&kid.unwrap(), "seen elsewhere", false).await.unwrap();
        assert_eq!(one.signet.revoke_key(plan).await.unwrap(), Revoked::Done);
        let changed = SystemClock::new();
        while there.get(JWKS).await.text == before {
            assert!(changed.monotonic() < SOON, "the other node did not notice");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        task.abort();
    });
}

/// KY: "refused on every node within 1 s". What userinfo asks is asked by all that verify tokens here.
#[test]
fn a_token_of_a_revoked_key_is_refused_on_another_node_within_a_second() {
    block_on(async {
        let Some(one) = App::start(Kind::Postgres).await else { return left_out() };
        let two = one.another_node().await;
        let task = watching(&two);
        let (party, there) = (Party::web(&one), Party::web(&one).at(&two));
        for flush in [false, true] {
            let tokens = party.sign_in("openid offline_access").await;
            while there.userinfo(tokens.access()).await.status.as_u16() != 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let header = opened(tokens.access()).0;
            let kid = KeyId::new(header["kid"].as_str().unwrap()).unwrap();
            let plan = one.signet.plan_revocation(&kid, "seen elsewhere", flush).await.unwrap();
            assert_eq!(one.signet.revoke_key(plan).await.unwrap(), Revoked::Done);
            let changed = SystemClock::new();
            party.userinfo(tokens.access()).await.unauthorized();
            while there.userinfo(tokens.access()).await.status.as_u16() == 200 {
                assert!(changed.monotonic() < SOON, "the other node still believes the token");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            there.userinfo(tokens.access()).await.unauthorized();
            let fresh = there.refresh(tokens.refresh()).await.tokens();
            assert_eq!(party.userinfo(fresh.access()).await.status.as_u16(), 200, "nobody is signed out");
        }
        task.abort();
    });
}

/// Issue "two nodes": what one revokes, the other refuses.
#[test]
fn jw_23_revoked_on_one_node_refused_on_the_other_within_a_second() {
    block_on(async {
        let Some(one) = App::start(Kind::Postgres).await else { return left_out() };
        let two = one.another_node().await;
        // The clocks of nodes differ; which entries are new does not depend on them.
        two.wait(55);
        let task = watching(&two);
        let party = Party::web(&one);
        let there = party.at(&two);
        for round in 0..5 {
            let tokens = party.sign_in("openid offline_access").await;
            assert!(there.userinfo(tokens.access()).await.status.is_success());
            let (_, claims) = opened(tokens.access());
            let id = family_id(claims["grant_id"].as_str().unwrap());
            let revoked = one.signet.revoke_family(&id, RevocationReason::Administrator, Reach::Immediate);
            assert!(revoked.await.unwrap());
            let changed = SystemClock::new();
            party.userinfo(tokens.access()).await.unauthorized();
            while there.userinfo(tokens.access()).await.status.is_success() {
                assert!(changed.monotonic() < SOON, "{round}: the other node did not notice");
            }
        }
        task.abort();
    });
}

/// How long the other node goes on believing while both are busy: 99.9 of 100 and all of them within a second. Prints
/// what it measured.
#[test]
fn rs_06_under_load_on_postgres() {
    block_on(async {
        let Some(one) = App::start(Kind::Postgres).await else { return left_out() };
        let two = one.another_node().await;
        let task = watching(&two);
        let party = Party::web(&one);
        let mut load = tokio::task::JoinSet::new();
        for node in [&one, &two] {
            for _ in 0..2 {
                let mut tokens = party.sign_in("openid offline_access").await;
                let party = party.at(node);
                load.spawn(async move {
                    loop {
                        party.userinfo(tokens.access()).await;
                        tokens = party.refresh(tokens.refresh()).await.tokens();
                    }
                });
            }
        }
        let mut took = Vec::new();
        for number in 0..rounds(200, 2000) {
            let id = TokenId::new(format!("tok_{number}")).unwrap();
            let before = two.signet.denylist.len();
            one.signet.deny_token(&id, one.signet.now().plus(LONG)).await.unwrap();
            let changed = SystemClock::new();
            while two.signet.denylist.len() == before {
                assert!(changed.monotonic() < SOON, "{number}");
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            took.push(changed.monotonic());
        }
        task.abort();
        took.sort();
        let at = |share: usize| took[(took.len() * share / 1000).min(took.len() - 1)];
        println!(
            "{} denials: p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
            took.len(),
            at(500),
            at(990),
            at(999),
            at(1000)
        );
        assert!(at(999) < SOON);
    });
}

/// "Refresh revocation" leaves access tokens alone; "immediate" does not.
#[test]
fn lo_12_two_reaches() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let party = Party::web(&app);
        for (reach, alive) in [(Reach::RefreshOnly, true), (Reach::Immediate, false)] {
            let tokens = party.sign_in("openid offline_access").await;
            let (_, claims) = opened(tokens.access());
            let id = family_id(claims["grant_id"].as_str().unwrap());
            assert!(app.signet.revoke_family(&id, RevocationReason::Logout, reach).await.unwrap());
            party.refresh(tokens.refresh()).await.refused("invalid_grant");
            assert_eq!(party.userinfo(tokens.access()).await.status.is_success(), alive, "{reach:?}");
        }
    });
}

/// A node that has lost touch asks before it believes; when nobody answers, it believes nothing.
#[test]
fn jw_23_a_node_that_lost_touch_asks_the_store() {
    block_on(async {
        let Some(one) = App::start(Kind::Postgres).await else { return left_out() };
        // Nobody watches there.
        let two = one.another_node().await;
        let party = Party::web(&one);
        let there = party.at(&two);
        let tokens = party.sign_in("openid offline_access").await;
        assert!(there.userinfo(tokens.access()).await.status.is_success());
        let (_, claims) = opened(tokens.access());
        let id = family_id(claims["grant_id"].as_str().unwrap());
        one.signet.revoke_family(&id, RevocationReason::Client, Reach::Immediate).await.unwrap();
        two.wait(2);
        there.userinfo(tokens.access()).await.unauthorized();
    });
}

#[test]
fn a_broken_ear_is_made_anew_and_polling_covers_the_gap() {
    let Some(cluster) = Cluster::shared() else { return left_out() };
    crate::support::database::run(Kind::Postgres, async |db: Database| {
        settle(&db).await;
        let name = db.url.trim_start_matches("postgres:///").split('?').next().unwrap().to_owned();
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE 'LISTEN%'"
        );
        assert_eq!(cluster.psql("postgres", &cut).trim(), "1");
        let before = db.store.versions().await.unwrap();
        db.another_node().create_client(client("demo-web")).await.unwrap();
        let changed = SystemClock::new();
        while db.store.versions().await.unwrap() == before {
            db.store.wait_for_change(sync::POLL_EVERY).await;
            assert!(changed.monotonic() < SOON, "{:?}", changed.monotonic());
        }
        // It listens again: this wait is long, and ends at once.
        settle(&db).await;
        assert_eq!(cluster.psql("postgres", &cut.replace("pg_terminate_backend(pid)", "*")).trim(), "1");
        let waiting = tokio::spawn({
            let store = db.store.clone();
            async move { store.wait_for_change(LONG).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let changed = SystemClock::new();
        db.another_node().create_client(client("demo-spa")).await.unwrap();
        waiting.await.unwrap();
        assert!(changed.monotonic() < SOON, "{:?}", changed.monotonic());
    });
}

#[tokio::test]
async fn the_command_line_beside_a_server_on_sqlite_within_a_second() {
    let server = Server::dev().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let jwks = async || http.get(server.url(JWKS)).send().await.unwrap().text().await.unwrap();
    let before = jwks().await;
    let port = server.base.port().unwrap().to_string();
    let mut rotate = command(server.folder());
    rotate.args(["keys", "rotate", "--alg", "ES256", "--now", "--dev", "--port", &port]);
    let done = tokio::task::spawn_blocking(move || rotate.output().unwrap()).await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let changed = SystemClock::new();
    while jwks().await == before {
        assert!(changed.monotonic() < SOON, "the server did not notice");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
