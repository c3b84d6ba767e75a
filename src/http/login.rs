//! `/login` and `/select_account`: pages of an attempt. Each ends with a 303 back to `/authorize/{request}`.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Payload;

use crate::domain::client::ClientSource;
use crate::domain::ids::RequestId;
use crate::domain::secret::Secret;
use crate::flow::authorize::AttemptLookup;
use crate::flow::authorize::BrowserCookies;
use crate::flow::authorize::OpenAttempt;
use crate::flow::authorize::Question;
use crate::flow::dev;
use crate::flow::error::FlowError;
use crate::flow::login::Credentials;
use crate::flow::login::Login;
use crate::protocol::params::Known;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::authorize;
use super::cookie::Cookie;
use super::cookie::DEVICE_REMEMBERED;
use super::error;
use super::extract::browser;
use super::extract::csrf;
use super::extract::form;
use super::extract::peer;
use super::page::contexts::About;
use super::page::contexts::App as AppView;
use super::page::contexts::ErrorKind;
use super::page::contexts::Form;
use super::page::contexts::LoginError;
use super::page::contexts::LoginNotice;
use super::page::contexts::LoginPage;
use super::page::contexts::SelectAccountPage;
use super::page::link::Destination;
use super::respond;

/// What the forms of an attempt send. The password is longer than any that is accepted, so that a long one is
/// refused by its own rule.
pub(super) const FORM: &[Known] = &[
    Known::new("request").max(255),
    Known::new("csrf").max(128),
    Known::new("username").max(1024),
    Known::new("password").max(8192),
    Known::new("choice").max(32),
    Known::new("decision").max(32),
    Known::new("remember").max(32),
];

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    match open_from_query(&web, &request).await {
        Ok((open, cookies)) => {
            let hint = open.attempt.request.login_hint.clone().unwrap_or_default();
            let notice = if request.query_string().ends_with("&again=1") {
                Some(LoginNotice::Restarted)
            } else {
                open.signed_in.is_some().then_some(LoginNotice::Confirm)
            };
            show(&web, &request, &open, &cookies, Shown { username: hint, notice, ..Shown::default() })
        }
        Err(answer) => answer,
    }
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    if params.check().is_err() {
        return error::plain_page(&web, &request, StatusCode::BAD_REQUEST, ErrorKind::Request);
    }
    let (open, cookies) = match open(&web, &request, &params).await {
        Ok(open) => open,
        Err(answer) => return answer,
    };
    let username = form::text(&params, "username").unwrap_or_default().to_owned();
    let shown = |status, error| Shown { status, username: username.clone(), error: Some(error), notice: None };
    if !is_genuine(&web, &request, &params, &cookies, open.attempt.id.as_str()) {
        return show(&web, &request, &open, &cookies, shown(StatusCode::FORBIDDEN, LoginError::Stale));
    }
    let credentials = Credentials {
        username: username.clone(),
        password: Secret::new(form::text(&params, "password").unwrap_or_default()),
        device: web.cookies.read(request.headers(), Cookie::Device),
        address: peer::address(&request, &web.signet.config.server.trusted_proxies),
    };
    let id = open.attempt.id.clone();
    let (status, fault, retry_after) = match web.signet.login(&id, credentials, &cookies).await {
        Ok(Login::SignedIn(signed_in)) => {
            let set = [
                web.cookies.write(Cookie::Session, signed_in.session.reveal(), None),
                web.cookies.write(Cookie::State, &web.signet.browser_state(&signed_in.session_id), None),
                web.cookies.write(Cookie::Device, &signed_in.device, Some(DEVICE_REMEMBERED)),
            ];
            return respond::see_other(&format!("/authorize/{id}"), &set);
        }
        Ok(Login::Elsewhere(next)) => return authorize::answer(&web, &request, Ok(next), Vec::new()),
        Ok(Login::Denied) => (StatusCode::UNAUTHORIZED, LoginError::Credentials, None),
        Ok(Login::Wait(time)) => {
            let minutes = time.as_secs().div_ceil(60).max(1);
            (StatusCode::TOO_MANY_REQUESTS, LoginError::Throttled { minutes }, Some(minutes * 60))
        }
        Err(FlowError::Busy { retry_after }) => {
            (StatusCode::SERVICE_UNAVAILABLE, LoginError::Busy, Some(retry_after.as_secs().max(1)))
        }
        Err(failure) => return error::page(&web, &request, &failure),
    };
    let mut answer = show(&web, &request, &open, &cookies, shown(status, fault));
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

pub async fn select_account_page(web: App, request: HttpRequest) -> HttpResponse {
    match open_from_query(&web, &request).await {
        Ok((open, cookies)) => show_account(&web, &request, &open, &cookies, StatusCode::OK),
        Err(answer) => answer,
    }
}

pub async fn select_account(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    let (open, cookies) = match open(&web, &request, &params).await {
        Ok(open) => open,
        Err(answer) => return answer,
    };
    if !is_genuine(&web, &request, &params, &cookies, &purpose_for_user(&open)) {
        return show_account(&web, &request, &open, &cookies, StatusCode::FORBIDDEN);
    }
    let id = &open.attempt.id;
    match form::text(&params, "choice") {
        Some("continue") => {
            authorize::answer(&web, &request, web.signet.select_account(id, &cookies).await, Vec::new())
        }
        _ => to_login(id),
    }
}

/// The open attempt that the query of a page names.
///
/// # Errors
/// As [`open`].
pub async fn open_from_query(web: &Web, request: &HttpRequest) -> Result<(OpenAttempt, BrowserCookies), HttpResponse> {
    match Params::parse(&[request.query_string().as_bytes()], FORM) {
        Ok(params) => open(web, request, &params).await,
        Err(_) => Err(error::plain_page(web, request, StatusCode::BAD_REQUEST, ErrorKind::Expired)),
    }
}

/// The open attempt that a page belongs to, or the answer that takes its place.
///
/// # Errors
/// The answer: a restart, or a page that says that nothing is known of the attempt.
pub async fn open(
    web: &Web,
    request: &HttpRequest,
    params: &Params,
) -> Result<(OpenAttempt, BrowserCookies), HttpResponse> {
    let cookies = browser::cookies(web, request);
    let Some(Ok(id)) = form::text(params, "request").map(RequestId::new) else {
        return Err(error::plain_page(web, request, StatusCode::BAD_REQUEST, ErrorKind::Expired));
    };
    match web.signet.open_attempt(&id, &cookies).await {
        Ok(AttemptLookup::Open(open)) => Ok((*open, cookies)),
        Ok(AttemptLookup::Restarted(next)) => Err(authorize::answer(web, request, Ok(next), Vec::new())),
        Ok(AttemptLookup::Lost) => Err(error::plain_page(web, request, StatusCode::BAD_REQUEST, ErrorKind::Expired)),
        Err(failure) => Err(error::page(web, request, &failure)),
    }
}

/// What a form is for that names the person who is signed in: it is no answer of the next one who signs in, in this
/// browser and perhaps in another tab.
#[must_use]
pub fn purpose_for_user(open: &OpenAttempt) -> String {
    let user = open.signed_in.as_ref().map_or("", |(_, user)| user.id.as_str());
    format!("{}\0{user}", open.attempt.id)
}

/// Hidden inputs of the forms of an attempt.
#[must_use]
pub fn form_of(web: &Web, cookies: &BrowserCookies, id: &RequestId, purpose: &str) -> Form {
    let browser = cookies.browser.as_ref().map_or("", Secret::reveal);
    Form { csrf: Secret::new(csrf::token(&web.signet, browser, purpose)), request: id.clone() }
}

/// Whether a posted form of an attempt is ours and this browser's.
#[must_use]
pub fn is_genuine(web: &Web, request: &HttpRequest, params: &Params, cookies: &BrowserCookies, purpose: &str) -> bool {
    let browser = cookies.browser.as_ref().map(Secret::reveal);
    csrf::is_genuine(&web.signet, request, browser, purpose, form::text(params, "csrf"))
}

/// The application, as pages show it.
#[must_use]
pub fn app_of(web: &Web, open: &OpenAttempt) -> AppView {
    if let Some(back) = web.signet.gateway_destination(&open.attempt.request) {
        let destination = Destination::parse(back.as_str());
        return AppView { name: back.host(), destination, about: About::default(), unverified: false };
    }
    AppView {
        name: open.client.name.clone(),
        destination: Destination::parse(&open.attempt.request.redirect_uri),
        about: About::from(&open.client.presentation),
        unverified: open.client.source == ClientSource::Registration,
    }
}

/// On to the login page, to sign in as somebody else.
#[must_use]
pub fn to_login(id: &RequestId) -> HttpResponse {
    respond::see_other(&authorize::question_path(Question::Login, id), &[])
}

struct Shown {
    status: StatusCode,
    username: String,
    error: Option<LoginError>,
    notice: Option<LoginNotice>,
}

impl Default for Shown {
    fn default() -> Self {
        Self { status: StatusCode::OK, username: String::new(), error: None, notice: None }
    }
}

fn show(web: &Web, request: &HttpRequest, open: &OpenAttempt, cookies: &BrowserCookies, shown: Shown) -> HttpResponse {
    // The walk of a newcomer is two clicks: in dev mode, and there only, the demo user's password is filled in.
    let demo =
        web.signet.dev && shown.error.is_none() && [dev::USER, dev::OTHER_USER].contains(&shown.username.as_str());
    let page = LoginPage {
        form: form_of(web, cookies, &open.attempt.id, open.attempt.id.as_str()),
        app: (!web.signet.is_own(&open.client)).then(|| app_of(web, open)),
        prefill_password: demo.then(|| Secret::new(dev::PASSWORD)),
        username: shown.username,
        error: shown.error,
        notice: shown.notice,
    };
    respond::page(web, respond::locale(web, request, &open.attempt.request.ui_locales), shown.status, &page)
}

fn show_account(
    web: &Web,
    request: &HttpRequest,
    open: &OpenAttempt,
    cookies: &BrowserCookies,
    status: StatusCode,
) -> HttpResponse {
    let Some((_, user)) = &open.signed_in else { return to_login(&open.attempt.id) };
    let page = SelectAccountPage {
        form: form_of(web, cookies, &open.attempt.id, &purpose_for_user(open)),
        app: app_of(web, open),
        email: user.email.to_string(),
        name: user.claims.name.clone(),
    };
    respond::page(web, respond::locale(web, request, &open.attempt.request.ui_locales), status, &page)
}
