//! `/auth/login`, `/auth/refresh` and `/auth/logout`: the JSON session API, for pages of applications of one's own.
//!
//! [`origin`] decides who may ask, [`jar`] knows the cookies; the three others are the three endpoints.

mod jar;
pub mod login;
pub mod logout;
mod origin;
pub mod refresh;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::de::DeserializeOwned;

use crate::flow::session_api::PageSession;
use crate::protocol::error::ErrorCode;
use crate::protocol::error::OAuthError;

use super::Web;
use super::error;
use super::extract::json;
use super::respond;

use self::jar::Slot;
use self::origin::Asking;

/// Who asks and what is sent, which may be nothing at all; or the answer to those who may not ask so.
async fn asked<S: DeserializeOwned + Default>(
    web: &Web,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Asking, S), HttpResponse> {
    let asking = origin::admit(web, request).await?;
    match json::json_if_any(request, payload, web.body_limits()).await {
        Ok(sent) => Ok((asking, sent)),
        Err(fault) => Err(asking.may_read(error::bad_body(fault))),
    }
}

/// The access token for the page, the refresh token for its browser.
fn signed_in(web: &Web, slot: Slot, session: &PageSession) -> HttpResponse {
    let mut response = respond::json(StatusCode::OK, &session.answer);
    respond::add_cookies(response.headers_mut(), &[jar::keep(web, slot, session)]);
    response
}

/// Nobody is signed in here, or not any more. The cookie stays: another tab may have signed in a moment ago, and this
/// answer must not undo that.
fn login_required(request: &HttpRequest, detail: &str) -> HttpResponse {
    let error = OAuthError::new(ErrorCode::LoginRequired, "Nobody is signed in here, or not any more").detail(detail);
    error::refused_with(request, &error, StatusCode::UNAUTHORIZED)
}
