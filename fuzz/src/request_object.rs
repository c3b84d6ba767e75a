//! Signed authorization requests: OpenID Connect Core section 6, RFC 9101.

use serde_json::Map;
use serde_json::Value;
use signet::domain::client::Client;
use signet::domain::client::SecurityProfile;
use signet::domain::ids::ClientId;
use signet::domain::time::Timestamp;
use signet::protocol::authorize::request_object;
use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::LARGEST_OBJECT;
use signet::protocol::params::Params;

use super::client_assertion::JWKS;
use super::client_assertion::client;
use super::client_assertion::is_fit;
use super::oracle;
use super::signed;
use super::signed::ISSUER;
use super::signed::NOW;

const TEXTS: [&str; 18] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "display",
    "ui_locales",
    "claims_locales",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "request",
    "request_uri",
];

/// `header JSON, line end, claims JSON`, or an object as it is.
pub fn run(data: &[u8]) {
    let Some(token) = signed::token(data) else { return };
    for profile in [SecurityProfile::Oidc, SecurityProfile::Fapi2] {
        let own = client(profile, None);
        // Outside stands what the object must win over (RO-02).
        for outside in ["client_id=c1&response_type=code&state=outside&scope=admin&nonce=outside", "client_id=c1"] {
            sent(&token.compact, outside, &own);
        }
        let other = Client { id: ClientId::new("c2").expect("a name"), ..own };
        sent(&token.compact, "client_id=c2", &other);
    }
}

fn sent(compact: &str, outside: &str, client: &Client) {
    let outer = Params::parse(&[outside.as_bytes()], AUTHORIZE).expect("a small query");
    let allowed = request_object::algorithms(client);
    let now = Timestamp::from_seconds(NOW);
    let read = request_object::read(compact, &outer, client, ISSUER, now);
    let verified = JWKS.verify(compact, &allowed, LARGEST_OBJECT);
    if let Err(error) = &read {
        oracle::assert_sendable(error);
    }
    // RO-01: refused whatever else is right.
    let expected = signed::opened(compact).filter(|(header, _, algorithm)| is_fit(header, *algorithm, client));
    assert_eq!(verified.is_ok(), expected.is_some() && compact.len() <= LARGEST_OBJECT, "{compact}");
    let (Ok(object), Some((header, claims, _))) = (read, expected) else { return };
    let params = object.signed();
    assert_eq!(params.check(), Ok(()));
    is_good(&header, &claims, client);
    inside_alone(&params, &claims, &outer);
}

/// RO-03 to RO-07.
fn is_good(header: &Map<String, Value>, claims: &Map<String, Value>, client: &Client) {
    let strict = client.security_profile == SecurityProfile::Fapi2;
    let id = client.id.as_str();
    let typ = header.get("typ").map(|typ| typ.as_str().expect("a text").to_ascii_lowercase());
    assert!(typ.is_none_or(|typ| ["jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"].contains(&&*typ)));
    assert!(!claims.contains_key("request") && !claims.contains_key("request_uri"));
    assert!(claims.get("iss").map_or(!strict, |iss| iss == id));
    let names_us = |aud: &Value| aud == ISSUER || aud.as_array().is_some_and(|all| all.contains(&Value::from(ISSUER)));
    assert!(claims.get("aud").map_or(!strict, names_us));
    assert!(claims.get("client_id").is_none_or(|own| own == id));
    assert!(claims.get("sub").is_none_or(|sub| sub.is_string() && sub != id));
    let date = |name: &str| claims.get(name).map(|value| oracle::date(Some(value)).expect("a time"));
    let (exp, nbf, iat) = (date("exp"), date("nbf"), date("iat"));
    assert!(exp.is_none_or(|exp| exp + 10 > NOW));
    assert!([nbf, iat].into_iter().flatten().all(|begin| begin <= NOW + 10));
    if strict {
        let (exp, nbf) = (exp.expect("exp"), nbf.expect("nbf"));
        assert!(exp - nbf <= 3600 && NOW - nbf <= 3610);
    }
}

/// RO-02: parameters are those inside; `client_id` and the response type `code` alone may come from outside.
fn inside_alone(params: &Params, claims: &Map<String, Value>, outer: &Params) {
    for name in TEXTS {
        let got = params.get(name).expect("readable");
        match claims.get(name) {
            Some(Value::String(text)) if text.is_empty() => assert_eq!(got, None),
            Some(Value::String(text)) => {
                assert_eq!(got, Some(text.as_str()));
                assert!(!text.chars().any(char::is_control));
            }
            Some(other) => panic!("{name} is {other}"),
            None if name == "client_id" => assert_eq!(Ok(got), outer.get(name)),
            None if name == "response_type" => {
                assert_eq!(Ok(got), outer.get(name));
                assert!(got.is_none_or(|kind| kind == "code"));
            }
            None => assert_eq!(got, None),
        }
    }
    assert_eq!(
        params.get("max_age").expect("readable").map(str::to_owned),
        claims.get("max_age").map(Value::to_string)
    );
    assert!(claims.get("max_age").is_none_or(Value::is_u64) && claims.get("claims").is_none_or(Value::is_object));
}
