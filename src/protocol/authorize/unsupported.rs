//! Self-issued clients; and request objects that nobody has opened, so that none is ever silently ignored. OpenID Connect
//! Core section 3.1.2.6 has an error for each of them.

use super::super::error::ErrorCode;
use super::super::error::OAuthError;
use super::super::params::Params;

pub(super) fn check(params: &Params) -> Result<(), OAuthError> {
    for (name, code, description) in [
        ("request", ErrorCode::RequestNotSupported, "Request objects are not supported"),
        ("request_uri", ErrorCode::RequestUriNotSupported, "Request objects by reference are not supported"),
        ("registration", ErrorCode::RegistrationNotSupported, "Registration in the request is not supported"),
    ] {
        if params.get(name)?.is_some() {
            return Err(OAuthError::new(code, description));
        }
    }
    Ok(())
}
