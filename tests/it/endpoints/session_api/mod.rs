//! `/auth/login`, `/auth/refresh`, `/auth/logout`: the session API, as pages of applications of one's own use it.

mod login;
mod logout;
mod origin;
mod refresh;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;

use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::header::SET_COOKIE;
use serde_json::Value;
use serde_json::json;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::domain::ids::FamilyId;
use signet::domain::uri::Origin;
use signet::store::client::CreateClient;
use url::Url;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::postgres::left_out;

/// Where the pages of demo-spa are served in these tests.
const SPA: &str = "http://localhost:5173";

fn on_both_databases<F: Future<Output = ()>>(case: impl Fn(App) -> F) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        block_on(async {
            match App::start(kind).await {
                Some(app) => case(app).await,
                None => left_out(),
            }
        });
    }
}

async fn app() -> App {
    app_with(&[]).await
}

async fn app_with(settings: &[(&str, &str)]) -> App {
    App::start_with(Kind::Sqlite, settings).await.expect("SQLite is always there")
}

/// Registers another client: demo-spa under another name, with other pages.
async fn register(app: &App, id: &str, edit: impl FnOnce(&mut Client)) {
    let mut client = app.client("demo-spa").await;
    client.id = ClientId::new(id).unwrap();
    edit(&mut client);
    assert_eq!(app.signet.store.create_client(client).await.unwrap(), CreateClient::Created);
    app.signet.clients.forget();
}

fn origins(texts: &[&str]) -> Vec<Origin> {
    texts.iter().map(|text| Origin::register(text).unwrap()).collect()
}

fn family_of(cookie: &str) -> FamilyId {
    FamilyId::new(cookie.strip_prefix("sgr_").unwrap().split('.').next().unwrap()).unwrap()
}

/// A page of a client in a browser, or a program that is no browser. Clones share the cookies, as tabs do.
#[derive(Debug, Clone)]
struct Page {
    base: Url,
    http: reqwest::Client,
    client_id: String,
    /// What the browser says of where the request comes from.
    origin: Option<String>,
    site: Option<&'static str>,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Page {
    /// A page of demo-spa in a browser of its own.
    fn spa(app: &App) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            base: app.base.clone(),
            http,
            client_id: "demo-spa".to_owned(),
            origin: Some(SPA.to_owned()),
            site: Some("same-site"),
            cookies: Arc::default(),
        }
    }

    /// The same browser at a page of another client.
    fn beside(&self, client_id: &str, origin: &str) -> Self {
        Self { client_id: client_id.to_owned(), origin: Some(origin.to_owned()), ..self.clone() }
    }

    /// The same cookies in another browser, which goes its own way from here on.
    fn stolen(&self) -> Self {
        let cookies = self.cookies.lock().unwrap().clone();
        Self { cookies: Arc::new(Mutex::new(cookies)), ..self.clone() }
    }

    /// The same at another node.
    fn at(&self, node: &App) -> Self {
        Self { base: node.base.clone(), ..self.clone() }
    }

    /// No browser: nothing says where a request comes from.
    fn program(app: &App) -> Self {
        Self { origin: None, site: None, ..Self::spa(app) }
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    fn token(&self) -> String {
        self.cookie("refresh_token").expect("a refresh cookie")
    }

    fn set_token(&self, value: &str) {
        self.cookies.lock().unwrap().insert("refresh_token".to_owned(), value.to_owned());
    }

    /// A request as the browser would send it, without a body.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, self.base.join(path).unwrap());
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        if let Some(site) = self.site {
            request = request.header("sec-fetch-site", site);
        }
        let cookies = self.cookies.lock().unwrap();
        let line: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if line.is_empty() { request } else { request.header("cookie", line.join("; ")) }
    }

    /// Sends it, and keeps the cookies.
    async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = Answer::to(request).await;
        let mut cookies = self.cookies.lock().unwrap();
        for line in answer.headers.get_all(SET_COOKIE) {
            let (pair, rest) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        drop(cookies);
        answer
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    async fn try_login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"client_id": self.client_id, "email": email, "password": password});
        self.post("/auth/login", &body).await
    }

    /// Signs ada in; the access token.
    async fn login(&self) -> String {
        access(&self.try_login(ADA.0, ADA.1).await)
    }

    async fn refresh(&self) -> Answer {
        self.send(self.request(Method::POST, "/auth/refresh")).await
    }

    async fn logout(&self, body: &Value) -> Answer {
        self.post("/auth/logout", body).await
    }

    /// What a resource server says to an access token.
    async fn userinfo(&self, token: &str) -> u16 {
        let request = self.http.get(self.base.join("/userinfo").unwrap()).bearer_auth(token);
        Answer::to(request).await.status.as_u16()
    }
}

/// The access token of an answer that has nothing else in it.
#[track_caller]
fn access(answer: &Answer) -> String {
    let tokens = answer.tokens();
    let members: Vec<&String> = tokens.0.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "token_type", "expires_in"], "{answer:?}");
    tokens.access().to_owned()
}

/// The lines that set or clear a refresh cookie.
fn refresh_cookies(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    lines.filter(|line| line.starts_with("refresh_token")).collect()
}

/// 401: nobody is signed in. The cookie stays as it is.
#[track_caller]
fn signed_out(answer: &Answer) {
    answer.refused_with(401, "login_required");
    assert_eq!(refresh_cookies(answer), Vec::<&str>::new());
}
