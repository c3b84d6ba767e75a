//! `signet tokens`

use std::time::Duration;

use serde_json::Value;
use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::cli::output;

use super::Installation;
use super::Said;
use super::run;
use crate::support::server::Server;

#[tokio::test]
async fn one_thing_is_named() {
    let server = Server::dev().await;
    let issuer = server.base.as_str().trim_end_matches('/').to_owned();
    let here = |args: &[&str], input: &str| super::here(&server, args, input);
    let inspect = |args: &[&str], token: &str| {
        let mut all = vec!["tokens", "inspect", "-", "-o", "json"];
        all.extend(args);
        here(&all, token)
    };
    let tokens = here(&["tokens", "get", "-o", "json"], "").json();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let access = text("access_token");
    let api = format!("{issuer}/demo-api");

    let good = inspect(&["--audience", &api], &format!("Bearer {access}\n")).json();
    assert_eq!((&good["accepted"], &good["signature"]), (&Value::Bool(true), &Value::from("valid")));
    assert_eq!(good["claims"]["client_id"], "demo-web");
    let said = here(&["tokens", "inspect", "-"], &access).ends_with(0).out;
    for expected in
        ["access token (at+jwt)", "\u{2713} ES256", "ada@example.test", " min", "An API answers 200: it is good"]
    {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!said.contains(&access), "the token itself is not repeated");
    here(&["tokens", "inspect", &access], "").ends_with(0);

    let slash = format!("{issuer}/");
    let (head, rest) = access.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let changed = format!("{head}.{payload}.{first}{}", signature.get(1..).unwrap());
    let other_head = base64url(r#"{"alg":"ES256","kid":"2020-01-01-es256-a","typ":"at+jwt"}"#);
    let none_head = base64url(r#"{"alg":"none","kid":"x"}"#);
    for (problem, args, token) in [
        ("audience", &["--audience", "https://other.test"][..], access.clone()),
        ("issuer", &["--issuer", &slash], access.clone()),
        ("id_token", &[], text("id_token")),
        ("opaque", &[], text("refresh_token")),
        ("scope", &["--scope", "orders:read"], access.clone()),
        ("malformed", &[], "rubbish".to_owned()),
        ("unknown_key", &[], format!("{other_head}.{payload}.{signature}")),
        ("algorithm", &[], format!("{none_head}.{payload}.{signature}")),
        ("signature", &[], changed),
    ] {
        let told = inspect(args, &token).ends_with(1);
        assert_eq!(problem_of(&told), problem, "{told:?}");
        assert!(!told.err.contains(&token), "{told:?}");
    }
    let told = inspect(&["--issuer", &slash], &access);
    assert!(told.err.starts_with("An API answers 401: iss is ") && told.err.contains("slash"), "{told:?}");
    let told = inspect(&["--scope", "orders:read"], &access);
    assert!(told.err.starts_with("An API answers 403: "), "{told:?}");
    inspect(&["--scope", "a\"b"], &access).ends_with(2);

    // A key of another algorithm under the right name.
    let keys = here(&["keys", "list", "-o", "json"], "").json();
    let rsa =
        keys.as_array().unwrap().iter().find(|key| key["alg"] == "RS256").unwrap()["kid"].as_str().unwrap().to_owned();
    let mixed = base64url(&format!(r#"{{"alg":"ES256","kid":"{rsa}","typ":"at+jwt"}}"#));
    assert_eq!(problem_of(&inspect(&[], &format!("{mixed}.{payload}.{signature}"))), "algorithm");
    assert!(!server.log().contains(&access), "the log has the token");
}

#[tokio::test]
async fn every_demo_client_gets_tokens() {
    let server = Server::dev().await;
    let port = server.port().to_string();
    let get = |args: &[&str]| {
        let mut all = vec!["tokens", "get", "-o", "json", "--dev", "--port", &port];
        all.extend(args);
        run(server.command(), &all, "")
    };
    let spa = get(&["--client", "demo-spa", "--user", "bob@example.test"]).json();
    assert!(spa["id_token"].is_string() && spa["refresh_token"].is_string(), "{:?}", spa["scope"]);
    let service = get(&["--client", "demo-service"]).json();
    assert!(service["access_token"].is_string() && service["refresh_token"].is_null());
    let narrow = get(&["--scope", "openid"]).json();
    assert_eq!((&narrow["scope"], narrow["id_token"].is_string()), (&Value::from("openid"), true));
    get(&["--user", "eve@example.test"]).ends_with(1);
    get(&["--client", "nobody"]).ends_with(1);
    get(&["--scope", "nonsense:scope"]).ends_with(1);
}

#[test]
fn without_an_installation_a_token_is_shown_but_not_trusted() {
    let nowhere = Installation::empty();
    let head = base64url(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#);
    let claims = |expires: i64| {
        base64url(&format!(
            r#"{{"iss":"https://op.test","sub":"s","aud":"a","client_id":"c","jti":"t","iat":1700000000,"exp":{expires}}}"#
        ))
    };
    let inspect = |expires| {
        let token = format!("{head}.{}.AAAA", claims(expires));
        nowhere.run_with(&["tokens", "inspect", "-", "-o", "json"], &token).ends_with(1)
    };
    assert_eq!(problem_of(&inspect(4_000_000_000)), "unchecked");
    assert_eq!(problem_of(&inspect(1_700_000_300)), "expired");
}

/// Whoever is sent a token to look at has not made it.
#[test]
fn a_token_commands_no_terminal_and_says_no_verdict() {
    let nowhere = Installation::empty();
    let good = "\u{2713} An API answers 200: it is good";
    let long = "n".repeat(200);
    let claims = serde_json::json!({
        "iss": "https://op.test", "sub": "s", "client_id": "c", "jti": "t", "iat": 1_700_000_000, "exp": 4_000_000_000_i64,
        "aud": "\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}a",
        "x\u{1b}]0;pwned\u{7}\u{1b}[2K\r\nverdict    \u{2713}": "\u{1b}[8m\u{9b}8m\u{202e}",
        "verdict": good, "verdict ": good, "signature": "\u{2713} ES256", "type": "access token", "": good, &long: 1,
    });
    // An ID token's audience is in the reason.
    for typ in ["at+jwt", "JWT", "\u{1b}[8m"] {
        let head = serde_json::json!({"alg": "ES256", "kid": "k\u{9b}8m", "typ": typ});
        let token = format!("{}.{}.AAAA", base64url(&head.to_string()), base64url(&claims.to_string()));
        for output in ["table", "json", "jsonl", "env"] {
            let said = nowhere.run_with(&["tokens", "inspect", "-", "-o", output], &token).ends_with(1);
            for stream in [&said.out, &said.err] {
                let commands = |character: &char| *character != '\n' && output::commands(*character);
                assert_eq!(stream.chars().find(commands), None, "{typ:?} {output}: {said:?}");
            }
        }
        let said = nowhere.run_with(&["tokens", "inspect", "-"], &token).ends_with(1).out;
        let begin_with = |name: &str| said.lines().filter(|line| line.trim_start().starts_with(name)).count();
        assert_eq!(["type", "signature", "verdict", "x"].map(begin_with), [1, 1, 1, 0], "{said}");
        assert!(said.contains("\"verdict\" ") && said.contains("\"verdict \" ") && !said.contains(&long), "{said}");
    }
}

#[test]
fn what_stands_around_a_token_is_taken_away_and_nothing_is_no_token() {
    let nowhere = Installation::empty();
    let head = base64url(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#);
    for around in [
        |head: &str| format!("{head}.e30.AAAA"),
        |head: &str| format!("bearer  {head}.e30.AAAA\n"),
        |head: &str| format!("\r\nBEARER\n{head}\r\n .e30\n.AAAA\n\n"),
    ] {
        let said = nowhere.run_with(&["tokens", "inspect", "-", "-o", "json"], &around(&head)).ends_with(1);
        assert_eq!(problem_of(&said), "claims", "{said:?}");
    }
    for nothing in ["", "\n", " \r\n\t", "Bearer \n"] {
        for verb in ["inspect", "revoke"] {
            let said = nowhere.run_with(&["tokens", verb, "-"], nothing).ends_with(2);
            assert!(said.err.starts_with("There is no token"), "{verb} {nothing:?}: {said:?}");
        }
    }
}

fn problem_of(said: &Said) -> String {
    let shown: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    shown["problem"].as_str().unwrap_or_else(|| panic!("nothing wrong: {said:?}")).to_owned()
}

fn base64url(text: &str) -> String {
    signet::crypto::hash::base64url(text.as_bytes())
}

/// What the command line revokes, the running server refuses within a second.
#[tokio::test]
async fn revoke_beside_a_running_server() {
    let server = Server::dev().await;
    let here = |args: &[&str], input: &str| super::here(&server, args, input);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |token: &str| {
        http.get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let refused_soon = async |token: &str| {
        let clock = SystemClock::new();
        while status(token).await != 401 {
            assert!(clock.monotonic() < Duration::from_secs(1), "the server did not notice");
        }
    };
    let get = || here(&["tokens", "get", "--client", "demo-web", "-o", "json"], "").json();
    let (one, two, three) = (get(), get(), get());
    let text = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let access = |tokens: &Value| text(tokens, "access_token");

    // An access token alone, by standard input, and only with a yes.
    here(&["tokens", "revoke", "-"], &access(&one)).ends_with(5);
    assert_eq!(status(&access(&one)).await, 200);
    let said = here(&["tokens", "revoke", "-", "--yes"], &format!("Bearer {}\n", access(&one))).ends_with(0);
    assert!(said.err.contains("1 access token of usr_") && !said.err.contains(&access(&one)), "{said:?}");
    refused_soon(&access(&one)).await;
    here(&["tokens", "revoke", "-", "--yes"], &access(&one)).ends_with(3);
    // Its grant, by the refresh token.
    here(&["tokens", "revoke", "-", "--yes"], &text(&two, "refresh_token")).ends_with(0);
    refused_soon(&access(&two)).await;
    // What is left, by name; first without reaching out.
    let user = ["tokens", "revoke", "--user", "ada@example.test", "--client", "demo-web"];
    let said = here(&user, "").ends_with(5);
    assert!(said.err.contains("2 refresh families"), "{said:?}");
    let only = [&user[..], &["--refresh-only", "--yes"]].concat();
    here(&only, "").ends_with(0);
    here(&only, "").ends_with(3);
    assert_eq!(status(&access(&three)).await, 200);
    here(&[&user[..], &["--yes"]].concat(), "").ends_with(0);
    refused_soon(&access(&three)).await;
    let said = here(&[&user[..], &["--yes"]].concat(), "").ends_with(3);
    assert!(said.err.contains("no grant that is left to end") && !said.err.contains("Ended"), "{said:?}");

    for unknown in [&["--user", "eve@example.test"][..], &["--client", "nobody"], &["--grant", "fam_none"]] {
        here(&[&["tokens", "revoke", "--yes"], unknown].concat(), "").ends_with(4);
    }
    here(&["tokens", "revoke", "-", "--yes"], "rubbish").ends_with(4);
    here(&["tokens", "revoke"], "").ends_with(2);
    let trail = here(&["audit", "tail", "-n", "100"], "").ends_with(0).out;
    assert_eq!(trail.matches("token_revoked").count(), 4, "{trail}");
}
