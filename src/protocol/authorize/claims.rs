//! The `claims` parameter, OpenID Connect Core section 5.5: single claims, and values that they must have.
//!
//! - A claim that nobody knows, or that the client may not have, is left out: "Note that when Claims are not
//!   returned, the Authorization Server MUST NOT generate an error, whether they are Essential or Voluntary".
//! - `sub` with a value says who must sign in; an essential `acr` says how.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use super::super::error::ErrorCode;
use super::super::error::OAuthError;
use super::super::params::Params;
use super::super::userinfo;
use crate::crypto::json;
use crate::domain::claims::ClaimsRequest;
use crate::domain::client::Client;
use crate::domain::ids::Subject;
use crate::domain::scope::Scope;

/// What we can say of how somebody signed in; discovery lists the same.
pub const ACR_VALUES: [&str; 1] = ["1"];

/// What the parameter asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) claims: ClaimsRequest,
    /// `sub` of the only person the client can use.
    pub(super) subject: Option<Subject>,
}

pub(super) fn check(params: &Params, client: &Client) -> Result<Wanted, OAuthError> {
    let Some(text) = params.get("claims")? else { return Ok(Wanted::default()) };
    let value = json::strict(text.as_bytes()).map_err(|fault| malformed(&fault.to_string()))?;
    let asked = value.as_object().ok_or_else(|| malformed("not a JSON object"))?;
    let (at_userinfo, in_id_token) = (member(asked, "userinfo")?, member(asked, "id_token")?);
    let by_value = |wishes: &Map<String, Value>| wishes.get("sub").and_then(|sub| sub.get("value")).cloned();
    let subject = by_value(&in_id_token).or_else(|| by_value(&at_userinfo));
    essential_acr(&in_id_token)?;
    let mut scope = Scope::default();
    let claims = ClaimsRequest {
        userinfo: known(&at_userinfo, client, &mut scope),
        id_token: known(&in_id_token, client, &mut scope),
        scope,
    };
    let person = |sub: &Value| sub.as_str().and_then(|sub| Subject::new(sub).ok());
    let subject = subject.map(|sub| person(&sub).ok_or_else(|| malformed("sub cannot be one"))).transpose()?;
    Ok(Wanted { claims, subject })
}

/// `userinfo` or `id_token`: absent, or an object in which every claim is null or an object.
fn member(asked: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, OAuthError> {
    match asked.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(claims)) if claims.values().all(|wish| wish.is_null() || wish.is_object()) => {
            Ok(claims.clone())
        }
        Some(_) => Err(malformed(&format!("{name} is an object of claims, each null or an object"))),
    }
}

/// The names that we can answer; their scope values are added to `scope`.
fn known(wishes: &Map<String, Value>, client: &Client, scope: &mut Scope) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in wishes.keys() {
        let gives = userinfo::scope_of(name).filter(|value| *value != "openid" && client.scope.contains(value));
        if let Some(value) = gives.and_then(|value| Scope::parse(value).ok()) {
            *scope = scope.union(&value);
            names.insert(name.clone());
        }
    }
    names
}

/// "If the acr Claim is requested as an Essential Claim for the ID Token with a values parameter [...] and the
/// requirement cannot be met, then the Authorization Server MUST treat that outcome as a failed authentication
/// attempt" (section 5.5.1.1); OpenID Connect Core Error Code `unmet_authentication_requirements` names it.
fn essential_acr(in_id_token: &Map<String, Value>) -> Result<(), OAuthError> {
    let Some(acr) = in_id_token.get("acr") else { return Ok(()) };
    if acr.get("essential").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let wanted: Vec<&Value> = match (acr.get("value"), acr.get("values").and_then(Value::as_array)) {
        (Some(one), _) => vec![one],
        (None, Some(many)) => many.iter().collect(),
        (None, None) => return Ok(()),
    };
    if wanted.iter().any(|value| value.as_str().is_some_and(|value| ACR_VALUES.contains(&value))) {
        return Ok(());
    }
    Err(OAuthError::new(ErrorCode::UnmetAuthenticationRequirements, "Nobody can sign in here in that way"))
}

fn malformed(why: &str) -> OAuthError {
    OAuthError::invalid_request("claims is not a claims request (OpenID Connect Core section 5.5)")
        .detail(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Wanted;
    use super::check;
    use crate::domain::client::Client;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::error::OAuthError;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::scope;
    use crate::protocol::params::AUTHORIZE;
    use crate::protocol::params::Params;

    fn ask(claims: &str) -> Result<Wanted, OAuthError> {
        let encoded: String = url::form_urlencoded::byte_serialize(claims.as_bytes()).collect();
        let params = Params::parse(&[format!("claims={encoded}").as_bytes()], AUTHORIZE).unwrap();
        check(&params, &Client { scope: scope("openid profile email"), ..confidential() })
    }

    #[test]
    fn core_5_5_single_claims_ask_the_person_about_the_scope_that_gives_them() {
        let wanted = ask(r#"{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"auth_time":null}}"#);
        let claims = wanted.unwrap().claims;
        assert_eq!(claims.userinfo, ["email".to_owned(), "name".to_owned()].into());
        assert!(claims.id_token.is_empty(), "auth_time is in every ID token");
        assert_eq!(claims.scope, scope("email profile"));
    }

    #[test]
    fn core_5_5_1_what_cannot_be_had_is_no_error() {
        let wanted = ask(r#"{"userinfo":{"phone_number":{"essential":true},"shoe_size":null,"sub":null},"x":1}"#);
        assert!(wanted.unwrap().claims.is_empty());
    }

    #[test]
    fn core_5_5_1_a_subject_by_value() {
        let wanted = ask(r#"{"id_token":{"sub":{"value":"usr_1"}}}"#).unwrap();
        assert_eq!(wanted.subject.unwrap().as_str(), "usr_1");
    }

    #[test]
    fn core_5_5_1_1_an_essential_acr_that_cannot_be_met_fails() {
        for met in [
            r#"{"id_token":{"acr":{"essential":true,"values":["2","1"]}}}"#,
            r#"{"id_token":{"acr":{"essential":true}}}"#,
            r#"{"id_token":{"acr":{"values":["9"]}}}"#,
        ] {
            assert!(ask(met).is_ok(), "{met}");
        }
        for unmet in [
            r#"{"id_token":{"acr":{"essential":true,"values":["9"]}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"value":"2"}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"value":1}}}"#,
        ] {
            assert_eq!(ask(unmet).unwrap_err().code, ErrorCode::UnmetAuthenticationRequirements, "{unmet}");
        }
    }

    #[test]
    fn what_is_no_claims_request_is_refused() {
        let deep = format!("{{\"userinfo\":{}1{}}}", "{\"a\":".repeat(40), "}".repeat(40));
        for odd in
            ["{", "[]", "\"name\"", r#"{"userinfo":1}"#, r#"{"userinfo":{"name":true}}"#, r#"{"id_token":[]}"#, &deep]
        {
            assert_eq!(ask(odd).unwrap_err().code, ErrorCode::InvalidRequest, "{odd}");
        }
        let twice = r#"{"userinfo":{"name":null,"name":{"essential":true}}}"#;
        assert_eq!(ask(twice).unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
