//! People and applications that keep asking, while nodes come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::support::browser::Browser;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;

const SCOPE: &str = "openid email offline_access";
/// Between two requests of one worker, so that other tests have a turn too.
const PAUSE: Duration = Duration::from_millis(10);

/// What was asked for, and how often it was answered as it should be.
pub(crate) type Counts = BTreeMap<&'static str, usize>;

#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) answered: Counts,
    /// Requests without an answer, or with another one than they should have.
    pub(crate) failed: Vec<String>,
    /// The most that one of the workers saw.
    pub(crate) most_of_one: usize,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<Outcome>,
}

impl Load {
    /// Signs everybody in, then begins.
    pub(crate) async fn start(fleet: &Fleet, workers: usize) -> Self {
        // Each sign-in makes a refresh family, and the oldest of too many at one application ends: so there are two.
        let (shop, till, service) = (fleet.app("shop"), fleet.app("till"), fleet.robot());
        let ended = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for _ in 0..workers {
            let worker = Worker::sign_in([&shop, &till, &service]).await;
            running.spawn(worker.work(Arc::clone(&ended)));
        }
        Self { stop: ended, workers: running }
    }

    pub(crate) async fn end(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Outcome::default();
        for outcome in self.workers.join_all().await {
            all.most_of_one = all.most_of_one.max(outcome.failed.len());
            all.failed.extend(outcome.failed);
            for (what, count) in outcome.answered {
                *all.answered.entry(what).or_default() += count;
            }
        }
        all
    }
}

/// One person with a browser, the application that they use, and a service.
struct Worker {
    http: reqwest::Client,
    shop: Party,
    till: Party,
    robot: Party,
    /// What the browser sends along.
    cookies: String,
    access: String,
    refresh: String,
    outcome: Outcome,
}

impl Worker {
    async fn sign_in(parties: [&Party; 3]) -> Self {
        // Connections of its own.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let [shop, till, robot] = parties.map(|party| {
            let mut party = party.clone();
            party.http = http.clone();
            party
        });
        let mut browser = Browser::new();
        let code = shop.code(&mut browser, SCOPE).await;
        let tokens = shop.redeem(&code).await.tokens();
        till.code(&mut browser, SCOPE).await;
        let cookies = browser.cookies().map(|(name, cookie)| format!("{name}={}", cookie.value));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let (access, refresh) = (tokens.access().to_owned(), tokens.refresh().to_owned());
        Self { http, shop, till, robot, cookies, access, refresh, outcome: Outcome::default() }
    }

    async fn work(mut self, stop: Arc<AtomicBool>) -> Outcome {
        while !stop.load(Ordering::Relaxed) {
            self.sign_in_again().await;
            self.refresh().await;
            let introspect = self.shop.request("/introspect", Form::new(&[("token", &self.refresh)]));
            self.ask("introspect", introspect, |body| body["active"] == true).await;
            let userinfo = self.http.get(self.url("/userinfo")).bearer_auth(&self.access);
            self.ask("userinfo", userinfo, |body| body["email"] == "ada@example.test").await;
            let jwks = self.http.get(self.url("/.well-known/jwks.json"));
            self.ask("jwks", jwks, |body| body["keys"].is_array()).await;
            let service = self.robot.request("/token", Form::new(&[("grant_type", "client_credentials")]));
            self.ask("client_credentials", service, |body| body["access_token"].is_string()).await;
        }
        // Nobody is logged out, whatever has failed on the way.
        for _ in 0..20 {
            if self.refresh().await {
                return self.outcome;
            }
        }
        panic!("logged out: {:?}", self.outcome);
    }

    /// The next application of somebody who is signed in: no page, a code, tokens.
    async fn sign_in_again(&mut self) {
        let mut url = self.till.authorization_url("openid email");
        url.query_pairs_mut().append_pair("prompt", "none");
        let Some(code) = self.authorize(url).await else { return };
        let redeem = self.till.request("/token", Party::code_form(&code));
        self.ask("code", redeem, |body| body["id_token"].is_string()).await;
    }

    async fn authorize(&mut self, mut url: url::Url) -> Option<String> {
        tokio::time::sleep(PAUSE).await;
        for _ in 0..5 {
            let request = self.http.get(url.clone()).header("cookie", &self.cookies);
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => return self.fail("authorize", &format!("{error:?}")),
            };
            let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
            let Some(next) = location.and_then(|location| url.join(location).ok()) else {
                return self.fail("authorize", answer.status().as_str());
            };
            if next.as_str().starts_with(REDIRECT_URI) {
                let code = next.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
                let Some(code) = code else { return self.fail("authorize", next.as_str()) };
                *self.outcome.answered.entry("authorize").or_default() += 1;
                return Some(code);
            }
            url = next;
        }
        self.fail("authorize", &format!("too many steps, last {url}"))
    }

    /// When the answer does not come the same token is sent again, later: that is what the window is for.
    async fn refresh(&mut self) -> bool {
        let request = self.shop.request("/token", Party::refresh_form(&self.refresh));
        let Some(body) = self.ask("refresh", request, |body| body["refresh_token"].is_string()).await else {
            return false;
        };
        body["refresh_token"].as_str().unwrap().clone_into(&mut self.refresh);
        body["access_token"].as_str().unwrap().clone_into(&mut self.access);
        true
    }

    async fn ask(
        &mut self,
        what: &'static str,
        request: RequestBuilder,
        is_good: impl FnOnce(&Value) -> bool,
    ) -> Option<Value> {
        tokio::time::sleep(PAUSE).await;
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return self.fail(what, &format!("{error:?}")),
        };
        let status = answer.status();
        let text = answer.text().await.unwrap_or_else(|error| format!("{error:?}"));
        match serde_json::from_str(&text) {
            Ok(body) if status == 200 && is_good(&body) => {
                *self.outcome.answered.entry(what).or_default() += 1;
                Some(body)
            }
            _ => self.fail(what, &format!("{status}: {text}")),
        }
    }

    fn fail<T>(&mut self, what: &'static str, why: &str) -> Option<T> {
        self.outcome.failed.push(format!("{what}: {why}"));
        None
    }

    fn url(&self, path: &str) -> url::Url {
        self.shop.base.join(path).unwrap()
    }
}
