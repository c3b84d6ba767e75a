//! A relying party that makes its own requests, so that each of them can be wrong on purpose, and what every answer
//! of the token side must be whatever was asked.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::RequestBuilder;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::store::client::CreateClient;
use url::Url;

use super::app::App;
use super::browser::ADA;
use super::browser::Browser;

pub(crate) const SECRET: &str = "dev-secret-do-not-ship";
pub(crate) const REDIRECT_URI: &str = "http://localhost:47110/callback";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj.~";
/// Everything that the demo clients may ask for.
pub(crate) const EVERYTHING: &str = "openid profile email address phone offline_access";

/// A second for a request is the promise; the rest is for machines that run all tests at once.
const IN_TIME: Duration = Duration::from_secs(20);

/// Parameters in the order in which they are sent; a name may be there twice.
#[derive(Debug, Clone)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// Adds a parameter, whether or not it is there.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// One client application of one provider.
#[derive(Debug, Clone)]
pub(crate) struct Party {
    pub(crate) base: Url,
    pub(crate) http: reqwest::Client,
    pub(crate) id: String,
    secret: Option<String>,
}

impl Party {
    pub(crate) fn new(app: &App, id: &str, secret: Option<&str>) -> Self {
        Self::of(&app.base, id, secret)
    }

    /// A client of a provider that may be anywhere.
    pub(crate) fn of(base: &Url, id: &str, secret: Option<&str>) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let http = http.expect("an HTTP client");
        Self { base: base.clone(), http, id: id.to_owned(), secret: secret.map(str::to_owned) }
    }

    /// The demo client that keeps a secret.
    pub(crate) fn web(app: &App) -> Self {
        Self::new(app, "demo-web", Some(SECRET))
    }

    /// The demo client that cannot.
    pub(crate) fn spa(app: &App) -> Self {
        Self::new(app, "demo-spa", None)
    }

    /// The demo client without people.
    pub(crate) fn service(app: &App) -> Self {
        Self::new(app, "demo-service", Some(SECRET))
    }

    /// Registers another client: `model` with the changes that `edit` makes.
    pub(crate) async fn register(app: &App, model: &Self, id: &str, edit: impl FnOnce(&mut Client)) -> Self {
        let mut client = app.client(&model.id).await;
        client.id = ClientId::new(id).expect("a client id");
        edit(&mut client);
        let created = app.signet.store.create_client(client).await.expect("the database");
        assert_eq!(created, CreateClient::Created);
        app.signet.clients.forget();
        Self::new(app, id, model.secret.as_deref())
    }

    /// The same application, talking to another node.
    pub(crate) fn at(&self, node: &App) -> Self {
        Self { base: node.base.clone(), ..self.clone() }
    }

    /// The same name with another secret.
    pub(crate) fn with_secret(&self, secret: Option<&str>) -> Self {
        Self { secret: secret.map(str::to_owned), ..self.clone() }
    }

    /// Where this client sends people.
    pub(crate) fn authorization_url(&self, scope: &str) -> Url {
        let mut url = self.base.join("/authorize").expect("a path");
        url.query_pairs_mut()
            .append_pair("client_id", &self.id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", scope)
            .append_pair("state", "a-state")
            .append_pair("nonce", NONCE)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        // Without it, offline access is not granted (OpenID Connect Core section 11).
        if scope.contains("offline_access") {
            url.query_pairs_mut().append_pair("prompt", "consent");
        }
        url
    }

    /// A fresh code, for ada.
    pub(crate) async fn code(&self, browser: &mut Browser, scope: &str) -> String {
        let arrived = browser.authorize(&self.authorization_url(scope), REDIRECT_URI, ADA).await;
        arrived.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned()
    }

    /// The right request for a code, but for the authentication of the client.
    pub(crate) fn code_form(code: &str) -> Form {
        Form::new(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ])
    }

    pub(crate) fn refresh_form(token: &str) -> Form {
        Form::new(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.token(Self::code_form(code)).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(Self::refresh_form(token)).await
    }

    /// Signs ada in and redeems the code.
    pub(crate) async fn sign_in(&self, scope: &str) -> Tokens {
        let code = self.code(&mut Browser::new(), scope).await;
        self.redeem(&code).await.tokens()
    }

    /// A token request with this client's own authentication.
    pub(crate) async fn token(&self, form: Form) -> Answer {
        self.post("/token", form).await
    }

    /// Asks for the end of a token.
    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        self.post("/revoke", Form::new(&[("token", token)])).await
    }

    /// Asks what a token is worth.
    pub(crate) async fn introspect(&self, token: &str) -> Answer {
        self.post("/introspect", Form::new(&[("token", token)])).await
    }

    /// A request with this client's own authentication.
    pub(crate) async fn post(&self, path: &str, form: Form) -> Answer {
        Answer::to(self.request(path, form)).await
    }

    pub(crate) fn request(&self, path: &str, form: Form) -> RequestBuilder {
        match &self.secret {
            Some(secret) => self.raw_to(path, form.encoded()).basic_auth(&self.id, Some(secret)),
            None => self.raw_to(path, form.set("client_id", &self.id).encoded()),
        }
    }

    /// A token request without any authentication.
    pub(crate) fn raw(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.raw_to("/token", body)
    }

    fn raw_to(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let url = self.base.join(path).expect("a path");
        self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        Answer::to(self.http.get(self.base.join("/userinfo").expect("a path")).bearer_auth(token)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(self.base.join(path).expect("a path"))).await
    }
}

/// What came back, after the checks that hold for every answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let clock = SystemClock::new();
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("a body in UTF-8");
        let answer = Self { status, headers, text };
        answer.has_no_internals();
        assert!(clock.monotonic() < IN_TIME, "{:?} for {answer:?}", clock.monotonic());
        answer
    }

    /// No 500, and nothing of how this is built.
    pub(crate) fn has_no_internals(&self) {
        assert_ne!(self.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", self.text);
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        // A token may spell any word.
        if self.status.is_success() {
            return;
        }
        for word in ["SELECT", "UPDATE ", "diesel", "sqlite", "postgres", "::", "panicked", ".rs", "/home", "/tmp"] {
            assert!(!self.text.contains(word), "{word:?} in {}", self.text);
        }
    }

    /// The value of a header that is there once, or the empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().expect("a header in ASCII"));
        assert!(values.next().is_none(), "{name} twice");
        value
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("JSON, not {}", self.text))
    }

    /// An error answer of RFC 6749 section 5.2 that nobody may keep and that has no token.
    #[track_caller]
    pub(crate) fn refused_with(&self, status: u16, error: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        let body = self.json();
        assert_eq!(body["error"], error, "{self:?}");
        let members = body.as_object().expect("an object");
        assert!(members.keys().all(|name| ["error", "error_description"].contains(&name.as_str())), "{self:?}");
        let description = body["error_description"].as_str().expect("a description");
        assert!(description.len() <= 200, "{description}");
        // "Values for the "error_description" parameter MUST NOT include characters outside the set
        // %x20-21 / %x23-5B / %x5D-7E" (RFC 6749 section 5.2).
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(allowed), "{description:?}");
    }

    #[track_caller]
    pub(crate) fn refused(&self, error: &str) {
        self.refused_with(400, error);
    }

    /// Client authentication failed; with a challenge when `Authorization` was tried.
    #[track_caller]
    pub(crate) fn unknown_client(&self, challenged: bool) {
        self.refused_with(401, "invalid_client");
        let challenge = self.header("www-authenticate");
        assert_eq!(challenge.starts_with("Basic realm="), challenged, "{challenge:?}");
    }

    /// The answer of a protected resource to a token that is not good.
    #[track_caller]
    pub(crate) fn unauthorized(&self) {
        assert_eq!(self.status, StatusCode::UNAUTHORIZED, "{self:?}");
        let challenge = self.header("www-authenticate");
        assert!(challenge.starts_with("Bearer realm=\"signet\", error=\"invalid_token\""), "{challenge}");
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// Tokens, with the headers of RFC 6749 section 5.1.
    #[track_caller]
    pub(crate) fn tokens(&self) -> Tokens {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!((self.header("cache-control"), self.header("pragma")), ("no-store", "no-cache"));
        let body = self.json();
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["expires_in"].as_u64().is_some_and(|seconds| (1..=600).contains(&seconds)), "{body}");
        Tokens(body)
    }
}

/// A successful answer of the token endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Tokens(pub(crate) Value);

impl Tokens {
    pub(crate) fn access(&self) -> &str {
        self.0["access_token"].as_str().expect("an access token")
    }

    pub(crate) fn refresh(&self) -> &str {
        self.0["refresh_token"].as_str().expect("a refresh token")
    }

    pub(crate) fn id_token(&self) -> &str {
        self.0["id_token"].as_str().expect("an ID token")
    }

    pub(crate) fn scope(&self) -> Vec<&str> {
        self.0["scope"].as_str().unwrap_or_default().split_ascii_whitespace().collect()
    }
}

/// Header and claims of a compact JWS, unverified.
pub(crate) fn opened(jws: &str) -> (Value, Value) {
    let mut parts = jws.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().expect("a header"), parts.next().expect("claims"))
}
