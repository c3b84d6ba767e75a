//! `POST /auth/logout`: "refresh revocation", or with `immediate` "immediate"; with `everywhere` for all sessions.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::Payload;
use serde::Deserialize;

use crate::domain::ids::ClientId;
use crate::flow::error::FlowError;
use crate::flow::session_api::SignOut;
use crate::http::App;
use crate::http::Web;
use crate::http::error;
use crate::http::respond;

use super::asked;
use super::jar;
use super::login_required;
use super::origin::Asking;

/// What may be sent. A word that is not known is refused: it may be a misspelt wish for more.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Sent {
    /// Which client asks, where one origin serves several.
    client_id: Option<ClientId>,
    everywhere: bool,
    immediate: bool,
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (asking, sent) = match asked::<Sent>(&web, &request, payload).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    // The cookie stays when it fails, so that the next attempt can end what this one could not.
    let answer = logout(&web, &request, &asking, &sent).await.unwrap_or_else(|failure| error::json(&request, &failure));
    asking.may_read(answer)
}

async fn logout(web: &Web, request: &HttpRequest, asking: &Asking, sent: &Sent) -> Result<HttpResponse, FlowError> {
    let how = SignOut { everywhere: sent.everywhere, immediate: sent.immediate };
    let mut jar = jar::open(web, request).await?;
    let own = jar.of_page(asking, sent.client_id.as_ref());
    // Signed out already: more than that was not done, and must not seem to be.
    let mut done = !own.is_empty() || (!how.everywhere && !how.immediate);
    for (_, kept) in &own {
        done &= web.signet.sign_out_at_page(kept, how).await?;
    }
    let mut answer = match done {
        true => HttpResponse::NoContent().finish(),
        false => login_required(request, "nobody is known here whose other sessions or access tokens could be ended"),
    };
    respond::add_cookies(answer.headers_mut(), &jar.clear(web, own.iter().map(|(slot, _)| *slot)));
    Ok(answer)
}
