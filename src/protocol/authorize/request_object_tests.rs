use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

use super::Place;
use super::algorithms;
use super::carried;
use super::read;
use crate::domain::client::Client;
use crate::domain::client::ClientKeys;
use crate::domain::client::RequestObjects;
use crate::domain::client::SecurityProfile;
use crate::domain::key::Algorithm;
use crate::domain::uri::WebUri;
use crate::protocol::authorize::AuthorizeFailure;
use crate::protocol::error::ErrorCode;
use crate::protocol::error::OAuthError;
use crate::protocol::fixtures::CB;
use crate::protocol::fixtures::at;
use crate::protocol::fixtures::confidential;
use crate::protocol::params::AUTHORIZE;
use crate::protocol::params::LARGEST_OBJECT;
use crate::protocol::params::Params;

const ISSUER: &str = "https://op.test";
const NOW: i64 = 1_000_000;
const URI: &str = "https://c1.test/request.jwt#one";

fn params(query: &str) -> Params {
    Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap()
}

fn client() -> Client {
    let request_objects = RequestObjects { request_uris: vec![WebUri::register(URI).unwrap()], ..Default::default() };
    let keys = ClientKeys { jwks: Some(r#"{"keys":[]}"#.to_owned()), jwks_uri: None };
    Client { keys, request_objects, ..confidential() }
}

fn fapi2() -> Client {
    Client { security_profile: SecurityProfile::Fapi2, ..client() }
}

fn compact(header: &Value, claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", encode(&header.to_string()), encode(claims), encode("unchecked"))
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "oauth-authz-req+jwt"})
}

fn claims() -> Value {
    json!({
        "iss": "c1", "aud": ISSUER, "exp": NOW + 300, "nbf": NOW, "iat": NOW,
        "client_id": "c1", "response_type": "code", "redirect_uri": CB, "scope": "openid", "state": "inner",
    })
}

/// One member set; `null` takes it away.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value,
    }
    object
}

fn read_by(client: &Client, header: &Value, claims: &str) -> Result<Params, OAuthError> {
    let outer = params("client_id=c1&response_type=code&state=outer&scope=openid+admin&prompt=none");
    read(&compact(header, claims), &outer, client, ISSUER, at(NOW)).map(super::Unsigned::signed)
}

#[track_caller]
fn refused(outcome: Result<Params, OAuthError>) {
    assert_eq!(outcome.expect_err("refused").code, ErrorCode::InvalidRequestObject);
}

fn refuses(client: &Client, name: &str, value: Value) {
    let claims = with(&claims(), name, value).to_string();
    let outcome = read_by(client, &header(), &claims);
    assert_eq!(outcome.map_err(|error| error.code).err(), Some(ErrorCode::InvalidRequestObject), "{name} in {claims}");
}

fn takes(client: &Client, name: &str, value: Value) {
    read_by(client, &header(), &with(&claims(), name, value).to_string()).unwrap();
}

#[test]
fn ro_02_only_what_is_inside_counts() {
    let params = read_by(&client(), &header(), &claims().to_string()).unwrap();
    assert_eq!(params.get("state"), Ok(Some("inner")));
    assert_eq!(params.get("scope"), Ok(Some("openid")));
    assert_eq!(params.get("prompt"), Ok(None));
    let without = with(&claims(), "state", Value::Null).to_string();
    assert_eq!(read_by(&client(), &header(), &without).unwrap().get("state"), Ok(None));
}

#[test]
fn ro_03_client_id_and_response_type_agree() {
    for other in [json!("c2"), json!("C1"), json!(1), json!(["c1"])] {
        refuses(&client(), "client_id", other);
    }
    for other in [json!("id_token"), json!("code id_token"), json!(["code"])] {
        refuses(&client(), "response_type", other);
    }
    for name in ["client_id", "response_type"] {
        let claims = with(&claims(), name, Value::Null).to_string();
        let outside = read_by(&client(), &header(), &claims).unwrap();
        assert!(outside.get(name).unwrap().is_some(), "Core 6.1: if present");
    }
    // What nobody has signed does not put tokens into an address.
    let outer = params("client_id=c1&response_type=id_token+token");
    let unsaid = compact(&header(), &with(&claims(), "response_type", Value::Null).to_string());
    refused(read(&unsaid, &outer, &client(), ISSUER, at(NOW)).map(super::Unsigned::signed));
}

#[test]
fn ro_04_no_request_within_the_request() {
    for nested in [json!("x"), json!(""), json!(compact(&header(), "{}")), json!(1)] {
        refuses(&client(), "request", nested.clone());
        refuses(&client(), "request_uri", nested);
    }
}

#[test]
fn ro_05_parties() {
    for client in [client(), fapi2()] {
        takes(&client, "aud", json!(["https://other.test", ISSUER]));
        for aud in [json!("https://other.test"), json!([]), json!([1]), json!([ISSUER, 1]), json!({"a": ISSUER})] {
            refuses(&client, "aud", aud);
        }
        for iss in [json!("c2"), json!(ISSUER), json!(["c1"]), json!(1)] {
            refuses(&client, "iss", iss);
        }
        takes(&client, "sub", json!("usr_1"));
        for sub in [json!("c1"), json!(1)] {
            refuses(&client, "sub", sub);
        }
    }
    for name in ["iss", "aud"] {
        takes(&client(), name, Value::Null);
        refuses(&fapi2(), name, Value::Null);
    }
}

#[test]
fn ro_05_times() {
    for client in [client(), fapi2()] {
        takes(&client, "exp", json!(NOW - 9));
        refuses(&client, "exp", json!(NOW - 10));
        for name in ["nbf", "iat"] {
            takes(&client, name, json!(NOW + 10));
            refuses(&client, name, json!(NOW + 11));
        }
        takes(&client, "iat", Value::Null);
        for name in ["exp", "nbf", "iat"] {
            for bad in [json!("1000300"), json!(1e300), json!(1.5), json!(-1), json!([1]), json!(true)] {
                refuses(&client, name, bad);
            }
        }
    }
    for name in ["exp", "nbf"] {
        takes(&client(), name, Value::Null);
        refuses(&fapi2(), name, Value::Null);
    }
    // Not longer than an hour, and not older, for FAPI 2.0.
    takes(&client(), "exp", json!(NOW + 4_200));
    takes(&fapi2(), "exp", json!(NOW + 3_600));
    refuses(&fapi2(), "exp", json!(NOW + 3_601));
    let old = |age: i64| with(&with(&claims(), "nbf", json!(NOW - age)), "exp", json!(NOW - age + 3_600)).to_string();
    assert!(read_by(&fapi2(), &header(), &old(3_600)).is_ok());
    refused(read_by(&fapi2(), &header(), &old(3_611)));
}

#[test]
fn ro_06_what_is_no_object() {
    for payload in ["[]", "null", "\"x\"", "1", "", "{", "{\"a\":1,\"a\":2}", "{\"state\":\"a\",\"stat\\u0065\":\"b\"}"]
    {
        refused(read_by(&client(), &header(), payload));
    }
    for header in [json!(null), json!([]), json!("ES256"), json!({})] {
        refused(read_by(&client(), &header, &claims().to_string()));
    }
    let nested = format!("{{\"claims\":{}{}}}", "{\"a\":".repeat(20), "1".to_owned() + &"}".repeat(20));
    refused(read_by(&client(), &header(), &nested));
}

#[test]
fn ro_07_members_have_their_types() {
    for (name, bad) in [
        ("max_age", json!("1")),
        ("redirect_uri", json!([CB])),
        ("claims", json!("{}")),
        ("state", json!({})),
        ("scope", json!(["openid"])),
    ] {
        refuses(&client(), name, bad);
    }
    takes(&client(), "max_age", json!(300));
    takes(&client(), "claims", json!({"id_token": {"auth_time": {"essential": true}}}));
}

#[test]
fn ro_01_only_algorithms_of_the_client() {
    let signed = |client: &Client, alg: Value| read_by(client, &with(&header(), "alg", alg), &claims().to_string());
    for alg in ["none", "nOnE", "HS256", "ES384", "es256", ""] {
        refused(signed(&client(), json!(alg)));
    }
    refused(signed(&client(), Value::Null));
    refused(signed(&client(), json!(["ES256"])));
    for alg in Algorithm::ALL {
        assert!(signed(&client(), json!(alg.as_str())).is_ok());
        let mut one = client();
        one.request_objects.request_object_signing_alg = Some(Algorithm::Es256);
        assert_eq!(signed(&one, json!(alg.as_str())).is_ok(), alg == Algorithm::Es256);
    }
    refused(signed(&fapi2(), json!("RS256")));
    assert_eq!(algorithms(&fapi2()).len(), 3);
}

#[test]
fn rfc9101_10_8_no_other_kind_of_token() {
    for good in [Value::Null, json!("JWT"), json!("application/oauth-authz-req+jwt")] {
        assert!(read_by(&client(), &with(&header(), "typ", good), &claims().to_string()).is_ok());
    }
    for bad in ["at+jwt", "dpop+jwt", "logout+jwt", "client-authentication+jwt", ""] {
        refused(read_by(&client(), &with(&header(), "typ", json!(bad)), &claims().to_string()));
    }
    for extension in ["crit", "b64"] {
        refused(read_by(&client(), &with(&header(), extension, json!(["exp"])), &claims().to_string()));
    }
}

#[test]
fn ro_17_encrypted_and_oversized_ones() {
    let outer = params("client_id=c1");
    let read = |text: &str| read(text, &outer, &client(), ISSUER, at(NOW)).map(super::Unsigned::signed);
    let encrypted = read("a.b.c.d.e");
    assert!(encrypted.as_ref().is_err_and(|error| error.description().starts_with("Encrypted")), "{encrypted:?}");
    refused(encrypted);
    refused(read("a.b"));
    refused(read(""));
    let long = with(&claims(), "x", json!("x".repeat(LARGEST_OBJECT))).to_string();
    refused(read(&compact(&header(), &long)));
}

#[track_caller]
fn told(client: &Client, query: &str) -> ErrorCode {
    match carried(&params(&format!("client_id=c1&state=s&{query}")), Some(client), false) {
        Err(AuthorizeFailure::Redirect { to, error }) => {
            assert_eq!((to.redirect_uri.as_str(), to.state.as_deref()), (CB, Some("s")));
            error.code
        }
        other => panic!("not sent back: {other:?}"),
    }
}

#[test]
fn core_6_where_the_object_is() {
    let (own, back) = (client(), "redirect_uri=https://c1.test/cb");
    let uri = "request_uri=https%3A%2F%2Fc1.test%2Frequest.jwt%23one";
    let place =
        |query: &str| carried(&params(query), Some(&own), false).unwrap().map(|(_, place)| format!("{place:?}"));
    assert_eq!(place("client_id=c1"), None);
    assert_eq!(place("client_id=c1&request=a.b.c").unwrap(), "request", "never shown");
    assert_eq!(place(&format!("client_id=c1&{uri}")).unwrap(), format!("request_uri {URI}"));
    assert_eq!(told(&own, &format!("{back}&request=a.b.c&{uri}")), ErrorCode::InvalidRequest);
    assert_eq!(told(&own, &format!("{back}&request=a.b.c&nonce=a&nonce=b")), ErrorCode::InvalidRequest);
    let long = "a".repeat(LARGEST_OBJECT + 1);
    assert_eq!(told(&own, &format!("{back}&request={long}")), ErrorCode::InvalidRequestObject);
    let required = Client {
        request_objects: RequestObjects { require_signed_request_object: true, ..RequestObjects::default() },
        ..client()
    };
    assert_eq!(told(&required, back), ErrorCode::InvalidRequest);
    // Nobody who is known: nobody is told.
    let disabled = Client { disabled: true, ..client() };
    let query = params(&format!("client_id=c1&{back}&request=a.b.c"));
    for client in [None, Some(&disabled)] {
        let failure = carried(&query, client, false);
        assert!(matches!(failure, Err(AuthorizeFailure::Page(_))));
    }
    let evil = params("client_id=c1&redirect_uri=https://evil.test&request_uri=x");
    assert!(matches!(carried(&evil, Some(&own), false), Err(AuthorizeFailure::Page(_))));
}

#[test]
fn ro_08_dy_03_only_registered_addresses_with_their_fragment() {
    let back = "redirect_uri=https://c1.test/cb";
    for other in [
        "https://c1.test/request.jwt",
        "https://c1.test/request.jwt%23two",
        "https://c1.test/request.jwt%23one%23",
        "https://c1.test/other%23one",
        "http://169.254.169.254/x",
        "file:///etc/passwd",
        "urn:ietf:params:oauth:request_uri:x",
    ] {
        assert_eq!(told(&client(), &format!("{back}&request_uri={other}")), ErrorCode::InvalidRequestUri, "{other}");
    }
    // Who has registered nothing to check it with, or no address, cannot use it at all.
    let without_keys = Client { keys: ClientKeys::default(), ..client() };
    let uri = "request_uri=https%3A%2F%2Fc1.test%2Frequest.jwt%23one";
    assert_eq!(told(&without_keys, &format!("{back}&{uri}")), ErrorCode::RequestUriNotSupported);
    assert_eq!(told(&without_keys, &format!("{back}&request=a.b.c")), ErrorCode::RequestNotSupported);
    let without_uris = Client { request_objects: RequestObjects::default(), ..client() };
    assert_eq!(told(&without_uris, &format!("{back}&{uri}")), ErrorCode::RequestUriNotSupported);
    let (query, own) = (params(&format!("client_id=c1&{uri}")), client());
    assert!(matches!(carried(&query, Some(&own), false), Ok(Some((_, Place::Reference(_))))));
}
