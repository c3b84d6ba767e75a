//! DB-06, CO-11: the server is killed, by SIGKILL, in the middle of a stream of redemptions, again and again. What it had
//! acknowledged is there afterwards; no code succeeds twice; what was revoked stays revoked.

use std::path::Path;
use std::process::Child;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use diesel::Connection;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use serde_json::Value;
use signet::ambient::Clock;
use signet::ambient::OsEntropy;
use signet::ambient::SystemClock;
use signet::crypto::hash;
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

const ROUNDS: u64 = 20;
const CODES: usize = 100;
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
}

/// What a client knows about its code.
enum Fate {
    /// It holds the tokens; this is the refresh token.
    Acknowledged { code: String, refresh: String },
    /// The connection broke before an answer came.
    Unknown { code: String },
}

impl Rig {
    fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { folder: tempfile::tempdir().expect("a folder"), port: free_port(), http }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn start(&self) -> Mortal {
        let mut command = command(self.folder.path());
        command.args(["serve", "--port", &self.port.to_string()]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn db_06_co_11_killed_while_codes_are_redeemed() {
    let rig = Arc::new(Rig::new());
    drop(rig.start().await);
    let file = rig.folder.path().join("data/signet.db");
    let mut codes = furnish(&file).await;
    let (mut fates, mut ended): (Vec<Fate>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut acknowledged, mut unknown) = (0, 0);
    for round in 0..=ROUNDS {
        let server = rig.start().await;
        for token in ended.drain(..) {
            let (status, _) = rig.refresh(&token).await.expect("an answer");
            assert_eq!(status, 400, "round {round}: a revoked family is back");
        }
        for fate in fates.drain(..) {
            ended.extend(check(&rig, round, fate).await);
        }
        if round == ROUNDS {
            break;
        }
        let batch = codes.split_off(codes.len() - CODES);
        fates = killed_midway(&rig, server, batch, Duration::from_millis(20 + 13 * round)).await;
        let got = fates.iter().filter(|fate| matches!(fate, Fate::Acknowledged { .. })).count();
        acknowledged += got;
        unknown += fates.len() - got;
    }
    assert!(acknowledged > 0, "no answer ever came: the server was killed too early");
    assert!(unknown > 0, "no connection ever broke: the server was killed too late");
    assert_eq!(integrity(&file), "ok");
}

/// Redeems codes eight at a time until the server dies under it.
async fn killed_midway(rig: &Arc<Rig>, server: Mortal, codes: Vec<String>, after: Duration) -> Vec<Fate> {
    let left = Arc::new(Mutex::new(codes));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (rig, left) = (Arc::clone(rig), Arc::clone(&left));
        clients.spawn(async move {
            let mut fates = Vec::new();
            loop {
                let code = left.lock().expect("the codes").pop();
                let Some(code) = code else { return fates };
                match rig.redeem(&code).await {
                    Some((200, tokens)) => {
                        let refresh = tokens["refresh_token"].as_str().expect("a refresh token").to_owned();
                        fates.push(Fate::Acknowledged { code, refresh });
                    }
                    Some((status, body)) => panic!("{status} for a good code: {body}"),
                    None => {
                        fates.push(Fate::Unknown { code });
                        return fates;
                    }
                }
            }
        });
    }
    tokio::time::sleep(after).await;
    drop(server);
    clients.join_all().await.into_iter().flatten().collect()
}

/// What must be true of a code after the crash; gives the token of a family that has ended by this.
async fn check(rig: &Rig, round: u64, fate: Fate) -> Option<String> {
    match fate {
        Fate::Acknowledged { code, refresh } => {
            let (status, tokens) = rig.refresh(&refresh).await.expect("an answer");
            assert_eq!(status, 200, "round {round}: an acknowledged family is gone: {tokens}");
            let (status, _) = rig.redeem(&code).await.expect("an answer");
            assert_eq!(status, 400, "round {round}: a code succeeds twice");
            Some(tokens["refresh_token"].as_str().expect("a refresh token").to_owned())
        }
        Fate::Unknown { code } => {
            // Redeemed or not: who knows. Once from here on at the most.
            let (first, tokens) = rig.redeem(&code).await.expect("an answer");
            assert!([200, 400].contains(&first), "round {round}: {first}");
            let (second, _) = rig.redeem(&code).await.expect("an answer");
            assert_eq!(second, 400, "round {round}: a code succeeds twice");
            tokens["refresh_token"].as_str().map(str::to_owned)
        }
    }
}

/// Writes a user, a client and codes into the database of a server that is down.
async fn furnish(file: &Path) -> Vec<String> {
    let store = Store::open(&format!("sqlite://{}", file.display()), options()).expect("the database");
    let now = Timestamp::from_micros(SystemClock::new().unix_micros());
    store.create_user(nouns::user("ada")).await.expect("a user");
    store.create_client(nouns::client("demo-web")).await.expect("a client");
    let (idle_expires_at, expires_at) = (now.plus(HOUR), now.plus(HOUR));
    let session = Session { last_seen_at: now, idle_expires_at, expires_at, ..nouns::session("s1", "ada") };
    store.begin_session(session, None, None).await.expect("a session");
    let mut codes = Vec::new();
    for _ in 0..ROUNDS {
        codes.extend(issue(&store, now).await);
    }
    codes
}

async fn issue(store: &Store, now: Timestamp) -> Vec<String> {
    let mut writes = JoinSet::new();
    for _ in 0..CODES {
        let (secret, hash) = hash::new_secret(SecretKind::Code, &OsEntropy);
        let challenge = CodeChallenge::parse(&hash::s256(VERIFIER)).expect("a challenge");
        let (issued_at, expires_at, code_challenge) = (now, now.plus(HOUR), Some(challenge));
        let code = Code { hash, issued_at, expires_at, code_challenge, ..nouns::code("c") };
        let store = store.clone();
        writes.spawn(async move {
            assert_eq!(store.issue_code(code, None, now).await, Ok(IssueCode::Issued));
            secret.reveal().to_owned()
        });
    }
    writes.join_all().await
}

fn integrity(file: &Path) -> String {
    let mut connection = SqliteConnection::establish(file.to_str().expect("a path in UTF-8")).expect("the database");
    let check = diesel::dsl::sql::<diesel::sql_types::Text>("PRAGMA integrity_check");
    check.get_result(&mut connection).expect("an answer")
}
