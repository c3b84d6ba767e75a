//! Registration (RFC 7591) and its changes (RFC 7592), as values.

mod change;
mod members;
mod uris;

use serde_json::Map;
use serde_json::Value as Json;
use serde_json::json;

use super::Issued;
use super::Terms;
use super::answer;
use super::check_unchangeable;
use super::client;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::ids::ClientId;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

fn terms() -> Terms {
    Terms {
        signing: vec![Algorithm::Rs256, Algorithm::Es256],
        response_types: vec![ResponseType::Code],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scope: Scope::parse("openid profile email offline_access").unwrap(),
        default_scope: Scope::parse("openid profile").unwrap(),
        require_pkce: false,
        fetches_from_loopback: false,
    }
}

fn all_terms() -> Terms {
    Terms { response_types: ResponseType::ALL.into(), grant_types: GrantType::ALL.into(), ..terms() }
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(members) => members,
        other => panic!("{other}"),
    }
}

fn base() -> Client {
    Client::new(ClientId::new("client_1").unwrap(), Timestamp::from_seconds(7))
}

fn register_with(terms: &Terms, sent: Json) -> Result<Client, (&'static str, String)> {
    client(&object(sent), terms, base()).map_err(|error| (error.code.as_str(), error.description().to_owned()))
}

fn register(sent: Json) -> Result<Client, (&'static str, String)> {
    register_with(&terms(), sent)
}

/// A registration that is good, with these members beside or instead.
fn with(more: Json) -> Json {
    let mut sent = object(json!({"redirect_uris": ["https://c1.test/cb"]}));
    sent.extend(object(more));
    Json::Object(sent)
}

fn told(client: &Client) -> Json {
    let (token, secret) = (Secret::new("sgm_t"), Secret::new("sgs_s"));
    let secret = (!client.is_public()).then_some(&secret);
    serde_json::to_value(answer(
        client,
        &Issued { token: &token, secret, address: "https://op.test/register/client_1" },
    ))
    .unwrap()
}

const KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis","y":"y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE"}"#;

fn jwks() -> Json {
    json!({"keys": [serde_json::from_str::<Json>(KEY).unwrap()]})
}

#[test]
fn rfc7591_2_defaults_are_filled_in_and_told() {
    let told = told(&register(with(json!({}))).unwrap());
    assert_eq!(
        told,
        json!({
            "client_id": "client_1", "client_secret": "sgs_s", "client_secret_expires_at": 0, "client_id_issued_at": 7,
            "registration_access_token": "sgm_t", "registration_client_uri": "https://op.test/register/client_1",
            "application_type": "web", "redirect_uris": ["https://c1.test/cb"], "response_types": ["code"],
            "grant_types": ["authorization_code"], "token_endpoint_auth_method": "client_secret_basic",
            "scope": "openid profile", "subject_type": "public", "id_token_signed_response_alg": "RS256",
            "require_signed_request_object": false, "backchannel_logout_session_required": false,
            "frontchannel_logout_session_required": false,
        })
    );
}

#[test]
fn c_70_everything_that_is_supported_comes_back() {
    let sent = json!({
        "application_type": "web", "redirect_uris": ["https://c1.test/cb", "https://c1.test/cb?a=b"],
        "response_types": ["code"], "grant_types": ["authorization_code", "refresh_token"], "client_name": "Shop \u{1f980}",
        "contacts": ["ops@c1.test"], "logo_uri": "https://c1.test/logo.png", "client_uri": "https://c1.test/",
        "policy_uri": "https://c1.test/policy", "tos_uri": "https://c1.test/tos", "jwks": jwks(),
        "sector_identifier_uri": "https://c1.test/sector.json", "subject_type": "pairwise",
        "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "ES256", "request_object_signing_alg": "PS256",
        "require_signed_request_object": true, "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "EdDSA", "initiate_login_uri": "https://c1.test/login",
        "request_uris": ["https://c1.test/request#hash"], "post_logout_redirect_uris": ["https://c1.test/out"],
        "backchannel_logout_uri": "https://c1.test/bc", "backchannel_logout_session_required": true,
        "frontchannel_logout_uri": "https://c1.test/fc", "frontchannel_logout_session_required": true,
        "scope": "email openid",
    });
    let told = told(&register(sent.clone()).unwrap());
    for (name, value) in object(sent) {
        assert_eq!(told[&name], value, "{name}");
    }
}

#[test]
fn dr_04_dr_11_only_what_is_on_the_list() {
    let sent = with(json!({
        "client_id": "usr_ada", "client_secret": "mine", "first_party": true, "session_api": true, "disabled": false,
        "roles": ["admin"], "audiences": ["https://rs.test"], "resources": ["https://rs.test"], "origins": ["https://x.test"],
        "security_profile": "fapi2", "require_pkce": false, "source": "configuration", "lifetimes": {"id_token": 1},
        "scope": "openid admin", "unknown": {"deep": [1, 2, 3]}, "client_name#de": "Laden",
    }));
    let made = register(sent).unwrap();
    let plain = Client { scope: Scope::parse("openid").unwrap(), ..register(with(json!({}))).unwrap() };
    assert_eq!(made, plain, "nothing but the scope was taken");
    assert!(told(&made).get("unknown").is_none());
    for (member, value) in [
        ("grant_types", json!(["authorization_code", "client_credentials"])),
        ("grant_types", json!(["authorization_code", "password"])),
        ("response_types", json!(["id_token"])),
        ("response_types", json!(["code id_token"])),
        ("scope", json!("admin")),
        ("subject_type", json!("none")),
    ] {
        let (code, description) = register(with(json!({ member: value }))).unwrap_err();
        assert_eq!(code, "invalid_client_metadata");
        assert!(description.starts_with(member), "{description}");
    }
}

#[test]
fn c_11_pkce_is_for_those_without_a_secret() {
    for (method, required) in [("client_secret_basic", false), ("client_secret_post", false), ("none", true)] {
        let made = register(with(json!({ "token_endpoint_auth_method": method }))).unwrap();
        assert_eq!((made.is_public(), made.pkce_required()), (required, required), "{method}");
    }
    let strict = Terms { require_pkce: true, ..terms() };
    assert!(register_with(&strict, with(json!({}))).unwrap().pkce_required());
}

#[test]
fn rfc7591_2_1_grants_and_response_types_agree() {
    for (responses, grants, fits) in [
        (json!(["code"]), json!(["authorization_code"]), true),
        (json!(["code"]), json!(["authorization_code", "refresh_token"]), true),
        (json!(["id_token"]), json!(["implicit"]), true),
        (json!(["token id_token", "code"]), json!(["implicit", "authorization_code"]), true),
        (json!([]), json!(["client_credentials"]), true),
        (json!(["code"]), json!(["implicit"]), false),
        (json!(["code"]), json!(["authorization_code", "implicit"]), false),
        (json!(["id_token"]), json!(["authorization_code"]), false),
        (json!(["code"]), json!(["refresh_token"]), false),
        (json!([]), json!(["refresh_token"]), false),
        (json!([]), json!([]), false),
        (json!(["code"]), json!(["client_credentials"]), false),
    ] {
        let sent = with(json!({ "response_types": responses, "grant_types": grants }));
        let outcome = register_with(&all_terms(), sent.clone());
        assert_eq!(outcome.is_ok(), fits, "{sent}: {outcome:?}");
        if let Ok(made) = outcome {
            assert_eq!(told(&made)["grant_types"].as_array().unwrap().len(), grants.as_array().unwrap().len());
        }
    }
    // One of the two says the other.
    let made = |more: Json| told(&register_with(&all_terms(), with(more)).unwrap());
    assert_eq!(made(json!({"response_types": ["id_token"]}))["grant_types"], json!(["implicit"]));
    assert_eq!(made(json!({"grant_types": ["client_credentials"]}))["response_types"], json!([]));
    // RFC 6749 section 4.4.
    let public = json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"});
    assert!(register_with(&all_terms(), public).is_err());
    // OpenID Connect Registration section 2.
    for uri in ["http://localhost/cb", "http://127.0.0.1/cb", "https://localhost/cb"] {
        let sent = json!({"redirect_uris": [uri], "response_types": ["id_token"]});
        assert_eq!(register_with(&all_terms(), sent).unwrap_err().0, "invalid_redirect_uri", "{uri}");
    }
    let device =
        json!({"redirect_uris": ["com.app:/cb"], "application_type": "native", "response_types": ["id_token"]});
    assert!(register_with(&all_terms(), device).is_ok(), "that is for web clients");
    assert!(register(json!({"redirect_uris": ["http://localhost/cb"]})).is_ok(), "and for those without codes");
}

#[test]
fn dr_03_a_change_passes_the_same_checks_on_the_whole() {
    let before = Client {
        first_party: true,
        ..register(with(json!({"client_name": "Shop", "contacts": ["a@c1.test"]}))).unwrap()
    };
    let change = |sent: Json| client(&object(sent), &terms(), before.clone());
    // "Omitted fields MUST be treated as null or empty values" (RFC 7592 section 2.2); what an administrator gave stays.
    let after = change(with(json!({}))).unwrap();
    assert_eq!((after.name.as_str(), after.contacts.len(), after.first_party), ("client_1", 0, true));
    assert!(change(json!({"client_name": "Shop"})).is_err(), "no redirect URIs are left");
    assert!(change(with(json!({"grant_types": ["authorization_code", "client_credentials"]}))).is_err());
    for (sent, good) in [
        (json!({"client_id": "client_1"}), true),
        (json!({"client_id": "client_2"}), false),
        (json!({}), false),
        (json!({"client_id": "client_1", "registration_access_token": "x"}), false),
        (json!({"client_id": "client_1", "registration_client_uri": "x"}), false),
        (json!({"client_id": "client_1", "client_id_issued_at": 7}), false),
        (json!({"client_id": "client_1", "client_secret_expires_at": 0}), false),
    ] {
        assert_eq!(check_unchangeable(&object(sent.clone()), &before).is_ok(), good, "{sent}");
    }
}

#[test]
fn pages_of_a_public_client_read_its_answers() {
    let made = register(
        json!({"redirect_uris": ["https://c1.test/cb", "https://c1.test/x"], "token_endpoint_auth_method": "none"}),
    );
    let made = made.unwrap();
    assert!(made.trusts_origin("https://c1.test") && !made.trusts_origin("https://c2.test"));
    assert_eq!(made.origins.len(), 1);
    let secret = register(with(json!({}))).unwrap();
    assert!(secret.origins.is_empty() && secret.token_endpoint_auth_methods.contains(&AuthMethod::ClientSecretBasic));
}
