//! Protected resources: userinfo and the demo API.

use std::collections::BTreeSet;

use serde_json::Value;

use super::app;
use crate::support::browser::Browser;
use crate::support::party::Answer;
use crate::support::party::EVERYTHING;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::opened;

#[tokio::test]
async fn rs_01_a_token_in_the_query() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in("openid").await;
    let url = app.url(&format!("/userinfo?access_token={}", tokens.access()));
    for request in [party.http.get(url.clone()), party.http.post(url)] {
        let answer = Answer::to(request).await;
        assert_eq!(answer.status.as_u16(), 401);
        // "the resource server SHOULD NOT include an error code" when nobody tried (RFC 6750 section 3.1).
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"signet\"");
        assert!(answer.text.is_empty());
    }
}

#[tokio::test]
async fn rs_02_two_ways_at_once() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in("openid").await;
    let (url, token) = (app.url("/userinfo"), tokens.access());
    let both = party.http.post(url.clone()).bearer_auth(token).form(&[("access_token", token)]);
    let twice = party.http.get(url.clone()).bearer_auth(token).bearer_auth(token);
    let basic_too = party.http.get(url.clone()).bearer_auth(token).basic_auth("demo-web", Some("x"));
    let in_body_twice = party.http.post(url).form(&[("access_token", token), ("access_token", token)]);
    for request in [both, twice, basic_too, in_body_twice] {
        let answer = Answer::to(request).await;
        answer.refused("invalid_request");
        assert!(answer.header("www-authenticate").contains("error=\"invalid_request\""));
    }
}

#[tokio::test]
async fn rs_03_the_wrong_kind_audience_or_time() {
    let app = app().await;
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid offline_access").await;
    let tokens = party.redeem(&code).await.tokens();
    let service = Party::service(&app).token(Form::new(&[("grant_type", "client_credentials")])).await.tokens();
    let unused = party.code(&mut browser, "openid").await;
    let access = tokens.access();
    for (what, wrong) in [
        ("an ID token", tokens.id_token()),
        ("a refresh token", tokens.refresh()),
        ("a used code", &code),
        ("a code", &unused),
        ("a service's token", service.access()),
        ("cut off", &access[..access.len() - 1]),
        ("without its signature", access.rsplit_once('.').unwrap().0),
        ("rubbish", "rubbish"),
        ("a client's name", "demo-web"),
    ] {
        let answer = party.userinfo(wrong).await;
        assert_eq!(answer.status.as_u16(), 401, "{what}");
        answer.unauthorized();
        assert!(!answer.text.contains(wrong) && !answer.header("www-authenticate").contains(wrong), "{what}");
    }
    // A good token of a service is good where it is meant for.
    let at_api =
        |token: &str, query: &str| Answer::to(party.http.get(app.url(&format!("/demo-api{query}"))).bearer_auth(token));
    assert_eq!(at_api(service.access(), "").await.status.as_u16(), 200);
    let seen = at_api(access, "?role=admin").await.json();
    assert_eq!((&seen["sub"], &seen["roles"]), (&opened(access).1["sub"], &serde_json::json!(["admin"])));
    let answer = at_api(access, "?role=editor").await;
    assert_eq!(answer.status.as_u16(), 403);
    assert!(answer.header("www-authenticate").contains("error=\"insufficient_scope\""));
    at_api(tokens.id_token(), "").await.unauthorized();

    app.wait(599);
    assert!(party.userinfo(access).await.status.is_success());
    app.wait(1);
    party.userinfo(access).await.unauthorized();
    at_api(access, "").await.unauthorized();
}

#[tokio::test]
async fn rs_04_c_40_c_41_the_claims_of_each_scope() {
    let app = app().await;
    let party = Party::web(&app);
    let profile = "name given_name family_name middle_name nickname preferred_username profile picture website gender \
                   birthdate zoneinfo locale updated_at";
    for (scope, names) in [
        ("openid", ""),
        ("openid profile", profile),
        ("openid email", "email email_verified"),
        ("openid address", "address"),
        ("openid phone", "phone_number phone_number_verified"),
        (EVERYTHING, &format!("{profile} email email_verified address phone_number phone_number_verified")),
    ] {
        let tokens = party.sign_in(scope).await;
        let answer = party.userinfo(tokens.access()).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let claims = answer.json();
        assert_eq!(claims["sub"], opened(tokens.id_token()).1["sub"]);
        let got: BTreeSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        let want: BTreeSet<&str> = names.split_ascii_whitespace().chain(["sub"]).collect();
        assert_eq!(got, want, "{scope}");
        typed(&claims, app.signet.now().seconds());
    }
}

/// C-36.
fn typed(claims: &Value, now: i64) {
    for (name, value) in claims.as_object().unwrap() {
        match name.as_str() {
            "email_verified" | "phone_number_verified" => assert!(value.is_boolean(), "{name}"),
            "updated_at" => assert!((631_152_000..=now).contains(&value.as_i64().unwrap())),
            "address" => {
                let parts = value.as_object().unwrap();
                assert!(parts.values().all(|part| part.as_str().is_some_and(|text| !text.is_empty())));
            }
            _ => assert!(value.as_str().is_some_and(|text| !text.is_empty() && text != "null"), "{name}"),
        }
    }
}

#[tokio::test]
async fn c_40_every_way_to_present_a_token() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in("openid email").await;
    let (url, token) = (app.url("/userinfo"), tokens.access());
    let by_get = party.userinfo(token).await;
    let posted = Answer::to(party.http.post(url.clone()).bearer_auth(token)).await;
    let empty = party.http.post(url.clone()).bearer_auth(token).header("content-length", "0");
    let empty = Answer::to(empty).await;
    let in_body = Answer::to(party.http.post(url.clone()).form(&[("access_token", token)])).await;
    let empty_form =
        party.http.post(url).bearer_auth(token).header("content-type", "application/x-www-form-urlencoded");
    let empty_form = Answer::to(empty_form.body("")).await;
    for answer in [&by_get, &posted, &empty, &in_body, &empty_form] {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.text, by_get.text);
    }
}

#[tokio::test]
async fn rs_12_who_may_read_from_a_page() {
    let app = app().await;
    let (web, spa) = (Party::web(&app), Party::spa(&app));
    let spa_tokens = spa.sign_in("openid").await;
    let web_tokens = web.sign_in("openid").await;
    let own = "http://localhost:5173";
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").to_owned();
    let userinfo = async |token: &str, origin: &str| {
        let answer = Answer::to(web.http.get(app.url("/userinfo")).bearer_auth(token).header("origin", origin)).await;
        assert!(answer.status.is_success());
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        assert!(answer.header("vary").to_ascii_lowercase().contains("origin"));
        answer
    };
    assert_eq!(allowed(&userinfo(spa_tokens.access(), own).await), own);
    assert_eq!(allowed(&userinfo(web_tokens.access(), own).await), "", "not a client with pages of its own");
    for evil in [
        "null",
        "https://evil.test",
        "http://localhost.evil.test",
        "http://evil.test#localhost",
        "https://localhost:5173",
        "http://localhost:5173/",
        "http://localhost:5173.evil.test",
        "http://user@localhost:5173",
        "*",
        "",
    ] {
        assert_eq!(allowed(&userinfo(spa_tokens.access(), evil).await), "", "{evil}");
        let form = Party::refresh_form("sgr_x").and("client_id", "demo-spa").encoded();
        let answer = Answer::to(spa.raw(form).header("origin", evil)).await;
        answer.refused("invalid_grant");
        assert_eq!(allowed(&answer), "", "{evil}");
        for path in ["/token", "/userinfo"] {
            let preflight = web.http.request(reqwest::Method::OPTIONS, app.url(path)).header("origin", evil);
            let answer = Answer::to(preflight.header("access-control-request-method", "POST")).await;
            assert_eq!(allowed(&answer), "", "{evil} at {path}");
        }
    }
    // The client's own page reads refusals too, so that it can tell a dead token from a dead network.
    let form = Party::refresh_form("sgr_x").and("client_id", "demo-spa").encoded();
    let answer = Answer::to(spa.raw(form).header("origin", own)).await;
    assert_eq!(allowed(&answer), own);
    for path in ["/token", "/userinfo"] {
        let preflight = web.http.request(reqwest::Method::OPTIONS, app.url(path)).header("origin", own);
        let answer = Answer::to(preflight.header("access-control-request-method", "POST")).await;
        assert_eq!(allowed(&answer), own);
        assert!(answer.header("vary").to_ascii_lowercase().contains("origin"));
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        assert!(answer.header("access-control-allow-headers").to_ascii_lowercase().contains("authorization"));
    }
}

#[tokio::test]
async fn rs_14_the_challenge_stays_one_header() {
    let app = app().await;
    let party = Party::web(&app);
    let tokens = party.sign_in("openid").await;
    // A demand that nobody can read is not one that is met.
    for query in ["role=admin&role=editor", "role=admin%00", "scope=openid&scope=openid", "scope=%ff"] {
        let answer = Answer::to(party.http.get(app.url(&format!("/demo-api?{query}"))).bearer_auth(tokens.access()));
        assert_eq!(answer.await.status.as_u16(), 400, "{query}");
    }
    for scope in ["a%22b", "a%5Cb", "a%0d%0aX-Evil:%20y", "%C3%A9", "a%20b", "%22,error=%22x"] {
        let url = app.url(&format!("/demo-api?scope={scope}"));
        let answer = Answer::to(party.http.get(url).bearer_auth(tokens.access())).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert!(answer.headers.get("x-evil").is_none());
        let challenge = answer.header("www-authenticate");
        // Every quote belongs to a member: name="value", separated by commas.
        let rest = challenge.strip_prefix("Bearer ").unwrap_or(challenge);
        for member in rest.split(", ").filter(|member| !member.is_empty()) {
            let (name, value) = member.split_once("=\"").unwrap_or_else(|| panic!("{challenge}"));
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{challenge}");
            let value = value.strip_suffix('"').unwrap_or_else(|| panic!("{challenge}"));
            assert!(!value.contains(['"', '\\']), "{challenge}");
        }
    }
}
