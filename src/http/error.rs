//! The one place where failures become answers: JSON for programs, a page for people. What is private goes to the
//! log under the reference id, what is public leaves the server.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONNECTION;
use actix_web::http::header::RETRY_AFTER;
use actix_web::http::header::WWW_AUTHENTICATE;
use serde::Serialize;

use crate::flow::error::FlowError;
use crate::protocol::client_auth;
use crate::protocol::error::ErrorCode;
use crate::protocol::error::OAuthError;

use super::App;
use super::Web;
use super::extract::client;
use super::extract::form::BodyError;
use super::page::contexts::ErrorDetails;
use super::page::contexts::ErrorKind;
use super::page::contexts::ErrorPage;
use super::reference::Reference;
use super::respond;

/// How long a client should wait when the database is away.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);

/// The error answer of RFC 6749 section 5.2.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// A failure at an endpoint for programs.
#[must_use]
pub fn json(request: &HttpRequest, failure: &FlowError) -> HttpResponse {
    match failure {
        FlowError::Refused(error) => {
            refused_with(request, error, StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST))
        }
        FlowError::Throttled { retry_after } => {
            let error = OAuthError::invalid_request("Too many attempts; try again later");
            let mut response = body(StatusCode::TOO_MANY_REQUESTS, &error);
            set_retry_after(&mut response, *retry_after);
            response
        }
        other => {
            let (status, retry_after) = log(request, other);
            let error = match status {
                StatusCode::SERVICE_UNAVAILABLE => {
                    OAuthError::temporarily_unavailable(format!("Try again; reference {}", Reference::of(request)))
                }
                _ => OAuthError::server_error(format!("Reference {}", Reference::of(request))),
            };
            let mut response = body(status, &error);
            if let Some(time) = retry_after {
                set_retry_after(&mut response, time);
            }
            response
        }
    }
}

/// A refusal with another status than the error has at the token endpoint.
#[must_use]
pub fn refused_with(request: &HttpRequest, error: &OAuthError, status: StatusCode) -> HttpResponse {
    tracing::info!(
        event = "request_refused",
        reference = %Reference::of(request),
        error = error.code.as_str(),
        description = error.description(),
        detail = error.private_detail(),
    );
    let mut response = match error.private_detail().filter(|_| is_dev(request)) {
        Some(detail) => body(status, &explained(error, detail)),
        None => body(status, error),
    };
    // "If the client attempted to authenticate via the "Authorization" request header field, the authorization
    // server MUST respond with an HTTP 401 (Unauthorized) status code and include the "WWW-Authenticate" response
    // header field" (RFC 6749 section 5.2).
    if error.code == ErrorCode::InvalidClient && client::tried_basic(request) {
        let challenge = actix_web::http::header::HeaderValue::from_static(client_auth::CHALLENGE);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn is_dev(request: &HttpRequest) -> bool {
    request.app_data::<App>().is_some_and(|web| web.signet.dev)
}

/// The same error with its private cause in the description, for whoever builds the application. Dev mode only.
fn explained(error: &OAuthError, detail: &str) -> OAuthError {
    // A quotation mark may not be sent; an apostrophe may.
    let text = format!("{} ({})", error.description(), detail.replace('"', "'"));
    OAuthError::new(error.code, text)
}

/// A body that could not be read, at an endpoint for programs.
#[must_use]
pub fn bad_body(fault: BodyError) -> HttpResponse {
    let mut response = body(fault.status(), &OAuthError::invalid_request(fault.to_string()));
    close(&mut response, fault);
    response
}

/// A body that could not be read, at a page.
#[must_use]
pub fn bad_body_page(web: &Web, request: &HttpRequest, fault: BodyError) -> HttpResponse {
    let mut response = plain_page(web, request, fault.status(), ErrorKind::Request);
    close(&mut response, fault);
    response
}

fn close(response: &mut HttpResponse, fault: BodyError) {
    if matches!(fault, BodyError::TooLarge | BodyError::TooSlow | BodyError::Broken) {
        response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        response.headers_mut().insert(CONNECTION, actix_web::http::header::HeaderValue::from_static("close"));
    }
}

/// A failure at a page.
#[must_use]
pub fn page(web: &Web, request: &HttpRequest, failure: &FlowError) -> HttpResponse {
    match failure {
        FlowError::Refused(error) => request_page(web, request, error, Vec::new()),
        FlowError::Throttled { retry_after } => {
            let mut response = plain_page(web, request, StatusCode::TOO_MANY_REQUESTS, ErrorKind::TooMany);
            set_retry_after(&mut response, *retry_after);
            response
        }
        other => {
            let (status, retry_after) = log(request, other);
            let kind =
                if status == StatusCode::SERVICE_UNAVAILABLE { ErrorKind::Unavailable } else { ErrorKind::Internal };
            let mut response = plain_page(web, request, status, kind);
            if let Some(time) = retry_after {
                set_retry_after(&mut response, time);
            }
            response
        }
    }
}

/// "Something is wrong with this request": an authorization request that cannot be answered at its client.
/// It says what a client would be told. The exact cause, with what was sent, is shown in dev mode only; elsewhere the
/// reference leads to it.
#[must_use]
pub fn request_page(
    web: &Web,
    request: &HttpRequest,
    error: &OAuthError,
    mut facts: Vec<(String, String)>,
) -> HttpResponse {
    let reference = Reference::of(request);
    tracing::info!(
        event = "request_refused",
        %reference,
        error = error.code.as_str(),
        description = error.description(),
        detail = error.private_detail(),
    );
    if let Some(cause) = error.private_detail() {
        facts.insert(0, ("cause".to_owned(), cause.to_owned()));
    }
    let details = web.signet.dev.then(|| ErrorDetails {
        error: error.code.as_str().to_owned(),
        description: error.description().to_owned(),
        facts,
    });
    let page = ErrorPage {
        kind: ErrorKind::Request,
        reference: reference.to_string(),
        cause: Some(format!("{}: {}", error.code.as_str(), error.description())),
        back: None,
        details,
    };
    respond::page(web, respond::locale(web, request, &[]), StatusCode::BAD_REQUEST, &page)
}

/// A page that says no more than its kind.
#[must_use]
pub fn plain_page(web: &Web, request: &HttpRequest, status: StatusCode, kind: ErrorKind) -> HttpResponse {
    let page =
        ErrorPage { kind, reference: Reference::of(request).to_string(), cause: None, back: None, details: None };
    respond::page(web, respond::locale(web, request, &[]), status, &page)
}

fn body(status: StatusCode, error: &OAuthError) -> HttpResponse {
    respond::json(status, &ErrorBody { error: error.code.as_str(), error_description: error.description() })
}

/// Writes down what went wrong on our side, and says what to answer.
fn log(request: &HttpRequest, failure: &FlowError) -> (StatusCode, Option<Duration>) {
    let reference = Reference::of(request);
    match failure {
        FlowError::Store(cause) if cause.is_unavailable() => {
            tracing::warn!(event = "store_unavailable", %reference, cause = failure.for_the_log());
            (StatusCode::SERVICE_UNAVAILABLE, Some(UNAVAILABLE_FOR))
        }
        FlowError::Busy { retry_after } => {
            tracing::warn!(event = "busy", %reference);
            (StatusCode::SERVICE_UNAVAILABLE, Some(*retry_after))
        }
        // It has been published only; it will sign.
        FlowError::NoKey(_) => {
            tracing::warn!(event = "no_key_yet", %reference, cause = failure.for_the_log());
            (StatusCode::SERVICE_UNAVAILABLE, None)
        }
        other => {
            tracing::error!(event = "internal_error", %reference, cause = other.for_the_log());
            (StatusCode::INTERNAL_SERVER_ERROR, None)
        }
    }
}

fn set_retry_after(response: &mut HttpResponse, time: Duration) {
    let seconds = time.as_secs().max(1);
    response.headers_mut().insert(RETRY_AFTER, actix_web::http::header::HeaderValue::from(seconds));
}
