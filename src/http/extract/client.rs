//! Which client is calling. Having an [`AuthenticatedClient`] is the proof; there is no other way to one.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::flow::Signet;
use crate::flow::clients::AuthenticatedClient;
use crate::flow::error::FlowError;
use crate::flow::login::address_prefix;
use crate::protocol::client_auth;
use crate::protocol::params::Params;

use super::peer;

/// Client authentication at the token endpoint and its kin, RFC 6749 section 2.3.
///
/// # Errors
/// What [`client_auth::presented`] and [`Signet::authenticate`] refuse.
pub async fn client(signet: &Signet, request: &HttpRequest, params: &Params) -> Result<AuthenticatedClient, FlowError> {
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
