//! `/introspect`, RFC 7662 section 2, with signed answers (RFC 9701).

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::VARY;
use actix_web::web::Payload;

use crate::flow::error::FlowError;
use crate::protocol::introspection;
use crate::protocol::params;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::error;
use super::extract::client;
use super::extract::form;
use super::respond;

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let form = match form::form_only(&request, payload, web.body_limits(), params::ABOUT_TOKEN).await {
        Ok(form) => form,
        Err(fault) => return error::bad_body(fault),
    };
    let mut response = match answer(&web, &request, &form).await {
        Ok(response) => response,
        Err(failure) => error::json(&request, &failure),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

async fn answer(web: &Web, request: &HttpRequest, form: &Params) -> Result<HttpResponse, FlowError> {
    let caller = client::caller(&web.signet, request, form).await?;
    let answer = web.signet.introspect(&caller, form).await?;
    if !wants_signed(request) {
        return Ok(respond::json(StatusCode::OK, &answer));
    }
    let signed = web.signet.sign_introspection(&caller, &answer).await?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, introspection::MEDIA_TYPE)).body(signed))
}

fn wants_signed(request: &HttpRequest) -> bool {
    request.headers().get_all(ACCEPT).any(|value| value.to_str().is_ok_and(introspection::wants_signed))
}
