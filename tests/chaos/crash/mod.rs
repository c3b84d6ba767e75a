//! The server is killed, by SIGKILL, in the middle of its work, again and again.

mod codes;
mod refresh;

use std::path::Path;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;

use diesel::Connection;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use serde_json::Value;
use signet::ambient::Clock;
use signet::ambient::OsEntropy;
use signet::ambient::SystemClock;
use signet::crypto::hash;
use signet::domain::client::Lifetimes;
use signet::domain::code::Code;
use signet::domain::request::CodeChallenge;
use signet::domain::secret::SecretKind;
use signet::domain::session::Session;
use signet::domain::time::Timestamp;
use signet::store::Store;
use signet::store::code::IssueCode;
use tokio::task::JoinSet;

use crate::support::database::options;
use crate::support::nouns;
use crate::support::party::Party;
use crate::support::party::VERIFIER;
use crate::support::server::command;
use crate::support::server::free_port;

const HOUR: Duration = Duration::from_hours(1);

/// A server on a data folder that outlives it. Killed, by its id, when dropped.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        // SIGKILL: nothing is flushed, nobody says goodbye.
        self.0.kill().expect("the server is still there to be killed");
        self.0.wait().expect("its end");
    }
}

struct Rig {
    folder: tempfile::TempDir,
    port: u16,
    http: reqwest::Client,
    /// Settings of the server.
    environment: Vec<(&'static str, String)>,
}

impl Rig {
    fn new(environment: &[(&'static str, String)]) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            port: free_port(),
            http,
            environment: environment.to_vec(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn start(&self) -> Mortal {
        let mut command = command(self.folder.path());
        command.args(["serve", "--port", &self.port.to_string()]).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Mortal(command.spawn().expect("the signet program starts"));
        for _ in 0..600 {
            let ready = self.http.get(self.url("/health/ready")).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server is not ready");
    }

    /// Status and body, or nothing when no whole answer came.
    async fn token(&self, form: String) -> Option<(u16, Value)> {
        let request = self.http.post(self.url("/token")).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    async fn redeem(&self, code: &str) -> Option<(u16, Value)> {
        let form = Party::code_form(code).set("redirect_uri", "https://c1.test/cb").and("client_id", "demo-web");
        self.token(form.encoded()).await
    }

    async fn refresh(&self, token: &str) -> Option<(u16, Value)> {
        self.token(Party::refresh_form(token).and("client_id", "demo-web").encoded()).await
    }
}

fn open(url: &str) -> Store {
    Store::open(url, options()).expect("the database")
}

/// Writes a user, a client and a session.
async fn furnish(store: &Store) {
    let now = now();
    store.create_user(nouns::user("ada")).await.expect("a user");
    let mut client = nouns::client("demo-web");
    // A loaded machine may take its time to start a server again.
    client.lifetimes = Lifetimes { refresh_retry_window: Some(Duration::from_mins(10)), ..client.lifetimes };
    store.create_client(client).await.expect("a client");
    let (idle_expires_at, expires_at) = (now.plus(HOUR), now.plus(HOUR));
    let session = Session { last_seen_at: now, idle_expires_at, expires_at, ..nouns::session("s1", "ada") };
    store.begin_session(session, None, None).await.expect("a session");
}

/// Codes that were not redeemed yet.
async fn issue(store: &Store, count: usize) -> Vec<String> {
    let now = now();
    let mut writes = JoinSet::new();
    for _ in 0..count {
        let (secret, hash) = hash::new_secret(SecretKind::Code, &OsEntropy);
        let challenge = CodeChallenge::parse(&hash::s256(VERIFIER)).expect("a challenge");
        let (issued_at, expires_at, code_challenge) = (now, now.plus(HOUR), Some(challenge));
        let resources = Vec::new();
        let code = Code { hash, issued_at, expires_at, code_challenge, resources, ..nouns::code("c") };
        let store = store.clone();
        writes.spawn(async move {
            assert_eq!(store.issue_code(code, None, now).await, Ok(IssueCode::Issued));
            secret.reveal().to_owned()
        });
    }
    writes.join_all().await
}

fn now() -> Timestamp {
    Timestamp::from_micros(SystemClock::new().unix_micros())
}

pub(crate) fn integrity(file: &Path) -> String {
    let mut connection = SqliteConnection::establish(file.to_str().expect("a path in UTF-8")).expect("the database");
    let check = diesel::dsl::sql::<diesel::sql_types::Text>("PRAGMA integrity_check");
    check.get_result(&mut connection).expect("an answer")
}
