//! The audit trail.

use std::net::IpAddr;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::domain::ids::KeyId;
use signet::domain::time::Timestamp;
use signet::flow::audit::Event;
use signet::flow::audit::KeyChange;
use signet::store::audit::Entry;
use signet::store::audit::Recorded;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns::later;
use crate::support::party::Party;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::server::Server;
use crate::support::server::command;

fn entry(number: u64) -> Entry {
    Entry {
        at: later(number),
        event: format!("event_{number}"),
        actor: "server".to_owned(),
        client_id: Some("demo-web".to_owned()),
        sub: None,
        kid: Some("k1".to_owned()),
        address: Some("192.0.2.0/24".to_owned()),
        reference: None,
        detail: r#"{"a":"\u001b"}"#.to_owned(),
    }
}

fn entries(recorded: &[Recorded]) -> Vec<Entry> {
    recorded.iter().map(|recorded| recorded.entry.clone()).collect()
}

pub(super) async fn comes_back_in_order(db: Database) {
    db.store.append_audit((0..5).map(entry).collect()).await.unwrap();
    db.store.append_audit(Vec::new()).await.unwrap();
    db.store.append_audit(vec![entry(5)]).await.unwrap();
    let all = db.store.newest_audit(100).await.unwrap();
    assert_eq!(entries(&all), (0..6).map(entry).collect::<Vec<_>>());
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(entries(&db.store.newest_audit(2).await.unwrap()), [entry(4), entry(5)]);
    let third = all.get(2).unwrap().id;
    assert_eq!(entries(&db.store.audit_after(third, 2).await.unwrap()), [entry(3), entry(4)]);
}

fn written_now(number: u64) -> Entry {
    let at = Timestamp::from_micros(SystemClock::new().unix_micros());
    Entry { at, ..entry(number) }
}

pub(super) async fn only_grows(db: Database) {
    let young = written_now(1);
    db.store.append_audit(vec![young.clone()]).await.unwrap();
    for sql in ["UPDATE audit SET event = 'x'", "DELETE FROM audit"] {
        let refused = match db.url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut conn = <diesel::SqliteConnection as diesel::Connection>::establish(path).unwrap();
                diesel::connection::SimpleConnection::batch_execute(&mut conn, sql).is_err()
            }
            None => {
                let name = db.url.trim_start_matches("postgres:///").split('?').next().unwrap().to_owned();
                let cluster = Cluster::shared().unwrap();
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cluster.psql(&name, sql))).is_err()
            }
        };
        assert!(refused, "{sql}");
    }
    assert_eq!(entries(&db.store.newest_audit(9).await.unwrap()), [young]);
}

pub(super) async fn ends_somewhere(db: Database) {
    let young = written_now(9);
    let ago = |days: u64| young.at.minus(Duration::from_hours(24 * days));
    let old = |number, days| Entry { at: ago(days), ..entry(number) };
    db.store.append_audit(vec![old(1, 500), old(2, 401), old(3, 399), young.clone()]).await.unwrap();
    let sweep = async |until, batch| db.store.sweep(later(0), until, batch).await;
    assert_eq!(sweep(ago(400), 1).await.unwrap().audit, 1);
    assert_eq!(sweep(ago(400), 10).await.unwrap().audit, 1);
    assert_eq!(sweep(ago(400), 10).await.unwrap().audit, 0);
    assert_eq!(entries(&db.store.newest_audit(9).await.unwrap()), [old(3, 399), young.clone()]);
    // Whatever anybody configures, the last 30 days stay: the database refuses.
    assert!(sweep(young.at, 10).await.is_err());
    assert_eq!(entries(&db.store.newest_audit(9).await.unwrap()), [old(3, 399), young]);
}

async fn trail(app: &App) -> Vec<Recorded> {
    app.signet.flush_audit().await.unwrap();
    app.signet.store.newest_audit(100).await.unwrap()
}

fn one<'a>(trail: &'a [Recorded], event: &str) -> &'a Entry {
    let found: Vec<&Entry> =
        trail.iter().map(|recorded| &recorded.entry).filter(|entry| entry.event == event).collect();
    assert_eq!(found.len(), 1, "{event}: {trail:#?}");
    found.first().unwrap()
}

#[test]
fn au_05_one_entry_for_each_event_with_who_and_whence() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let party = Party::web(&app);
        let ada = app.ada().await.id.as_str().to_owned();
        let mut browser = Browser::new();
        let page = browser.open(&party.authorization_url("openid")).await;
        let login = browser.follow(page, "http://localhost:47110/callback").await.unwrap();
        let wrong = [("username", "ada@example.test"), ("password", "a password that is wrong")];
        browser.press(&login, "login-submit", &wrong).await;
        let code = party.code(&mut Browser::new(), "openid offline_access").await;
        let tokens = party.redeem(&code).await.tokens();
        party.redeem(&code).await.refused("invalid_grant");
        party.refresh(tokens.refresh()).await.refused("invalid_grant");

        let trail = trail(&app).await;
        let signed_in = one(&trail, "signed_in");
        assert_eq!((signed_in.sub.as_deref(), signed_in.actor.as_str()), (Some(ada.as_str()), "person"));
        assert!(signed_in.address.as_deref() == Some("127.0.0.0/24") || signed_in.address.as_deref() == Some("::/48"));
        assert!(signed_in.reference.as_deref().unwrap().starts_with("req_"));
        assert!(signed_in.detail.contains("ses_"));
        let denied = one(&trail, "login_denied");
        assert!(denied.address.is_some() && denied.reference.is_some() && denied.sub.as_deref() == Some(ada.as_str()));
        let replayed = one(&trail, "code_replayed");
        assert_eq!((replayed.client_id.as_deref(), replayed.actor.as_str()), (Some("demo-web"), "client"));
        assert!(replayed.detail.contains("fam_"));
        // AU-02: nothing that opens anything.
        let all = format!("{trail:?}");
        for secret in [code.as_str(), tokens.access(), tokens.refresh(), tokens.id_token(), "a password that is wrong"]
        {
            assert!(!all.contains(secret));
        }
    });
}

#[test]
fn au_01_what_a_person_wrote_is_bounded_and_escaped() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let reason = format!("stolen\r\n\u{1b}[2J\u{202e}{}", "x".repeat(64 * 1024));
        let kid = KeyId::new("k1").unwrap();
        app.signet.record(&Event::Key { kid, change: KeyChange::Revoked { reason } }).await;
        let trail = trail(&app).await;
        let revoked = one(&trail, "key_revoked");
        assert!(revoked.detail.len() <= 1024 && revoked.detail.is_ascii(), "{}", revoked.detail);
        assert!(
            revoked.detail.starts_with(r#"{"reason":"stolen\\u{d}\\u{a}\\u{1b}[2J\\u{202e}xxx"#),
            "{}",
            revoked.detail
        );
        assert_eq!((revoked.kid.as_deref(), revoked.actor.as_str()), (Some("k1"), "server"));
    });
}

#[test]
fn au_03_entries_wait_for_the_database_and_the_overflow_is_counted() {
    let Some(cluster) = Cluster::start_new() else { return left_out() };
    let database = cluster.database();
    block_on(async {
        let app = App::start_at(&database).await;
        app.signet.flush_audit().await.unwrap();
        let before = app.signet.store.newest_audit(100).await.unwrap().len();
        cluster.stop();
        let address = IpAddr::from([192, 0, 2, 7]);
        for _ in 0..10_100 {
            app.signet.note(&Event::LoginDenied { address, sub: None });
        }
        assert!(app.signet.flush_audit().await.is_err());
        assert_eq!((app.signet.watch.audit.waiting(), app.signet.watch.audit.dropped()), (10_000, 100));
        cluster.start();
        while app.signet.flush_audit().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        app.signet.flush_audit().await.unwrap();
        let trail = app.signet.store.newest_audit(100_000).await.unwrap();
        assert_eq!(trail.len(), before + 10_000 + 1);
        assert_eq!(one(&trail, "audit_dropped").detail, r#"{"entries":100}"#);
    });
}

#[tokio::test]
async fn the_command_line_shows_the_tail() {
    let server = Server::dev().await;
    let port = server.base.port().unwrap().to_string();
    let run = async |args: &[&str]| {
        let mut command = command(server.folder());
        command.args(args).args(["--dev", "--port", &port]);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["clients", "create", "Shop", "--id", "shop", "--redirect", "https://shop.example.test/callback"]).await;
    let tail = run(&["audit", "tail", "-n", "1", "-o", "jsonl"]).await;
    let entry: serde_json::Value = serde_json::from_str(tail.trim()).unwrap();
    let member = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (member("event"), member("actor"), member("client_id")),
        ("client_created".into(), "cli".into(), "shop".into())
    );
    let all = run(&["audit", "tail", "-o", "jsonl"]).await;
    assert!(all.contains(r#""event":"key_published""#) && all.contains(r#""actor":"server""#), "{all}");
    // Whoever reads the keys is listed: not yet written, or written.
    run(&["keys", "consumers", "-o", "json"]).await;
}
