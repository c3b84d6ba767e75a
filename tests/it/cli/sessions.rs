//! `signet sessions`

use super::Installation;
use crate::support::server::Server;

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let server = Server::dev().await;
    let here = |args: &[&str]| super::here(&server, args, "");
    let token = here(&["tokens", "get", "--scope", "openid"]).ends_with(0).out;
    here(&["tokens", "get"]).ends_with(0);
    let list = here(&["sessions", "list", "-o", "json"]).json();
    let rows = list.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{list}");
    assert_eq!(rows[0]["user"], "ada@example.test");
    assert_eq!(rows[0]["clients"].as_array().unwrap().len(), 1, "{list}");
    let none = here(&["sessions", "list", "--user", "bob@example.test", "-o", "json"]).json();
    assert_eq!(none.as_array().unwrap().len(), 0);
    here(&["sessions", "list", "--user", "eve@example.test"]).ends_with(4);

    // Oldest last: the one of the first token.
    let sid = rows[1]["sid"].as_str().unwrap();
    let asked = here(&["sessions", "revoke", sid]).ends_with(5);
    assert!(asked.err.contains("1 application") && asked.err.contains("Nothing was changed"), "{asked:?}");
    let done = here(&["sessions", "revoke", sid, "--yes"]).ends_with(0);
    assert!(done.err.contains("Database: "), "{done:?}");
    here(&["sessions", "revoke", sid, "--yes"]).ends_with(3);
    here(&["sessions", "revoke", "ses_none", "--yes"]).ends_with(4);
    super::here(&server, &["tokens", "inspect", "-"], &token).ends_with(1);

    here(&["sessions", "revoke", "--user", "ada@example.test"]).ends_with(5);
    here(&["sessions", "revoke", "--user", "ada@example.test", "--yes"]).ends_with(0);
    here(&["sessions", "revoke", "--user", "ada@example.test", "--yes"]).ends_with(3);
    assert_eq!(here(&["sessions", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
    let audit = here(&["audit", "tail", "-o", "jsonl"]).out;
    assert!(audit.contains("session_revoked") && audit.contains("signed_out_everywhere"), "{audit}");
}

#[test]
fn a_session_or_a_user_is_named() {
    let installation = Installation::with("");
    installation.run(&["sessions", "revoke"]).ends_with(2);
    installation.run(&["sessions", "revoke", "ses_1", "--user", "ada@example.test"]).ends_with(2);
}
