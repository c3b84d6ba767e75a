//! What happens around every request: a reference id, a bound on the head, one log line, security headers, and an
//! answer even when a handler panics.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::Error;
use actix_web::HttpMessage;
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceRequest;
use actix_web::dev::ServiceResponse;
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderName;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::PRAGMA;
use actix_web::http::header::REFERRER_POLICY;
use actix_web::http::header::STRICT_TRANSPORT_SECURITY;
use actix_web::http::header::USER_AGENT;
use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use actix_web::http::header::X_FRAME_OPTIONS;
use actix_web::middleware::Next;
use futures_util::future::FutureExt;

use crate::domain::ids::ClientId;
use crate::flow::audit::Origin;
use crate::flow::audit::on_behalf_of;

use super::App;
use super::connection::InHand;
use super::error;
use super::extract::peer;
use super::page::contexts::ErrorKind;
use super::page::csp::FRAMED;
use super::reference::Reference;
use super::tls::ClientCertificate;
use super::unread::Unread;

/// The route of what no route fits.
const NO_ROUTE: &str = "(none)";

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
///
/// # Errors
/// Never on its own; a handler's panic comes out as an error that already holds its answer.
pub async fn around(
    web: App,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _in_hand = InHand::of(&request);
    let reference = Reference::new(web.signet.entropy.as_ref());
    request.extensions_mut().insert(reference.clone());
    let started = web.signet.clock.monotonic();
    let method = request.method().clone();
    let https = web.keeps_to_https;

    if head_size(&request) > web.signet.config.limits.head.as_usize() {
        let mut response = HttpResponse::build(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).finish();
        response.head_mut().set_connection_type(ConnectionType::Close);
        secure(response.headers_mut(), &reference, https);
        log(&reference, method.as_str(), None, (None, None), response.status(), Duration::ZERO);
        web.signet.watch.metrics.answered(NO_ROUTE, response.status().as_u16(), Duration::ZERO);
        return Ok(request.into_response(response));
    }
    // The router decodes before it compares. Whoever guards `/token` in front of us compares what was sent, and must
    // not see less than we do; no path of ours needs an escape.
    if request.uri().path().contains('%') {
        let mut response = error::plain_page(&web, request.request(), StatusCode::NOT_FOUND, ErrorKind::NotFound);
        secure(response.headers_mut(), &reference, https);
        log(&reference, method.as_str(), None, (None, None), response.status(), Duration::ZERO);
        return Ok(request.into_response(response));
    }
    let unread = Unread::watch(&mut request);

    let address = peer::address(request.request(), &web.signet.config.server.trusted_proxies);
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let origin = Origin::new(reference.to_string(), address, user_agent.to_owned());
    let client = origin.named_client();
    // A panic must cost one answer, not the connection: other requests may be waiting behind this one.
    let Ok(answered) = AssertUnwindSafe(on_behalf_of(origin, next.call(request))).catch_unwind().await else {
        tracing::error!(event = "panic", %reference, "a handler panicked");
        let took = web.signet.clock.monotonic().saturating_sub(started);
        web.signet.watch.metrics.answered(NO_ROUTE, 500, took);
        let mut response = HttpResponse::InternalServerError().finish();
        secure(response.headers_mut(), &reference, https);
        return Err(InternalError::from_response("panic", response).into());
    };
    let mut response = answered?.map_into_boxed_body().map_body(|_, body| unread.hold(body));
    if web.signet.is_stopping() {
        // The next request on this connection might meet its end.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    secure(response.headers_mut(), &reference, https);
    let took = web.signet.clock.monotonic().saturating_sub(started);
    let (metrics, status) = (&web.signet.watch.metrics, response.status().as_u16());
    // Most routes have no variable part. What was counted under its path before need not be looked for among all routes.
    let route = match metrics.answered_again(response.request().path(), status, took) {
        true => Some(Cow::Borrowed(response.request().path())),
        false => {
            let pattern = response.request().match_pattern();
            metrics.answered(pattern.as_deref().unwrap_or(NO_ROUTE), status, took);
            pattern.map(Cow::Owned)
        }
    };
    if is_worth_a_line(response.request().path(), response.status()) {
        let client = client.get().map(ClientId::as_str);
        let certificate = response.request().conn_data::<ClientCertificate>().map(ClientCertificate::thumbprint);
        log(&reference, method.as_str(), route.as_deref(), (client, certificate.as_deref()), response.status(), took);
    }
    drop(route);
    Ok(response)
}

/// What anybody may read is read all day by machines: verifiers, supervisors, browsers' caches. While that goes well
/// it is logged at `debug` only; one line would cost as much as the answer.
fn is_worth_a_line(path: &str, status: StatusCode) -> bool {
    // A proxy that asks for every request keeps a log of its own.
    let public = ["/.well-known/", "/health/", "/assets/", "/forward-auth"].iter().any(|start| path.starts_with(start));
    let well = status.is_success() || status == StatusCode::NOT_MODIFIED;
    !(public && well) || tracing::enabled!(target: "signet::access", tracing::Level::DEBUG)
}

/// Bytes of request target and headers.
fn head_size(request: &ServiceRequest) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.headers().iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len())
}

/// Headers that every answer has, unless its handler chose others.
fn secure(headers: &mut HeaderMap, reference: &Reference, https: bool) {
    // The one page that others may frame says so in its policy; the older header knows no such word.
    let policy = headers.get(CONTENT_SECURITY_POLICY).map(HeaderValue::as_bytes);
    if !policy.is_some_and(|policy| policy.ends_with(FRAMED.as_bytes())) {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let mut fallback = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    fallback(X_CONTENT_TYPE_OPTIONS, "nosniff");
    fallback(REFERRER_POLICY, "no-referrer");
    fallback(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if https {
        fallback(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // "Cache-Control: no-store" and "Pragma: no-cache" on everything that holds a token (RFC 6749 section 5.1);
    // only what is meant to be kept says so itself.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    headers.insert(X_REQUEST_ID, reference.header().clone());
}

/// One line for each request. The route, not the path; never the query, a header or a body: those hold secrets.
fn log(
    reference: &Reference,
    method: &str,
    route: Option<&str>,
    (client, certificate): (Option<&str>, Option<&str>),
    status: StatusCode,
    took: Duration,
) {
    tracing::info!(
        target: "signet::access",
        event = "request",
        %reference,
        method,
        route = route.unwrap_or(NO_ROUTE),
        client,
        certificate,
        status = status.as_u16(),
        us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    );
}
