//! By reference, in `request_uri`: from a real https server, with its certificate from an authority of the test.

use std::future::Future;

use futures_util::future::join_all;
use signet::domain::client::ClientKeys;
use signet::domain::uri::WebUri;
use tempfile::TempDir;

use super::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::https::Answer;
use crate::support::https::Authority;
use crate::support::https::Receiver;

/// A provider, and a server of `j1` that it may reach.
struct Scene {
    stage: Stage,
    server: Receiver,
    /// Where the keys of `j2` are.
    keys: Receiver,
    _folder: TempDir,
}

const PATHS: [&str; 6] = ["/request.jwt#one", "/request.jwt#two", "/a#x", "/b#x", "/c#x", "/plain"];

impl Scene {
    async fn new() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let file = folder.path().join("ca.pem");
        authority.write(&file);
        let server = Receiver::start(&authority, Answer::Status(404));
        let keys = Receiver::start(&authority, document("application/jwk-set+json", &keys()));
        let allow = format!("{:?}", [server.authority(), keys.authority()]);
        let settings = [("outbound.ca_file", file.to_str().unwrap()), ("outbound.allow", allow.as_str())];
        let stage = Stage::with(&settings).await;
        let uris: Vec<WebUri> = PATHS.iter().map(|path| WebUri::register(&server.url(path)).unwrap()).collect();
        register(&stage, |client| client.request_objects.request_uris.clone_from(&uris)).await;
        let jwks_uri = Some(WebUri::register(&keys.url("/jwks")).unwrap());
        register_as(&stage, "j2", |client| {
            client.request_objects.request_uris.clone_from(&uris);
            client.keys = ClientKeys { jwks: None, jwks_uri };
        })
        .await;
        Self { stage, server, keys, _folder: folder }
    }

    fn serves(&self, kind: &str, object: &str) {
        self.server.answer_with(document(kind, object));
    }

    fn ask(&self, path: &str) -> Ask {
        beside().set("request_uri", &self.server.url(path))
    }

    async fn is_told(&self, path: &str, error: &str) {
        is_told(&self.stage, &self.ask(path), error).await;
    }
}

fn document(kind: &str, body: &str) -> Answer {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    Answer::Raw(format!("{head}{body}").into_bytes())
}

const JWT: &str = "application/oauth-authz-req+jwt";

#[tokio::test]
async fn oidcc_request_uri_signed_rs256() {
    let scene = Scene::new().await;
    let claims = with(&claims(&scene.stage), "exp", Value::Null);
    scene.serves("application/jwt", &sign(key_of(Algorithm::Rs256), &claims));
    let ask = scene.ask("/request.jwt#one");
    let arrived = Browser::new().authorize(&scene.stage.url(&ask.target()), CB, ADA).await;
    let said = scene.stage.response(&arrived);
    assert_eq!(said.get("state").map(String::as_str), Some(INNER));
    let (status, tokens) = scene.stage.token("j1", &redemption(&said["code"])).await;
    assert!(status.is_success(), "{tokens}");
    assert_eq!(crate::support::party::opened(tokens["id_token"].as_str().unwrap()).1["nonce"], "inner nonce");
}

#[tokio::test]
async fn dy_03_the_fragment_is_compared_and_not_sent() {
    let scene = Scene::new().await;
    scene.serves(JWT, &signed(&claims(&scene.stage)));
    for other in ["/request.jwt", "/request.jwt#three", "/request.jwt#one#", "/request.jwt?#one", "/other#one"] {
        scene.is_told(other, "invalid_request_uri").await;
    }
    assert_eq!(scene.server.connections(), 0);
    asks_for_login(&scene.stage.get(&scene.ask("/request.jwt#one").target()).await);
    let received = scene.server.received();
    let head = received[0].head.to_ascii_lowercase();
    assert!(head.starts_with("get /request.jwt http/1.1\r\n"), "{head}");
    for secret in ["cookie:", "authorization:", "referer:", "#", "state"] {
        assert!(!head.contains(secret), "{head}");
    }
    // Another fragment means another content, which is asked for at once.
    let other = with(&with(&claims(&scene.stage), "prompt", json!("none")), "state", json!("two"));
    scene.serves(JWT, &signed(&other));
    let answer = scene.stage.get(&scene.ask("/request.jwt#two").target()).await;
    scene.stage.is_refused_with(&answer, CB, "login_required", Some("two"));
}

#[tokio::test]
async fn ro_08_only_registered_addresses_and_no_redirects() {
    let scene = Scene::new().await;
    for elsewhere in [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://127.0.0.1/",
        "urn:ietf:params:oauth:request_uri:abc",
        "//evil.test/x",
    ] {
        let ask = beside().set("request_uri", elsewhere);
        is_told(&scene.stage, &ask, "invalid_request_uri").await;
    }
    let of_c1 = ask_as("c1", CB).set("request_uri", &scene.server.url("/plain"));
    scene.stage.is_refused(&scene.stage.get(&of_c1.target()).await, CB, "request_uri_not_supported");
    assert_eq!(scene.server.connections(), 0);
    // Registered, but what is there is not to be had, or not to be used.
    let good = signed(&claims(&scene.stage));
    let big = "x".repeat(64 * 1024 + 1);
    let bad = [Answer::Status(302), Answer::Status(404), document("text/html", &good), document(JWT, &big)];
    let asked = bad.into_iter().zip(PATHS).map(|(answer, path)| async {
        scene.server.answer_with(answer);
        scene.is_told(path, "invalid_request_uri").await;
    });
    one_by_one(asked).await;
    assert_eq!(scene.server.connections(), 4, "nobody follows a redirect");
    scene.serves(JWT, "not.a.jwt");
    scene.is_told(PATHS[4], "invalid_request_object").await;
}

async fn one_by_one<F: Future<Output = ()>>(all: impl Iterator<Item = F>) {
    for each in all {
        each.await;
    }
}

#[tokio::test]
async fn sf_10_many_browsers_one_fetch() {
    let scene = Scene::new().await;
    scene.serves(JWT, &signed(&claims(&scene.stage)));
    let target = scene.ask("/plain").target();
    for answer in join_all((0..20).map(|_| scene.stage.get(&target))).await {
        asks_for_login(&answer);
    }
    assert_eq!(scene.server.connections(), 1);
    // Failures too.
    scene.server.answer_with(Answer::Status(500));
    let target = scene.ask("/a#x").target();
    for answer in join_all((0..20).map(|_| scene.stage.get(&target))).await {
        scene.stage.is_refused_with(&answer, CB, "invalid_request_uri", None);
    }
    assert_eq!(scene.server.connections(), 2);
}

/// What no signature would mend is refused before anybody looks for the keys.
#[tokio::test]
async fn ro_04_ro_06_ro_17_a_bad_object_causes_no_fetch() {
    let scene = Scene::new().await;
    let key = key_of(Algorithm::Es256);
    let good = with(&with(&claims(&scene.stage), "client_id", json!("j2")), "iss", json!("j2"));
    let by_j2 = |object: &str| beside().set("client_id", "j2").set("request", object);
    for bad in [
        sign(key, &with(&good, "request_uri", json!(scene.server.url("/plain")))),
        sign(key, &with(&good, "request", json!("a.b.c"))),
        sign_as(key, &with(&header_of(key), "crit", json!(["exp"])), &good.to_string()),
        sign_as(key, &header_of(key), "{\"state\":\"a\",\"state\":\"b\"}"),
        sign_as(key, &json!({"alg": "none"}), &good.to_string()),
        sign_as(key, &with(&header_of(key), "jku", json!(scene.server.url("/plain"))), "[]"),
        format!("{}.x", signed(&good).replace('.', "..")),
        "a.b.c.d.e".to_owned(),
    ] {
        is_told(&scene.stage, &by_j2(&bad), "invalid_request_object").await;
    }
    assert_eq!((scene.server.connections(), scene.keys.connections()), (0, 0));
    asks_for_login(&scene.stage.get(&by_j2(&signed(&good)).target()).await);
    assert_eq!((scene.server.connections(), scene.keys.connections()), (0, 1));
}
