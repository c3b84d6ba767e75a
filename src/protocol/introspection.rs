//! What the introspection endpoint says, RFC 7662, and how it is wrapped when it is signed, RFC 9701.

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::error::OAuthError;
use super::params::Params;
use crate::domain::client::Client;
use crate::domain::family::Family;
use crate::domain::ids::Subject;
use crate::domain::time::Timestamp;

/// What a caller sends in `Accept` to get a signed answer, RFC 9701 section 4.
pub const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// The `typ` header of a signed answer, RFC 9701 section 5.
pub const TYPE: &str = "token-introspection+jwt";

/// "If the introspection call is properly authorized but the token is not active [...], the authorization server MUST
/// return an introspection response with the "active" field set to "false". Note that [...] the authorization server
/// SHOULD NOT include any additional information" (RFC 7662 section 2.2).
#[must_use]
pub fn inactive() -> Map<String, Value> {
    members([("active", json!(false))])
}

/// An access token that is good, and meant for whoever asks: what is signed in it, RFC 7662 section 2.2.
#[must_use]
pub fn access_token(payload: Map<String, Value>) -> Map<String, Value> {
    let mut answer = members([("active", json!(true)), ("token_type", json!("Bearer"))]);
    answer.extend(payload);
    answer
}

/// A refresh token, for its own client, which knows the person as `sub`.
#[must_use]
pub fn refresh_token(family: &Family, sub: &Subject, issuer: &str) -> Map<String, Value> {
    members([
        ("active", json!(true)),
        ("iss", json!(issuer)),
        ("sub", json!(sub.as_str())),
        ("client_id", json!(family.client_id.as_str())),
        ("scope", json!(family.scope.to_string())),
        ("iat", json!(family.rotated_at.unwrap_or(family.created_at).seconds())),
        ("exp", json!(family.idle_expires_at.min(family.expires_at).seconds())),
    ])
}

/// The token that a request is about, here and at the revocation endpoint.
///
/// # Errors
/// `invalid_request` when it is missing.
pub fn token(form: &Params) -> Result<&str, OAuthError> {
    form.get("token")?.ok_or_else(|| OAuthError::invalid_request("token is missing"))
}

/// The audiences that a caller may ask about: what it is as a resource server, and its own name.
#[must_use]
pub fn audiences_of(caller: &Client) -> Vec<String> {
    caller.resources.iter().cloned().chain([caller.id.to_string()]).collect()
}

/// The claims of a signed answer, RFC 9701 section 5. No `sub` and no `exp` at the top, so that nobody takes it for
/// a token.
#[derive(Debug, Serialize)]
pub struct Signed<'a> {
    pub iss: &'a str,
    /// "MUST identify the resource server receiving the token introspection response".
    pub aud: &'a str,
    pub iat: i64,
    pub token_introspection: &'a Map<String, Value>,
}

impl<'a> Signed<'a> {
    #[must_use]
    pub fn new(issuer: &'a str, caller: &'a Client, answer: &'a Map<String, Value>, now: Timestamp) -> Self {
        Self { iss: issuer, aud: caller.id.as_str(), iat: now.seconds(), token_introspection: answer }
    }
}

/// Whether an `Accept` header asks for a signed answer. It is named or it is not: `*/*` means JSON.
#[must_use]
pub fn wants_signed(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(MEDIA_TYPE));
        // "a value of 0 means "not acceptable"" (RFC 9110 section 12.4.2).
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        named && !refused
    })
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::MEDIA_TYPE;
    use super::Signed;
    use super::access_token;
    use super::audiences_of;
    use super::inactive;
    use super::refresh_token;
    use super::token;
    use super::wants_signed;
    use crate::domain::client::Client;
    use crate::domain::family::Family;
    use crate::domain::ids::Subject;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::at;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::family;
    use crate::protocol::params::ABOUT_TOKEN;
    use crate::protocol::params::Params;
    use serde_json::json;

    #[test]
    fn rs_05_inactive_says_nothing_else() {
        assert_eq!(json!(inactive()), json!({ "active": false }));
    }

    #[test]
    fn what_is_in_the_token_is_in_the_answer() {
        let payload = json!({ "sub": "u", "act": { "sub": "svc" }, "exp": 5 });
        let answer = access_token(payload.as_object().unwrap().clone());
        let expected = json!({ "active": true, "token_type": "Bearer", "sub": "u", "act": { "sub": "svc" }, "exp": 5 });
        assert_eq!(json!(answer), expected);
    }

    #[test]
    fn rfc7662_2_2_a_refresh_token_tells_its_grant() {
        let ada = Subject::new("ada").unwrap();
        let rotated = family(&confidential());
        let mut expected = json!({
            "active": true, "iss": "https://op.test", "sub": "ada", "client_id": "c1", "scope": "api:read openid",
            "iat": 100, "exp": 10_000,
        });
        assert_eq!(json!(refresh_token(&rotated, &ada, "https://op.test")), expected);
        let new = Family { rotated_at: None, idle_expires_at: at(30_000), ..rotated };
        expected["iat"] = json!(0);
        expected["exp"] = json!(20_000);
        assert_eq!(json!(refresh_token(&new, &ada, "https://op.test")), expected);
    }

    #[test]
    fn rfc7662_2_1_one_token_and_whom_it_may_be_for() {
        let form = |text: &str| Params::parse(&[text.as_bytes()], ABOUT_TOKEN).unwrap();
        assert_eq!(token(&form("token=a.b.c")), Ok("a.b.c"));
        for bad in ["", "token=", "token=a&token=a"] {
            assert_eq!(token(&form(bad)).unwrap_err().code, ErrorCode::InvalidRequest, "{bad}");
        }
        let caller = Client { resources: vec!["https://rs.test".to_owned()], ..confidential() };
        assert_eq!(audiences_of(&caller), ["https://rs.test", "c1"]);
    }

    #[test]
    fn rfc9701_5_a_signed_answer_is_no_token() {
        let (caller, answer) = (confidential(), inactive());
        let signed = Signed::new("https://op.test", &caller, &answer, at(7));
        let expected =
            json!({ "iss": "https://op.test", "aud": "c1", "iat": 7, "token_introspection": { "active": false } });
        assert_eq!(json!(signed), expected);
    }

    #[test]
    fn rfc9701_4_a_signed_answer_is_asked_for_by_name() {
        for yes in [
            MEDIA_TYPE,
            "application/json, Application/Token-Introspection+JWT;q=0.5",
            " x/y,application/token-introspection+jwt ;q=1",
        ] {
            assert!(wants_signed(yes), "{yes}");
        }
        for no in [
            "",
            "*/*",
            "application/json",
            "application/jwt",
            "application/*",
            "application/token-introspection+jwt;q=0",
            "application/token-introspection+jwt; q=0.000",
        ] {
            assert!(!wants_signed(no), "{no}");
        }
    }
}
