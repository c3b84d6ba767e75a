//! Pairwise subjects, OpenID Connect Core section 8: no two sectors share a name of a person.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;
use signet::ambient::OsEntropy;
use signet::crypto::seal::MasterKey;
use signet::domain::client::ApplicationType;
use signet::domain::client::Client;
use signet::domain::client::GrantType;
use signet::domain::client::SubjectType;
use signet::domain::client::Subjects;
use signet::domain::key::Algorithm;
use signet::domain::scope::Scope;
use signet::domain::uri::Origin;
use signet::domain::uri::RedirectUri;
use signet::domain::uri::WebUri;
use signet::flow::Signet;
use signet::flow::key_files;
use signet::flow::open::Parts;

use super::on_both_databases;
use super::stage::*;
use crate::support::app::App;
use crate::support::app::master;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::https;
use crate::support::https::Authority;
use crate::support::https::Receiver;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::opened;

on_both_databases!(
    core_8_1_one_sector_one_name_on_every_node,
    core_8_1_another_master_key_changes_no_name,
    core_5_5_1_a_person_is_named_as_the_client_knows_them,
);

const API: &str = "https://api.test";

/// Of the sector of this host.
fn sector(host: &str) -> Subjects {
    let uri = WebUri::register(&format!("https://{host}/redirect_uris.json")).unwrap();
    Subjects { subject_type: SubjectType::Pairwise, sector_identifier_uri: Some(uri) }
}

async fn party(app: &App, id: &str, host: &str, edit: impl FnOnce(&mut Client)) -> Party {
    Party::register(app, &Party::web(app), id, |client| {
        client.subjects = sector(host);
        client.first_party = true;
        edit(client);
    })
    .await
}

/// All that a client gets to see that names a person or a session.
#[derive(Debug, Default)]
struct Seen(Vec<Value>);

impl Seen {
    fn token(&mut self, token: &str) {
        self.0.push(opened(token).1);
    }

    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.0.iter().for_each(|value| collect(value, &mut names));
        names
    }
}

/// Every text that is a name of ours, wherever it stands.
fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with("usr_") || text.starts_with("ses_") => {
            into.insert(text.clone());
        }
        Value::Array(many) => many.iter().for_each(|value| collect(value, into)),
        Value::Object(members) => members.values().for_each(|value| collect(value, into)),
        _ => {}
    }
}

/// Everything that ends up at one application, from sign-in to logout.
async fn walk(app: &App, host: &str, browser: &mut Browser, receiver: &Receiver) -> (Seen, Party) {
    let mut seen = Seen::default();
    let name = host.replace('.', "-");
    let rp = party(app, &name, host, |client| {
        client.logout.backchannel_logout_uri = Some(web(&receiver.url(&format!("/{name}"))));
        client.logout.frontchannel_logout_uri = Some(web(&format!("https://{host}/fc")));
        client.logout.frontchannel_logout_session_required = true;
    })
    .await;
    let code = rp.code(browser, "openid profile offline_access").await;
    let first = rp.redeem(&code).await.tokens();
    let second = rp.refresh(first.refresh()).await.tokens();
    for tokens in [&first, &second] {
        seen.token(tokens.id_token());
        seen.token(tokens.access());
        seen.0.push(rp.userinfo(tokens.access()).await.json());
    }
    let about_refresh = rp.introspect(second.refresh()).await.json();
    assert_eq!((&about_refresh["active"], &about_refresh["sub"]), (&json!(true), &opened(first.id_token()).1["sub"]));
    seen.0.push(about_refresh);

    let signed = party(app, &format!("{name}-signed"), host, |client| {
        client.userinfo_signed_response_alg = Some(Algorithm::Rs256);
    })
    .await;
    let tokens = signed.redeem(&signed.code(browser, "openid").await).await.tokens();
    seen.token(&signed.userinfo(tokens.access()).await.text);

    // Its own API asks about the tokens that it is sent.
    let shop = party(app, &format!("{name}-shop"), host, |client| client.audiences = vec![API.to_owned()]).await;
    let asks = format!("{name}-api");
    let api = Party::register(app, &Party::service(app), &asks, |client| {
        client.subjects = sector(host);
        client.resources = vec![API.to_owned()];
        client.audiences = vec!["https://next.test".to_owned()];
        client.scope = Scope::parse("openid profile").unwrap();
        client.grant_types = [GrantType::TokenExchange].into();
    })
    .await;
    let tokens = shop.redeem(&shop.code(browser, "openid profile").await).await.tokens();
    let about_access = api.introspect(tokens.access()).await.json();
    assert_eq!(about_access["active"], true);
    seen.0.push(about_access);
    seen.token(api.token(exchange(tokens.access())).await.tokens().access());

    let page = Party::register(app, &Party::spa(app), &format!("{name}-page"), |client| {
        client.subjects = sector(host);
        client.session_api = true;
        client.origins = vec![Origin::register("http://localhost:5173").unwrap()];
    })
    .await;
    let login = json!({"client_id": page.id, "email": ADA.0, "password": ADA.1});
    let login = page.http.post(app.url("/auth/login")).header("origin", "http://localhost:5173").json(&login);
    let answer = Answer::to(login.header("sec-fetch-site", "same-site")).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    seen.token(answer.json()["access_token"].as_str().unwrap());
    (seen, rp)
}

fn web(text: &str) -> RedirectUri {
    RedirectUri::register(text, ApplicationType::Web).unwrap()
}

fn exchange(subject: &str) -> Form {
    Form::new(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ])
}

/// AU-06: "no cross-client join key".
#[test]
fn au_06_two_sectors_share_no_name_anywhere() {
    block_on(async {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let ca = folder.path().join("ca.pem");
        authority.write(&ca);
        let receiver = Receiver::start(&authority, https::Answer::Status(200));
        let allow = format!("[\"{}\"]", receiver.authority());
        let settings = [("outbound.allow", allow.as_str()), ("outbound.ca_file", &ca.display().to_string())];
        let app = App::start_with(Kind::Sqlite, &settings).await.unwrap();
        let mut browser = Browser::new();
        let (mut one, party) = walk(&app, "one.test", &mut browser, &receiver).await;
        let (mut two, _) = walk(&app, "two.test", &mut browser, &receiver).await;

        let hint = party.redeem(&party.code(&mut browser, "openid").await).await.tokens();
        let url = app.url(&format!("/end_session?id_token_hint={}", hint.id_token()));
        let page = browser.open(&url).await;
        assert!(page.text.contains("You are signed out"), "a hint with a pairwise sub: {}", page.text);
        app.signet.deliver_logouts().await.unwrap();
        for (host, seen) in [("one.test", &mut one), ("two.test", &mut two)] {
            let path = format!("POST /{} ", host.replace('.', "-"));
            let told = receiver.received().into_iter().find(|received| received.head.starts_with(&path));
            seen.token(&told.expect("a logout token").field("logout_token").unwrap());
            let (_, frame) = page.text.split_once(&format!("https://{host}/fc?")).expect("a frame");
            let (frame, _) = frame.split_once('"').unwrap();
            let (_, sid) = frame.split_once("sid=").expect("a session");
            seen.0.push(json!({ "sid": sid }));
        }

        // One person, and the session of the browser: each has one name in each sector, whatever the output.
        let (one, two) = (one.names(), two.names());
        for names in [&one, &two] {
            let of = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
            assert_eq!((of("usr_"), of("ses_")), (1, 1), "{names:?}");
        }
        assert!(one.is_disjoint(&two), "{one:?} {two:?}");
        let ada = app.ada().await.id.to_string();
        assert!(!one.contains(&ada) && !two.contains(&ada));
        let ours = format!("{:?}", app.signet.store.live_sessions(None, app.signet.now(), 10).await);
        assert!(one.iter().chain(&two).all(|name| !ours.contains(name.as_str())));
    });
}

async fn core_8_1_one_sector_one_name_on_every_node(stage: Stage) {
    let app = &stage.app;
    let sub = async |party: &Party| {
        let tokens = party.redeem(&party.code(&mut Browser::new(), "openid").await).await.tokens();
        opened(tokens.id_token()).1["sub"].clone()
    };
    let a1 = party(app, "a1", "a.test", |_| {}).await;
    let a2 = party(app, "a2", "a.test", |_| {}).await;
    let name = sub(&a1).await;
    assert_eq!(sub(&a2).await, name, "the sector is the host of the sector_identifier_uri");
    assert_ne!(sub(&party(app, "b1", "b.test", |_| {}).await).await, name);
    assert_ne!(sub(&Party::web(app)).await, name);
    assert_eq!(sub(&Party::web(app)).await, app.ada().await.id.as_str(), "others see what they saw");
    // The host of the one redirect URI will do.
    let by_redirect = Party::register(app, &a1, "a3", |client| {
        client.subjects.sector_identifier_uri = None;
        client.redirect_uris = vec![web("https://a.test/cb")];
    });
    let (by_redirect, ada) = (by_redirect.await, app.ada().await);
    let registered = app.client(&by_redirect.id).await;
    assert_eq!(app.signet.subject(&registered, &ada.id).as_str(), name);
    // Without any, it is alone.
    let alone = Client { redirect_uris: Vec::new(), ..registered };
    assert_ne!(app.signet.subject(&alone, &ada.id).as_str(), name);
    assert_ne!(app.signet.subject(&alone, &ada.id).as_str(), ada.id.as_str());

    let node = app.another_node().await;
    assert_eq!(node.signet.subject(&node.client("a1").await, &ada.id).as_str(), name);
    let tokens = a1.sign_in("openid").await;
    assert_eq!(a1.at(&node).userinfo(tokens.access()).await.json()["sub"], name);
}

async fn core_8_1_another_master_key_changes_no_name(stage: Stage) {
    let app = &stage.app;
    party(app, "a1", "a.test", |_| {}).await;
    let (client, ada) = (app.client("a1").await, app.ada().await.id);
    let name = app.signet.subject(&client, &ada);
    let new = MasterKey::generate(&OsEntropy);
    key_files::reseal(&app.signet.store, &master(), &new, &OsEntropy).await.unwrap();
    let parts = |master: MasterKey| Parts {
        config: app.signet.config.clone(),
        store: app.signet.store.clone(),
        master,
        clock: app.clock.clone(),
        entropy: app.signet.entropy.clone(),
        dev: true,
    };
    let reopened = Signet::open(parts(new)).await.expect("the new master key opens everything");
    assert_eq!(reopened.subject(&client, &ada), name);
    assert!(Signet::open(parts(master())).await.is_err());
}

async fn core_5_5_1_a_person_is_named_as_the_client_knows_them(stage: Stage) {
    let app = &stage.app;
    let one = party(app, "one", "one.test", |_| {}).await;
    party(app, "two", "two.test", |_| {}).await;
    let mut browser = Browser::new();
    one.code(&mut browser, "openid").await;
    let ada = app.ada().await.id;
    let named = async |browser: &mut Browser, sub: &str| {
        let mut url = one.authorization_url("openid");
        let claims = json!({"id_token": {"sub": {"value": sub}}}).to_string();
        url.query_pairs_mut().append_pair("claims", &claims).append_pair("prompt", "none");
        let location = browser.open(&url).await.location().expect("an answer");
        assert!(location.as_str().starts_with(REDIRECT_URI), "{location}");
        location.query_pairs().any(|(name, _)| name == "code")
    };
    let own = app.signet.subject(&app.client("one").await, &ada);
    assert!(named(&mut browser, own.as_str()).await);
    // A name from elsewhere is nobody here: nobody can find out that two names are one person.
    let foreign = app.signet.subject(&app.client("two").await, &ada);
    assert!(!named(&mut browser, foreign.as_str()).await);
    assert!(!named(&mut browser, ada.as_str()).await);
}

/// A token leads to its person by its grant, whatever it calls them.
#[tokio::test]
async fn core_8_1_what_needs_the_person_finds_them() {
    let stage = Stage::with(&[("gateway.audiences", "[\"https://gate.test\"]")]).await;
    let app = &stage.app;
    let rp = party(app, "one", "one.test", |client| client.audiences = vec!["https://gate.test".to_owned()]).await;
    let tokens = rp.sign_in("openid email").await;
    let sub = opened(tokens.access()).1["sub"].as_str().unwrap().to_owned();
    let asked = rp.http.get(app.url("/forward-auth?headers=remote")).bearer_auth(tokens.access());
    let answer = Answer::to(asked).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    let told = format!("{:?}", answer.headers);
    assert!(told.contains(&sub) && told.contains(ADA.0) && !told.contains(app.ada().await.id.as_str()), "{told}");
    // A service of everybody's sector knows her by her public name.
    let gate = Party::register(app, &Party::service(app), "gate", |client| {
        client.resources = vec!["https://gate.test".to_owned()];
        client.audiences = vec!["https://next.test".to_owned()];
        client.scope = Scope::parse("openid email").unwrap();
        client.grant_types = [GrantType::TokenExchange].into();
    })
    .await;
    let exchanged = gate.token(exchange(tokens.access())).await.tokens();
    assert_eq!(opened(exchanged.access()).1["sub"], app.ada().await.id.as_str());
    rp.revoke(tokens.access()).await;
    gate.token(exchange(tokens.access())).await.refused("invalid_request");
    let audit = format!("{:?}", app.signet.store.newest_audit(50).await);
    assert!(!audit.contains(&sub), "the trail knows people by their own names: {audit}");
}

#[tokio::test]
async fn d_06_both_subject_types_are_told() {
    let stage = Stage::new().await;
    let discovery = Party::web(&stage.app).get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovery["subject_types_supported"], json!(["public", "pairwise"]));
}
