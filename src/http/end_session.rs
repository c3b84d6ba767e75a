//! `/end_session`: OpenID Connect RP-Initiated Logout 1.0, by GET and by POST, and the question that comes before it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::domain::secret::Secret;
use crate::flow::authorize::BrowserCookies;
use crate::flow::logout::Logout;
use crate::flow::logout::Way;
use crate::protocol::discovery::path;
use crate::protocol::params;
use crate::protocol::params::Params;
use crate::protocol::response;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::browser;
use super::extract::csrf;
use super::extract::form;
use super::page::contexts::BackTo;
use super::page::contexts::ErrorKind;
use super::page::contexts::LogoutConfirmPage;
use super::page::contexts::SignedOutPage;
use super::page::link::Destination;
use super::respond;

const PURPOSE: &str = "end_session";

/// What a request may say that our own page hands on.
const HANDED_ON: [&str; 6] =
    ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    match Params::parse(&[request.query_string().as_bytes()], params::END_SESSION) {
        Ok(params) => end(&web, &request, &params, false).await,
        Err(fault) => error::request_page(&web, &request, &fault.into(), Vec::new()),
    }
}

/// "OpenID Providers MUST support the use of the HTTP GET and POST methods" (RP-Initiated Logout section 2). A form
/// of another site arrives without our cookies, so the browser is sent round once more by GET; only the form of our
/// own page, with its token, is acted upon at once.
pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), params::END_SESSION).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    let Some(token) = form::text(&params, "csrf") else {
        if let Err(fault) = params.check() {
            return error::request_page(&web, &request, &fault.into(), Vec::new());
        }
        return respond::see_other(&response::with_query(path::END_SESSION, handed_on(&params)), &[]);
    };
    let cookies = browser::cookies(&web, &request);
    if cookies.session.is_some()
        && !csrf::is_genuine(&web.signet, &request, Some(session(&cookies)), PURPOSE, Some(token))
    {
        return error::plain_page(&web, &request, StatusCode::FORBIDDEN, ErrorKind::Expired);
    }
    if form::text(&params, "decision") == Some("stay") {
        return respond::see_other("/", &[]);
    }
    end(&web, &request, &params, true).await
}

async fn end(web: &Web, request: &HttpRequest, params: &Params, confirmed: bool) -> HttpResponse {
    let cookies = browser::cookies(web, request);
    match web.signet.logout(params, &cookies, confirmed).await {
        Ok(Logout::Page(fault)) => error::request_page(web, request, &fault, Vec::new()),
        Ok(Logout::Ask { user, way }) => {
            let page = LogoutConfirmPage {
                csrf: Secret::new(csrf::token(&web.signet, session(&cookies), PURPOSE)),
                email: user.email.to_string(),
                level: web.signet.config.sessions.logout.into(),
                app_name: way.app,
                fields: handed_on(params).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                destination: way.back.as_deref().and_then(Destination::parse),
            };
            respond::page(web, respond::locale(web, request, &way.ui_locales), StatusCode::OK, &page)
        }
        Ok(Logout::Done { frames, way }) => signed_out(web, request, &frames, way),
        Err(failure) => error::page(web, request, &failure),
    }
}

/// The last page of a session, or straight on to the application when nobody has to be told in a frame.
#[must_use]
pub fn signed_out(web: &Web, request: &HttpRequest, frames: &[String], way: Way) -> HttpResponse {
    let state = web.signet.signed_out_state();
    let cookies = [web.cookies.clear(Cookie::Session), web.cookies.write(Cookie::State, &state, None)];
    let frames: Vec<Destination> = frames.iter().filter_map(|uri| Destination::parse(uri)).collect();
    match way.back {
        Some(back) if frames.is_empty() => respond::see_other(&back, &cookies),
        back => {
            let uri = back.as_deref().and_then(Destination::parse);
            let back = uri.map(|uri| BackTo { app: way.app.unwrap_or_else(|| uri.label().to_owned()), uri });
            let page = SignedOutPage { back, frames };
            let locale = respond::locale(web, request, &way.ui_locales);
            let mut response = respond::page(web, locale, StatusCode::OK, &page);
            respond::add_cookies(response.headers_mut(), &cookies);
            response
        }
    }
}

fn handed_on(params: &Params) -> impl Iterator<Item = (&str, &str)> {
    HANDED_ON.into_iter().filter_map(|name| Some((name, form::text(params, name)?)))
}

fn session(cookies: &BrowserCookies) -> &str {
    cookies.session.as_ref().map_or("", Secret::reveal)
}
