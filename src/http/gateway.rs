//! `/gateway`: people sign in here on their way to an application behind a reverse proxy, and go back to it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::protocol::gateway::ReturnAddress;
use crate::protocol::params::Known;
use crate::protocol::params::Params;

use super::App;
use super::Web;
use super::cookie::Cookie;
use super::error;
use super::extract::browser;
use super::extract::form;
use super::page::contexts::ErrorKind;
use super::respond;

/// `return_to` from `/forward-auth`, the others from the authorization endpoint, where `state` is the same address.
const SENT: &[Known] = &[
    Known::new("return_to").max(4096),
    Known::new("state").max(4096),
    Known::new("code").max(1024),
    Known::new("error").max(128),
    Known::new("iss").max(2000),
];

/// Whoever comes back from signing in is known by their session, not by the code: it is never redeemed.
pub async fn get(web: App, request: HttpRequest) -> HttpResponse {
    let refused = || error::plain_page(&web, &request, StatusCode::BAD_REQUEST, ErrorKind::Request);
    let Some((params, back)) = address(&web, &request) else { return refused() };
    let cookies = browser::cookies(&web, &request);
    match web.signet.signed_in(&cookies).await {
        Ok(Some((session, _))) => {
            let domain = web.signet.config.gateway.cookie_domain.as_ref();
            let cookie = domain.map(|domain| {
                let (value, lifetime) = web.signet.gateway_cookie(&session);
                web.cookies.write_for(domain.as_str(), Cookie::Gateway, &value, lifetime)
            });
            respond::see_other(back.as_str(), cookie.as_slice())
        }
        // They were asked to sign in and did not.
        Ok(None) if form::text(&params, "error").is_some() => refused(),
        Ok(None) => match web.signet.gateway_request(&back) {
            Some(query) => respond::see_other(&format!("/authorize?{query}"), &[]),
            None => refused(),
        },
        Err(failure) => error::page(&web, &request, &failure),
    }
}

/// Never an address of somebody else's: only those of `gateway.hosts`.
fn address(web: &Web, request: &HttpRequest) -> Option<(Params, ReturnAddress)> {
    let params = Params::parse(&[request.query_string().as_bytes()], SENT).ok()?;
    params.check().ok()?;
    let (from_proxy, from_sign_in) = (form::text(&params, "return_to"), form::text(&params, "state"));
    let text = from_proxy.xor(from_sign_in)?;
    let back = web.signet.return_address(text).ok()?;
    Some((params, back))
}
