//! `/userinfo`, OpenID Connect Core section 5.3.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;

use crate::domain::secret::Secret;
use crate::flow::error::FlowError;
use crate::flow::userinfo::UserInfo;
use crate::protocol::params;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::cors;
use super::error;
use super::extract::bearer;
use super::extract::form;
use super::respond;

pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    answer(&web, &request, None).await
}

/// "The UserInfo Endpoint MUST support the use of the HTTP GET and HTTP POST methods" (section 5.3); the token may
/// then also come in the body (RFC 6750 section 2.2).
pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    if !form::has_body(&request) {
        return answer(&web, &request, None).await;
    }
    match form::form(&request, payload, web.body_limits(), params::BEARER).await {
        Ok(params) => answer(&web, &request, Some(&params)).await,
        Err(fault) => error::bad_body(fault),
    }
}

async fn answer(web: &Web, request: &HttpRequest, body: Option<&Params>) -> HttpResponse {
    let token = match bearer::token(request, body) {
        Ok(token) => token,
        Err(answer) => return cors::allow_refusal(web, request, answer).await,
    };
    match claims(web, request, &token).await {
        Ok(response) => response,
        Err(failure) => cors::allow_refusal(web, request, bearer::refuse(request, &failure, None)).await,
    }
}

async fn claims(web: &Web, request: &HttpRequest, token: &Secret) -> Result<HttpResponse, FlowError> {
    let live = web.signet.check_access_token(token.reveal(), web.signet.issuer()).await?;
    let mut response = match web.signet.userinfo(&live).await? {
        UserInfo::Plain(claims) => respond::json(StatusCode::OK, &claims),
        // "the Claims are returned in a JWT and the content-type MUST be application/jwt" (section 5.3.2)
        UserInfo::Signed(jwt) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/jwt")).body(jwt),
    };
    cors::allow_client(request, &mut response, &live.client);
    Ok(response)
}
