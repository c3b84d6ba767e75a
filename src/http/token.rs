//! `/token`, RFC 6749 section 3.2.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::domain::client::GrantType;
use crate::flow::clients::AuthenticatedClient;
use crate::flow::error::FlowError;
use crate::protocol::params::Params;
use crate::protocol::token;
use crate::protocol::token::TokenResponse;
use crate::protocol::token::client_credentials::ClientCredentialsRequest;
use crate::protocol::token::code::CodeRequest;
use crate::protocol::token::refresh::RefreshRequest;

use super::App;
use super::Web;
use super::cors;
use super::error;
use super::extract::client;
use super::extract::form;
use super::respond;

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let params = match form::form_only(&request, payload, web.body_limits()).await {
        Ok(params) => params,
        Err(fault) => return error::bad_body(fault),
    };
    let caller = match authenticate(&web, &request, &params).await {
        Ok(caller) => caller,
        Err(failure) => return error::json(&request, &failure),
    };
    let mut response = match grant(&web, &caller, &params).await {
        Ok(tokens) => respond::json(StatusCode::OK, &tokens),
        Err(failure) => error::json(&request, &failure),
    };
    cors::allow_client(&request, &mut response, caller.client());
    response
}

async fn authenticate(web: &Web, request: &HttpRequest, params: &Params) -> Result<AuthenticatedClient, FlowError> {
    // "Request and response parameters MUST NOT be included more than once" (RFC 6749 section 3.2).
    token::check_form(params)?;
    client::client(&web.signet, request, params).await
}

/// The phases that every grant shares have run; this is the one place that tells grants apart.
async fn grant(web: &Web, caller: &AuthenticatedClient, params: &Params) -> Result<TokenResponse, FlowError> {
    match token::grant_type(params)? {
        GrantType::AuthorizationCode => web.signet.redeem(caller, &CodeRequest::parse(params)?).await,
        GrantType::RefreshToken => web.signet.refresh(caller, &RefreshRequest::parse(params)?).await,
        GrantType::ClientCredentials => {
            web.signet.client_credentials(caller, &ClientCredentialsRequest::parse(params)?)
        }
    }
}
