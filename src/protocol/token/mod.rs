//! The token endpoint: which grant, and whether the client may use it. One file for each grant.

pub mod client_credentials;
pub mod code;
pub mod exchange;
pub mod refresh;
pub mod resource;

use super::error::ErrorCode;
use super::error::OAuthError;
use super::params::Params;
use crate::domain::client::Client;
use crate::domain::client::GrantType;

/// Reads `grant_type`.
///
/// # Errors
/// `invalid_request` when it is missing, `unsupported_grant_type` when we have none of that name.
pub fn grant_type(form: &Params) -> Result<GrantType, OAuthError> {
    let text = form.get("grant_type")?.ok_or_else(|| OAuthError::invalid_request("grant_type is missing"))?;
    GrantType::parse(text)
        .ok_or_else(|| OAuthError::new(ErrorCode::UnsupportedGrantType, "This grant type is not supported"))
}

/// Whether an authenticated client may use a grant.
///
/// # Errors
/// `unauthorized_client`, RFC 6749 section 5.2.
pub fn check_grant(client: &Client, grant: GrantType) -> Result<(), OAuthError> {
    if client.allows(grant) {
        return Ok(());
    }
    Err(OAuthError::unauthorized_client(format!("This client may not use the grant type {}", grant.as_str())))
}

#[cfg(test)]
mod tests {
    use super::check_grant;
    use super::grant_type;
    use crate::domain::client::GrantType;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::public;
    use crate::protocol::params::Params;
    use crate::protocol::params::TOKEN;

    #[test]
    fn sc_01_no_other_grants() {
        for text in ["password", "implicit", "Authorization_Code", "authorization_code ", "refresh_token,x"] {
            let form = format!("grant_type={text}");
            let error = grant_type(&Params::parse(&[form.as_bytes()], TOKEN).unwrap()).unwrap_err();
            assert_eq!(error.code, ErrorCode::UnsupportedGrantType, "{text}");
        }
        let error = grant_type(&Params::parse(&[b"grant_type="], TOKEN).unwrap()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }

    #[test]
    fn sc_02_only_registered_grants() {
        let error = check_grant(&public(), GrantType::ClientCredentials).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnauthorizedClient);
    }
}
