//! What every row stands on: a provider, the clients of the catalogue, and what the catalogue asks of every answer.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::Value;
use signet::crypto::hash::client_secret_hash;
use signet::domain::client::ApplicationType;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::client::ClientSecret;
use signet::domain::uri::RedirectUri;
use url::Url;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns;
use crate::support::postgres::left_out;
use crate::support::raw;
use crate::support::raw::Answer;

/// The only redirect URI of `c1`.
pub(super) const CB: &str = "https://c1.test/cb";
pub(super) const STATE: &str = "st te/1";
pub(super) const SECRET: &str = "s3cret-of-the-catalogue-of-attacks";
/// RFC 7636 appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const BOB: (&str, &str) = ("bob@example.test", ADA.1);

/// A loaded machine is slow, but never this slow.
const AT_MOST: Duration = Duration::from_secs(10);
/// What only the inside of the server knows.
const INSIDE: [&str; 14] = [
    "SELECT ", "INSERT ", "UPDATE ", "sqlite", "postgres", "diesel", "actix", "tokio", "panicked", ".rs:", "signet::",
    "/src/", "Some(", "Err(",
];

/// A provider with ada, bob and these clients: `c1` (web, confidential), `c2` (the same with two redirect URIs, one
/// with a query, and without the duty of PKCE), `p1` (native, public, loopback), `w1` (web, public, loopback), `own`
/// (first party) and `none` (no redirect URI).
pub(super) struct Stage {
    pub(super) app: App,
}

pub(super) fn run<F: Future<Output = ()>>(kind: Kind, row: impl FnOnce(Stage) -> F) {
    run_with(kind, &[], row);
}

/// With some keys of the configuration.
pub(super) fn run_with<F: Future<Output = ()>>(kind: Kind, settings: &[(&str, &str)], row: impl FnOnce(Stage) -> F) {
    block_on(async {
        match App::start_with(kind, settings).await {
            Some(app) => row(Stage::furnish(app).await).await,
            None => left_out(),
        }
    });
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// On SQLite, with some keys of the configuration.
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::furnish(App::start_with(Kind::Sqlite, settings).await.expect("SQLite is always there")).await
    }

    async fn furnish(app: App) -> Self {
        for client in clients() {
            app.signet.store.create_client(client).await.expect("a client");
        }
        app.signet.clients.forget();
        Self { app }
    }

    pub(super) fn base(&self) -> &Url {
        &self.app.base
    }

    pub(super) fn issuer(&self) -> &str {
        self.app.signet.issuer()
    }

    pub(super) fn url(&self, target: &str) -> Url {
        self.app.url(target)
    }

    /// `GET target`, with what holds for every answer.
    pub(super) async fn get(&self, target: &str) -> Answer {
        well_behaved(raw::get(self.base(), target).await, target)
    }

    /// `POST target` with a form and more header lines.
    pub(super) async fn post(&self, target: &str, headers: &str, body: &str) -> Answer {
        well_behaved(raw::post(self.base(), target, headers, body).await, target)
    }

    /// Any bytes.
    pub(super) async fn send(&self, request: &[u8]) -> Answer {
        well_behaved(raw::send(self.base(), request).await, &String::from_utf8_lossy(request))
    }

    /// That the good request still works: nothing that was sent before has left anything behind.
    pub(super) async fn still_works(&self) {
        asks_for_login(&self.get(&ask().target()).await);
    }

    /// `R(error)` of the catalogue: told to the client at `redirect_uri`, with state and issuer, without a code.
    pub(super) fn is_refused(&self, answer: &Answer, redirect_uri: &str, error: &str) {
        self.is_refused_with(answer, redirect_uri, error, Some(STATE));
    }

    pub(super) fn is_refused_with(&self, answer: &Answer, redirect_uri: &str, error: &str, state: Option<&str>) {
        assert_eq!(answer.status, 303, "{answer:?}");
        let location = answer.header("location").expect("a Location");
        assert!(location.starts_with(redirect_uri), "{location}");
        let said = self.response(&Url::parse(location).expect("a URL"));
        assert_eq!(said.get("error").map(String::as_str), Some(error), "{location}");
        assert_eq!(said.get("state").map(String::as_str), state, "{location}");
        assert!(!said.contains_key("code"), "{location}");
    }

    /// The parameters of an authorization response, each there once, with our issuer.
    pub(super) fn response(&self, location: &Url) -> BTreeMap<String, String> {
        let mut said = BTreeMap::new();
        for (name, value) in location.query_pairs() {
            assert!(said.insert(name.into_owned(), value.into_owned()).is_none(), "a parameter twice in {location}");
        }
        assert_eq!(said.get("iss").map(String::as_str), Some(self.issuer()), "{location}");
        assert!(!said.contains_key("access_token") && !said.contains_key("id_token"), "{location}");
        said
    }

    /// Signs in and allows what is asked; gives the code.
    pub(super) async fn code(&self, browser: &mut Browser, ask: &Ask, who: (&str, &str)) -> String {
        let arrived = browser.authorize(&self.url(&ask.target()), &ask.redirect_uri(), who).await;
        let mut said = self.response(&arrived);
        said.remove("code").unwrap_or_else(|| panic!("no code in {arrived}"))
    }

    /// The token endpoint, as `c1` or `c2`.
    pub(super) async fn token(&self, client: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let request = http.post(self.url("/token")).basic_auth(client, Some(SECRET)).form(fields);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    /// What the UserInfo endpoint says to the access token of a token response.
    pub(super) async fn userinfo(&self, tokens: &Value) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let token = tokens["access_token"].as_str().expect("an access token");
        let answer = http.get(self.url("/userinfo")).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }

    /// Redeems a code of `c1`; gives the claims of the ID token, and the granted scope as `scope`.
    pub(super) async fn claims(&self, code: &str) -> Value {
        let (status, tokens) = self.token("c1", &redemption(code)).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let payload = tokens["id_token"].as_str().and_then(|token| token.split('.').nth(1)).expect("an ID token");
        let bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let mut claims: Value = serde_json::from_slice(&bytes).expect("claims");
        claims["scope"] = tokens["scope"].clone();
        claims
    }
}

/// The fields that redeem a code of `c1` at [`CB`].
pub(super) fn redemption(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CB), ("code_verifier", VERIFIER)]
}

/// `T(error)` of the catalogue.
pub(super) fn is_refused_token(answer: &(StatusCode, Value), error: &str) {
    assert_eq!((answer.0, answer.1["error"].as_str()), (StatusCode::BAD_REQUEST, Some(error)), "{answer:?}");
}

/// Section 0: no 5xx, in time, and nothing of the inside in the text.
pub(super) fn well_behaved(answer: Answer, asked: &str) -> Answer {
    let asked: String = asked.chars().take(300).collect();
    assert!(answer.status < 500, "{} for {asked}", answer.status);
    assert!(answer.took < AT_MOST, "{:?} for {asked}", answer.took);
    for inside in INSIDE {
        assert!(!answer.body.contains(inside), "{inside:?} shows in the answer to {asked}: {}", answer.body);
    }
    answer
}

/// `EP` of the catalogue: our own page, which leads nowhere.
pub(super) fn is_error_page(answer: &Answer) {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.header("location").is_none() && answer.header("refresh").is_none(), "{answer:?}");
    assert!(answer.all("set-cookie").next().is_none(), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.body.contains("id=\"error-reference\""), "{}", answer.body);
    // What dev mode adds for developers is words, not a way on; `endpoints::dev_details` has the page without it.
    let (page, details) = answer.body.split_once("<details id=\"error-details\"").unwrap_or((answer.body.as_str(), ""));
    for lead in ["<form", "http-equiv", "evil", "c1.test", "javascript:"] {
        assert!(!page.contains(lead), "{lead} in {}", answer.body);
    }
    for lead in ["<form", "http-equiv", "href=", "src=", "<script"] {
        assert!(!details.contains(lead), "{lead} in {}", answer.body);
    }
}

/// The request was good: the way leads to the login page.
pub(super) fn asks_for_login(answer: &Answer) {
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location").expect("a Location");
    assert!(location.starts_with("/login?request="), "{location}");
}

/// An authorization request. Begins as the good one of `c1`.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    parameters: Vec<(String, String)>,
    written: String,
}

pub(super) fn ask() -> Ask {
    let good = [
        ("client_id", "c1"),
        ("redirect_uri", CB),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let parameters = good.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ask { parameters, written: String::new() }
}

/// The good request of another client.
pub(super) fn ask_as(client: &str, redirect_uri: &str) -> Ask {
    ask().set("client_id", client).set("redirect_uri", redirect_uri)
}

impl Ask {
    pub(super) fn set(self, name: &str, value: &str) -> Self {
        let mut ask = self.without(name);
        ask.parameters.push((name.to_owned(), value.to_owned()));
        ask
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self
    }

    /// Appends to the query as it stands.
    pub(super) fn write(mut self, text: &str) -> Self {
        self.written.push('&');
        self.written.push_str(text);
        self
    }

    pub(super) fn query(&self) -> String {
        let pairs: Vec<String> =
            self.parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        format!("{}{}", pairs.join("&"), self.written)
    }

    pub(super) fn target(&self) -> String {
        format!("/authorize?{}", self.query())
    }

    fn redirect_uri(&self) -> String {
        self.parameters.iter().find(|(name, _)| name == "redirect_uri").map(|(_, uri)| uri.clone()).expect("one")
    }
}

/// Escapes whatever is not plainly allowed.
pub(super) fn escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Opens the authorization request and stops at the first page.
pub(super) async fn first_page(stage: &Stage, browser: &mut Browser, ask: &Ask) -> Page {
    let page = browser.open(&stage.url(&ask.target())).await;
    browser.follow(page, &ask.redirect_uri()).await.unwrap_or_else(|arrived| panic!("no page on the way to {arrived}"))
}

/// Fills in the login page.
pub(super) async fn sign_in(browser: &mut Browser, page: &Page, who: (&str, &str)) -> Page {
    browser.press(page, "login-submit", &[("username", who.0), ("password", who.1)]).await
}

fn clients() -> Vec<Client> {
    let confidential = |name: &str| Client {
        token_endpoint_auth_methods: BTreeSet::from([AuthMethod::ClientSecretBasic]),
        secrets: vec![ClientSecret { hash: client_secret_hash(SECRET), created_at: nouns::NOON, expires_at: None }],
        scope: nouns::scope("openid profile email offline_access"),
        ..nouns::client(name)
    };
    let uris = |uris: &[&str], kind| -> Vec<RedirectUri> {
        uris.iter().map(|uri| RedirectUri::register(uri, kind).expect("a redirect URI")).collect()
    };
    vec![
        confidential("c1"),
        Client {
            redirect_uris: uris(&["https://c2.test/cb?a=b", "https://c2.test/other"], ApplicationType::Web),
            require_pkce: false,
            ..confidential("c2")
        },
        Client {
            application_type: ApplicationType::Native,
            redirect_uris: uris(
                &["http://127.0.0.1/cb", "http://[::1]/cb", "http://127.0.0.1/q?a=1", "com.example.app:/cb"],
                ApplicationType::Native,
            ),
            ..nouns::client("p1")
        },
        Client { redirect_uris: uris(&["http://127.0.0.1/cb"], ApplicationType::Web), ..nouns::client("w1") },
        Client { first_party: true, ..confidential("own") },
        Client { redirect_uris: Vec::new(), ..confidential("none") },
    ]
}
