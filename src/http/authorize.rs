//! `/authorize`: OpenID Connect Core section 3.1.2, by GET and by POST.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::web::Payload;

use crate::domain::client::ApplicationType;
use crate::domain::ids::RequestId;
use crate::domain::request::ResponseMode;
use crate::flow::authorize::Next;
use crate::flow::authorize::Question;
use crate::flow::error::FlowError;
use crate::protocol::authorize;
use crate::protocol::params;
use crate::protocol::params::Params;
use crate::protocol::response::AuthorizationResponse;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::browser;
use super::extract::form;
use super::extract::form::BodyLimits;
use super::page::contexts::ErrorKind;
use super::page::contexts::FormPostPage;
use super::page::link::Destination;
use super::respond;

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    match Params::parse(&[request.query_string().as_bytes()], params::AUTHORIZE) {
        Ok(params) => begin(&web, &request, &params).await,
        Err(fault) => error::request_page(&web, &request, &fault.into(), Vec::new()),
    }
}

/// "Authorization Servers MUST support the use of the HTTP GET and POST methods" (OpenID Connect Core section
/// 3.1.2.1). Needs no CSRF token: it only starts a flow, as any link could.
pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    // Room for the largest request object beside everything else, so that one that is too large can be told so.
    let limits = web.body_limits();
    let limits = BodyLimits { bytes: limits.bytes + params::LARGEST_OBJECT, ..limits };
    match form::form_and_query(&request, payload, limits, params::AUTHORIZE).await {
        Ok(params) => begin(&web, &request, &params).await,
        Err(fault) => error::bad_body_page(&web, &request, fault),
    }
}

/// Where every step comes back to.
pub async fn resume(web: App, request: HttpRequest, path: Path<String>) -> HttpResponse {
    let Ok(id) = RequestId::new(path.into_inner()) else { return lost(&web, &request) };
    let cookies = browser::cookies(&web, &request);
    let next = web.signet.resume(&id, &cookies).await;
    answer(&web, &request, next, Vec::new())
}

async fn begin(web: &Web, request: &HttpRequest, params: &Params) -> HttpResponse {
    let cookies = browser::cookies(web, request);
    match web.signet.authorize(params, &cookies).await {
        Ok(Next::Page(fault)) => error::request_page(web, request, &fault, facts(web, params).await),
        next => answer(web, request, next, Vec::new()),
    }
}

/// What was sent and what would have been right, for whoever builds the application. Dev mode only: elsewhere this
/// would tell strangers which clients exist.
async fn facts(web: &Web, params: &Params) -> Vec<(String, String)> {
    if !web.signet.dev {
        return Vec::new();
    }
    let sent = |name: &str| params.get(name).ok().flatten().unwrap_or("(missing, or sent twice)").to_owned();
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let client = match authorize::client_id(params) {
        Ok(id) => web.signet.client(&id).await.ok().flatten(),
        Err(_) => None,
    };
    let Some(client) = client.filter(|client| !client.disabled) else {
        return vec![
            fact("client_id sent", &sent("client_id")),
            fact("fix", "Send the client_id of a registered client; `signet clients list` shows them all."),
        ];
    };
    let uri = sent("redirect_uri");
    let mut facts = vec![fact("client_id", client.id.as_str()), fact("redirect_uri sent", &uri)];
    facts.extend(client.redirect_uris.iter().map(|registered| fact("redirect_uri registered", registered.as_str())));
    let without = uri.strip_suffix('/');
    let near = without.is_some_and(|uri| client.redirects_to(uri)) || client.redirects_to(&format!("{uri}/"));
    facts.push(fact(
        "fix",
        if near {
            "It differs only by a trailing slash: redirect URIs are compared byte by byte."
        } else {
            "Send one that is registered, byte by byte, or register the one that was sent."
        },
    ));
    if client.application_type == ApplicationType::Native {
        facts.push(fact("port", "This client is native: on a loopback address any port will do."));
    }
    facts
}

/// Turns the dispatcher's decision into an answer; `cookies` go along.
#[must_use]
pub fn answer(
    web: &Web,
    request: &HttpRequest,
    next: Result<Next, FlowError>,
    mut cookies: Vec<String>,
) -> HttpResponse {
    match next {
        Ok(Next::Page(fault)) => error::request_page(web, request, &fault, Vec::new()),
        Ok(Next::Respond(response)) => deliver(web, request, &response, &cookies),
        Ok(Next::Ask { question, attempt, new_browser, again }) => {
            if let Some(browser) = new_browser {
                cookies.push(web.cookies.write(Cookie::Browser, browser.reveal(), None));
            }
            let mut path = question_path(question, &attempt);
            if again {
                path.push_str("&again=1");
            }
            respond::see_other(&path, &cookies)
        }
        Ok(Next::Account) => respond::see_other("/account", &cookies),
        Ok(Next::Lost) => lost(web, request),
        Err(failure) => error::page(web, request, &failure),
    }
}

/// The address of a question's page.
#[must_use]
pub fn question_path(question: Question, attempt: &RequestId) -> String {
    let page = match question {
        Question::Login => "/login",
        Question::SelectAccount => "/select_account",
        Question::Consent => "/consent",
    };
    format!("{page}?request={attempt}")
}

fn lost(web: &Web, request: &HttpRequest) -> HttpResponse {
    error::plain_page(web, request, StatusCode::BAD_REQUEST, ErrorKind::Expired)
}

fn deliver(web: &Web, request: &HttpRequest, response: &AuthorizationResponse, cookies: &[String]) -> HttpResponse {
    match response.response_mode {
        ResponseMode::Query | ResponseMode::Fragment => respond::see_other(&response.location(), cookies),
        ResponseMode::FormPost => {
            // The action was compared with the registration byte by byte before anything else happened.
            let Some(destination) = Destination::parse(&response.redirect_uri) else { return lost(web, request) };
            let fields = response.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let page = FormPostPage { app_name: destination.label().to_owned(), destination, fields };
            let mut answer = respond::page(web, respond::locale(web, request, &[]), StatusCode::OK, &page);
            respond::add_cookies(answer.headers_mut(), cookies);
            answer
        }
    }
}
