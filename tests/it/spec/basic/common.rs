//! Section 1: what holds for every module.

use std::collections::BTreeSet;

use serde_json::Value;
use signet::domain::client::GrantType;
use signet::domain::uri::RedirectUri;

use super::relying_party::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;

#[tokio::test]
async fn c_10_c_11_a_confidential_client_needs_no_pkce() {
    let rp = RelyingParty::new(false).await;
    assert!(!rp.ask("openid").query().contains("code_challenge"));
    rp.sign_in(&rp.ask("openid")).await;
    // Another one, that has not been exempted, does.
    let strict = Party::register(&rp.app, &rp.first, "strict", |client| client.require_pkce = true).await;
    let arrival = rp.arrive(&mut Browser::new(), &rp.ask_by(&strict, "openid")).await;
    assert_eq!(arrival.error(), "invalid_request");
}

#[tokio::test]
async fn c_12_state_comes_back_byte_by_byte_or_not_at_all() {
    for form_post in [false, true] {
        let rp = RelyingParty::new(form_post).await;
        let mut browser = Browser::new();
        let long = "Az09-._~".repeat(16);
        for state in [STATE, &long] {
            let arrival = rp.arrive(&mut browser, &rp.ask("openid").set("state", state)).await;
            assert_eq!(arrival.said.get("state").map(String::as_str), Some(state));
        }
        let arrival = rp.arrive(&mut browser, &rp.ask("openid").without("state")).await;
        assert!(!arrival.said.contains_key("state"));
    }
}

#[tokio::test]
async fn c_13_c_17_the_answer_has_the_issuer_and_nothing_unexpected() {
    for form_post in [false, true] {
        let rp = RelyingParty::new(form_post).await;
        // The driver compares `iss` each time.
        let arrival = rp.arrive(&mut Browser::new(), &rp.ask("openid")).await;
        let names: BTreeSet<&str> = arrival.said.keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["code", "iss", "session_state", "state"]));
        assert_eq!(rp.discovery["authorization_response_iss_parameter_supported"], true);
    }
}

#[tokio::test]
async fn c_14_a_query_of_the_redirect_uri_is_kept() {
    let rp = RelyingParty::new(false).await;
    let uri = format!("{CALLBACK}?foo=b%20r&x");
    let client = Party::register(&rp.app, &rp.first, "query", |client| {
        client.redirect_uris = vec![RedirectUri::register(&uri, client.application_type).unwrap()];
    })
    .await;
    let arrived = {
        let ask = rp.ask_by(&client, "openid").set("redirect_uri", &uri);
        Browser::new().authorize(&rp.url(&ask), CALLBACK, ADA).await
    };
    assert!(arrived.as_str().starts_with(&format!("{uri}&")), "{arrived}");
    let code = arrived.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    client.token(redemption(&code).set("redirect_uri", &uri)).await.tokens();
}

#[tokio::test]
async fn c_15_c_16_codes_and_tokens_cannot_be_guessed() {
    let rp = RelyingParty::new(false).await;
    let ask = rp.ask("openid offline_access").set("prompt", "consent");
    let signed_in = rp.sign_in(&ask).await;
    for secret in [signed_in.arrival.code(), signed_in.tokens.access(), signed_in.tokens.refresh()] {
        unguessable(secret);
    }
    let b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    assert!(signed_in.tokens.access().bytes().all(b64token));
    assert!(signed_in.arrival.code().len() >= 43, "32 random bytes");
}

/// The driver checks the signature, the parties, the times and the names of the claims of every ID token that it gets.
#[tokio::test]
async fn c_30_c_31_c_33_c_34_c_37_what_an_id_token_says() {
    let rp = RelyingParty::new(false).await;
    let claims = rp.sign_in(&rp.ask("openid profile email address phone")).await.id_token;
    let sub = claims["sub"].as_str().expect("sub");
    assert!((1..=255).contains(&sub.len()) && sub.bytes().all(|byte| byte.is_ascii_graphic()), "{sub}");
    assert!(claims["acr"].as_str().is_some_and(|acr| !acr.is_empty()), "{claims}");
    let amr = claims["amr"].as_array().expect("amr");
    assert!(!amr.is_empty() && amr.iter().all(Value::is_string), "{claims}");
    assert!(claims.as_object().expect("claims").values().all(|value| !value.is_null()), "{claims}");
    let again = rp.sign_in(&rp.ask("openid")).await.id_token;
    assert_eq!(again["sub"], claims["sub"], "never changes");
}

#[tokio::test]
async fn c_20_the_redirect_uri_of_the_request_and_no_other() {
    let rp = RelyingParty::new(false).await;
    let mut browser = Browser::new();
    for other in [format!("{CALLBACK}/"), "https://rp.test/test/a/signet".to_owned(), String::new()] {
        let code = rp.arrive(&mut browser, &rp.ask("openid")).await.code().to_owned();
        let answer = rp.first.token(redemption(&code).set("redirect_uri", &other)).await;
        assert_eq!(answer.status.as_u16(), 400, "{other}: {answer:?}");
    }
    let code = rp.arrive(&mut browser, &rp.ask("openid")).await.code().to_owned();
    rp.first.token(redemption(&code)).await.tokens();
}

#[tokio::test]
async fn c_24_c_25_what_a_token_response_is() {
    let rp = RelyingParty::new(false).await;
    let code = rp.arrive(&mut Browser::new(), &rp.ask("openid")).await.code().to_owned();
    let answer = rp.first.token(redemption(&code)).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert!(answer.header("cache-control").contains("no-store"));
    let body = answer.json();
    assert!(body["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")));
    assert!(body["expires_in"].as_u64().is_some_and(|seconds| (1..=31_536_000).contains(&seconds)), "{body}");
    assert!(body["access_token"].is_string() && body["id_token"].is_string(), "{body}");
}

/// `refused_with` compares status, members and characters.
#[tokio::test]
async fn c_26_c_27_errors_of_the_token_endpoint() {
    let rp = RelyingParty::new(false).await;
    rp.first.token(redemption("sgc_unknown")).await.refused("invalid_grant");
    rp.first.token(redemption("").without("grant_type")).await.refused("invalid_request");
    rp.first.token(Form::new(&[("grant_type", "password")])).await.refused("unsupported_grant_type");
    rp.first.with_secret(Some("wrong")).token(redemption("x")).await.refused_with(401, "invalid_client");
    Answer::to(rp.first.raw(redemption("x").encoded())).await.refused_with(401, "invalid_client");
}

#[tokio::test]
async fn c_50_what_must_not_be_redirected_is_a_page() {
    for form_post in [false, true] {
        let rp = RelyingParty::new(form_post).await;
        for (name, value) in
            [("client_id", "nobody"), ("redirect_uri", "https://evil.test/"), ("redirect_uri", ""), ("client_id", "")]
        {
            is_error_page(&Browser::new().open(&rp.url(&rp.ask("openid").set(name, value))).await);
        }
        let object = rp.ask("openid").without("redirect_uri").set("request_uri", "https://rp.test/x");
        is_error_page(&Browser::new().open(&rp.url(&object)).await);
    }
}

/// The browser of these tests runs no script at all.
#[tokio::test]
async fn c_51_forms_are_plain_html_with_stable_names() {
    let rp = RelyingParty::new(false).await;
    let mut browser = Browser::new();
    let page = browser.open(&rp.url(&rp.ask("openid"))).await;
    let page = browser.follow(page, CALLBACK).await.expect("the login page");
    let form = page.form("login-submit").expect("#login-submit");
    assert_eq!(form.method, "post");
    for name in ["username", "password"] {
        assert!(form.inputs.iter().any(|input| input.get("name").is_some_and(|known| known == name)), "{name}");
    }
    assert!(page.text.contains("Sign in"));
    let page = browser.press(&page, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await;
    let page = browser.follow(page, CALLBACK).await.expect("the consent page");
    assert!(page.form("consent-allow").is_some() && page.form("consent-deny").is_some(), "{}", page.text);
    assert_eq!(page.form("consent-allow").expect("a form").method, "post");
}

/// A session is cookies and nothing else: another browser has none, and one that drops them loses it.
#[tokio::test]
async fn c_52_sessions_are_cookies() {
    let rp = RelyingParty::new(false).await;
    let mut browser = Browser::new();
    rp.sign_in_with(&mut browser, &rp.ask("openid")).await;
    let silent = rp.ask("openid").set("prompt", "none");
    assert!(rp.arrive(&mut browser, &silent).await.said.contains_key("code"));
    assert_eq!(rp.arrive(&mut Browser::new(), &silent).await.error(), "login_required");
    // Sent along from other sites, as long as the browser itself goes there.
    let site = browser.cookies().find(|(name, _)| name.contains("session")).map(|(_, cookie)| cookie.same_site.clone());
    assert_ne!(site.expect("a session cookie").as_deref(), Some("Strict"));
    browser.forget_cookies();
    assert_eq!(rp.arrive(&mut browser, &silent).await.error(), "login_required");
}

/// Every standard claim is filled for the person of the plans.
#[tokio::test]
async fn c_60_a_person_with_every_claim() {
    let rp = RelyingParty::new(false).await;
    let signed_in = rp.sign_in(&rp.ask(ALL_SCOPES)).await;
    for name in [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "email_verified",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
        "phone_number_verified",
        "address",
        "updated_at",
    ] {
        assert!(!signed_in.userinfo[name].is_null(), "{name}");
    }
    let supported = rp.discovery["claims_supported"].as_array().expect("a list");
    assert!(names(&signed_in.userinfo).iter().all(|name| supported.contains(&Value::from(*name))));
}

/// The three clients of a run with static clients, as they can be registered.
#[tokio::test]
async fn c_61_three_static_clients() {
    let rp = RelyingParty::new(false).await;
    for client in [&rp.first, &rp.second, &rp.third] {
        let client = rp.app.client(&client.id).await;
        assert!(client.redirects_to(CALLBACK));
        assert!([GrantType::AuthorizationCode, GrantType::RefreshToken].into_iter().all(|grant| client.allows(grant)));
        assert!(format!("{ALL_SCOPES} offline_access").split(' ').all(|value| client.scope.contains(value)));
    }
    // Each by its own method, and by no other.
    let by_post = |id: &str| redemption("x").and("client_id", id).and("client_secret", secret());
    Answer::to(rp.third.raw(by_post(&rp.third.id).encoded())).await.refused("invalid_grant");
    Answer::to(rp.first.raw(by_post(&rp.first.id).encoded())).await.refused_with(401, "invalid_client");
    rp.third.token(redemption("x")).await.refused_with(401, "invalid_client");
}
