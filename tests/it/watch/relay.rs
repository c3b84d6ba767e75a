//! Denials by way of Redis.

use std::sync::Arc;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::flow::sync;
use tokio::task::JoinSet;

use crate::support::app::App;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns::family_id;
use crate::support::party::Party;
use crate::support::party::Tokens;
use crate::support::party::opened;
use crate::support::redis::Redis;
use crate::support::redis::left_out;

const SOON: Duration = Duration::from_secs(1);
const OFFLINE: &str = "openid offline_access";

/// Waits until `done`, and says how long that took.
async fn until(what: &str, within: Duration, mut done: impl AsyncFnMut() -> bool) -> Duration {
    let clock = SystemClock::new();
    while !done().await {
        assert!(clock.monotonic() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    clock.monotonic()
}

/// Two nodes of one installation, neither of which looks at the database by itself, and one way between them.
struct Pair {
    one: App,
    two: App,
    tasks: JoinSet<()>,
}

impl Pair {
    async fn start(redis: &Redis) -> Self {
        let one = App::start_with(Kind::Sqlite, &[("denylist.url", &redis.url())]).await.unwrap();
        let two = one.another_node().await;
        let mut pair = Self { one, two, tasks: JoinSet::new() };
        for app in [&pair.one, &pair.two] {
            let signet = Arc::clone(&app.signet);
            pair.tasks.spawn(async move { signet.relay_denials().await });
        }
        for app in [&pair.one, &pair.two] {
            until("open", 5 * SOON, async || app.signet.denylist.is_relayed()).await;
        }
        pair
    }

    /// As a server does.
    fn watch(&mut self) {
        for app in [&self.one, &self.two] {
            let signet = Arc::clone(&app.signet);
            self.tasks.spawn(async move {
                loop {
                    signet.store.wait_for_change(sync::POLL_EVERY).await;
                    let _ = signet.notice_changes().await;
                }
            });
        }
    }

    async fn revoke(&self, tokens: &Tokens) {
        let id = family_id(opened(tokens.access()).1["grant_id"].as_str().unwrap());
        let revoked = self.one.signet.revoke_family(&id, RevocationReason::Client, Reach::Immediate);
        assert!(revoked.await.unwrap());
    }

    /// Signs in, revokes on one node, and says how long the other went on believing.
    async fn believed(&self, within: Duration) -> Duration {
        let party = Party::web(&self.one);
        let there = party.at(&self.two);
        let tokens = party.sign_in(OFFLINE).await;
        assert!(there.userinfo(tokens.access()).await.status.is_success());
        self.revoke(&tokens).await;
        until("refused there", within, async || !there.userinfo(tokens.access()).await.status.is_success()).await
    }
}

async fn ready(app: &App) -> (u16, String) {
    let answer = Party::web(app).get("/health/ready").await;
    (answer.status.as_u16(), answer.text)
}

const DEGRADED: &str = r#"{"status":"degraded","reasons":["denylist"]}"#;

#[test]
fn rs_06_redis_alone_is_enough() {
    block_on(async {
        let Some(redis) = Redis::start_new() else { return left_out() };
        let pair = Pair::start(&redis).await;
        for _ in 0..5 {
            pair.believed(SOON).await;
        }
        assert_eq!(ready(&pair.one).await, (200, r#"{"status":"ok"}"#.to_owned()));
        // A node that starts takes what is kept there, even if its own database did not have it.
        let issuer = pair.one.base.as_str().trim_end_matches('/').to_owned();
        let settings = [("denylist.url", redis.url()), ("server.issuer", issuer)];
        let settings = settings.each_ref().map(|(key, value)| (*key, value.as_str()));
        let late = App::start_with(Kind::Sqlite, &settings).await.unwrap();
        assert!(late.signet.denylist.is_empty());
        let mut tasks = JoinSet::new();
        let signet = Arc::clone(&late.signet);
        tasks.spawn(async move { signet.relay_denials().await });
        until("loaded", 5 * SOON, async || late.signet.denylist.len() == 5).await;
    });
}

#[test]
fn a_broken_way_is_told_and_the_database_goes_on() {
    block_on(async {
        let Some(mut redis) = Redis::start_new() else { return left_out() };
        let mut pair = Pair::start(&redis).await;
        pair.watch();
        for frozen in [false, true] {
            if frozen {
                redis.freeze();
            } else {
                redis.stop();
            }
            until("noticed", 10 * SOON, async || !pair.two.signet.denylist_is_fed()).await;
            until("noticed", 10 * SOON, async || !pair.one.signet.denylist_is_fed()).await;
            for app in [&pair.one, &pair.two] {
                assert_eq!(ready(app).await, (200, DEGRADED.to_owned()));
            }
            pair.believed(SOON).await;
            if frozen {
                redis.thaw();
            } else {
                redis.start();
            }
            until("open again", 10 * SOON, async || pair.one.signet.denylist_is_fed()).await;
            until("open again", 10 * SOON, async || pair.two.signet.denylist_is_fed()).await;
            assert_eq!(ready(&pair.one).await, (200, r#"{"status":"ok"}"#.to_owned()));
        }
        // What was revoked meanwhile is kept there now.
        let name = format!("signet:denials:{}", pair.one.signet.issuer());
        assert_eq!(redis.command(&["ZCARD", &name]).await, redis::Value::Int(2));
        let redis::Value::Int(left) = redis.command(&["TTL", &name]).await else { panic!("no number") };
        assert!((1..=7200).contains(&left), "{left}");
    });
}

/// Whoever can write there can deny tokens, which the operator sees, but not for ever, and can let none live.
#[test]
fn what_others_write_there_does_no_more_harm_than_denying() {
    block_on(async {
        let Some(redis) = Redis::start_new() else { return left_out() };
        let pair = Pair::start(&redis).await;
        let party = Party::web(&pair.one);
        let (tokens, denied) = (party.sign_in(OFFLINE).await, party.sign_in(OFFLINE).await);
        pair.revoke(&denied).await;
        let name = format!("signet:denials:{}", pair.one.signet.issuer());
        let id = opened(tokens.access()).1["grant_id"].as_str().unwrap().to_owned();
        for odd in
            ["", "x", "\u{0}", &"x".repeat(100_000), &format!("grant:{}:{id}", i64::MAX), &format!("user:1:{id}")]
        {
            redis.command(&["PUBLISH", &name, odd]).await;
        }
        // Whoever says that a denial ends sooner is not believed.
        let gone = opened(denied.access()).1["grant_id"].as_str().unwrap().to_owned();
        redis.command(&["PUBLISH", &name, &format!("grant:1:{gone}")]).await;
        redis.command(&["DEL", &name]).await;
        redis.command(&["SET", &name, "not a set"]).await;
        until("refused there", SOON, async || !party.at(&pair.two).userinfo(denied.access()).await.status.is_success())
            .await;
        for app in [&pair.one, &pair.two] {
            app.signet.sweep().await.unwrap();
            party.at(app).userinfo(denied.access()).await.unauthorized();
            assert!(party.at(app).userinfo(tokens.access()).await.status.is_success());
            assert_eq!(app.signet.denylist.len(), 1);
        }
    });
}
