//! `POST /auth/refresh`: the refresh cookie against the next access token and the next refresh cookie.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::Payload;
use serde::Deserialize;

use crate::domain::ids::ClientId;
use crate::flow::error::FlowError;
use crate::http::App;
use crate::http::Web;
use crate::http::error;
use crate::protocol::error::ErrorCode;

use super::asked;
use super::jar;
use super::login_required;
use super::origin::Asking;
use super::signed_in;

/// What may be sent. A refresh token may not: it comes in the cookie or not at all.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Sent {
    /// Which client asks, where one origin serves several.
    client_id: Option<ClientId>,
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (asking, sent) = match asked::<Sent>(&web, &request, payload).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let answer =
        refresh(&web, &request, &asking, &sent).await.unwrap_or_else(|failure| error::json(&request, &failure));
    asking.may_read(answer)
}

async fn refresh(web: &Web, request: &HttpRequest, asking: &Asking, sent: &Sent) -> Result<HttpResponse, FlowError> {
    let mut jar = jar::open(web, request).await?;
    let mut own = jar.of_page(asking, sent.client_id.as_ref());
    let Some((slot, kept)) = own.pop() else {
        return Ok(login_required(request, "no refresh cookie for this page"));
    };
    if !own.is_empty() {
        tracing::warn!(event = "cookie_duplicated", client_id = %kept.family.client_id, "refresh cookies ignored");
        return Ok(login_required(request, "several refresh cookies for this page: one of them was planted"));
    }
    match web.signet.refresh_at_page(kept, asking.jar()).await {
        Ok(session) => Ok(signed_in(web, slot, &session)),
        Err(FlowError::Refused(error)) if error.code == ErrorCode::InvalidGrant => {
            Ok(login_required(request, error.private_detail().unwrap_or_default()))
        }
        Err(failure) => Err(failure),
    }
}
