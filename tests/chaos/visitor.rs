//! People who use the provider while it breaks. Each knows what was acknowledged, and fails at the first answer that
//! does not fit: a code that succeeds twice, a token that was good and is refused, a revocation that is forgotten.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use signet::ambient::Clock;
use signet::ambient::OsEntropy;
use signet::ambient::SystemClock;
use signet::crypto::hash;
use signet::domain::client::Lifetimes;
use signet::domain::code::Code;
use signet::domain::request::CodeChallenge;
use signet::domain::secret::SecretKind;
use signet::domain::session::Session;
use signet::domain::time::Timestamp;
use signet::store::Store;
use signet::store::code::IssueCode;

use crate::support::nouns;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::VERIFIER;

/// Above every time limit of the server together, on a busy machine: whoever waits longer is held up for ever.
const HANGS: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
/// One user for each of so many visitors: the oldest of too many families has to go.
const FAMILIES: usize = 20;

/// Where people go.
#[derive(Clone)]
pub(crate) struct Site {
    http: reqwest::Client,
    base: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Said {
    Answer(u16, Value),
    /// 503, with a time to come back.
    Away,
    /// The connection broke before the whole answer was there.
    Cut,
}

impl Site {
    /// New connections: those to a server that was killed are of no use.
    pub(crate) fn at(base: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(HANGS).build().expect("an HTTP client");
        Self { http, base: base.trim_end_matches('/').to_owned() }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Said {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                assert!(!error.is_timeout(), "no answer in {HANGS:?}");
                return Said::Cut;
            }
        };
        let status = answer.status().as_u16();
        let comes_back = answer.headers().contains_key("retry-after");
        let Ok(text) = answer.text().await else { return Said::Cut };
        assert_ne!(status, 500, "{text}");
        if status == 503 {
            assert!(comes_back, "503 without Retry-After: {text}");
            return Said::Away;
        }
        Said::Answer(status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn form(&self, path: &str, form: Form) -> Said {
        let request = self.http.post(format!("{}{path}", self.base));
        let body = form.and("client_id", "demo-web").encoded();
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    pub(crate) async fn redeem(&self, code: &str) -> Said {
        self.form("/token", Party::code_form(code).set("redirect_uri", "https://c1.test/cb")).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Said {
        self.form("/token", Party::refresh_form(token)).await
    }

    pub(crate) async fn revoke(&self, token: &str) -> Said {
        self.form("/revoke", Form::new(&[("token", token)])).await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Said {
        self.send(self.http.get(format!("{}/userinfo", self.base)).bearer_auth(token)).await
    }

    /// With name and password, past all pages.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Said {
        let body = json!({"client_id": "demo-web", "email": email, "password": password});
        self.send(self.http.post(format!("{}/auth/login", self.base)).json(&body)).await
    }

    /// Until there are first and next keys: what is published then does not change for long.
    pub(crate) async fn has_next_keys(&self) {
        for _ in 0..600 {
            let (_, jwks) = self.get("/.well-known/jwks.json").await.expect("the JWKS");
            if jwks.matches("\"kid\"").count() == 4 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no next keys");
    }

    /// The status and the text of a public document; nothing when nobody answers.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await;
        let answer = answer.inspect_err(|error| assert!(!error.is_timeout(), "{path}: no answer in {HANGS:?}")).ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }
}

/// What somebody is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    Redeem,
    Refresh,
    /// The grant.
    Revoke,
    /// One access token.
    Deny,
}

#[derive(Debug)]
pub(crate) struct Visitor {
    code: String,
    state: State,
    /// Access tokens that were revoked, and acknowledged.
    denied: Vec<String>,
    /// A token whose revocation was asked for, without an answer.
    half_denied: Option<String>,
}

#[derive(Debug)]
enum State {
    /// `asked`: without an answer.
    Begins {
        asked: bool,
    },
    Holds {
        refresh: String,
        access: String,
    },
    /// The end was asked for, without an answer.
    Ending {
        refresh: String,
        access: String,
    },
    Ended {
        refresh: String,
        access: Option<String>,
    },
    /// The answer with the tokens was lost, and the code is used up: the person signs in again.
    Lost,
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

impl Visitor {
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Whether what it holds is good; it may have ended without anybody asking.
    pub(crate) async fn is_alive(&mut self, site: &Site) -> bool {
        let State::Holds { refresh, .. } = &mut self.state else { panic!("nothing to ask for") };
        match site.refresh(refresh).await {
            Said::Answer(200, tokens) => {
                *refresh = text(&tokens, "refresh_token");
                true
            }
            Said::Answer(400, _) => false,
            said => panic!("{said:?}"),
        }
    }

    /// What can be done next, when `deed` is wanted.
    pub(crate) fn can(&self, deed: Deed) -> bool {
        match self.state {
            State::Begins { .. } => deed == Deed::Redeem,
            State::Holds { .. } => deed != Deed::Redeem,
            State::Ending { .. } => deed == Deed::Revoke,
            State::Ended { .. } | State::Lost => false,
        }
    }

    pub(crate) fn holds(&self) -> bool {
        matches!(self.state, State::Holds { .. })
    }

    /// Does it once. False when there was no answer: then it has to be asked again.
    pub(crate) async fn does(&mut self, deed: Deed, site: &Site) -> Option<bool> {
        match (&mut self.state, deed) {
            (State::Begins { asked }, Deed::Redeem) => match site.redeem(&self.code).await {
                Said::Answer(200, tokens) => {
                    self.state =
                        State::Holds { refresh: text(&tokens, "refresh_token"), access: text(&tokens, "access_token") };
                }
                Said::Answer(400, _) if *asked => self.state = State::Lost,
                Said::Answer(status, body) => panic!("{status} for a good code: {body}"),
                said => {
                    *asked = true;
                    return missing(&said);
                }
            },
            (State::Holds { refresh, access }, Deed::Refresh) => match site.refresh(refresh).await {
                Said::Answer(200, tokens) => {
                    *refresh = text(&tokens, "refresh_token");
                    *access = text(&tokens, "access_token");
                }
                Said::Answer(status, body) => panic!("logged out with {status}: {body}"),
                said => return missing(&said),
            },
            (State::Holds { refresh, access } | State::Ending { refresh, access }, Deed::Revoke) => {
                let (refresh, access) = (std::mem::take(refresh), std::mem::take(access));
                match site.revoke(&refresh).await {
                    Said::Answer(200, _) => self.state = State::Ended { refresh, access: Some(access) },
                    Said::Answer(status, body) => panic!("{status} for a revocation: {body}"),
                    said => {
                        self.state = State::Ending { refresh, access };
                        return missing(&said);
                    }
                }
            }
            (State::Holds { access, .. }, Deed::Deny) => {
                let token = self.half_denied.take().unwrap_or_else(|| access.clone());
                match site.revoke(&token).await {
                    Said::Answer(200, _) => self.denied.push(token),
                    Said::Answer(status, body) => panic!("{status} for a revocation: {body}"),
                    said => {
                        self.half_denied = Some(token);
                        return missing(&said);
                    }
                }
            }
            (state, deed) => panic!("{deed:?} of {state:?}"),
        }
        Some(true)
    }

    /// Whatever was acknowledged is so. Nothing is said of what nobody could answer.
    pub(crate) async fn checks(&mut self, site: &Site) -> bool {
        for token in self.denied.iter().rev().take(3) {
            match site.userinfo(token).await {
                Said::Answer(401, _) => {}
                Said::Answer(status, body) => panic!("{status} for a revoked access token: {body}"),
                Said::Away | Said::Cut => return false,
            }
        }
        match &self.state {
            State::Ended { refresh, access } => {
                match site.refresh(refresh).await {
                    Said::Answer(400, _) => {}
                    Said::Answer(status, body) => panic!("{status}: an acknowledged revocation is lost: {body}"),
                    Said::Away | Said::Cut => return false,
                }
                if let Some(access) = access
                    && let Said::Answer(200, body) = site.userinfo(access).await
                {
                    panic!("an access token of a revoked grant is good: {body}");
                }
                true
            }
            State::Holds { .. } => self.does(Deed::Refresh, site).await == Some(true),
            State::Ending { .. } => self.does(Deed::Revoke, site).await == Some(true),
            State::Begins { asked: true } => self.does(Deed::Redeem, site).await == Some(true),
            State::Begins { asked: false } | State::Lost => true,
        }
    }

    /// The code a second time, if it has succeeded: that must not succeed, and ends what came of it.
    pub(crate) async fn replays(&mut self, site: &Site) -> bool {
        if let State::Begins { .. } = self.state {
            return true;
        }
        let answered = match site.redeem(&self.code).await {
            Said::Answer(400, _) => true,
            Said::Answer(status, body) => panic!("{status}: a code succeeds twice: {body}"),
            Said::Away | Said::Cut => false,
        };
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Holds { refresh, .. } if answered => State::Ended { refresh, access: None },
            // It may have ended.
            State::Holds { refresh, access } => State::Ending { refresh, access },
            other => other,
        };
        answered
    }
}

/// `Some(false)`: 503. `None`: cut off.
fn missing(said: &Said) -> Option<bool> {
    matches!(said, Said::Away).then_some(false)
}

/// Users, their sessions and an application for visitors.
pub(crate) async fn furnish(store: &Store) {
    let now = now();
    let mut client = nouns::client("demo-web");
    // A machine may take its time to come back.
    client.lifetimes = Lifetimes { refresh_retry_window: Some(Duration::from_mins(10)), ..client.lifetimes };
    client.session_api = true;
    store.create_client(client).await.expect("a client");
    for number in 0..FAMILIES {
        let (name, session) = (format!("v{number}"), format!("s{number}"));
        store.create_user(nouns::user(&name)).await.expect("a user");
        let (idle_expires_at, expires_at) = (now.plus(4 * HOUR), now.plus(4 * HOUR));
        let session = Session { last_seen_at: now, idle_expires_at, expires_at, ..nouns::session(&session, &name) };
        store.begin_session(session, None, None).await.expect("a session");
    }
}

/// So many people with a code that was not redeemed yet.
pub(crate) async fn arrive(store: &Store, count: usize) -> Vec<Visitor> {
    let mut visitors = Vec::new();
    for number in 0..count {
        let place = number % FAMILIES;
        visitors.push(with_code(store, &format!("v{place}"), &format!("s{place}")).await);
    }
    visitors
}

/// Somebody with a code that was not redeemed yet.
pub(crate) async fn with_code(store: &Store, user: &str, session: &str) -> Visitor {
    let now = now();
    let (secret, hash) = hash::new_secret(SecretKind::Code, &OsEntropy);
    let code = Code {
        hash,
        user_id: nouns::user_id(user),
        session_id: nouns::session_id(session),
        issued_at: now,
        expires_at: now.plus(HOUR),
        code_challenge: Some(CodeChallenge::parse(&hash::s256(VERIFIER)).expect("a challenge")),
        resources: Vec::new(),
        ..nouns::code("c")
    };
    assert_eq!(store.issue_code(code, None, now).await, Ok(IssueCode::Issued));
    Visitor {
        code: secret.reveal().to_owned(),
        state: State::Begins { asked: false },
        denied: Vec::new(),
        half_denied: None,
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(SystemClock::new().unix_micros())
}
