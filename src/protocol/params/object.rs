//! Parameters as members of a request object, RFC 9101 section 4.

use serde_json::Map;
use serde_json::Value;

use super::JsonType;
use super::Known;
use super::Params;
use super::Sent;

/// A member that is no value of its parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} in the request object {why}")]
pub struct BadMember {
    pub name: &'static str,
    why: &'static str,
}

impl Params {
    /// Reads the members that are parameters, each of its own type and within its own limit; others are no parameters
    /// and are ignored.
    ///
    /// # Errors
    /// The first [`BadMember`]: another JSON type (null too), too long, control characters.
    pub fn of_object(members: &Map<String, Value>, known: &'static [Known]) -> Result<Self, BadMember> {
        let mut sent = Vec::new();
        for parameter in known {
            if let Some(value) = members.get(parameter.name) {
                let values = texts(parameter, value).map_err(|why| BadMember { name: parameter.name, why })?;
                sent.push(Sent { name: parameter.name, values, fault: None });
            }
        }
        Ok(Self { known, sent, elsewhere: None })
    }
}

/// The values as a query would have them; an empty one is none.
fn texts(parameter: &Known, value: &Value) -> Result<Vec<String>, &'static str> {
    let values = match (parameter.json, value) {
        (JsonType::Text, Value::String(text)) => vec![text.clone()],
        (JsonType::Text, Value::Array(items)) if parameter.repeatable => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(TYPE)?
        }
        (JsonType::Number, Value::Number(number)) => vec![number.as_u64().ok_or(TYPE)?.to_string()],
        (JsonType::Object, Value::Object(_)) => vec![value.to_string()],
        _ => return Err(TYPE),
    };
    for value in &values {
        if value.len() > parameter.max {
            return Err("is too long");
        }
        if value.chars().any(char::is_control) {
            return Err("has control characters");
        }
    }
    Ok(values.into_iter().filter(|value| !value.is_empty()).collect())
}

const TYPE: &str = "has another JSON type than its parameter";

#[cfg(test)]
mod tests {
    use super::super::AUTHORIZE;
    use super::super::Params;
    use serde_json::json;

    fn read(members: &serde_json::Value) -> Result<Params, &'static str> {
        Params::of_object(members.as_object().unwrap(), AUTHORIZE).map_err(|bad| bad.name)
    }

    #[test]
    fn rfc9101_4_each_member_in_its_own_type() {
        let params = read(&json!({
            "scope": "openid", "max_age": 300, "claims": {"userinfo": {"name": null}}, "resource": ["a", "b"],
            "state": "", "iss": 1, "unknown": [null],
        }))
        .unwrap();
        assert_eq!(params.get("max_age"), Ok(Some("300")));
        assert_eq!(params.get("claims"), Ok(Some(r#"{"userinfo":{"name":null}}"#)));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((params.get("state"), params.get("nonce")), (Ok(None), Ok(None)));
        assert_eq!(params.check(), Ok(()));
    }

    #[test]
    fn ro_07_another_type_is_no_value() {
        for bad in [
            json!({"max_age": "1"}),
            json!({"max_age": 1.5}),
            json!({"max_age": -1}),
            json!({"max_age": 1e300}),
            json!({"max_age": null}),
            json!({"redirect_uri": ["https://c1.test/cb"]}),
            json!({"scope": ["openid"]}),
            json!({"state": 1}),
            json!({"nonce": null}),
            json!({"prompt": true}),
            json!({"claims": "{}"}),
            json!({"claims": []}),
            json!({"resource": ["https://rs.test", 1]}),
            json!({"resource": {"0": "https://rs.test"}}),
            json!({"state": "a\nb"}),
            json!({"login_hint": "a".repeat(257)}),
            json!({"claims": {"userinfo": {"a".repeat(9000): null}}}),
        ] {
            let name = bad.as_object().unwrap().keys().next().unwrap().clone();
            assert_eq!(read(&bad).unwrap_err(), name, "{bad}");
        }
        assert!(read(&json!({"login_hint": "a".repeat(256)})).is_ok());
    }
}
