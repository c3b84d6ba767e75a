//! `/end_session`: sign out of this browser, after a question.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::domain::secret::Secret;
use crate::flow::authorize::BrowserCookies;
use crate::protocol::params::Known;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::browser;
use super::extract::csrf;
use super::extract::form;
use super::page::contexts::ErrorKind;
use super::page::contexts::LogoutConfirmPage;
use super::page::contexts::SignedOutPage;
use super::respond;

const PURPOSE: &str = "end_session";

const FORM: &[Known] = &[Known::new("csrf"), Known::new("decision")];

/// Asks, so that no link of a stranger signs anybody out.
pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let cookies = browser::cookies(&web, &request);
    match web.signet.signed_in(&cookies).await {
        Ok(Some((_, user))) => {
            let page = LogoutConfirmPage {
                csrf: Secret::new(csrf::token(&web.signet, session(&cookies), PURPOSE)),
                email: user.email.to_string(),
                app_name: None,
                fields: Vec::new(),
                destination: None,
            };
            respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page)
        }
        Ok(None) => signed_out(&web, &request),
        Err(failure) => error::page(&web, &request, &failure),
    }
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    let cookies = browser::cookies(&web, &request);
    if cookies.session.is_none() {
        return signed_out(&web, &request);
    }
    if !csrf::is_genuine(&web.signet, &request, Some(session(&cookies)), PURPOSE, form::text(&params, "csrf")) {
        return error::plain_page(&web, &request, StatusCode::FORBIDDEN, ErrorKind::Expired);
    }
    if form::text(&params, "decision") == Some("stay") {
        return respond::see_other("/", &[]);
    }
    match web.signet.sign_out(&cookies).await {
        Ok(_) => signed_out(&web, &request),
        Err(failure) => error::page(&web, &request, &failure),
    }
}

fn session(cookies: &BrowserCookies) -> &str {
    cookies.session.as_ref().map_or("", Secret::reveal)
}

fn signed_out(web: &Web, request: &HttpRequest) -> HttpResponse {
    let page = SignedOutPage { back: None };
    let mut response = respond::page(web, respond::locale(web, request, &[]), StatusCode::OK, &page);
    respond::add_cookies(response.headers_mut(), &[web.cookies.clear(Cookie::Session)]);
    response
}
