//! `/setup/{link}`: the first administrator chooses a password.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::web::Payload;

use crate::crypto::password;
use crate::domain::secret::Secret;
use crate::domain::user::Email;
use crate::flow::setup::Setup;
use crate::protocol::params::Known;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::error;
use super::extract::csrf;
use super::extract::form;
use super::page::contexts::ErrorKind;
use super::page::contexts::SetupDonePage;
use super::page::contexts::SetupError;
use super::page::contexts::SetupPage;
use super::respond;

const FORM: &[Known] = &[Known::new("csrf"), Known::new("email").max(320), Known::new("password").max(4096)];

pub async fn get(web: App, request: HttpRequest, link: Path<String>) -> HttpResponse {
    match web.signet.is_setup_link(&link).await {
        Ok(true) => show(&web, &request, &link, String::new(), None),
        Ok(false) => error::plain_page(&web, &request, StatusCode::NOT_FOUND, ErrorKind::Link),
        Err(failure) => error::page(&web, &request, &failure),
    }
}

pub async fn post(web: App, request: HttpRequest, link: Path<String>, payload: Payload) -> HttpResponse {
    let params = match form::form(&request, payload, web.body_limits(), FORM).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body_page(&web, &request, fault),
    };
    // The link itself is the secret that this form proves to know; the token ties it to this page.
    let posted = form::text(&params, "csrf");
    if !csrf::is_genuine(&web.signet, &request, Some(&link), "setup", posted) {
        return error::plain_page(&web, &request, StatusCode::FORBIDDEN, ErrorKind::Expired);
    }
    let typed = form::text(&params, "email").unwrap_or_default().to_owned();
    let (email, secret) = match check(&web, &params) {
        Ok(checked) => checked,
        Err(fault) => return show(&web, &request, &link, typed, Some(fault)),
    };
    match web.signet.set_up(&link, email, secret).await {
        Ok(Setup::Done(user)) => {
            let page = SetupDonePage { email: user.email.to_string(), issuer: web.signet.issuer().to_owned() };
            respond::page(&web, respond::locale(&web, &request, &[]), StatusCode::OK, &page)
        }
        Ok(Setup::LinkGone) => error::plain_page(&web, &request, StatusCode::NOT_FOUND, ErrorKind::Link),
        Ok(Setup::EmailTaken) => show(&web, &request, &link, typed, Some(SetupError::Taken)),
        Err(failure) => error::page(&web, &request, &failure),
    }
}

fn check(web: &Web, params: &Params) -> Result<(Email, Secret), SetupError> {
    let email = Email::parse(form::text(params, "email").unwrap_or_default()).map_err(|_| SetupError::Email)?;
    let typed = form::text(params, "password").unwrap_or_default();
    if typed.chars().count() < min_password(web) {
        return Err(SetupError::PasswordShort);
    }
    if typed.len() > password::MAX_LENGTH {
        return Err(SetupError::PasswordLong);
    }
    Ok((email, Secret::new(typed)))
}

fn min_password(web: &Web) -> usize {
    usize::try_from(web.signet.config.passwords.min_length).unwrap_or(usize::MAX)
}

fn show(web: &Web, request: &HttpRequest, link: &str, email: String, fault: Option<SetupError>) -> HttpResponse {
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = SetupPage {
        csrf: Secret::new(csrf::token(&web.signet, link, "setup")),
        email,
        error: fault,
        min_password: min_password(web),
    };
    respond::page(web, respond::locale(web, request, &[]), status, &page)
}
