//! Keys of clients at their own `jwks_uri`, on a real https server that may be slow, broken or gone.

use serde_json::Value;
use serde_json::json;
use signet::domain::key::Algorithm;
use signet::domain::uri::WebUri;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::app_with;
use super::client_assertion::PATIENT;
use super::client_assertion::Signing;
use crate::support::app::App;
use crate::support::client_key::ClientKey;
use crate::support::client_key::jwks;
use crate::support::https::Answer;
use crate::support::https::Authority;
use crate::support::https::Receiver;

/// A provider, and the server of a client.
struct Stage {
    app: App,
    site: Receiver,
    _folder: TempDir,
}

impl Stage {
    async fn new(answer: Answer) -> Self {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        authority.write(&file);
        let site = Receiver::start(&authority, answer);
        let allow = format!("[\"{}\"]", site.authority());
        let outbound = [("outbound.allow", allow.as_str()), ("outbound.ca_file", file.to_str().unwrap()), PATIENT];
        Self { app: app_with(&outbound).await, site, _folder: folder }
    }

    async fn client(&self, id: &str, key: ClientKey) -> Signing {
        let uri = WebUri::register(&self.site.url(&format!("/{id}/jwks"))).unwrap();
        Signing::registered(&self.app, id, key, |client| client.keys.jwks_uri = Some(uri)).await
    }

    fn fetches(&self) -> usize {
        self.site.received().len()
    }
}

fn document(body: &str) -> Answer {
    typed("application/json", body)
}

fn typed(kind: &str, body: &str) -> Answer {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
    Answer::Raw([head.as_bytes(), body.as_bytes()].concat())
}

fn es256(kid: &str) -> ClientKey {
    ClientKey::new(Algorithm::Es256, kid)
}

fn set_of(key: &ClientKey) -> Answer {
    document(&jwks(&[key.public()]))
}

#[tokio::test]
async fn oidcc_registration_jwks_uri() {
    let key = es256("key-1");
    let stage = Stage::new(typed("application/jwk-set+json; charset=utf-8", &jwks(&[key.public()]))).await;
    let client = stage.client("cj", key).await;
    for _ in 0..5 {
        client.accepted(&client.assertion()).await;
    }
    let received = stage.site.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].head.starts_with("GET /cj/jwks HTTP/1.1"), "{}", received[0].head);
    // Not for ever.
    stage.app.wait(600);
    client.accepted(&client.assertion()).await;
    assert_eq!(stage.fetches(), 2);
}

#[tokio::test]
async fn cj_14_oidcc_refresh_token_rp_key_rotation() {
    let old = es256("key-1");
    let stage = Stage::new(set_of(&old)).await;
    let mut client = stage.client("cj", old).await;
    client.accepted(&client.assertion()).await;

    // The suite waits for a minute after it has changed key and kid.
    let old = std::mem::replace(&mut client.key, es256("key-2"));
    stage.site.answer_with(set_of(&client.key));
    client.refused("too soon", &client.assertion()).await;
    assert_eq!(stage.fetches(), 1);
    stage.app.wait(60);
    client.accepted(&client.assertion()).await;
    assert_eq!(stage.fetches(), 2);
    let new = std::mem::replace(&mut client.key, old);
    client.refused("the old key", &client.assertion()).await;
    client.key = new;
    client.accepted(&client.assertion()).await;

    // Another key under the same name, and one without: what shows is a signature that does not match.
    for key in [es256("key-2"), es256("key-3")] {
        stage.app.wait(60);
        let public = if key.public()["kid"] == "key-3" { key.nameless() } else { key.public() };
        stage.site.answer_with(document(&jwks(&[public])));
        client.key = key;
        client.accepted(&client.assertion()).await;
    }
    assert_eq!(stage.fetches(), 4);
}

/// Sends this many assertions at once, with the `kid` of each made of its number; says how many were accepted.
async fn flood(client: &Signing, number: usize, kid: impl Fn(usize) -> Value) -> usize {
    let mut requests = JoinSet::new();
    for index in 0..number {
        let mut header = client.key.header();
        header["kid"] = kid(index);
        let assertion = client.key.sign(&header.to_string(), &client.claims().to_string());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", super::client_assertion::TYPE),
            ("client_assertion", &assertion),
        ];
        let request = client.party.http.post(client.party.base.join("/token").unwrap()).form(&form);
        requests.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|status| [200, 401].contains(status)), "{answers:?}");
    answers.into_iter().filter(|status| *status == 200).count()
}

#[tokio::test]
async fn sf_10_one_fetch_a_minute_whatever_is_asked() {
    let key = es256("key-1");
    let stage = Stage::new(set_of(&key)).await;
    let client = stage.client("cj", key).await;
    // All of them at once, and nothing is known: one asks, the others wait for it.
    assert_eq!(flood(&client, 64, |_| json!("key-1")).await, 64);
    assert_eq!(stage.fetches(), 1);
    assert_eq!(flood(&client, 100, |index| json!(format!("unknown-{index}"))).await, 0);
    assert_eq!(stage.fetches(), 1);
    stage.app.wait(60);
    assert_eq!(flood(&client, 100, |index| json!(format!("unknown-{index}"))).await, 0);
    assert_eq!(stage.fetches(), 2);
    assert_eq!(flood(&client, 20, |_| json!("key-1")).await, 20);
    assert_eq!(stage.fetches(), 2);
    // What is refused for its form is nobody's reason to ask.
    stage.app.wait(60);
    for junk in ["a.b.c", "x", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjaiJ9."] {
        client.refused(junk, junk).await;
    }
    assert_eq!(stage.fetches(), 2);
}

#[tokio::test]
async fn sf_10_a_failure_is_remembered_too() {
    let key = es256("key-1");
    let stage = Stage::new(Answer::Status(500)).await;
    let client = stage.client("cj", key).await;
    assert_eq!(flood(&client, 32, |_| json!("key-1")).await, 0);
    assert_eq!(flood(&client, 32, |_| json!("key-1")).await, 0);
    assert_eq!(stage.fetches(), 1);
    stage.site.answer_with(set_of(&client.key));
    stage.app.wait(60);
    client.accepted(&client.assertion()).await;
    assert_eq!(stage.fetches(), 2);
    // A set that cannot be had anew is used for an hour.
    stage.site.answer_with(Answer::Status(500));
    stage.app.wait(3599);
    client.accepted(&client.assertion()).await;
    assert_eq!(stage.fetches(), 3);
    stage.app.wait(60);
    client.refused("after an hour", &client.assertion()).await;
    assert_eq!(stage.fetches(), 4);
}

/// Whoever began the fetch hangs up; the next one has its fruits all the same.
#[tokio::test]
async fn sf_10_hanging_up_starts_no_second_fetch() {
    let key = es256("key-1");
    let stage = Stage::new(Answer::Silence).await;
    let client = stage.client("cj", key).await;
    let cut = tokio::time::timeout(std::time::Duration::from_millis(300), client.ask(&client.assertion())).await;
    assert!(cut.is_err());
    client.refused("it is still under way, then has failed", &client.assertion()).await;
    assert_eq!(stage.fetches(), 1);
}

#[tokio::test]
async fn sf_07_what_is_no_set_of_public_keys() {
    let key = es256("key-1");
    let stage = Stage::new(Answer::Status(204)).await;
    let mut private = key.public();
    private["d"] = json!("AQAB");
    let many = vec![key.public(); 51];
    let long = format!("{}{}", " ".repeat(64 * 1024), jwks(&[key.public()]));
    let documents = [
        typed("text/html", &jwks(&[key.public()])),
        document(&jwks(&[private])),
        document(&jwks(&[key.public(), json!({"kty": "oct", "k": "AQAB"})])),
        document(&jwks(&many)),
        document(&long),
        document(&jwks(&[key.public()]).replacen("{\"keys\"", "{\"keys\":[],\"keys\"", 1)),
        document("[]"),
        document("{}"),
        Answer::Status(302),
    ];
    let client = stage.client("cj", key).await;
    for answer in documents {
        stage.app.wait(60);
        stage.site.answer_with(answer.clone());
        client.refused(&format!("{answer:.200?}"), &client.assertion()).await;
    }
    stage.app.wait(60);
    stage.site.answer_with(set_of(&client.key));
    client.accepted(&client.assertion()).await;
}
