//! Clients that sign instead of having a secret: `private_key_jwt`.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::client::SecurityProfile;
use signet::domain::key::Algorithm;
use tokio::task::JoinSet;

use super::app_with;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::client_key::ClientKey;
use crate::support::client_key::assertion_claims;
use crate::support::client_key::jwks;
use crate::support::database::block_on;
use crate::support::https;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::SECRET;
use crate::support::party::opened;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::server::Server;

pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Assertions that are refused are counted as wrong secrets are; most of these tests send more than a client would.
pub(super) const PATIENT: (&str, &str) = ("limits.client_secret_failures", "100000 per 1m");

on_both_databases! {
    cj_02_an_assertion_is_used_once,
    cj_02_one_of_64_at_once,
    cj_03_it_is_remembered_as_long_as_it_is_good,
    cj_04_what_another_version_has_seen_is_not_good_any_more,
}

/// CJ of the catalogue.
pub(super) struct Signing {
    pub(super) party: Party,
    pub(super) key: ClientKey,
    app: Arc<signet::flow::Signet>,
}

impl Signing {
    /// A service that signs with ES256.
    pub(super) async fn service(app: &App) -> Self {
        let key = ClientKey::new(Algorithm::Es256, "key-1");
        let set = jwks(&[key.public()]);
        Self::registered(app, "cj", key, |client| client.keys.jwks = Some(set)).await
    }

    pub(super) async fn registered(app: &App, id: &str, key: ClientKey, edit: impl FnOnce(&mut Client)) -> Self {
        Self::like(app, &Party::service(app), id, key, edit).await
    }

    async fn like(app: &App, model: &Party, id: &str, key: ClientKey, edit: impl FnOnce(&mut Client)) -> Self {
        let party = Party::register(app, model, id, |client| {
            client.token_endpoint_auth_methods = [AuthMethod::PrivateKeyJwt].into();
            client.secrets.clear();
            edit(client);
        })
        .await;
        Self { party, key, app: Arc::clone(&app.signet) }
    }

    pub(super) fn claims(&self) -> Value {
        assertion_claims(&self.party.id, self.app.issuer(), self.app.now().seconds())
    }

    pub(super) fn assertion(&self) -> String {
        self.key.sign(&self.key.header().to_string(), &self.claims().to_string())
    }

    /// A rightly signed assertion whose claims differ in one member; nothing takes it away.
    fn claiming(&self, name: &str, value: Option<Value>) -> String {
        let mut claims = self.claims();
        let members = claims.as_object_mut().unwrap();
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
        self.key.sign(&self.key.header().to_string(), &claims.to_string())
    }

    fn headed(&self, name: &str, value: Value) -> String {
        let mut header = self.key.header();
        header[name] = value;
        self.key.sign(&header.to_string(), &self.claims().to_string())
    }

    /// Asks for a token of its own.
    pub(super) async fn ask(&self, assertion: &str) -> Answer {
        Answer::to(self.party.raw(signed(service_form(), assertion).encoded())).await
    }

    pub(super) async fn accepted(&self, assertion: &str) {
        self.ask(assertion).await.tokens();
    }

    pub(super) async fn refused(&self, what: &str, assertion: &str) {
        let answer = self.ask(assertion).await;
        assert_eq!(answer.status.as_u16(), 401, "{what}: {answer:?}");
        answer.unknown_client(false);
    }
}

fn service_form() -> Form {
    Form::new(&[("grant_type", "client_credentials")])
}

fn signed(form: Form, assertion: &str) -> Form {
    form.and("client_assertion_type", TYPE).and("client_assertion", assertion)
}

async fn post(party: &Party, path: &str, form: &Form) -> Answer {
    let url = party.base.join(path).unwrap();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    Answer::to(party.http.post(url).header(kind.0, kind.1).body(form.encoded())).await
}

async fn patient_app() -> App {
    app_with(&[PATIENT]).await
}

#[tokio::test]
async fn c_22_c_23_every_algorithm_with_and_without_names() {
    let app = patient_app().await;
    for (number, algorithm) in Algorithm::ALL.into_iter().enumerate() {
        let key = ClientKey::new(algorithm, "key-1");
        let set = jwks(&[key.nameless()]);
        let client = Signing::registered(&app, &format!("cj-{number}"), key, |client| {
            client.keys.jwks = Some(set);
            client.token_endpoint_auth_signing_alg = (number % 2 == 0).then_some(algorithm);
        })
        .await;
        client.accepted(&client.assertion()).await;
        let nameless = json!({"alg": algorithm.as_str()}).to_string();
        client.accepted(&client.key.sign(&nameless, &client.claims().to_string())).await;
        // "client_id may be absent from the body", and may be there.
        let form = signed(service_form(), &client.assertion()).and("client_id", &client.party.id);
        post(&client.party, "/token", &form).await.tokens();
    }
}

#[tokio::test]
async fn oidcc_refresh_token_private_key_jwt() {
    let app = patient_app().await;
    let key = ClientKey::new(Algorithm::Rs256, "key-1");
    let set = jwks(&[key.nameless()]);
    let client = Signing::like(&app, &Party::web(&app), "cj-web", key, |client| client.keys.jwks = Some(set)).await;
    let code = client.party.code(&mut Browser::new(), "openid offline_access").await;
    let endpoint = app.url("/token").to_string();
    let by_endpoint = client.claiming("aud", Some(json!(endpoint)));
    let tokens = post(&client.party, "/token", &signed(Party::code_form(&code), &by_endpoint)).await.tokens();
    let refresh = signed(Party::refresh_form(tokens.refresh()), &client.assertion());
    let next = post(&client.party, "/token", &refresh).await.tokens();

    let about = |token: &str| signed(Form::new(&[("token", token)]), &client.assertion());
    let told = post(&client.party, "/introspect", &about(next.refresh())).await;
    assert_eq!(told.json()["active"], true, "{told:?}");
    assert!(post(&client.party, "/revoke", &about(next.refresh())).await.status.is_success());
    let told = post(&client.party, "/introspect", &about(next.refresh())).await;
    assert_eq!(told.json()["active"], false, "{told:?}");
    // None of them without a new one.
    let used = client.assertion();
    client.party.with_secret(None).token(Form::new(&[("grant_type", "refresh_token")])).await.unknown_client(false);
    post(&client.party, "/revoke", &signed(Form::new(&[("token", "x")]), &used)).await;
    for path in ["/token", "/introspect", "/revoke"] {
        let form = signed(Form::new(&[("token", "x"), ("grant_type", "refresh_token")]), &used);
        post(&client.party, path, &form).await.unknown_client(false);
    }
}

#[tokio::test]
async fn ca_01_two_methods_at_once() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let body = signed(service_form(), &client.assertion());
    let request = client.party.raw(body.encoded()).basic_auth("cj", Some(SECRET));
    Answer::to(request).await.refused("invalid_request");
    let form = body.clone().and("client_id", "cj").and("client_secret", SECRET);
    post(&client.party, "/token", &form).await.refused("invalid_request");
    let form = body.clone().and("client_assertion", &client.assertion());
    post(&client.party, "/token", &form).await.refused("invalid_request");
    // It was not used up by that.
    post(&client.party, "/token", &body).await.tokens();
}

#[tokio::test]
async fn ca_02_identities_disagree() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    for other in ["demo-service", "demo-spa", "nobody", "CJ"] {
        let form = signed(service_form(), &client.assertion()).and("client_id", other);
        post(&client.party, "/token", &form).await.unknown_client(false);
    }
    // Somebody else's name under one's own signature.
    let other = Party::register(&app, &Party::service(&app), "other", |client| {
        client.token_endpoint_auth_methods = [AuthMethod::PrivateKeyJwt].into();
        client.keys.jwks = Some(jwks(&[ClientKey::new(Algorithm::Es256, "key-1").public()]));
    })
    .await;
    let claims = assertion_claims(&other.id, app.signet.issuer(), app.signet.now().seconds());
    client.refused("other", &client.key.sign(&client.key.header().to_string(), &claims.to_string())).await;
}

#[tokio::test]
async fn ca_03_only_the_registered_method() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let secret = service_form().and("client_id", "cj").and("client_secret", SECRET);
    post(&client.party, "/token", &secret).await.unknown_client(false);
    Answer::to(client.party.raw(service_form().encoded()).basic_auth("cj", Some(SECRET))).await.unknown_client(true);
    post(&client.party, "/token", &service_form().and("client_id", "cj")).await.unknown_client(false);
    post(&client.party, "/token", &service_form().and("client_id", "cj").and("client_assertion", "junk"))
        .await
        .unknown_client(false);
    // A client that has keys for something else.
    let with_secret = Party::register(&app, &Party::service(&app), "both", |other| {
        other.keys.jwks = Some(jwks(&[client.key.public()]));
    })
    .await;
    let claims = assertion_claims("both", app.signet.issuer(), app.signet.now().seconds());
    client.refused("both", &client.key.sign(&client.key.header().to_string(), &claims.to_string())).await;
    with_secret.token(service_form()).await.tokens();
    let mut cj = app.client("cj").await;
    cj.disabled = true;
    assert!(app.signet.store.replace_client(cj).await.unwrap());
    app.signet.clients.forget();
    client.refused("disabled", &client.assertion()).await;
}

#[tokio::test]
async fn ca_08_guessing_is_slowed_down() {
    let app = super::app().await;
    let client = Signing::service(&app).await;
    for _ in 0..20 {
        client.refused("junk", &client.claiming("aud", None)).await;
    }
    client.ask(&client.assertion()).await.refused_with(429, "invalid_request");
}

#[tokio::test]
async fn cj_01_oidcc_ensure_client_assertion_with_iss_aud_succeeds_and_other_audiences() {
    let app = patient_app().await;
    let issuer = app.signet.issuer().to_owned();
    let client = Signing::service(&app).await;
    let key = ClientKey::new(Algorithm::Ps256, "key-1");
    let set = jwks(&[key.public()]);
    let strict = Signing::registered(&app, "cj-fapi2", key, |client| {
        client.keys.jwks = Some(set);
        client.security_profile = SecurityProfile::Fapi2;
    })
    .await;
    let evil = "https://evil.test";
    for audience in [json!(issuer), json!(format!("{issuer}/token"))] {
        client.accepted(&client.claiming("aud", Some(audience.clone()))).await;
    }
    strict.accepted(&strict.claiming("aud", Some(json!(issuer)))).await;
    for audience in [
        json!(evil),
        json!([issuer, evil]),
        json!([evil, issuer]),
        json!(format!("{issuer}/par")),
        json!(format!("{issuer}/")),
        json!([]),
        json!(null),
        json!({}),
    ] {
        client.refused(&audience.to_string(), &client.claiming("aud", Some(audience.clone()))).await;
        strict.refused(&audience.to_string(), &strict.claiming("aud", Some(audience))).await;
    }
    for audience in [json!([issuer]), json!(format!("{issuer}/token"))] {
        strict.refused(&audience.to_string(), &strict.claiming("aud", Some(audience))).await;
    }
    client.refused("none", &client.claiming("aud", None)).await;
}

async fn cj_02_an_assertion_is_used_once(app: App) {
    let client = Signing::service(&app).await;
    let used = client.assertion();
    client.accepted(&used).await;
    client.refused("again", &used).await;
    // Its jti is, whatever else is in it.
    let jti = opened(&used).1["jti"].clone();
    client.refused("the same jti", &client.claiming("jti", Some(jti.clone()))).await;
    for path in ["/introspect", "/revoke"] {
        let form = signed(Form::new(&[("token", "x")]), &used);
        post(&client.party, path, &form).await.unknown_client(false);
    }
    // Another node, started later, as after a restart.
    let node = app.another_node().await;
    let there = client.party.at(&node);
    post(&there, "/token", &signed(service_form(), &used)).await.unknown_client(false);
    let fresh = client.assertion();
    post(&there, "/token", &signed(service_form(), &fresh)).await.tokens();
    client.refused("used there", &fresh).await;
    // Another client may have the same jti.
    let other = Signing::registered(&app, "other", ClientKey::new(Algorithm::EdDsa, "k"), |_| {}).await;
    let mut stored = app.client("other").await;
    stored.keys.jwks = Some(jwks(&[other.key.public()]));
    app.signet.store.replace_client(stored).await.unwrap();
    app.signet.clients.forget();
    other.accepted(&other.claiming("jti", Some(jti))).await;
}

async fn cj_02_one_of_64_at_once(app: App) {
    let client = Signing::service(&app).await;
    let nodes = [app.another_node_with(&[PATIENT]).await, app.another_node_with(&[PATIENT]).await];
    let parties = nodes.each_ref().map(|node| client.party.at(node));
    for _ in 0..4 {
        let form = signed(service_form(), &client.assertion());
        let mut racers = JoinSet::new();
        for party in parties.iter().cycle().take(64) {
            let request = party.raw(form.encoded());
            racers.spawn(async move { request.send().await.unwrap().status().as_u16() });
        }
        let answers = racers.join_all().await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 401).count(), 63, "{answers:?}");
    }
}

async fn cj_03_it_is_remembered_as_long_as_it_is_good(app: App) {
    let client = Signing::service(&app).await;
    let now = app.signet.now().seconds();
    let assertion = client.claiming("exp", Some(json!(now + 600)));
    client.accepted(&assertion).await;
    for seconds in [600, 29, 1, 119] {
        app.wait(seconds);
        app.signet.sweep().await.unwrap();
        client.refused("used", &assertion).await;
    }
    // An unused one is good until 30 s after its end, and one that could outlive our memory never.
    let until = |seconds: i64| client.claiming("exp", Some(json!(app.signet.now().seconds() + seconds)));
    client.accepted(&until(-29)).await;
    client.refused("over", &until(-30)).await;
    client.refused("11 minutes", &until(660)).await;
    client.refused("10 years", &until(10 * 365 * 86_400)).await;
}

async fn cj_04_what_another_version_has_seen_is_not_good_any_more(app: App) {
    let client = Signing::service(&app).await;
    let assertion = client.assertion();
    let jti = opened(&assertion).1["jti"].as_str().unwrap().to_owned();
    // The row as it always was.
    let hash = Sha256::digest(format!("cj\0{jti}")).into();
    assert_eq!(app.signet.store.spend_assertion(hash, app.signet.now()).await, Ok(true));
    client.refused("used", &assertion).await;
}

#[tokio::test]
async fn cj_05_cj_11_who_until_when_and_which() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        client.refused(name, &client.claiming(name, None)).await;
        for value in [json!("x"), json!(["cj"]), json!(null), json!(1), json!({}), json!("")] {
            // Any text is a jti.
            if name != "jti" || value != json!("x") {
                client.refused(&format!("{name} {value}"), &client.claiming(name, Some(value))).await;
            }
        }
    }
    for name in ["iat", "nbf"] {
        client.accepted(&client.claiming(name, None)).await;
    }
}

#[tokio::test]
async fn cj_06_algorithm() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let claims = client.claims().to_string();
    let good = client.assertion();
    let parts: Vec<&str> = good.split('.').collect();
    for alg in ["none", "None", "NONE", "RSA1_5", "ES384", "RS256", "PS256", "EdDSA", ""] {
        client.refused(alg, &client.headed("alg", json!(alg))).await;
    }
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    for token in
        [format!("{none}.{}.", parts[1]), format!("{none}.{}", parts[1]), format!("{}.{}.", parts[0], parts[1])]
    {
        client.refused("none", &token).await;
    }
    let public = client.key.public();
    let header = json!({"alg": "HS256", "kid": "key-1"}).to_string();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&claims));
    let set = app.client("cj").await.keys.jwks.unwrap();
    for secret in [public.to_string(), set, public["x"].as_str().unwrap().to_owned(), SECRET.to_owned()] {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(input.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        client.refused("HS256", &format!("{input}.{signature}")).await;
    }
    client.accepted(&good).await;

    // One key for two algorithms: the registration decides, then the profile.
    let rsa = ClientKey::new(Algorithm::Rs256, "key-1");
    let mut key = rsa.public();
    key.as_object_mut().unwrap().remove("alg");
    let registered = |id: &'static str, alg, profile| {
        let set = jwks(std::slice::from_ref(&key));
        Party::register(&app, &client.party, id, move |client| {
            client.keys.jwks = Some(set);
            client.token_endpoint_auth_signing_alg = alg;
            client.security_profile = profile;
        })
    };
    let (oidc, fapi2) = (SecurityProfile::Oidc, SecurityProfile::Fapi2);
    for (id, alg, profile, status) in [
        ("any", None, oidc, 200),
        ("rs256", Some(Algorithm::Rs256), oidc, 200),
        ("ps256", Some(Algorithm::Ps256), oidc, 401),
        ("es256", Some(Algorithm::Es256), oidc, 401),
        ("any-fapi2", None, fapi2, 401),
        ("rs256-fapi2", Some(Algorithm::Rs256), fapi2, 401),
    ] {
        registered(id, alg, profile).await;
        let claims = assertion_claims(id, app.signet.issuer(), app.signet.now().seconds()).to_string();
        let answer = client.ask(&rsa.sign(&rsa.header().to_string(), &claims)).await;
        assert_eq!(answer.status.as_u16(), status, "{id}: {answer:?}");
    }
}

#[tokio::test]
async fn cj_07_keys_of_the_header() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let authority = https::Authority::new();
    let sink = https::Receiver::start(&authority, https::Answer::Status(200));
    let attacker = ClientKey::new(Algorithm::Es256, "key-2");
    for kid in ["key-1", "key-2"] {
        for (name, value) in [
            ("jwk", attacker.public()),
            ("jku", json!(sink.url("/jwks"))),
            ("x5u", json!(sink.url("/x5u"))),
            ("x5c", json!(["MIIB"])),
        ] {
            let mut header = attacker.header();
            header["kid"] = json!(kid);
            header[name] = value;
            client.refused(name, &attacker.sign(&header.to_string(), &client.claims().to_string())).await;
        }
    }
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn cj_08_kid_abuse() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    for kid in [
        json!("../../dev/null"),
        json!("' OR 1=1--"),
        json!("key-1\u{0}"),
        json!("KEY-1"),
        json!(""),
        json!(["key-1"]),
        json!(1),
        json!(null),
        json!("k".repeat(5000)),
    ] {
        client.refused(&kid.to_string(), &client.headed("kid", kid.clone())).await;
    }
    // Longer than any parameter may be.
    client.ask(&client.headed("kid", json!("k".repeat(20_000)))).await.refused("invalid_request");
    // A name for two keys.
    let mut stored = app.client("cj").await;
    let other = ClientKey::new(Algorithm::Es256, "key-1");
    stored.keys.jwks = Some(jwks(&[other.public(), client.key.public()]));
    assert!(app.signet.store.replace_client(stored).await.unwrap());
    app.signet.clients.forget();
    client.refused("a name for two", &client.assertion()).await;
}

#[tokio::test]
async fn cj_09_missing_or_malformed_type() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let assertion = client.assertion();
    for kind in ["", "x", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", &TYPE.to_uppercase()] {
        let form = service_form().and("client_assertion_type", kind).and("client_assertion", &assertion);
        post(&client.party, "/token", &form).await.unknown_client(false);
    }
    let only = service_form().and("client_assertion", &assertion);
    post(&client.party, "/token", &only).await.unknown_client(false);
    let only = service_form().and("client_assertion_type", TYPE).and("client_id", "cj");
    post(&client.party, "/token", &only).await.unknown_client(false);
    let claims = client.claims().to_string();
    for header in ["[]", "\"x\"", "null", "1", "{", "", "{}", r#"{"alg":null}"#, r#"{"alg":["ES256"]}"#] {
        client.refused(header, &client.key.sign(header, &claims)).await;
    }
    for claims in ["[]", "\"x\"", "null", "1", "{", "", "{}"] {
        client.refused(claims, &client.key.sign(&client.key.header().to_string(), claims)).await;
    }
    for shape in ["x", "a.b", "a.b.c", "a.b.c.d.e", "..", &format!("{assertion}.x"), &format!(" {assertion}")] {
        client.refused(shape, shape).await;
    }
    for name in ["crit", "b64"] {
        client.refused(name, &client.headed(name, json!(["exp"]))).await;
    }
    client.accepted(&assertion).await;
}

#[tokio::test]
async fn cj_10_numeric_bombs() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let header = client.key.header().to_string();
    for number in [
        "1e300",
        "1e999",
        "9223372036854775808",
        "18446744073709551615",
        "253402300800",
        "-1",
        "0.5",
        "\"1\"",
        "null",
        "true",
        "[]",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let mut claims = client.claims();
            claims[name] = json!("HERE");
            let claims = claims.to_string().replace("\"HERE\"", number);
            let clock = SystemClock::new();
            client.refused(&format!("{name} {number}"), &client.key.sign(&header, &claims)).await;
            assert!(clock.monotonic() < Duration::from_secs(5), "{name} {number}");
        }
    }
    client.accepted(&client.assertion()).await;
}

#[tokio::test]
async fn cj_12_duplicate_members() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let (header, claims) = (client.key.header().to_string(), client.claims().to_string());
    let twice = |text: &str, member: &str| format!("{{{member},{}", text.strip_prefix('{').unwrap());
    for member in [r#""sub":"cj""#, r#""aud":"https://evil.test""#, r#""iss":"cj""#, r#""exp":1"#, r#""jti":"x""#] {
        client.refused(member, &client.key.sign(&header, &twice(&claims, member))).await;
    }
    for member in [r#""alg":"ES256""#, r#""alg":"none""#, r#""kid":"key-1""#] {
        client.refused(member, &client.key.sign(&twice(&header, member), &claims)).await;
    }
    client.accepted(&client.key.sign(&header, &claims)).await;
}

#[tokio::test]
async fn cj_13_clocks_apart() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let at = |name: &str, seconds: i64| client.claiming(name, Some(json!(app.signet.now().seconds() + seconds)));
    for name in ["iat", "nbf"] {
        client.accepted(&at(name, 8)).await;
        client.accepted(&at(name, 10)).await;
        client.refused(name, &at(name, 61)).await;
    }
    client.refused("exp", &at("exp", -61)).await;
    client.accepted(&at("exp", -5)).await;
}

#[test]
fn cj_14_nothing_is_believed_without_the_database() {
    let Some(cluster) = Cluster::start_new() else { return left_out() };
    block_on(async {
        let app = App::start_at(&cluster.database()).await;
        let client = Signing::service(&app).await;
        client.accepted(&client.assertion()).await;
        cluster.stop();
        let assertion = client.assertion();
        client.ask(&assertion).await.refused_with(503, "temporarily_unavailable");
        client.ask(&assertion).await.refused_with(503, "temporarily_unavailable");
    });
}

#[tokio::test]
async fn cj_15_other_tokens_are_no_assertions() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "oauth-authz-req+jwt", "application/at+jwt", "JWS", ""] {
        client.refused(typ, &client.headed("typ", json!(typ))).await;
    }
    for typ in ["JWT", "jwt", "client-authentication+jwt"] {
        client.accepted(&client.headed("typ", json!(typ))).await;
    }
    let tokens = Party::web(&app).sign_in("openid").await;
    for ours in [tokens.access(), tokens.id_token()] {
        client.refused("ours", ours).await;
    }
}

/// The log is what an operator keeps: at its most talkative it has no assertion that could still be used.
#[test]
fn the_log_shows_no_assertion() {
    block_on(async {
        let server = Server::dev_with(&[("RUST_LOG", "trace")]).await;
        let key = ClientKey::new(Algorithm::EdDsa, "key-1");
        let file = server.folder().join("cj.jwks");
        fs::write(&file, jwks(&[key.public()])).unwrap();
        let port = server.port().to_string();
        let create = ["clients", "create", "CJ", "--service", "--scope", "orders:read", "--dev", "--port", &port];
        let made = server.command().args(create).arg("--jwks").arg(&file).args(["-o", "json"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let shown: Value = serde_json::from_slice(&made.stdout).unwrap();
        assert_eq!((&shown["client_id"], shown.get("client_secret")), (&json!("cj"), None));

        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let issuer = server.base.as_str().trim_end_matches('/');
        let now = Clock::unix_micros(&SystemClock::new()) / 1_000_000;
        let mut sent = Vec::new();
        for (exp, status) in [(now + 60, 200), (now - 60, 401)] {
            let mut claims = assertion_claims("cj", issuer, now);
            claims["exp"] = json!(exp);
            let assertion = key.sign(&key.header().to_string(), &claims.to_string());
            let form = signed(service_form(), &assertion);
            let request = http.post(server.url("/token")).header("content-type", "application/x-www-form-urlencoded");
            let answer = request.body(form.encoded()).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status);
            let told = answer.text().await.unwrap();
            let signature = assertion.rsplit_once('.').unwrap().1.to_owned();
            assert!(!told.contains(&signature));
            sent.extend([assertion, signature, claims["jti"].as_str().unwrap().to_owned()]);
        }
        let log = server.log();
        assert!(log.contains("it has expired"), "the cause is in the log");
        for secret in sent {
            let line = log.lines().find(|line| line.contains(&secret));
            assert!(line.is_none(), "an assertion is in the log: {line:?}");
        }
    });
}

/// Whoever is challenged is told of Basic alone, for that is all that `Authorization` is for here.
#[tokio::test]
async fn an_assertion_is_no_authorization_header() {
    let app = patient_app().await;
    let client = Signing::service(&app).await;
    let request = client.party.raw(service_form().encoded());
    let request = request.header(AUTHORIZATION, format!("Bearer {}", client.assertion()));
    Answer::to(request).await.unknown_client(true);
}
