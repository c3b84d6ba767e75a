//! What an access token is meant for: `aud`, chosen by `resource` (RFC 8707) among what the client is registered for.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::scope::Scope;

/// The resource that the request names. One at most: a token for two resources is one that each of them can use at
/// the other.
///
/// # Errors
/// `invalid_target` when it is not registered for the client, has a fragment, or there are several.
pub fn requested<'a>(params: &'a Params, client: &Client) -> Result<Option<&'a str>, OAuthError> {
    params.get("resource")?;
    let mut sent = params.all("resource");
    let (Some(resource), None) = (sent.next(), sent.next()) else {
        return match params.all("resource").next() {
            None => Ok(None),
            Some(_) => Err(OAuthError::invalid_target("Only one resource at a time")),
        };
    };
    // Registered values are absolute URIs; comparing bytes refuses relative ones and fragments too.
    if !client.audiences.iter().any(|audience| audience == resource) || resource.contains('#') {
        return Err(OAuthError::invalid_target("This resource is not registered for the client"));
    }
    Ok(Some(resource))
}

/// `aud` of an access token: the resource asked for, else the client's first audience, else the issuer. A token with
/// `openid` is for the issuer too, because the UserInfo endpoint must accept it (OpenID Connect Core section 5.3).
///
/// # Errors
/// As [`requested`].
pub fn audience(params: &Params, client: &Client, scope: &Scope, issuer: &str) -> Result<Vec<String>, OAuthError> {
    let chosen = requested(params, client)?.or(client.audiences.first().map(String::as_str));
    let mut audience: Vec<String> = chosen.map(str::to_owned).into_iter().collect();
    if (audience.is_empty() || scope.contains("openid")) && chosen != Some(issuer) {
        audience.push(issuer.to_owned());
    }
    Ok(audience)
}

#[cfg(test)]
mod tests {
    use super::audience;
    use crate::domain::client::Client;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::scope;
    use crate::protocol::params::Params;
    use crate::protocol::params::TOKEN;

    fn client() -> Client {
        Client { audiences: vec!["https://rs1.test".to_owned(), "https://rs2.test/api".to_owned()], ..confidential() }
    }

    fn form(text: &str) -> Params {
        Params::parse(&[text.as_bytes()], TOKEN).unwrap()
    }

    #[test]
    fn the_first_audience_is_the_default() {
        let got = |text: &str, client: &Client, asked: &str| {
            audience(&form(text), client, &scope(asked), "https://op").unwrap()
        };
        assert_eq!(got("", &client(), "api:read"), ["https://rs1.test"]);
        assert_eq!(got("", &client(), "openid"), ["https://rs1.test", "https://op"]);
        assert_eq!(got("resource=https://rs2.test/api", &client(), "api:read"), ["https://rs2.test/api"]);
        assert_eq!(got("", &confidential(), "openid"), ["https://op"]);
        assert_eq!(got("", &confidential(), "api:read"), ["https://op"]);
    }

    #[test]
    fn sc_05_no_other_audience() {
        for text in [
            "resource=https://rs3.test",
            "resource=/api",
            "resource=https://rs1.test%23x",
            "resource=https://rs1.test/",
            "resource=HTTPS://rs1.test",
            "resource=https://rs1.test&resource=https://rs2.test/api",
            "resource=https://rs1.test&resource=https://rs1.test",
        ] {
            let error = audience(&form(text), &client(), &scope("api:read"), "https://op").unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidTarget, "{text}");
        }
    }
}
