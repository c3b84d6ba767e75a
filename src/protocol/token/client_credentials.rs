//! The client credentials grant, RFC 6749 section 4.4: a service asks for itself, there is no person.

use super::super::error::OAuthError;
use super::super::params::Params;
use super::resource;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::scope::Scope;

/// Scope values that mean a person, OpenID Connect Core sections 5.4 and 11.
const OF_A_PERSON: [&str; 6] = ["openid", "offline_access", "profile", "email", "address", "phone"];

/// What the client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub scope: Scope,
    /// `aud`; never empty.
    pub audience: Vec<String>,
}

/// Checks a request of an authenticated client. Without `scope` it gets all that it is registered for and that needs
/// no person; asked for by name, a value that it may not have is refused, since nobody else can be told.
///
/// # Errors
/// `unauthorized_client`, `invalid_scope`, `invalid_target`.
pub fn check(form: &Params, client: &Client, issuer: &str) -> Result<Grant, OAuthError> {
    // "The client credentials grant type MUST only be used by confidential clients" (RFC 6749 section 4.4).
    if client.is_public() {
        return Err(OAuthError::unauthorized_client("A public client has no credentials to ask with"));
    }
    super::check_grant(client, GrantType::ClientCredentials)?;
    let allowed = client.scope.without_any(&OF_A_PERSON);
    let scope = match form.get("scope")? {
        None => allowed,
        Some(text) => {
            let asked = Scope::parse(text).map_err(|fault| OAuthError::invalid_scope(fault.to_string()))?;
            if !asked.is_subset(&allowed) {
                return Err(OAuthError::invalid_scope("This client may not ask for this scope by itself"));
            }
            asked
        }
    };
    let audience = resource::audience(form, client, &[], &scope, issuer)?;
    Ok(Grant { scope, audience })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::domain::client::Client;
    use crate::domain::client::GrantType;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::error::OAuthError;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::public;
    use crate::protocol::fixtures::scope;
    use crate::protocol::params::Params;
    use crate::protocol::params::TOKEN;

    fn outcome(text: &str, client: &Client) -> Result<super::Grant, OAuthError> {
        check(&Params::parse(&[text.as_bytes()], TOKEN).unwrap(), client, "https://op.test")
    }

    #[test]
    fn everything_that_needs_no_person_by_default() {
        let grant = outcome("", &confidential()).unwrap();
        assert_eq!((grant.scope, grant.audience), (scope("api:read api:write"), vec!["https://op.test".to_owned()]));
        assert_eq!(outcome("scope=api:read", &confidential()).unwrap().scope, scope("api:read"));
    }

    #[test]
    fn sc_02_confidential_and_registered_only() {
        let service = Client { grant_types: [GrantType::ClientCredentials].into(), ..public() };
        assert_eq!(outcome("", &service).unwrap_err().code, ErrorCode::UnauthorizedClient);
        let web = Client { grant_types: [GrantType::AuthorizationCode].into(), ..confidential() };
        assert_eq!(outcome("", &web).unwrap_err().code, ErrorCode::UnauthorizedClient);
    }

    #[test]
    fn sc_03_sc_04_scope_shape_and_rights() {
        for text in ["admin", "openid", "offline_access", "api:read email", "a\"", "a%20%20b", "%5C"] {
            let error = outcome(&format!("scope={text}"), &confidential()).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidScope, "{text}");
        }
    }
}
