//! ID tokens, OpenID Connect Core section 2.

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::domain::session::AuthenticationMethod;

/// The `typ` header.
pub const TYPE: &str = "JWT";

/// The claims. What is known about the person is at the UserInfo endpoint and not in here: "The Claims requested by
/// the profile, email, address, and phone scope values are returned from the UserInfo Endpoint [...] when a
/// `response_type` value is used that results in an Access Token being issued" (OpenID Connect Core section 5.4).
#[derive(Debug, Clone, Serialize)]
pub struct Claims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    /// The client.
    pub aud: &'a str,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    /// When the person signed in; never the time of a refresh.
    pub auth_time: i64,
    /// "Authorization Servers MUST include a nonce Claim in the ID Token with the Claim Value being the nonce value
    /// sent in the Authentication Request"; not from refreshes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    pub acr: &'a str,
    #[serde(skip_serializing_if = "<[AuthenticationMethod]>::is_empty")]
    pub amr: &'a [AuthenticationMethod],
    /// The browser session, OpenID Connect Front-Channel Logout section 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// OpenID Connect Core section 3.1.3.6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<&'a str>,
    /// What the client asked to have in here, claim by claim (OpenID Connect Core section 5.5).
    #[serde(flatten)]
    pub named: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::Claims;
    use crate::domain::session::AuthenticationMethod;
    use serde_json::Map;
    use serde_json::json;

    #[test]
    fn sc_10_c_32_nonce_and_nothing_about_the_person() {
        let claims = Claims {
            iss: "https://op.test",
            sub: "usr_ada",
            aud: "c1",
            iat: 10,
            exp: 20,
            auth_time: 5,
            nonce: Some("n-\"0"),
            acr: "1",
            amr: &[AuthenticationMethod::Password],
            sid: None,
            at_hash: None,
            named: Map::new(),
        };
        let written = serde_json::to_value(&claims).unwrap();
        assert_eq!(
            written,
            json!({"iss": "https://op.test", "sub": "usr_ada", "aud": "c1", "iat": 10, "exp": 20, "auth_time": 5,
                "nonce": "n-\"0", "acr": "1", "amr": ["pwd"]})
        );
        let without = Claims { nonce: None, ..claims };
        assert!(serde_json::to_value(&without).unwrap().get("nonce").is_none());
    }
}
