//! `/demo-api` (dev): a protected resource as a resource server would write it. 401, 403, or the claims it saw.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::user::Role;
use crate::flow::error::FlowError;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Known;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::cors;
use super::error;
use super::extract::bearer;
use super::extract::form;
use super::respond;

/// What the resource saw.
#[derive(Debug, Serialize)]
struct Seen<'a> {
    sub: &'a str,
    client_id: &'a str,
    scope: &'a Scope,
    roles: &'a [Role],
}

const WANTED: &[Known] = &[Known::new("role").max(64), Known::new("scope").max(128)];

/// `?role=` asks for a role, `?scope=` for a scope value, so that each of 200, 401 and 403 can be tried.
pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let token = match bearer::token(&request, None) {
        Ok(token) => token,
        Err(answer) => return cors::allow_refusal(&web, &request, answer).await,
    };
    let wanted = match wanted(&request) {
        Ok(wanted) => wanted,
        Err(refused) => return cors::allow_refusal(&web, &request, error::json(&request, &refused.into())).await,
    };
    match answer(&web, &request, &token, &wanted).await {
        Ok(response) => response,
        Err(failure) => {
            let scope = form::text(&wanted, "scope").and_then(|text| Scope::parse(text).ok());
            cors::allow_refusal(&web, &request, bearer::refuse(&request, &failure, scope.as_ref())).await
        }
    }
}

/// A demand that is repeated or cannot be read is refused: one that counted as absent would open the door.
fn wanted(request: &HttpRequest) -> Result<Params, OAuthError> {
    let wanted = Params::parse(&[request.query_string().as_bytes()], WANTED)?;
    wanted.check()?;
    Ok(wanted)
}

async fn answer(web: &Web, request: &HttpRequest, token: &Secret, wanted: &Params) -> Result<HttpResponse, FlowError> {
    let live = web.signet.check_access_token(token.reveal(), web.signet.demo_api().as_str()).await?;
    let claims = &live.claims;
    let has_role = |role: &str| claims.roles.iter().any(|own| own.as_str() == role);
    if form::text(wanted, "role").is_some_and(|role| !has_role(role)) {
        return Err(OAuthError::insufficient_scope("The person has not the role that this needs").into());
    }
    if form::text(wanted, "scope").is_some_and(|scope| !claims.scope.contains(scope)) {
        return Err(OAuthError::insufficient_scope("The access token has not the scope that this needs").into());
    }
    let seen = Seen {
        sub: claims.subject.as_str(),
        client_id: claims.client_id.as_str(),
        scope: &claims.scope,
        roles: &claims.roles,
    };
    let mut response = respond::json(StatusCode::OK, &seen);
    cors::allow_client(request, &mut response, &live.client);
    Ok(response)
}
