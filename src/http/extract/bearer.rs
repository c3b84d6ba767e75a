//! The access token of a request to a protected resource, RFC 6750 section 2.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::WWW_AUTHENTICATE;

use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::flow::error::FlowError;
use crate::http::error;
use crate::protocol::bearer;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;

/// Takes the token from the header or from a form body; never from the query, which ends up in logs.
///
/// # Errors
/// The answer: a challenge for none, for two, and for one that is no token.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once and sent")]
pub fn token(request: &HttpRequest, body: Option<&Params>) -> Result<Secret, HttpResponse> {
    match find(request, body) {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(ask()),
        Err(refused) => Err(refuse(request, &refused.into(), None)),
    }
}

/// The token of the header, if there is one.
///
/// # Errors
/// `invalid_request` or `invalid_token` for two, and for one that is no token.
pub fn presented(request: &HttpRequest) -> Result<Option<Secret>, OAuthError> {
    find(request, None)
}

fn find(request: &HttpRequest, body: Option<&Params>) -> Result<Option<Secret>, OAuthError> {
    let headers: Vec<&[u8]> = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
    bearer::token(&headers, body)
}

/// The answer to a failure at a protected resource: as everywhere, and a challenge with it when the token was not
/// good enough. `scope` is what would have been.
#[must_use]
pub fn refuse(request: &HttpRequest, failure: &FlowError, scope: Option<&Scope>) -> HttpResponse {
    let mut response = error::json(request, failure);
    if let FlowError::Refused(refused) = failure
        && bearer::is_challenged(refused)
    {
        challenge(&mut response, Some(refused), scope);
    }
    response
}

/// "If the request lacks any authentication information [...], the resource server SHOULD NOT include an error code"
/// (RFC 6750 section 3.1).
#[must_use]
pub fn ask() -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::UNAUTHORIZED).finish();
    challenge(&mut response, None, None);
    response
}

fn challenge(response: &mut HttpResponse, error: Option<&OAuthError>, scope: Option<&Scope>) {
    if let Ok(value) = HeaderValue::from_str(&bearer::challenge(error, scope)) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}
