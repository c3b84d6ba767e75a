//! The authorization endpoint, OpenID Connect Core section 3.1.2: from parameters to a checked request.
//!
//! [`validate`] is the whole list of checks in their order, one line each, one file each. What fails before client
//! and redirect URI are known is a page; everything after it goes back to the client. When the request is in a
//! [`request_object`], the parameters that it checks are those that were signed.

mod claims;
mod client;
mod hint;
mod max_age;
mod next_step;
mod pkce;
mod prompt;
mod redirect_uri;
pub mod request_object;
mod resource;
mod response_mode;
mod response_type;
mod scope;
pub(super) mod ui_locales;
mod unsupported;

use super::error::OAuthError;
use super::params::Params;
use super::response::ReturnTo;
use crate::domain::client::Client;
use crate::domain::request::AuthorizationRequest;

pub use claims::ACR_VALUES;
pub use client::client_id;
pub use hint::with_hint;
pub use next_step::LoginReason;
pub use next_step::Step;
pub use next_step::next_step;
pub use response_type::permitted;

/// Why an authorization request is refused, and who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizeFailure {
    /// "the authorization server SHOULD inform the resource owner of the error and MUST NOT automatically redirect
    /// the user-agent to the invalid redirection URI" (RFC 6749 section 4.1.2.1).
    Page(OAuthError),
    /// The client is told.
    Redirect { to: ReturnTo, error: OAuthError },
}

/// Checks an authorization request. `client` is what the store knows under [`client_id`].
///
/// Parameters that are understood but change nothing: `display`, `claims_locales`, `acr_values` (there is one value,
/// and it is always told). `id_token_hint` has to be read with our keys; [`with_hint`] adds what it says.
///
/// `front_channel`: whether response types other than `code` exist here.
///
/// # Errors
/// [`AuthorizeFailure`] says who is to be told.
pub fn validate(
    params: &Params,
    client: Option<&Client>,
    front_channel: bool,
) -> Result<AuthorizationRequest, AuthorizeFailure> {
    let client = client::check(params, client).map_err(AuthorizeFailure::Page)?;
    let redirect_uri = redirect_uri::check(params, client).map_err(AuthorizeFailure::Page)?;
    let to = return_to(params, redirect_uri, front_channel);
    the_rest(params, client, &to, front_channel).map_err(|error| AuthorizeFailure::Redirect { to, error })
}

/// Where and how the client is told of an error, before it is known whether anything else is right.
fn return_to(params: &Params, redirect_uri: &str, front_channel: bool) -> ReturnTo {
    ReturnTo {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: response_mode::for_errors(params, front_channel),
        state: params.get("state").ok().flatten().map(str::to_owned),
    }
}

fn the_rest(
    params: &Params,
    client: &Client,
    to: &ReturnTo,
    front_channel: bool,
) -> Result<AuthorizationRequest, OAuthError> {
    params.check()?;
    unsupported::check(params)?;
    let response_type = response_type::check(params, client, front_channel)?;
    response_mode::check(params, response_type)?;
    let code_challenge = pkce::check(params, client, response_type)?;
    let prompt = prompt::check(params)?;
    let scope = scope::check(params, client, prompt, response_type)?;
    let max_age = max_age::check(params)?;
    let resources = resource::check(params, client)?;
    let ui_locales = ui_locales::check(params)?;
    let wanted = claims::check(params, client)?;
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: to.redirect_uri.clone(),
        response_type,
        response_mode: to.response_mode,
        scope,
        resources,
        state: to.state.clone(),
        nonce: params.get("nonce")?.map(str::to_owned),
        code_challenge,
        prompt,
        max_age,
        login_hint: params.get("login_hint")?.map(str::to_owned),
        ui_locales,
        claims: wanted.claims,
        subject: wanted.subject,
    })
}

#[cfg(test)]
mod front_channel_tests;
#[cfg(test)]
mod tests;
