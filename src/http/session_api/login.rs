//! `POST /auth/login`: name and password against an access token and a refresh cookie.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use serde::Serialize;

use crate::domain::ids::ClientId;
use crate::domain::secret::Secret;
use crate::flow::error::FlowError;
use crate::flow::login::Credentials;
use crate::flow::session_api::PageLogin;
use crate::flow::session_api::SignOut;
use crate::http::App;
use crate::http::Web;
use crate::http::cookie::Cookie;
use crate::http::cookie::DEVICE_REMEMBERED;
use crate::http::error;
use crate::http::extract::form::BodyError;
use crate::http::extract::json;
use crate::http::extract::peer;
use crate::http::respond;

use super::jar;
use super::jar::Place;
use super::origin;
use super::origin::Asking;
use super::signed_in;

/// What is sent. Nothing else may be in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    client_id: ClientId,
    email: String,
    password: String,
}

/// As long as the fields of the login page may be.
const LONGEST_EMAIL: usize = 1024;
const LONGEST_PASSWORD: usize = 8192;

/// One answer for a wrong password, an unknown address and a disabled account: nothing varies, nothing is added.
#[derive(Serialize)]
struct Denied {
    error: &'static str,
}

pub async fn post(web: App, request: HttpRequest, payload: Payload) -> HttpResponse {
    let asking = match origin::admit(&web, &request).await {
        Ok(asking) => asking,
        Err(answer) => return answer,
    };
    let answer = match json::json::<Sent>(&request, payload, web.body_limits()).await {
        Ok(sent) if sent.email.len() > LONGEST_EMAIL || sent.password.len() > LONGEST_PASSWORD => {
            error::bad_body(BodyError::Members)
        }
        Ok(sent) => match login(&web, &request, &asking, sent).await {
            Ok(answer) => answer,
            Err(failure) => error::json(&request, &failure),
        },
        Err(fault) => error::bad_body(fault),
    };
    asking.may_read(answer)
}

async fn login(web: &Web, request: &HttpRequest, asking: &Asking, sent: Sent) -> Result<HttpResponse, FlowError> {
    let caller = web.signet.session_api_client(&sent.client_id).await?;
    asking.must_be_page_of(caller.client())?;
    let Place { slot, before, planted } = jar::open(web, request).await?.place(caller.client(), web.signet.now());
    let credentials = Credentials {
        username: sent.email,
        password: Secret::new(sent.password),
        device: web.cookies.read(request.headers(), Cookie::Device),
        address: peer::address(request, &web.signet.config.server.trusted_proxies),
    };
    match web.signet.login_at_page(&caller, credentials, before.as_ref()).await? {
        PageLogin::SignedIn { session, device } => {
            let mut answer = signed_in(web, slot, &session);
            let mut cookies = vec![web.cookies.write(Cookie::Device, &device, Some(DEVICE_REMEMBERED))];
            for (slot, kept) in planted {
                web.signet.sign_out_at_page(&kept, SignOut::default()).await?;
                cookies.push(web.cookies.clear(Cookie::Refresh(slot)));
            }
            respond::add_cookies(answer.headers_mut(), &cookies);
            Ok(answer)
        }
        PageLogin::Denied => Ok(respond::json(StatusCode::UNAUTHORIZED, &Denied { error: "invalid_credentials" })),
        PageLogin::Wait(retry_after) => Err(FlowError::Throttled { retry_after }),
    }
}
