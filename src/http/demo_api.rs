//! `/demo-api` (dev): a protected resource as a resource server would write it. 401, 403, or the claims it saw.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::flow::error::FlowError;
use crate::flow::userinfo::TokenCheck;
use crate::protocol::bearer::BearerError;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::cors;
use super::error;
use super::extract::bearer;
use super::respond;

/// What the resource saw.
#[derive(Debug, Serialize)]
struct Seen<'a> {
    sub: &'a str,
    client_id: &'a str,
    scope: String,
    roles: &'a [String],
}

/// `?role=` asks for a role, `?scope=` for a scope value, so that each of 200, 401 and 403 can be tried.
pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let wanted = Params::parse(request.query_string().as_bytes());
    let token = match bearer::token(&request, None) {
        Ok(token) => token,
        Err(refused) => return bearer::challenge(&request, &refused),
    };
    match answer(&web, &request, &token, &wanted).await {
        Ok(response) => response,
        Err(failure) => error::json(&request, &failure),
    }
}

async fn answer(web: &Web, request: &HttpRequest, token: &str, wanted: &Params) -> Result<HttpResponse, FlowError> {
    let live = match web.signet.check_access_token(token, &web.signet.demo_api()).await? {
        TokenCheck::Good(live) => live,
        TokenCheck::Refused(refused) => return Ok(bearer::challenge(request, &refused)),
    };
    let claims = &live.claims;
    let role_missing = wanted.value("role").is_some_and(|role| !claims.roles.iter().any(|own| own == role));
    let scope_missing = wanted.value("scope").is_some_and(|scope| !claims.scope.contains(scope));
    let mut response = if role_missing || scope_missing {
        bearer::challenge(request, &BearerError::InsufficientScope(wanted.value("scope").unwrap_or_default().to_owned()))
    } else {
        let seen = Seen {
            sub: &claims.sub,
            client_id: claims.client_id.as_str(),
            scope: claims.scope.to_string(),
            roles: &claims.roles,
        };
        respond::json(StatusCode::OK, &seen)
    };
    cors::allow_client(request, &mut response, &live.client);
    Ok(response)
}
