//! Which client is calling. Having an [`AuthenticatedClient`] is the proof; there is no other way to one.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::flow::Signet;
use crate::flow::clients::AuthenticatedClient;
use crate::flow::error::FlowError;
use crate::flow::login::address_prefix;
use crate::protocol::client_auth;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;

use super::peer;

/// The same, after the check that no parameter is malformed or there twice: "Request and response parameters MUST NOT be
/// included more than once" (RFC 6749 section 3.2).
///
/// # Errors
/// `invalid_request`, and as [`client`].
pub async fn caller(signet: &Signet, request: &HttpRequest, params: &Params) -> Result<AuthenticatedClient, FlowError> {
    params.check().map_err(OAuthError::from)?;
    client(signet, request, params).await
}

/// Client authentication at the token endpoint and its kin, RFC 6749 section 2.3.
///
/// # Errors
/// What [`client_auth::presented`] and [`Signet::authenticate`] refuse.
async fn client(signet: &Signet, request: &HttpRequest, params: &Params) -> Result<AuthenticatedClient, FlowError> {
    let headers: Vec<&[u8]> =
        request.headers().get_all(AUTHORIZATION).map(actix_web::http::header::HeaderValue::as_bytes).collect();
    let presented = client_auth::presented(&headers, params)?;
    let from = address_prefix(peer::address(request, &signet.config.server.trusted_proxies));
    signet.authenticate(&presented, &from).await
}

/// Whether the caller tried HTTP authentication, and so is owed a challenge (RFC 6749 section 5.2).
#[must_use]
pub fn tried_basic(request: &HttpRequest) -> bool {
    request.headers().contains_key(AUTHORIZATION)
}
