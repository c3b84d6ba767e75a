//! `/revoke`, RFC 7009 section 2.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::Payload;

use super::App;
use super::cors;
use super::error;
use super::extract::client;
use super::extract::form;
use crate::protocol::params;

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let form = match form::form_only(&request, payload, web.body_limits(), params::ABOUT_TOKEN).await {
        Ok(form) => form,
        Err(fault) => return error::bad_body(fault),
    };
    let caller = match client::caller(&web.signet, &request, &form).await {
        Ok(caller) => caller,
        Err(failure) => return error::json(&request, &failure),
    };
    // "The content of the response body is ignored by the client as all necessary information is conveyed in the
    // response code." (RFC 7009 section 2.2)
    let mut response = match web.signet.revoke(&caller, &form).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(failure) => error::json(&request, &failure),
    };
    cors::allow_client(&request, &mut response, caller.client());
    response
}
