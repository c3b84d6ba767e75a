//! OpenID Connect Back-Channel Logout 1.0, delivered to a real https server.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use signet::crypto::Verifier;
use signet::domain::client::ApplicationType;
use signet::domain::client::Client;
use signet::domain::secret::Secret;
use signet::domain::uri::RedirectUri;
use tempfile::TempDir;

use super::BACK;
use super::BOB;
use super::end_session;
use super::party;
use super::sign_in;
use super::sign_in_as;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::https::Answer;
use crate::support::https::Authority;
use crate::support::https::Greeting;
use crate::support::https::Received;
use crate::support::https::Receiver;
use crate::support::party::Party;
use crate::support::party::opened;
use crate::support::postgres::left_out;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// An application's server that wants to be told, and what a provider needs to reach it.
struct Stage {
    authority: Authority,
    receiver: Receiver,
    folder: TempDir,
}

impl Stage {
    fn new(answer: Answer) -> Self {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        authority.write(&folder.path().join("ca.pem"));
        let receiver = Receiver::start(&authority, answer);
        Self { authority, receiver, folder }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    async fn provider(&self, kind: Kind) -> Option<App> {
        let allow = format!("[\"{}\"]", self.receiver.authority());
        let ca = self.ca().display().to_string();
        App::start_with(kind, &[("outbound.allow", &allow), ("outbound.ca_file", &ca)]).await
    }

    fn told(&self) -> impl FnOnce(&mut Client) {
        let uri = self.receiver.url("/bc");
        move |client| {
            client.logout.backchannel_logout_uri = Some(uri_of(&uri));
            client.logout.backchannel_logout_session_required = true;
        }
    }

    fn tokens(&self) -> Vec<Value> {
        self.receiver.received().iter().map(|received| opened(&token(received)).1).collect()
    }
}

fn uri_of(text: &str) -> RedirectUri {
    RedirectUri::register(text, ApplicationType::Web).unwrap()
}

fn token(received: &Received) -> String {
    received.field("logout_token").expect("a logout token")
}

fn sid(id_token: &str) -> Value {
    opened(id_token).1["sid"].clone()
}

#[test]
fn b_03_b_04_b_06_lo_08_what_arrives() {
    block_on(async {
        let stage = Stage::new(Answer::Status(200));
        let app = stage.provider(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", stage.told()).await;
        party(&app, "untold", |_| {}).await;
        let mut browser = Browser::new();
        let tokens = sign_in(&rp, &mut browser).await;
        let (_, id) = opened(tokens.id_token());
        let hint = [("id_token_hint", tokens.id_token()), ("post_logout_redirect_uri", BACK), ("state", "s")];
        let back = browser.open(&end_session(&app, &hint)).await;
        // B-06; and nobody's logout waits for a delivery.
        assert_eq!(back.location().unwrap().as_str(), format!("{BACK}?state=s"));
        assert!(stage.receiver.received().is_empty());
        assert_eq!(app.signet.store.waiting_deliveries().await, Ok(1));
        app.signet.deliver_logouts().await.unwrap();

        let received = stage.receiver.received();
        let [received] = received.as_slice() else { panic!("once: {received:?}") };
        // B-03: "application/x-www-form-urlencoded with only logout_token".
        assert!(received.head.starts_with("POST /bc HTTP/1.1"), "{}", received.head);
        assert!(received.head.contains("content-type: application/x-www-form-urlencoded"), "{}", received.head);
        assert_eq!(url::form_urlencoded::parse(received.body.as_bytes()).count(), 1);
        let token = token(received);
        let (header, claims) = opened(&token);
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("logout+jwt"), Some("RS256")));
        for name in ["iss", "sub", "sid", "aud"] {
            assert_eq!(claims[name], id[name], "{name}");
        }
        assert!(claims.get("nonce").is_none() && claims["jti"].is_string());
        assert_eq!(claims["events"], serde_json::json!({ EVENT: {} }));
        let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert!(iat == app.signet.now().seconds() && exp - iat <= 120, "{claims}");
        let jwks = rp.get("/.well-known/jwks.json").await.json();
        let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).expect("its key");
        Verifier::from_jwk(&key.to_string()).unwrap().verify(&token).unwrap();

        // Once is enough.
        app.wait(3600);
        app.signet.deliver_logouts().await.unwrap();
        assert_eq!(stage.receiver.received().len(), 1);
        assert_eq!(app.signet.store.waiting_deliveries().await, Ok(0));
        let metrics = app.signet.metrics_text().await;
        assert!(metrics.contains("signet_backchannel_logouts_total{outcome=\"delivered\"} 1"), "{metrics}");
    });
}

#[test]
fn every_end_of_a_session_is_told() {
    block_on(async {
        for end in ["logout", "another person", "disabled", "password", "everywhere", "administrator"] {
            let stage = Stage::new(Answer::Status(204));
            let app = stage.provider(Kind::Sqlite).await.unwrap();
            let rp = party(&app, "rp", stage.told()).await;
            let mut browser = Browser::new();
            let tokens = sign_in(&rp, &mut browser).await;
            let (signet, ada) = (&app.signet, app.ada().await.id);
            match end {
                "logout" => drop(browser.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await),
                "another person" => {
                    let mut url = rp.authorization_url("openid");
                    url.query_pairs_mut().append_pair("prompt", "login");
                    browser.authorize(&url, crate::support::party::REDIRECT_URI, BOB).await;
                }
                "disabled" => assert!(signet.set_user_disabled(&ada, true).await.unwrap()),
                "password" => assert!(signet.set_password(&ada, Secret::new("another-horse")).await.unwrap()),
                "everywhere" => {
                    let reason = signet::domain::family::RevocationReason::Logout;
                    signet.sign_out_person(&ada, None, reason).await.unwrap();
                }
                _ => {
                    let session =
                        signet::domain::ids::SessionId::new(sid(tokens.id_token()).as_str().unwrap()).unwrap();
                    let reach = signet::domain::family::Reach::Immediate;
                    assert!(signet.end_session(&session, reach).await.unwrap());
                }
            }
            signet.deliver_logouts().await.unwrap();
            let told = stage.tokens();
            assert_eq!(told.len(), 1, "{end}: {told:?}");
            assert_eq!(told[0]["sid"], sid(tokens.id_token()), "{end}");
        }
    });
}

#[test]
fn the_name_of_a_session_outlives_signing_in_again() {
    block_on(async {
        let stage = Stage::new(Answer::Status(200));
        let app = stage.provider(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", stage.told()).await;
        let mut browser = Browser::new();
        let first = sign_in(&rp, &mut browser).await;
        let old_cookie = browser.cookie("signet_session").unwrap();
        let mut url = rp.authorization_url("openid");
        url.query_pairs_mut().append_pair("prompt", "login");
        browser.authorize(&url, crate::support::party::REDIRECT_URI, ADA).await;
        assert_ne!(browser.cookie("signet_session").unwrap(), old_cookie, "SE-05: a new secret at every login");
        let second = sign_in(&rp, &mut browser).await;
        assert_eq!(sid(first.id_token()), sid(second.id_token()));
        browser.open(&end_session(&app, &[("id_token_hint", first.id_token())])).await;
        app.signet.deliver_logouts().await.unwrap();
        let told = stage.tokens();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["sid"], sid(first.id_token()), "the name that the application knows");
    });
}

#[test]
fn lo_11_one_of_two_sessions_then_all() {
    block_on(async {
        let stage = Stage::new(Answer::Status(200));
        let app = stage.provider(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", stage.told()).await;
        let (mut one, mut two, mut three) = (Browser::new(), Browser::new(), Browser::new());
        let first = sign_in(&rp, &mut one).await;
        let second = sign_in(&rp, &mut two).await;
        let third = sign_in(&rp, &mut three).await;
        let bob = sign_in_as(&rp, &mut Browser::new(), BOB, "openid").await;
        one.open(&end_session(&app, &[("id_token_hint", first.id_token())])).await;
        app.signet.deliver_logouts().await.unwrap();
        assert_eq!(
            stage.tokens().iter().map(|claims| claims["sid"].clone()).collect::<Vec<_>>(),
            [sid(first.id_token())]
        );
        assert!(super::is_signed_in(&rp, &mut two).await, "the other session goes on");
        let reason = signet::domain::family::RevocationReason::Logout;
        app.signet.sign_out_person(&app.ada().await.id, None, reason).await.unwrap();
        app.signet.deliver_logouts().await.unwrap();
        let told: BTreeSet<String> = stage.tokens()[1..].iter().map(|claims| claims["sid"].to_string()).collect();
        let expected = [second.id_token(), third.id_token()].map(|token| sid(token).to_string());
        assert_eq!(told, BTreeSet::from(expected));
        assert_eq!(rp.userinfo(bob.access()).await.status.as_u16(), 200, "nobody else's");
    });
}

#[test]
fn lo_10_down_and_back_and_given_up() {
    block_on(async {
        let mut stage = Stage::new(Answer::Status(200));
        let app = stage.provider(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", stage.told()).await;
        let mut browser = Browser::new();
        let tokens = sign_in(&rp, &mut browser).await;
        let address = stage.receiver.address;
        // Down: nobody listens.
        drop(std::mem::replace(&mut stage.receiver, Receiver::start(&stage.authority, Answer::Status(200))));
        browser.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await;
        app.signet.deliver_logouts().await.unwrap();
        assert_eq!(app.signet.store.waiting_deliveries().await, Ok(1));
        // Not again at once: there is a pause.
        app.signet.deliver_logouts().await.unwrap();
        // Back, but ill.
        let listener = TcpListener::bind(address).expect("the same port again");
        let hosts = ["localhost"];
        let answer = Answer::Status(503);
        stage.receiver = Receiver::start_on(listener, &stage.authority, &hosts, 1, Greeting::Tls, answer);
        assert!(stage.receiver.received().is_empty());
        for (seconds, answer) in [(7, Answer::Status(302)), (15, Answer::Status(400)), (30, Answer::Status(200))] {
            app.wait(seconds);
            app.signet.deliver_logouts().await.unwrap();
            assert_eq!(app.signet.store.waiting_deliveries().await, Ok(1), "still to be told");
            stage.receiver.answer_with(answer);
        }
        app.wait(60);
        app.signet.deliver_logouts().await.unwrap();
        assert_eq!(app.signet.store.waiting_deliveries().await, Ok(0));
        let told = stage.tokens();
        assert_eq!(told.len(), 4, "503, 302, 400, 200");
        let names: BTreeSet<String> = told.iter().map(|claims| claims["jti"].to_string()).collect();
        assert_eq!(names.len(), 4, "each token is a new one, and fresh");
        assert!(told.iter().all(|claims| claims["sid"] == sid(tokens.id_token())));

        // One that never comes back is given up on, and that is written down.
        stage.receiver.answer_with(Answer::Status(500));
        let tokens = sign_in(&rp, &mut browser).await;
        browser.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await;
        for _ in 0..60 {
            app.signet.deliver_logouts().await.unwrap();
            app.wait(751);
        }
        assert_eq!(app.signet.store.waiting_deliveries().await, Ok(0));
        app.signet.flush_audit().await.unwrap();
        let events = app.signet.store.newest_audit(50).await.unwrap();
        let given_up = events.iter().find(|recorded| recorded.entry.event == "logout_undelivered").expect("an entry");
        assert!(given_up.entry.detail.contains("answered 500"), "{:?}", given_up.entry);
        assert!(events.iter().any(|recorded| recorded.entry.event == "logout_delivered"));
    });
}

#[test]
fn lo_09_a_private_address_is_never_told() {
    block_on(async {
        let stage = Stage::new(Answer::Status(200));
        // The same provider without the receiver in its list.
        let ca = stage.ca().display().to_string();
        let app = App::start_as_serve(&[("outbound.ca_file", &ca)]).await;
        let mut browser = Browser::new();
        let rp = party(&app, "rp", stage.told()).await;
        for uri in [stage.receiver.url("/bc"), "https://127.0.0.1/bc".to_owned(), "https://[::1]/bc".to_owned()] {
            let mut client = app.client("rp").await;
            client.logout.backchannel_logout_uri = Some(uri_of(&uri));
            app.signet.store.replace_client(client).await.unwrap();
            app.signet.clients.forget();
            let tokens = sign_in(&rp, &mut browser).await;
            browser.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await;
            app.signet.deliver_logouts().await.unwrap();
        }
        assert_eq!(app.signet.store.waiting_deliveries().await, Ok(3), "tried, refused, and still waiting");
        assert_eq!(stage.receiver.connections(), 0);
    });
}

/// Many sessions, two nodes that deliver as fast as they can: each application hears of each session, and never twice
/// at the same time.
async fn two_nodes(kind: Kind) {
    const SESSIONS: usize = 24;
    let stage = Stage::new(Answer::Status(200));
    let Some(app) = stage.provider(kind).await else { return left_out() };
    let ca = stage.ca().display().to_string();
    let allow = format!("[\"{}\"]", stage.receiver.authority());
    let other = app.another_node_with(&[("outbound.allow", &allow), ("outbound.ca_file", &ca)]).await;
    let rp: Party = party(&app, "rp", stage.told()).await;
    other.signet.clients.forget();
    for _ in 0..SESSIONS {
        sign_in(&rp, &mut Browser::new()).await;
    }
    let reason = signet::domain::family::RevocationReason::Logout;
    app.signet.sign_out_person(&app.ada().await.id, None, reason).await.unwrap();
    let nodes =
        [Arc::clone(&app.signet), Arc::clone(&other.signet), Arc::clone(&app.signet), Arc::clone(&other.signet)];
    let deliveries = nodes.map(|signet| tokio::spawn(async move { signet.deliver_logouts().await }));
    for delivery in deliveries {
        delivery.await.unwrap().unwrap();
    }
    let told: Vec<String> = stage.tokens().iter().map(|claims| claims["sid"].to_string()).collect();
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), SESSIONS);
    assert_eq!(told.len(), SESSIONS, "none twice");
    assert_eq!(app.signet.store.waiting_deliveries().await, Ok(0));
}

#[test]
fn two_nodes_on_postgresql_tell_each_application_once() {
    block_on(two_nodes(Kind::Postgres));
}

#[test]
fn two_nodes_on_sqlite_tell_each_application_once() {
    block_on(two_nodes(Kind::Sqlite));
}
