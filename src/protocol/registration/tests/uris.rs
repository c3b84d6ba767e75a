//! The addresses of a client.

use serde_json::json;

use super::register;
use super::register_with;
use super::terms;
use super::told;
use super::with;
use crate::domain::client::ApplicationType;
use crate::protocol::registration::Terms;
use crate::protocol::registration::check_document;

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
        assert_eq!(native(good).unwrap().application_type, ApplicationType::Native, "{good}");
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
fn front_channel_logout_stays_where_the_client_is() {
    assert!(register(with(json!({"frontchannel_logout_uri": "https://c1.test/fc"}))).is_ok());
    for elsewhere in ["https://c2.test/fc", "https://c1.test:8443/fc", "http://localhost/fc"] {
        assert!(register(with(json!({ "frontchannel_logout_uri": elsewhere }))).is_err(), "{elsewhere}");
    }
}
