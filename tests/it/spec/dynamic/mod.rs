//! Clients that register themselves: RFC 7591, RFC 7592, OpenID Connect Dynamic Client Registration, and what the
//! Dynamic plan of the conformance suite asks for.

mod initial_tokens;
mod management;
mod modules;
mod registration;
mod unused;

use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value as Json;
use serde_json::json;

use crate::support::app::App;
use crate::support::database::Kind;
use crate::support::party::Answer;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;

/// A provider at which clients register themselves.
struct Registrar {
    app: App,
    http: reqwest::Client,
}

impl Registrar {
    /// Anybody may, more often than any test does. On SQLite.
    async fn open() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Kind::Sqlite, settings).await.expect("SQLite is always there")
    }

    async fn on(kind: Kind, settings: &[(&str, &str)]) -> Option<Self> {
        let open = [("registration.mode", "open"), ("registration.per_address", "1000 per 1m")];
        let app = App::start_with(kind, &[&open[..], settings].concat()).await?;
        Some(Self { app, http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client") })
    }

    async fn post(&self, sent: &Json) -> Answer {
        Answer::to(self.http.post(self.app.url("/register")).json(sent)).await
    }

    async fn post_with(&self, initial: &str, sent: &Json) -> Answer {
        Answer::to(self.http.post(self.app.url("/register")).bearer_auth(initial).json(sent)).await
    }

    /// Registers a client with these members beside a redirect URI.
    async fn register(&self, more: Json) -> Json {
        registered(&self.post(&with(more)).await)
    }

    /// GET or DELETE of what `own` was told to be its own.
    async fn manage(&self, method: Method, own: &Json) -> Answer {
        let (address, token) = own_address(own);
        Answer::to(self.http.request(method, address).bearer_auth(token)).await
    }

    async fn put(&self, own: &Json, sent: &Json) -> Answer {
        let (address, token) = own_address(own);
        Answer::to(self.http.put(address).bearer_auth(token).json(sent)).await
    }

    fn party(&self, own: &Json) -> Party {
        Party::new(&self.app, text(own, "client_id"), own["client_secret"].as_str())
    }
}

fn own_address(own: &Json) -> (&str, &str) {
    (text(own, "registration_client_uri"), text(own, "registration_access_token"))
}

fn text<'a>(of: &'a Json, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("no {name} in {of}"))
}

/// A registration with these members beside or instead.
fn with(more: Json) -> Json {
    let mut sent = json!({ "redirect_uris": [REDIRECT_URI], "client_name": "OIDF Conformance Test" });
    let Json::Object(more) = more else { panic!("not an object: {more}") };
    for (name, value) in more {
        sent[name] = value;
    }
    sent
}

/// C-71: the answer to a registration.
#[track_caller]
fn registered(answer: &Answer) -> Json {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let own = answer.json();
    assert!(own.get("error").is_none());
    own
}

/// What `own` may say in a change: all that is not the server's to say.
fn changeable(own: &Json) -> Json {
    let mut sent = own.clone();
    let members = sent.as_object_mut().expect("an object");
    for name in
        ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
    {
        members.remove(name);
    }
    sent
}
