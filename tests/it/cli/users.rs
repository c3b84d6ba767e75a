//! `signet users`

use super::Installation;
use crate::support::browser::Browser;
use crate::support::server::Server;

#[test]
fn passwords_come_by_standard_input_and_keep_the_rules() {
    let installation = Installation::with("");
    let create = |password: &str| {
        installation.run_with(
            &[
                "users",
                "create",
                " Ada@Example.test",
                "--role",
                "admin",
                "--role",
                "editor",
                "--name",
                "Ada",
                "--password-stdin",
            ],
            password,
        )
    };
    let short = create("1234567\n").ends_with(5);
    assert!(short.err.contains("at least 8 characters"), "{short:?}");
    create(&"x".repeat(1025)).ends_with(5);
    assert_eq!(installation.run(&["users", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
    let made = create("12345678\n").ends_with(0);
    assert!(made.err.contains("signet.db") && !made.out.contains("12345678"), "{made:?}");
    create("12345678\n").ends_with(1);
    let shown = installation.run(&["users", "show", "ada@example.test", "-o", "json"]).json();
    assert_eq!((shown["name"].as_str(), shown["has_password"].as_bool()), (Some("Ada"), Some(true)));
    assert_eq!(shown["roles"], serde_json::json!(["admin", "editor"]));
    let by_id = installation.run(&["users", "show", shown["sub"].as_str().unwrap(), "-o", "json"]).json();
    assert_eq!(by_id["email"], "ada@example.test");
    assert!(!installation.run(&["users", "show", "ada@example.test", "-o", "json"]).out.contains("argon2"));
}

#[test]
fn disabling_asks_and_says_when_there_is_nothing_to_do() {
    let installation = Installation::with("");
    installation.run_with(&["users", "create", "ada@example.test", "--password-stdin"], "correct-horse").ends_with(0);
    installation.run(&["users", "enable", "ada@example.test"]).ends_with(3);
    installation.run(&["users", "disable", "ada@example.test"]).ends_with(5);
    installation.run(&["users", "disable", "ada@example.test", "--yes"]).ends_with(0);
    installation.run(&["users", "disable", "ada@example.test", "--yes"]).ends_with(3);
    installation.run(&["users", "enable", "ada@example.test"]).ends_with(0);
    for verb in [&["disable", "eve@example.test", "--yes"][..], &["enable", "eve@example.test"], &["show", "usr_none"]]
    {
        let mut all = vec!["users"];
        all.extend(verb);
        installation.run(&all).ends_with(4);
    }
    installation
        .run_with(&["users", "set-password", "eve@example.test", "--password-stdin"], "correct-horse")
        .ends_with(4);
}

#[tokio::test]
async fn a_running_server_obeys_at_once() {
    let server = Server::dev().await;
    let here = |args: &[&str], input: &str| super::here(&server, args, input);
    assert_eq!(sign_in(&server, "ada@example.test", "correct-horse-battery").await, 303);
    let token = here(&["tokens", "get"], "").ends_with(0).out;

    let asked = here(&["users", "disable", "ada@example.test"], "").ends_with(5);
    assert!(asked.err.contains("2 browser sessions, 1 refresh family"), "{asked:?}");
    here(&["users", "disable", "ada@example.test", "--yes"], "").ends_with(0);
    assert_eq!(sign_in(&server, "ada@example.test", "correct-horse-battery").await, 401);
    let told = here(&["tokens", "inspect", "-", "-o", "json"], &token).ends_with(1);
    assert!(told.out.contains("\"problem\": \"user\""), "{told:?}");
    here(&["tokens", "get"], "").ends_with(1);

    here(&["users", "enable", "ada@example.test"], "").ends_with(0);
    let told = here(&["tokens", "inspect", "-"], &token).ends_with(1);
    assert!(told.err.contains("user_changed"), "what ended stays ended: {told:?}");
    here(&["users", "set-password", "ada@example.test", "--password-stdin"], "another-horse\n").ends_with(0);
    assert_eq!(sign_in(&server, "ada@example.test", "correct-horse-battery").await, 401);
    assert_eq!(sign_in(&server, "ada@example.test", "another-horse").await, 303);

    here(&["users", "create", "eve@example.test", "--password-stdin"], "third-horse").ends_with(0);
    assert_eq!(sign_in(&server, "eve@example.test", "third-horse").await, 303);
}

/// The status of the answer to the login form.
async fn sign_in(server: &Server, user: &str, password: &str) -> u16 {
    let mut url = server.url("/authorize");
    url.query_pairs_mut().extend_pairs([
        ("client_id", "demo-web"),
        ("redirect_uri", "http://localhost/callback"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    let mut browser = Browser::new();
    let page = browser.open(&url).await;
    let page = browser.follow(page, "http://localhost/callback").await.expect("the login page");
    browser.press(&page, "login-submit", &[("username", user), ("password", password)]).await.status.as_u16()
}
