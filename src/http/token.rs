//! `/token`, RFC 6749 section 3.2.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use crate::domain::client::GrantType;
use crate::flow::clients::AuthenticatedClient;
use crate::flow::error::FlowError;
use crate::flow::tokens::TokenResponse;
use crate::protocol::params;
use crate::protocol::params::Params;
use crate::protocol::token;

use super::App;
use super::Web;
use super::cors;
use super::error;
use super::extract::client;
use super::extract::form;
use super::respond;

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let form = match form::form_only(&request, payload, web.body_limits(), params::TOKEN).await {
        Ok(form) => form,
        Err(fault) => return error::bad_body(fault),
    };
    let caller = match client::caller(&web.signet, &request, &form).await {
        Ok(caller) => caller,
        Err(failure) => return error::json(&request, &failure),
    };
    let mut response = match grant(&web, &caller, &form).await {
        Ok(tokens) => respond::json(StatusCode::OK, &tokens),
        Err(failure) => error::json(&request, &failure),
    };
    cors::allow_client(&request, &mut response, caller.client());
    response
}

/// The phases that every grant shares have run; this is the one place that tells grants apart.
async fn grant(web: &Web, caller: &AuthenticatedClient, form: &Params) -> Result<TokenResponse, FlowError> {
    let grant = token::grant_type(form)?;
    let tokens = match grant {
        GrantType::AuthorizationCode => web.signet.redeem(caller, form).await,
        GrantType::RefreshToken => web.signet.refresh(caller, form).await,
        GrantType::ClientCredentials => web.signet.client_credentials(caller, form).await,
        GrantType::TokenExchange => web.signet.exchange(caller, form).await,
    }?;
    web.signet.watch.metrics.token_issued(grant);
    Ok(tokens)
}
