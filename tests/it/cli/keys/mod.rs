//! `signet keys`

mod bad_input;
mod emergency;
mod files;
mod installed;

use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::Value;

use super::Installation;
use super::Said;
use super::here;
use super::run;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::free_port;

/// A server notices within this time.
const NOTICE: Duration = Duration::from_secs(1);
/// What a machine may take longer that runs all tests at once.
const BUSY: Duration = Duration::from_secs(5);

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long a real server takes is measured with a real clock")]
async fn k_01_k_02_k_03_oidcc_server_rotate_keys_while_the_server_runs() {
    let server = Server::dev().await;
    let here = |args: &[&str], input: &str| here(&server, args, input);
    let before = here(&["keys", "list", "-o", "json"], "").json();
    let old = kid(&before, "ES256", "active");
    let next = kid(&before, "ES256", "next");
    assert_eq!(before.as_array().unwrap().len(), 4);
    let table = here(&["keys", "list"], "").ends_with(0).out;
    let header: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    let expected = "ALG KID STATE PUBLISHED SIGNS FROM SIGNS UNTIL LEAVES JWKS TOKENS 24H PLANNED";
    assert_eq!(header.join(" "), expected);
    assert_eq!(here(&["keys", "list", "-o", "name"], "").out.lines().next(), Some(old.as_str()));

    // A key that nobody can have seen yet does not sign unless somebody insists.
    let told = here(&["keys", "rotate"], "").ends_with(5);
    assert!(told.err.contains("may sign from") && told.err.contains("--now"), "{told:?}");
    let plan = here(&["keys", "rotate", "--dry-run", "--alg", "ES256", "-o", "jsonl"], "").ends_with(5);
    assert!(plan.out.contains(&next) && plan.out.contains(&old), "{plan:?}");
    assert_eq!(here(&["keys", "list", "-o", "json"], "").json(), before, "neither changed anything");

    let token = here(&["tokens", "get"], "").ends_with(0).out;
    assert!(here(&["tokens", "inspect", "-"], &token).ends_with(0).out.contains(&format!("kid {old} (active)")));
    let done = here(&["keys", "rotate", "--now", "--alg", "ES256"], "").ends_with(0);
    let since = Instant::now();
    assert!(done.err.contains("signet.db"), "prose names the database: {done:?}");
    loop {
        let jwks = jwks(&server).await;
        if jwks.first() == Some(&next) {
            // The old key and the next one but one are there as well.
            assert!(jwks.contains(&old) && jwks.len() == 5, "{jwks:?}");
            break;
        }
        assert!(since.elapsed() < NOTICE + BUSY, "after {:?}: {jwks:?}", since.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let newer = here(&["tokens", "get"], "").ends_with(0).out;
    assert!(here(&["tokens", "inspect", "-"], &newer).ends_with(0).out.contains(&format!("kid {next} (active)")));
    assert!(here(&["tokens", "inspect", "-"], &token).ends_with(0).out.contains(&format!("kid {old} (retired)")));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(server.url("/demo-api")).bearer_auth(token.trim()).send().await.unwrap();
    assert_eq!(answer.status(), 200, "a token of the retired key is as good as before");

    let after = here(&["keys", "list", "-o", "json"], "").json();
    assert_eq!((kid(&after, "ES256", "active"), kid(&after, "ES256", "retired")), (next, old));
    assert_eq!(kid(&after, "RS256", "active"), kid(&before, "RS256", "active"));
}

#[tokio::test]
async fn a_key_that_was_published_long_enough_needs_no_force() {
    let server = Server::dev().await;
    let port = server.port();
    let here = |args: &[&str]| here(&server, args, "");
    let folder = server.command().get_current_dir().unwrap().join(format!("signet/dev-{port}"));
    let file = format!("{}/signet.db", std::fs::read_to_string(folder).unwrap().trim_end());
    let mut database = diesel::SqliteConnection::establish(&file).unwrap();
    let fifteen_days: i64 = 15 * 24 * 60 * 60 * 1_000_000;
    let age = format!("UPDATE signing_keys SET published_at = published_at - {fifteen_days} WHERE algorithm = 'RS256'");
    // The server may be writing a key.
    database.batch_execute("PRAGMA busy_timeout = 30000").unwrap();
    database.batch_execute(&age).unwrap();

    let before = here(&["keys", "list", "-o", "json"]).json();
    let next = kid(&before, "RS256", "next");
    here(&["keys", "rotate", "--dry-run"]).ends_with(5);
    let plan = here(&["keys", "rotate", "--dry-run", "--alg", "RS256", "-o", "json"]).json();
    assert_eq!((&plan[0]["step"], &plan[0]["kid"]), (&Value::from("sign"), &Value::from(next.as_str())));
    assert_eq!(here(&["keys", "list", "-o", "json"]).json(), before, "a dry run changes nothing");
    here(&["keys", "rotate"]).ends_with(5);
    assert_eq!(here(&["keys", "list", "-o", "json"]).json(), before, "all algorithms or none");
    here(&["keys", "rotate", "--alg", "RS256"]).ends_with(0);
    assert_eq!(kid(&here(&["keys", "list", "-o", "json"]).json(), "RS256", "active"), next);
    here(&["keys", "rotate", "--alg", "RS256"]).ends_with(5);
}

/// Runs a server until it is ready and stops it: an installation with keys, or with the keys it had. Nothing when it
/// does not start.
async fn serve_once(installation: &Installation) -> Option<()> {
    let port = free_port();
    let mut server = command(installation.folder.path());
    server.args(["serve", "--port", &port.to_string()]).stdin(Stdio::null());
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the signet program starts");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = format!("http://localhost:{port}/health/ready");
    let mut started = None;
    for _ in 0..600 {
        if server.try_wait().unwrap().is_some() {
            return None;
        }
        if http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
            started = Some(());
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.kill().unwrap();
    server.wait().unwrap();
    started
}

fn kid(keys: &Value, algorithm: &str, state: &str) -> String {
    let found = keys.as_array().unwrap().iter().find(|key| key["alg"] == algorithm && key["state"] == state);
    found.unwrap_or_else(|| panic!("no {state} key for {algorithm} in {keys}"))["kid"].as_str().unwrap().to_owned()
}

async fn jwks(server: &Server) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    let set: Value = answer.json().await.unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
