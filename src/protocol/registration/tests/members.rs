//! Types, sizes, keys, algorithms and names.

use serde_json::Value as Json;
use serde_json::json;

use super::KEY;
use super::jwks;
use super::object;
use super::register;
use super::told;
use super::with;
use crate::protocol::registration::members::LONGEST_SHOWN;

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
    let most = |number: usize| register(with(json!({"contacts": vec!["ops@c1.test"; number]})));
    assert!(most(50).is_ok() && most(51).is_err());
    let long = |length: usize| register(with(json!({"client_name": format!("{:<length$}", "Shop")})));
    assert!(long(2000).is_ok() && long(2001).is_err());
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
fn dr_09_names_have_nothing_hidden() {
    let name = |text: &str| register(with(json!({ "client_name": text }))).map(|client| client.name);
    assert_eq!(name("Go\u{200b}og\u{202e}le\u{feff}").unwrap(), "Google");
    assert_eq!(name(" Shop\n of\t\u{2028} Ada\u{7} ").unwrap(), "Shop of Ada");
    assert_eq!(name("\u{5546}\u{5e97} \u{1f980}").unwrap(), "\u{5546}\u{5e97} \u{1f980}");
    for bad in ["", " ", "\u{200b}\u{202e}", &"x".repeat(201), &"x".repeat(10_240)] {
        assert!(name(bad).is_err(), "{bad:?}");
    }
    assert!(name(&"\u{e9}".repeat(200)).is_ok());
    // No word joiner, no direction, no blank letter, no tag: each is one code point of its block.
    for hidden in "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{200b}\u{202a}\u{2060}\u{3164}\u{ffa0}\u{fff0}\u{e0041}".chars() {
        assert_eq!(name(&format!("Sh{hidden}op")).unwrap(), "Shop", "{hidden:?}");
    }
}
