//! What is asked for: scopes and resources.

use super::ask;
use super::ask_as;
use super::back;
use super::query;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::scope;

#[test]
fn pr_14_offline_access_needs_consent_and_the_grant() {
    let asked = |client: &Client, changes: &[(&str, &str)]| {
        let changes: Vec<_> = changes.iter().copied().chain([("scope", "openid+offline_access")]).collect();
        ask_as(Some(client), &query(&changes)).unwrap().scope.to_string()
    };
    assert_eq!(asked(&confidential(), &[]), "openid");
    assert_eq!(asked(&confidential(), &[("prompt", "consent")]), "offline_access openid");
    assert_eq!(asked(&Client { first_party: true, ..confidential() }, &[]), "offline_access openid");
    let no_refresh = Client { grant_types: [GrantType::AuthorizationCode].into(), ..confidential() };
    assert_eq!(asked(&no_refresh, &[("prompt", "consent")]), "openid");
}

#[test]
fn sc_03_sc_04_scope() {
    for bad in ["%22", "a%5Cb", "openid++email", "%20openid", "-", "admin", "openid%09email"] {
        let code = back(ask(&[("scope", bad)]));
        assert!(matches!(code, ErrorCode::InvalidScope | ErrorCode::InvalidRequest), "{bad}");
    }
    assert_eq!(ask(&[("scope", "openid+admin+email+email")]).unwrap().scope, scope("openid email"));
    let no_openid = Client { scope: scope("api:read"), ..confidential() };
    let outcome = ask_as(Some(&no_openid), &query(&[("scope", "openid+api:read")]));
    assert_eq!(back(outcome), ErrorCode::InvalidScope);
}

#[test]
fn sc_05_resource() {
    let client = Client { audiences: vec!["https://rs1.test".to_owned()], ..confidential() };
    assert!(ask_as(Some(&client), &query(&[("resource", "https://rs1.test")])).is_ok());
    let outcome = ask_as(Some(&client), &query(&[("resource", "https://rs2.test")]));
    assert_eq!(back(outcome), ErrorCode::InvalidTarget);
}

#[test]
fn sc_09_plain_oauth_without_openid() {
    assert_eq!(ask(&[("scope", "profile")]).unwrap().scope, scope("profile"));
}
