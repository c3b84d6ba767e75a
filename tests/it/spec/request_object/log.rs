//! What is in a request object is between the client and this server, and in no log.

use std::path::Path;
use std::path::PathBuf;

use signet::store::Store;

use super::*;
use crate::support::database::options;
use crate::support::nouns;
use crate::support::party::Form;
use crate::support::server::Server;

#[tokio::test]
async fn no_line_of_the_log_shows_an_object() {
    let server = Server::dev_with(&[("RUST_LOG", "trace")]).await;
    let store = Store::open(&format!("sqlite://{}", database(server.folder()).display()), options()).unwrap();
    let keys = ClientKeys { jwks: Some(keys()), jwks_uri: None };
    store.create_client(Client { keys, ..nouns::client("j1") }).await.unwrap();

    let issuer = server.base.as_str().trim_end_matches('/');
    let good = json!({
        "iss": "j1", "aud": issuer, "client_id": "j1", "response_type": "code", "redirect_uri": CB, "scope": "openid",
        "state": "state-of-the-object", "nonce": "nonce-of-the-object", "login_hint": "hint-of-the-object",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    let objects = [
        signed(&good),
        signed(&with(&good, "aud", json!("https://audience-of-the-object.test"))),
        signed(&with(&good, "max_age", json!("age-of-the-object"))),
        signed(&with(&good, "request_uri", json!("https://within-the-object.test"))),
        sign(stranger(), &good),
        sign_as(
            key_of(Algorithm::Es256),
            &json!({"alg": "none", "typ": "header-of-the-object"}),
            "no-json-of-the-object",
        ),
    ];
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    for (index, object) in objects.iter().enumerate() {
        let form = Form::new(&[("client_id", "j1"), ("redirect_uri", CB), ("request", object)]).encoded();
        let by_get = http.get(server.url(&format!("/authorize?{form}"))).send().await.unwrap();
        let by_post = http.post(server.url("/authorize")).header("content-type", "application/x-www-form-urlencoded");
        for answer in [by_get, by_post.body(form.clone()).send().await.unwrap()] {
            let to = answer.headers()["location"].to_str().unwrap().to_owned();
            assert_eq!(to.contains("error=invalid_request_object"), index > 0, "{to}");
        }
    }
    let log = server.log();
    assert!(log.contains("authorization_refused") && log.contains("invalid_request_object"), "{log}");
    let parts = objects.iter().flat_map(|object| object.split('.')).filter(|part| part.len() > 20);
    for secret in parts.chain(["of-the-object", "within-the-object"]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
}

/// The database of a dev server, which is in a folder of its own below.
fn database(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = |path: PathBuf| match path.is_dir() {
        true => std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![path],
    };
    let mut files = entries.flat_map(found).flat_map(found);
    files.find(|path| path.extension().is_some_and(|kind| kind == "db")).expect("a database")
}
