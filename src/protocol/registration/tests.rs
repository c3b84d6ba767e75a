use serde_json::Map;
use serde_json::Value as Json;
use serde_json::json;

use super::Issued;
use super::Terms;
use super::answer;
use super::check_document;
use super::check_unchangeable;
use super::client;
use super::members::LONGEST_SHOWN;
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
fn dr_06_redirect_uris() {
    for uris in [
        json!(["https://c1.test/cb#foobar"]),
        json!(["https://c1.test/cb#"]),
        json!(["https://c1.test/cb?code=x&state=y&iss=z"]),
        json!(["https://*.c1.test/cb"]),
        json!(["*"]),
        json!(["https://c1.test/*"]),
        json!(["http://c1.test/cb"]),
        json!(["javascript:alert(1)"]),
        json!(["JaVaScRiPt:alert(1)"]),
        json!(["data:text/html,x"]),
        json!(["com.app:/cb"]),
        json!(["https://a@c1.test/cb"]),
        json!(["https://c1.test/cb", "http://c1.test/cb"]),
        json!([]),
        json!([7]),
        json!([null]),
        json!("https://c1.test/cb"),
        json!(null),
        json!(vec!["https://c1.test/cb"; 10_000]),
    ] {
        let (code, description) = register(json!({ "redirect_uris": uris })).unwrap_err();
        assert_eq!(code, "invalid_redirect_uri", "{description}");
        assert!(description.starts_with("redirect_uris: "), "{description}");
    }
    assert_eq!(register(json!({})).unwrap_err().0, "invalid_redirect_uri");
    let native = |uri: &str| register(json!({"redirect_uris": [uri], "application_type": "native"}));
    for good in ["com.app:/cb", "http://127.0.0.1/cb", "http://[::1]/cb", "https://c1.test/cb"] {
        assert!(native(good).is_ok(), "{good}");
    }
    for bad in ["app:/cb", "com.app:cb", "com.app://host", "http://c1.test/cb"] {
        assert!(native(bad).is_err(), "{bad}");
    }
}

#[test]
fn ru_18_dangerous_schemes_nowhere() {
    for member in [
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "jwks_uri",
        "sector_identifier_uri",
        "backchannel_logout_uri",
        "frontchannel_logout_uri",
        "post_logout_redirect_uris",
        "request_uris",
    ] {
        for uri in [
            "javascript:alert(1)",
            "DATA:text/html,x",
            "vbscript:x",
            "blob:https://c1.test/x",
            "file:///x",
            "about:blank",
        ] {
            let value = if member.ends_with('s') { json!([uri]) } else { json!(uri) };
            let (code, description) = register(with(json!({ member: value }))).unwrap_err();
            assert_eq!(code, "invalid_client_metadata");
            assert!(description.starts_with(member), "{description}");
        }
    }
}

#[test]
fn dr_07_contacts_are_short_and_visible() {
    let long = |length: usize| "a".repeat(length);
    for bad in ["", "a\u{202e}b", "a\0", &long(LONGEST_SHOWN + 1)] {
        let (code, told) = register(with(json!({"contacts": ["ops@c1.test", bad]}))).unwrap_err();
        assert_eq!(code, "invalid_client_metadata");
        assert!(told.starts_with("contacts"), "{told}");
    }
    let client = register(with(json!({"contacts": [long(LONGEST_SHOWN), "\u{e9}"]}))).unwrap();
    assert_eq!(client.contacts, [long(LONGEST_SHOWN), "\u{e9}".to_owned()]);
}

/// What this server fetches comes over https, or from this very machine where the operator allows that.
#[test]
fn dr_12_what_is_fetched_comes_over_https() {
    let sent = || with(json!({"jwks_uri": "http://127.0.0.1:9/jwks", "token_endpoint_auth_method": "private_key_jwt"}));
    let told = register(sent()).unwrap_err();
    assert_eq!(told.0, "invalid_client_metadata");
    let terms = Terms { fetches_from_loopback: true, ..terms() };
    assert!(register_with(&terms, sent()).unwrap().keys.jwks_uri.is_some());
}

#[test]
fn dr_07_types_and_sizes() {
    let texts = [
        "client_name",
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "jwks_uri",
        "sector_identifier_uri",
        "subject_type",
        "application_type",
        "scope",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "request_object_signing_alg",
        "initiate_login_uri",
        "backchannel_logout_uri",
        "frontchannel_logout_uri",
    ];
    let lists = ["response_types", "grant_types", "contacts", "request_uris", "post_logout_redirect_uris"];
    let flags = [
        "require_signed_request_object",
        "backchannel_logout_session_required",
        "frontchannel_logout_session_required",
    ];
    let refused = |member: &str, value: Json| {
        let outcome = register(with(json!({ member: value.clone() })));
        assert_eq!(outcome.unwrap_err().0, "invalid_client_metadata", "{member}");
    };
    for member in texts.into_iter().chain(lists).chain(flags).chain(["jwks"]) {
        for value in [json!(7), json!(null), json!({"a": {"b": []}}), json!([[]])] {
            refused(member, value);
        }
    }
    for member in texts {
        refused(member, json!(["text"]));
        refused(member, json!("x".repeat(60_000)));
    }
    for member in lists {
        refused(member, json!("text"));
        refused(member, json!(vec!["x"; 10_000]));
    }
    for member in flags {
        refused(member, json!("true"));
    }
}

#[test]
fn dr_05_keys() {
    let key = |extra: Json| {
        let mut key = object(serde_json::from_str(KEY).unwrap());
        key.extend(object(extra));
        json!({ "keys": [key] })
    };
    for (member, value) in [
        ("jwks", key(json!({"d": "AQ"}))),
        ("jwks", json!({"keys": [{"kty": "oct", "k": "AQ"}]})),
        ("jwks", json!({"keys": null})),
        ("jwks", json!({"keys": [null]})),
        ("jwks", json!({"keys": []})),
        ("jwks", json!({})),
        ("jwks", json!(KEY)),
        ("jwks", json!({"keys": vec![jwks()["keys"][0].clone(); 1000]})),
        ("jwks_uri", json!("http://c1.test/keys")),
        ("jwks_uri", json!("http://localhost/keys")),
    ] {
        assert_eq!(
            register(with(json!({ member: value.clone() }))).unwrap_err().0,
            "invalid_client_metadata",
            "{value}"
        );
    }
    let both = with(json!({"jwks": jwks(), "jwks_uri": "https://c1.test/keys"}));
    assert!(register(both).unwrap_err().1.contains("jwks_uri"));
    assert!(register(with(json!({"token_endpoint_auth_method": "private_key_jwt"}))).is_err());
    let signed = with(json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://c1.test/keys"}));
    assert!(told(&register(signed).unwrap())["jwks_uri"].is_string());
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
fn no_algorithm_that_is_not_told_and_never_none() {
    for member in [
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "introspection_signed_response_alg",
        "request_object_signing_alg",
        "token_endpoint_auth_signing_alg",
    ] {
        for algorithm in ["none", "None", "HS256", "rs256", "ES512"] {
            assert!(register(with(json!({ member: algorithm }))).is_err(), "{member}: {algorithm}");
        }
    }
    // No key of ours signs with it; theirs may.
    assert!(register(with(json!({"id_token_signed_response_alg": "PS256"}))).is_err());
    for theirs in ["PS256", "EdDSA", "Ed25519"] {
        assert!(register(with(json!({ "request_object_signing_alg": theirs }))).is_ok(), "{theirs}");
    }
    assert!(
        register(with(json!({"id_token_encrypted_response_alg": "RSA-OAEP"}))).unwrap_err().1.contains("encrypted")
    );
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
}

#[test]
fn dr_08_pairwise_on_several_hosts_needs_a_sector() {
    let several = json!({"subject_type": "pairwise", "redirect_uris": ["https://a.test/cb", "https://b.test/cb"]});
    assert!(register(several).unwrap_err().1.contains("sector_identifier_uri"));
    let device =
        json!({"subject_type": "pairwise", "application_type": "native", "redirect_uris": ["com.example.app:/cb"]});
    assert!(register(device).is_err());
    let one = json!({"subject_type": "pairwise", "redirect_uris": ["https://a.test/cb", "https://a.test/other"]});
    assert_eq!(told(&register(one).unwrap())["subject_type"], "pairwise");
    let made = register(with(json!({"sector_identifier_uri": "https://s.test/uris.json"}))).unwrap();
    for (document, fits) in [
        (&br#"["https://c1.test/cb"]"#[..], true),
        (br#"["https://other.test/cb","https://c1.test/cb"]"#, true),
        (br#"["https://c1.test/"]"#, false),
        (br#"["https://c1.test/cb", 7]"#, false),
        (br#"{"uris":["https://c1.test/cb"]}"#, false),
        (b"[]", false),
        (b"", false),
        (b"<html>", false),
    ] {
        let outcome = check_document(document, &made);
        assert_eq!(outcome.is_ok(), fits, "{}", String::from_utf8_lossy(document));
    }
    assert!(register(with(json!({"sector_identifier_uri": "http://s.test/uris.json"}))).is_err());
}

#[test]
fn t_02_login_is_initiated_by_https_only() {
    for bad in ["http://c1.test/login", "http://localhost/login", "http://127.0.0.1:8080/login"] {
        let (code, description) = register(with(json!({ "initiate_login_uri": bad }))).unwrap_err();
        assert_eq!((code, description.contains("https")), ("invalid_client_metadata", true), "{bad}: {description}");
    }
}

#[test]
fn dr_09_names_have_nothing_hidden() {
    let name = |text: &str| register(with(json!({ "client_name": text }))).map(|client| client.name);
    assert_eq!(name("Go\u{200b}og\u{202e}le\u{feff}").unwrap(), "Google");
    assert_eq!(name(" Shop\n of\t\u{2028} Ada\u{7} ").unwrap(), "Shop of Ada");
    assert_eq!(name("\u{5546}\u{5e97} \u{1f980}").unwrap(), "\u{5546}\u{5e97} \u{1f980}");
    for bad in ["", " ", "\u{200b}\u{202e}", &"x".repeat(201), &"x".repeat(10_240)] {
        assert!(name(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn front_channel_logout_stays_where_the_client_is() {
    assert!(register(with(json!({"frontchannel_logout_uri": "https://c1.test/fc"}))).is_ok());
    for elsewhere in ["https://c2.test/fc", "https://c1.test:8443/fc", "http://localhost/fc"] {
        assert!(register(with(json!({ "frontchannel_logout_uri": elsewhere }))).is_err(), "{elsewhere}");
    }
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
