//! `/account`: who somebody is here, where they are signed in, which applications have access; and the end of each.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::flow::account::FRESH_FOR;
use crate::flow::account::Overview;
use crate::flow::authorize::BrowserCookies;
use crate::flow::error::FlowError;
use crate::flow::logout::Way;
use crate::protocol::params::Known;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::authorize;
use super::end_session;
use super::error;
use super::extract::browser;
use super::extract::csrf;
use super::extract::form;
use super::page::contexts::AccountApplication;
use super::page::contexts::AccountPage;
use super::page::contexts::AccountSession;
use super::page::contexts::ErrorKind;
use super::page::contexts::ScopeLine;
use super::respond;

const PURPOSE: &str = "account";

const FORM: &[Known] = &[
    Known::new("csrf").max(128),
    Known::new("action").max(32),
    Known::new("session").max(255),
    Known::new("client").max(255),
];

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let cookies = browser::cookies(&web, &request);
    match web.signet.signed_in(&cookies).await {
        Ok(Some((session, user))) => match web.signet.overview(&user).await {
            Ok(overview) => show(&web, &request, &cookies, &session, &user, overview),
            Err(failure) => error::page(&web, &request, &failure),
        },
        Ok(None) => sign_in(&web, &request, &cookies, false).await,
        Err(failure) => error::page(&web, &request, &failure),
    }
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    let cookies = browser::cookies(&web, &request);
    let (session, user) = match web.signet.signed_in(&cookies).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return respond::see_other("/account", &[]),
        Err(failure) => return error::page(&web, &request, &failure),
    };
    let token = form::text(&params, "csrf");
    if !csrf::is_genuine(&web.signet, &request, Some(secret(&cookies)), PURPOSE, token) {
        return error::plain_page(&web, &request, StatusCode::FORBIDDEN, ErrorKind::Expired);
    }
    // Whoever finds an open browser shall look, and change nothing.
    if !web.signet.is_fresh(&session) {
        return sign_in(&web, &request, &cookies, true).await;
    }
    match act(&web, &request, &params, &session, &user).await {
        Ok(answer) => answer,
        Err(failure) => error::page(&web, &request, &failure),
    }
}

async fn act(
    web: &Web,
    request: &HttpRequest,
    params: &Params,
    session: &Session,
    user: &User,
) -> Result<HttpResponse, FlowError> {
    let not_found = || error::plain_page(web, request, StatusCode::NOT_FOUND, ErrorKind::NotFound);
    let named = |name| form::text(params, name).unwrap_or_default();
    match named("action") {
        "sign-out" => {
            let Ok(id) = SessionId::new(named("session")) else { return Ok(not_found()) };
            // Another person's session is as unknown as one that never was.
            let Some(chosen) = web.signet.own_session(user, &id).await? else { return Ok(not_found()) };
            let frames = web.signet.sign_out_of(&chosen).await?;
            if chosen.id == session.id {
                return Ok(end_session::signed_out(web, request, &frames, Way::default()));
            }
            Ok(respond::see_other("/account", &[]))
        }
        "sign-out-everywhere" => {
            let frames = web.signet.sign_out_person(&user.id, Some(&session.id), RevocationReason::Logout).await?;
            Ok(end_session::signed_out(web, request, &frames, Way::default()))
        }
        "remove" => {
            let Ok(id) = ClientId::new(named("client")) else { return Ok(not_found()) };
            match web.signet.remove_access(&user.id, &id).await? {
                true => Ok(respond::see_other("/account", &[])),
                false => Ok(not_found()),
            }
        }
        _ => Ok(error::plain_page(web, request, StatusCode::BAD_REQUEST, ErrorKind::Request)),
    }
}

async fn sign_in(web: &Web, request: &HttpRequest, cookies: &BrowserCookies, again: bool) -> HttpResponse {
    let next = web.signet.sign_in_for_account(cookies, again.then_some(FRESH_FOR)).await;
    authorize::answer(web, request, next, Vec::new())
}

fn show(
    web: &Web,
    request: &HttpRequest,
    cookies: &BrowserCookies,
    current: &Session,
    user: &User,
    overview: Overview,
) -> HttpResponse {
    let page = AccountPage {
        csrf: Secret::new(csrf::token(&web.signet, secret(cookies), PURPOSE)),
        email: user.email.to_string(),
        name: user.claims.name.clone(),
        level: web.signet.config.sessions.logout.into(),
        sessions: overview
            .sessions
            .into_iter()
            .map(|open| AccountSession {
                current: open.session.id == current.id,
                id: open.session.id.to_string(),
                since: minutes(open.session.created_at),
                last_seen: minutes(open.session.last_seen_at),
                applications: open.applications,
            })
            .collect(),
        applications: overview
            .applications
            .into_iter()
            .map(|application| AccountApplication {
                id: application.client_id.to_string(),
                name: application.name,
                scopes: ScopeLine::list(&application.scope),
                since: minutes(application.since),
            })
            .collect(),
    };
    respond::page(web, respond::locale(web, request, &[]), StatusCode::OK, &page)
}

/// `2026-11-22 12:00`, UTC.
fn minutes(at: Timestamp) -> String {
    at.to_string().chars().take(16).map(|character| if character == 'T' { ' ' } else { character }).collect()
}

fn secret(cookies: &BrowserCookies) -> &str {
    cookies.session.as_ref().map_or("", Secret::reveal)
}
