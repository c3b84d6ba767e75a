//! `/register` (RFC 7591 section 3) and `/register/{client_id}` (RFC 7592 section 2).

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::web::Payload;
use serde_json::Map;
use serde_json::Value as Json;

use crate::config::registration::Mode;
use crate::domain::secret::Secret;
use crate::flow::register::OwnClient;
use crate::protocol::registration;
use crate::protocol::registration::Issued;

use super::App;
use super::error;
use super::extract::bearer;
use super::extract::json;
use super::extract::peer;
use super::reference::Reference;
use super::respond;

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let initial = match web.signet.registration_mode() {
        Mode::Off => return is_off(web, request).await,
        Mode::Open => match bearer::presented(&request) {
            Ok(initial) => initial,
            Err(refused) => return bearer::refuse(&request, &refused.into(), None),
        },
        Mode::Token => match bearer::token(&request, None) {
            Ok(initial) => Some(initial),
            Err(answer) => return answer,
        },
    };
    let sent = match json::json::<Map<String, Json>>(&request, payload, web.body_limits()).await {
        Ok(sent) => sent,
        Err(fault) => return error::bad_body(fault),
    };
    let from = peer::address(&request, &web.signet.config.server.trusted_proxies);
    match web.signet.register(&sent, initial.as_ref(), from).await {
        Ok(own) => written(StatusCode::CREATED, &own),
        Err(failure) => bearer::refuse(&request, &failure, None),
    }
}

pub async fn get(web: App, request: HttpRequest, id: Path<String>) -> HttpResponse {
    let token = match own_token(&web, &request).await {
        Ok(token) => token,
        Err(answer) => return answer,
    };
    match web.signet.registration(&id, &token).await {
        Ok(own) => written(StatusCode::OK, &own),
        Err(failure) => bearer::refuse(&request, &failure, None),
    }
}

pub async fn put(web: App, request: HttpRequest, id: Path<String>, payload: Payload) -> HttpResponse {
    let token = match own_token(&web, &request).await {
        Ok(token) => token,
        Err(answer) => return answer,
    };
    let sent = match json::json::<Map<String, Json>>(&request, payload, web.body_limits()).await {
        Ok(sent) => sent,
        Err(fault) => return error::bad_body(fault),
    };
    let from = peer::address(&request, &web.signet.config.server.trusted_proxies);
    match Box::pin(web.signet.change_registration(&id, &token, &sent, from)).await {
        Ok(own) => written(StatusCode::OK, &own),
        Err(failure) => bearer::refuse(&request, &failure, None),
    }
}

pub async fn delete(web: App, request: HttpRequest, id: Path<String>) -> HttpResponse {
    let token = match own_token(&web, &request).await {
        Ok(token) => token,
        Err(answer) => return answer,
    };
    match web.signet.end_registration(&id, &token).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(failure) => bearer::refuse(&request, &failure, None),
    }
}

/// As if there were nothing here. The log says why.
async fn is_off(web: App, request: HttpRequest) -> HttpResponse {
    tracing::info!(event = "registration_is_off", reference = %Reference::of(&request), "registration.mode is off");
    respond::not_found(web, request).await
}

/// The registration access token; or the answer, when there is none or when nobody registers here.
async fn own_token(web: &App, request: &HttpRequest) -> Result<Secret, HttpResponse> {
    match web.signet.registration_mode() {
        Mode::Off => Err(is_off(web.clone(), request.clone()).await),
        Mode::Token | Mode::Open => bearer::token(request, None),
    }
}

fn written(status: StatusCode, own: &OwnClient) -> HttpResponse {
    let issued = Issued { token: &own.token, secret: own.secret.as_ref(), address: &own.address };
    respond::json(status, &registration::answer(&own.client, &issued))
}
