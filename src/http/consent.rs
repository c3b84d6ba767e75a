//! `/consent`: what an application will be able to do, and whether somebody wants that.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::flow::authorize::BrowserCookies;
use crate::flow::authorize::OpenAttempt;
use crate::flow::consent::Decision;

use super::App;
use super::Web;
use super::authorize;
use super::error;
use super::extract::form;
use super::login;
use super::page::contexts::ConsentPage;
use super::page::contexts::ErrorKind;
use super::page::contexts::ScopeLine;
use super::respond;

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    match login::open_from_query(&web, &request).await {
        Ok((open, cookies)) => show(&web, &request, &open, &cookies, StatusCode::OK),
        Err(answer) => answer,
    }
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), login::FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    let (open, cookies) = match login::open(&web, &request, &params).await {
        Ok(open) => open,
        Err(answer) => return answer,
    };
    // Also when somebody else has signed in since the page was shown: then it is theirs to answer.
    if !login::is_genuine(&web, &request, &params, &cookies, &login::purpose_for_user(&open)) {
        return show(&web, &request, &open, &cookies, StatusCode::FORBIDDEN);
    }
    let id = &open.attempt.id;
    let decision = match form::text(&params, "decision") {
        Some("allow") => Decision::Allow { remember: form::text(&params, "remember").is_some() },
        Some("deny") => Decision::Deny,
        Some("switch") => return login::to_login(id),
        _ => return error::plain_page(&web, &request, StatusCode::BAD_REQUEST, ErrorKind::Request),
    };
    authorize::answer(&web, &request, web.signet.consent(id, decision, &cookies).await, Vec::new())
}

fn show(
    web: &Web,
    request: &HttpRequest,
    open: &OpenAttempt,
    cookies: &BrowserCookies,
    status: StatusCode,
) -> HttpResponse {
    let Some((_, user)) = &open.signed_in else { return login::to_login(&open.attempt.id) };
    let page = ConsentPage {
        form: login::form_of(web, cookies, &open.attempt.id, &login::purpose_for_user(open)),
        app: login::app_of(web, open),
        email: user.email.to_string(),
        scopes: ScopeLine::list(&open.attempt.request.asks_for()),
    };
    respond::page(web, respond::locale(web, request, &open.attempt.request.ui_locales), status, &page)
}
