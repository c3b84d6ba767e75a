use std::process::Command;
use std::time::Duration;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use signet::store::Options;
use signet::store::Store;
use signet::store::StoreError;
use signet::store::code::RedeemCode;

use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::database::options;
use crate::support::nouns::*;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

fn is_down<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    let error = outcome.expect_err("the database is down");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

async fn comes_back(store: &Store) {
    for _ in 0..100 {
        if store.ping().await.is_ok() && store.create_user(user("bob")).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Every connection, not only the lucky one.
    for round in 0..20 {
        assert_eq!(store.user(user_id("ada")).await, Ok(Some(user("ada"))), "{round}");
        assert!(store.versions().await.is_ok());
    }
    assert!(store.replace_client(client("demo-web")).await.unwrap());
}

#[test]
fn postgres_stopped_and_started() {
    let Some(cluster) = Cluster::start_new() else { return left_out() };
    let url = cluster.database();
    block_on(async {
        let store = Store::open(&url, options()).unwrap();
        store.create_user(user("ada")).await.unwrap();
        store.create_client(client("demo-web")).await.unwrap();
        cluster.stop();
        for _ in 0..10 {
            is_down(store.user(user_id("ada")).await);
            is_down(store.create_user(user("bob")).await);
            is_down(store.replace_client(client("demo-web")).await);
        }
        cluster.start();
        comes_back(&store).await;
    });
}

/// A server that accepts connections and then says nothing.
#[test]
fn postgres_that_hangs() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u@{}/db?sslmode=disable", silent.local_addr().unwrap());
    let limits = Options {
        max_connections: 8,
        connect_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(300),
    };
    block_on(async {
        let store = Store::open(&url, limits).unwrap();
        let answers = async {
            is_down(store.ping().await);
            is_down(store.replace_client(client("demo-web")).await);
        };
        tokio::time::timeout(Duration::from_secs(3), answers).await.expect("an answer within seconds");
    });
}

/// A statement that waits for a lock does not wait for ever, and what it held up goes on afterwards.
#[test]
fn sqlite_locked_by_another_process() {
    let db = Database::new(Kind::Sqlite).unwrap();
    block_on(async {
        let limits = Options { statement_timeout: Duration::from_millis(200), ..options() };
        let store = Store::open(&db.url, limits).unwrap();
        store.create_user(user("ada")).await.unwrap();
        store.create_client(client("demo-web")).await.unwrap();
        let file = db.folder.path().join("signet.db");
        let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        is_down(store.create_user(user("bob")).await);
        is_down(store.replace_client(client("demo-web")).await);
        assert_eq!(store.user(user_id("ada")).await, Ok(Some(user("ada"))));
        other.batch_execute("ROLLBACK").unwrap();
        comes_back(&store).await;
    });
}

/// Whoever waits behind a write that waits for a lock has waited as long: not one time limit after the other.
#[test]
fn db_12_sqlite_locked_for_a_crowd() {
    let db = Database::new(Kind::Sqlite).unwrap();
    block_on(async {
        let limits = Options { statement_timeout: Duration::from_millis(200), ..options() };
        let store = Store::open(&db.url, limits).unwrap();
        let file = db.folder.path().join("signet.db");
        let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let mut crowd = tokio::task::JoinSet::new();
        for number in 0..200 {
            let store = store.clone();
            crowd.spawn(async move { is_down(store.create_user(user(&format!("u{number}"))).await) });
        }
        // One after the other they would take 40 seconds.
        tokio::time::timeout(Duration::from_secs(20), crowd.join_all()).await.expect("an answer for everybody");
        other.batch_execute("ROLLBACK").unwrap();
        assert!(store.create_user(user("ada")).await.is_ok());
    });
}

/// A redemption has no savepoint of its own: one that fails half-way is undone with whatever shares its batch, and everybody
/// is told the truth.
#[test]
fn co_01_half_a_redemption_is_none() {
    let db = Database::new(Kind::Sqlite).unwrap();
    block_on(async {
        furnish(&db.store).await;
        let file = db.folder.path().join("signet.db");
        let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        let refuses =
            "CREATE TRIGGER t BEFORE INSERT ON families WHEN NEW.id LIKE '%42' BEGIN SELECT RAISE(ABORT, 'x'); END";
        other.batch_execute(refuses).unwrap();
        for number in 0..100 {
            db.store.issue_code(code(&format!("c{number}")), None, NOON).await.unwrap();
        }
        let mut crowd = tokio::task::JoinSet::new();
        for number in 0..100 {
            let (store, name) = (db.store.clone(), format!("c{number}"));
            crowd.spawn(async move { (number, store.redeem_code(hash(&name), later(1), family(&name)).await) });
        }
        let told = crowd.join_all().await;
        other.batch_execute("DROP TRIGGER t").unwrap();
        assert!(told.iter().all(|(number, outcome)| *number != 42 || outcome.is_err()));
        // More than fit into one batch.
        assert!(told.iter().any(|(_, outcome)| outcome.is_ok()), "{told:?}");
        for (number, outcome) in told {
            let name = format!("c{number}");
            let there = db.store.family(family_id(&name)).await.unwrap().is_some();
            assert_eq!(there, outcome == Ok(RedeemCode::Fresh), "{name}");
            if outcome.is_err() {
                let again = db.store.redeem_code(hash(&name), later(2), family(&name)).await;
                assert_eq!(again, Ok(RedeemCode::Fresh), "{name}");
            }
        }
    });
}

/// A failure that takes the whole batch with it: nobody who shared it is told that his write stands.
#[test]
fn sqlite_batch_undone_by_one_job() {
    let db = Database::new(Kind::Sqlite).unwrap();
    block_on(async {
        furnish(&db.store).await;
        let file = db.folder.path().join("signet.db");
        let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        // Undoes the whole transaction, as SQLite itself may on a full disk.
        other
            .batch_execute(
                "CREATE TRIGGER undo BEFORE INSERT ON throttles BEGIN SELECT RAISE(ROLLBACK, 'undone'); END;",
            )
            .unwrap();
        let policy =
            signet::store::throttle::Policy { limit: 1, window: Duration::from_secs(1), block: Duration::from_secs(1) };
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..32 {
            let store = db.store.clone();
            tasks.spawn(async move {
                if number % 8 == 0 {
                    assert!(store.throttle_take([1; 32], NOON, policy).await.is_err());
                    return None;
                }
                let name = format!("u{number}");
                store.create_user(user(&name)).await.is_ok().then_some(name)
            });
        }
        // Whoever was told that it is written finds it written; whoever shared the bad batch was told the truth too.
        for name in tasks.join_all().await.into_iter().flatten() {
            assert!(db.store.user(user_id(&name)).await.unwrap().is_some(), "{name}");
        }
        other.batch_execute("DROP TRIGGER undo").unwrap();
        assert!(db.store.throttle_take([1; 32], NOON, policy).await.is_ok());
    });
}

/// The kernel refuses to let a file grow beyond the limit of the process, as it does on a full disk.
#[test]
fn sqlite_on_a_full_disk() {
    // The limit is one of the process, so this test runs itself again in a process of its own.
    if let Ok(url) = std::env::var(DATABASE) {
        return with_a_full_disk(&url);
    }
    let db = Database::new(Kind::Sqlite).unwrap();
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "store::outage::sqlite_on_a_full_disk"]).env(DATABASE, &db.url);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    block_on(async {
        db.store.create_user(user("ada")).await.unwrap();
        db.store.create_client(client("demo-web")).await.unwrap();
        comes_back(&db.store).await;
    });
}

const DATABASE: &str = "SIGNET_TEST_DATABASE";

fn with_a_full_disk(url: &str) {
    block_on(async {
        let store = Store::open(url, options()).unwrap();
        let mut written = 0;
        let error = loop {
            match store.create_user(user(&format!("u{written}"))).await {
                Ok(_) if written < 10_000 => written += 1,
                outcome => break outcome,
            }
        };
        is_down(error);
        assert!(written > 0);
        // What was acknowledged is there, and reading goes on.
        for number in 0..written {
            let name = format!("u{number}");
            assert!(store.user(user_id(&name)).await.unwrap().is_some(), "{name}");
        }
    });
}
