//! Cross-origin reads from browsers. Keys and discovery: everybody. Tokens and claims: the origins of the client.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_HEADERS;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_METHODS;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use actix_web::http::header::ACCESS_CONTROL_EXPOSE_HEADERS;
use actix_web::http::header::ACCESS_CONTROL_MAX_AGE;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::ORIGIN;
use actix_web::http::header::VARY;

use crate::domain::client::Client;
use crate::flow::error::FlowError;

use super::App;
use super::Web;
use super::error;

/// Preflight where everybody may read.
pub async fn preflight_public() -> HttpResponse {
    let response = HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish();
    std::future::ready(response).await
}

/// Preflight of an endpoint for clients. It does not say which client asks, so the origin of any will do; the
/// answer itself is then readable for the origins of its own client only.
pub async fn preflight_clients(web: App, request: HttpRequest) -> HttpResponse {
    preflight(
        &request,
        async |origin| web.signet.some_client_trusts(origin).await,
        |headers| {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type, DPoP"));
        },
    )
    .await
}

/// Preflight of the session API: with credentials, because the cookie is what it is about.
pub async fn preflight_session_api(web: App, request: HttpRequest) -> HttpResponse {
    preflight(
        &request,
        async |origin| web.signet.session_api_is_open_to(origin).await,
        |headers| {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
        },
    )
    .await
}

async fn preflight(
    request: &HttpRequest,
    trusted: impl AsyncFnOnce(&str) -> Result<bool, FlowError>,
    allowed: impl FnOnce(&mut HeaderMap),
) -> HttpResponse {
    let mut response = HttpResponse::NoContent().insert_header((VARY, "Origin")).finish();
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return response };
    let Ok(text) = origin.to_str() else { return response };
    match trusted(text).await {
        Ok(true) => {
            let headers = response.headers_mut();
            allowed(headers);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response
        }
        Ok(false) => response,
        Err(failure) => error::json(request, &failure),
    }
}

/// Lets a page of any client read a refusal: which client a token is for is not known when the token is not good.
/// Without it a page could not tell 401 from a server that is away.
pub async fn allow_refusal(web: &Web, request: &HttpRequest, mut response: HttpResponse) -> HttpResponse {
    let Some(origin) = request.headers().get(ORIGIN) else { return response };
    let Ok(text) = origin.to_str() else { return response };
    if web.signet.some_client_trusts(text).await.unwrap_or(false) {
        allow(&mut response, origin);
    }
    response
}

/// Lets a page of a public client's own origin read an answer meant for that client. Never with credentials: no
/// cookie plays a part here.
pub fn allow_client(request: &HttpRequest, response: &mut HttpResponse, client: &Client) {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.headers().get(ORIGIN) else { return };
    if client.is_public() && origin.to_str().is_ok_and(|text| client.trusts_origin(text)) {
        allow(response, origin);
    }
}

/// Names the one origin that may read.
pub fn allow(response: &mut HttpResponse, origin: &HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, Retry-After"));
}
