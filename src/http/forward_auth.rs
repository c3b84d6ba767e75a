//! `/forward-auth`: a reverse proxy asks who is calling the application behind it. 200 with the headers of a family,
//! 401, 403, or a redirect to sign-in. See docs/gateway.md.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::http::header::HeaderName;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::LOCATION;
use actix_web::http::header::UPGRADE;

use crate::flow::error::FlowError;
use crate::flow::gateway;
use crate::flow::gateway::Visitor;
use crate::protocol::error::ErrorCode;
use crate::protocol::gateway::Asked;
use crate::protocol::gateway::Family;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::bearer;
use super::extract::browser;
use super::extract::peer;
use super::reference::Reference;

/// The method of the check itself means nothing: some proxies repeat that of the original request, without its body.
pub async fn check(web: App, request: HttpRequest) -> HttpResponse {
    let asked = match Asked::parse(request.query_string()) {
        Ok(asked) => asked,
        Err(refused) => {
            // Whoever wrote the proxy's configuration has to see this; until then nobody passes.
            tracing::warn!(event = "forward_auth_misconfigured", reference = %Reference::of(&request), detail = %refused);
            return error::json(&request, &refused.into());
        }
    };
    let mut response = answer(&web, &request, &asked).await;
    if response.status() != StatusCode::OK {
        // Nothing that a client has sent survives a proxy that copies these from any answer.
        for (name, _) in asked.family.headers() {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(""));
        }
    }
    response
}

async fn answer(web: &Web, request: &HttpRequest, asked: &Asked) -> HttpResponse {
    let visitor = match bearer::presented(request) {
        Ok(Some(token)) => web.signet.gateway_token(&token, asked).await,
        Ok(None) => match session(web, request).await {
            Ok(Some(visitor)) => Ok(visitor),
            Ok(None) => return sign_in(web, request),
            Err(failure) => Err(failure),
        },
        Err(refused) => Err(refused.into()),
    };
    match visitor.and_then(|visitor| {
        let identity = visitor.identity();
        asked.check(identity.roles, visitor.scope())?;
        Ok(told(asked.family, &visitor))
    }) {
        Ok(response) => response,
        Err(failure) => refuse(request, &failure, asked),
    }
}

async fn session(web: &Web, request: &HttpRequest) -> Result<Option<Visitor>, FlowError> {
    let cookies = browser::cookies(web, request);
    let own = web.cookies.read(request.headers(), Cookie::Gateway);
    Ok(web.signet.gateway_session(&cookies, own.as_deref()).await?.map(Visitor::Person))
}

fn told(family: Family, visitor: &Visitor) -> HttpResponse {
    let mut response = HttpResponse::Ok().finish();
    let identity = visitor.identity();
    for (name, field) in family.headers() {
        // Ids and roles are printable ASCII, all else was made so.
        let Ok(value) = HeaderValue::from_str(&identity.value(*field)) else {
            tracing::error!(name, "an identity that is no header value");
            return HttpResponse::InternalServerError().finish();
        };
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// What is wrong with what a client has shown is 401 here, also when it is malformed: proxies turn a 400 into an error
/// of their own.
fn refuse(request: &HttpRequest, failure: &FlowError, asked: &Asked) -> HttpResponse {
    let scope = asked.scope().filter(|scope| !scope.is_empty());
    let mut response = bearer::refuse(request, failure, scope.as_ref());
    if matches!(failure, FlowError::Refused(refused) if refused.code == ErrorCode::InvalidRequest) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}

/// Nobody is signed in: people are sent to sign in, programs get 401.
fn sign_in(web: &Web, request: &HttpRequest) -> HttpResponse {
    let mut response = bearer::ask();
    let Some(original) = peer::original(request, &web.signet.config.server.trusted_proxies, web.signet.dev) else {
        return response;
    };
    if !is_navigation(request, original.method) {
        return response;
    }
    let back = match web.signet.return_address(&original.url) {
        Ok(back) => back,
        Err(fault) => {
            tracing::info!(event = "forward_auth_no_way_back", reference = %Reference::of(request), detail = %fault);
            return response;
        }
    };
    let way = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", back.as_str()).finish();
    let Ok(location) = HeaderValue::from_str(&format!("{}{}?{way}", web.signet.issuer(), gateway::PATH)) else {
        return response;
    };
    // nginx lets nothing but 2xx, 401 and 403 come back from a check; its configuration makes the redirect.
    if !original.is_nginx {
        *response.status_mut() = StatusCode::FOUND;
    }
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Whether the original request shows a page to somebody, so that a redirect leads anywhere.
fn is_navigation(request: &HttpRequest, method: Option<&str>) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    matches!(method, None | Some("GET" | "HEAD"))
        && header(ACCEPT.as_str()).is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
        && matches!(header("sec-fetch-mode"), None | Some("navigate"))
        && !request.headers().contains_key(UPGRADE)
}
