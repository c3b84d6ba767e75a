//! Which pages may use the session API. The cookie goes with every request of the browser, so whoever makes the
//! browser send one must be known.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::ORIGIN;

use crate::domain::client::Client;
use crate::flow::error::FlowError;
use crate::flow::refresh::Jar;
use crate::http::Web;
use crate::http::cors;
use crate::http::error;
use crate::protocol::error::OAuthError;

/// Who asks: a page of an origin that some client has registered, or a program that is no browser.
pub(super) struct Asking {
    origin: Option<HeaderValue>,
    jar: Jar,
}

/// Lets a request in, or answers it.
///
/// A browser says where every POST comes from (`Origin`), and whether that is the same site (`Sec-Fetch-Site`). A
/// request without either comes from no browser, so nobody else's cookie is in it.
pub(super) async fn admit(web: &Web, request: &HttpRequest) -> Result<Asking, HttpResponse> {
    match check(web, request).await {
        Ok(asking) => Ok(asking),
        Err(failure) => Err(error::json(request, &failure)),
    }
}

async fn check(web: &Web, request: &HttpRequest) -> Result<Asking, FlowError> {
    if !request.query_string().is_empty() {
        return Err(OAuthError::invalid_request("Parameters belong in the body, not in the query").into());
    }
    let mut sites = request.headers().get_all("sec-fetch-site");
    let site = sites.next();
    if site.is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"same-site")) || sites.next().is_some() {
        return Err(
            refused("Sec-Fetch-Site names another site than ours: the browser would not keep the cookie").into()
        );
    }
    let jar = if site.is_some() { Jar::SharedByTabs } else { Jar::Own };
    let mut origins = request.headers().get_all(ORIGIN);
    match (origins.next(), origins.next()) {
        (None, _) if site.is_none() => Ok(Asking { origin: None, jar }),
        (Some(origin), None) => {
            let text = origin.to_str().map_err(|_| refused("Origin is not readable"))?;
            if !web.signet.session_api_is_open_to(text).await? {
                return Err(refused(format!("{text} is no origin of a client with session_api")).into());
            }
            Ok(Asking { origin: Some(origin.clone()), jar })
        }
        _ => Err(refused("a browser sends Origin exactly once").into()),
    }
}

impl Asking {
    pub(super) fn jar(&self) -> Jar {
        self.jar
    }

    /// Whether the page is one of this client.
    pub(super) fn is_page_of(&self, client: &Client) -> bool {
        let text = self.origin.as_ref().map(HeaderValue::to_str);
        text.is_none_or(|text| text.is_ok_and(|text| client.trusts_origin(text)))
    }

    /// # Errors
    /// `access_denied` when it is not.
    pub(super) fn must_be_page_of(&self, client: &Client) -> Result<(), OAuthError> {
        if self.is_page_of(client) { Ok(()) } else { Err(refused("the origin is one of another client")) }
    }

    /// Lets the page read its answer, and its browser keep the cookie.
    pub(super) fn may_read(&self, mut response: HttpResponse) -> HttpResponse {
        if let Some(origin) = &self.origin {
            cors::allow(&mut response, origin);
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        response
    }
}

fn refused(detail: impl Into<String>) -> OAuthError {
    OAuthError::access_denied("This page may not use the session API").detail(detail)
}
