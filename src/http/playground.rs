//! The playground (dev): a small relying party on our own pages, so that a newcomer sees every step of the flow
//! with the exact request, and ends with verified tokens on the screen.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::crypto::hash;
use crate::domain::secret::Secret;
use crate::flow::dev;
use crate::protocol::params::Known;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::csrf;
use super::extract::form;
use super::page::contexts::ErrorKind;
use super::page::contexts::PlaygroundOutcome;
use super::page::contexts::PlaygroundPage;
use super::page::contexts::PlaygroundParameter;
use super::page::contexts::PlaygroundResultPage;
use super::page::link::Destination;
use super::respond;

const SCOPE: &str = "openid profile email offline_access";

const CALLBACK: &[Known] =
    &[Known::new("code"), Known::new("state"), Known::new("iss"), Known::new("error"), Known::new("error_description")];

/// What can be chosen on the start page.
const FORM: &[Known] = &[
    Known::new("csrf").max(128),
    Known::new("login_hint").max(256),
    Known::new("scope").max(4096),
    Known::new("prompt").max(256),
];

const PURPOSE: &str = "playground";

/// What the authorization request asks for. An empty field leaves its parameter out.
struct Choice {
    login_hint: String,
    scope: String,
    prompt: String,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            login_hint: dev::USER.to_owned(),
            scope: SCOPE.to_owned(),
            // OpenID Connect Core section 11: offline_access is granted only when the person is asked.
            prompt: "consent".to_owned(),
        }
    }
}

impl Choice {
    fn from_form(params: &Params) -> Self {
        let text = |name| form::text(params, name).unwrap_or_default().to_owned();
        Self { login_hint: text("login_hint"), scope: text("scope"), prompt: text("prompt") }
    }
}

/// What a start makes and the callback needs again.
struct Start {
    state: String,
    nonce: String,
    verifier: String,
}

/// How many starts one browser remembers, so that several tabs can be under way.
const STARTS: usize = 4;

impl Start {
    fn new(web: &Web) -> Self {
        let id = || hash::random_id("", web.signet.entropy.as_ref());
        // 43 characters at least, RFC 7636 section 4.1.
        Self { state: id(), nonce: id(), verifier: [id(), id()].concat() }
    }

    /// All starts that this browser remembers, the newest first.
    fn from_cookie(web: &Web, request: &HttpRequest) -> Vec<Self> {
        let text = web.cookies.read(request.headers(), Cookie::Playground).unwrap_or_default();
        let start = |text: &str| {
            let mut parts = text.split('.').map(str::to_owned);
            Some(Self { state: parts.next()?, nonce: parts.next()?, verifier: parts.next()? })
        };
        text.split('~').filter_map(start).take(STARTS).collect()
    }

    fn to_cookie(&self, older: &[Self]) -> String {
        let starts = std::iter::once(self).chain(older).take(STARTS);
        let texts: Vec<String> =
            starts.map(|start| format!("{}.{}.{}", start.state, start.nonce, start.verifier)).collect();
        texts.join("~")
    }

    fn parameters(&self, web: &Web, choice: &Choice) -> Vec<PlaygroundParameter> {
        let parameter = |name, value: &str, fresh| PlaygroundParameter { name, value: value.to_owned(), fresh };
        let mut parameters = vec![
            parameter("response_type", "code", false),
            parameter("client_id", dev::SPA_CLIENT, false),
            parameter("redirect_uri", &redirect_uri(web), false),
            parameter("scope", &choice.scope, false),
            parameter("state", &self.state, true),
            parameter("nonce", &self.nonce, true),
            parameter("code_challenge", &hash::s256(&self.verifier), true),
            parameter("code_challenge_method", "S256", false),
            parameter("prompt", &choice.prompt, false),
            parameter("login_hint", &choice.login_hint, false),
        ];
        parameters.retain(|parameter| !parameter.value.is_empty());
        parameters
    }
}

pub async fn start_page(web: App, request: HttpRequest) -> HttpResponse {
    let (choice, start) = (Choice::default(), Start::new(&web));
    let known = web.cookies.read(request.headers(), Cookie::Browser);
    let browser = known.clone().unwrap_or_else(|| random(&web));
    let page = PlaygroundPage {
        csrf: Secret::new(csrf::token(&web.signet, &browser, PURPOSE)),
        parameters: start.parameters(&web, &choice),
        login_hint: choice.login_hint,
        scope: choice.scope,
        issuer: web.signet.issuer().to_owned(),
        authorization_endpoint: format!("{}/authorize", web.signet.issuer()),
        destination: Destination::parse(&redirect_uri(&web)),
    };
    let mut response = respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page);
    if known.is_none() {
        respond::add_cookies(response.headers_mut(), &[web.cookies.write(Cookie::Browser, &browser, None)]);
    }
    std::future::ready(response).await
}

/// A start with what is usually asked for, for links.
pub async fn start(web: App, request: HttpRequest) -> HttpResponse {
    std::future::ready(begin(&web, &request, &Choice::default())).await
}

/// A start with what was chosen.
pub async fn start_chosen(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    if params.check().is_err() {
        return error::plain_page(&web, &request, StatusCode::BAD_REQUEST, ErrorKind::Request);
    }
    let browser = web.cookies.read(request.headers(), Cookie::Browser);
    if !csrf::is_genuine(&web.signet, &request, browser.as_deref(), PURPOSE, form::text(&params, "csrf")) {
        return respond::see_other("/playground", &[]);
    }
    begin(&web, &request, &Choice::from_form(&params))
}

/// Makes state, nonce and verifier, remembers them in this browser, and sends it to the authorization endpoint.
fn begin(web: &Web, request: &HttpRequest, choice: &Choice) -> HttpResponse {
    let start = Start::new(web);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for parameter in start.parameters(web, choice) {
        query.append_pair(parameter.name, &parameter.value);
    }
    let cookie = web.cookies.write(Cookie::Playground, &start.to_cookie(&Start::from_cookie(web, request)), None);
    respond::see_other(&format!("/authorize?{}", query.finish()), &[cookie])
}

pub async fn callback(web: App, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(&[request.query_string().as_bytes()], CALLBACK).ok();
    let value = |name: &str| params.as_ref().and_then(|params| params.get(name).ok().flatten()).map(str::to_owned);
    // The state must be one that this browser was given: otherwise somebody else began this flow.
    let sent = Start::from_cookie(&web, &request);
    let start = sent.into_iter().find(|start| value("state").as_deref() == Some(start.state.as_str()));
    let page = PlaygroundResultPage {
        outcome: outcome(start.as_ref(), &value),
        state: value("state"),
        iss: value("iss"),
        issuer: web.signet.issuer().to_owned(),
        client_id: dev::SPA_CLIENT.to_owned(),
        redirect_uri: redirect_uri(&web),
        nonce: start.map(|start| start.nonce).unwrap_or_default(),
        token_endpoint: format!("{}/token", web.signet.issuer()),
        jwks_uri: format!("{}/.well-known/jwks.json", web.signet.issuer()),
        userinfo_endpoint: format!("{}/userinfo", web.signet.issuer()),
        demo_api: web.signet.demo_api(),
    };
    std::future::ready(respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page)).await
}

fn outcome(start: Option<&Start>, value: &impl Fn(&str) -> Option<String>) -> PlaygroundOutcome {
    let Some(start) = start else { return PlaygroundOutcome::Unknown };
    if let Some(error) = value("error") {
        return PlaygroundOutcome::Error { error, description: value("error_description") };
    }
    match value("code") {
        Some(code) => {
            PlaygroundOutcome::Code { code: Secret::new(code), verifier: Secret::new(start.verifier.clone()) }
        }
        None => PlaygroundOutcome::Unknown,
    }
}

fn random(web: &Web) -> String {
    hash::random_id("sgp_", web.signet.entropy.as_ref())
}

fn redirect_uri(web: &Web) -> String {
    format!("{}/callback", web.signet.issuer())
}
