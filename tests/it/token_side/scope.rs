//! Grants, scope and audience; what an ID token says.

use std::collections::BTreeSet;

use serde_json::Value;
use signet::domain::client::GrantType;
use signet::domain::key::Algorithm;
use signet::domain::scope::Scope;

use super::app;
use crate::support::browser::Browser;
use crate::support::party::EVERYTHING;
use crate::support::party::Form;
use crate::support::party::NONCE;
use crate::support::party::Party;
use crate::support::party::opened;

fn grant(name: &str) -> Form {
    Form::new(&[("grant_type", name)])
}

#[tokio::test]
async fn sc_01_no_other_grants() {
    let app = app().await;
    for party in [Party::web(&app), Party::spa(&app), Party::service(&app)] {
        for name in [
            "password",
            "implicit",
            "Authorization_Code",
            "authorization_code ",
            "client_credentials,password",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:Token-Exchange",
            "\u{fb01}x",
        ] {
            let form = grant(name).and("username", "ada@example.test").and("password", "correct-horse-battery");
            party.token(form).await.refused("unsupported_grant_type");
        }
        party.token(grant("")).await.refused("invalid_request");
        party.token(Form::new(&[])).await.refused("invalid_request");
    }
}

#[tokio::test]
async fn sc_02_only_registered_grants() {
    let app = app().await;
    let (web, spa, service) = (Party::web(&app), Party::spa(&app), Party::service(&app));
    for party in [&web, &spa] {
        party.token(grant("client_credentials")).await.refused("unauthorized_client");
    }
    service.redeem("sgc_x").await.refused("unauthorized_client");
    service.refresh("sgr_x").await.refused("unauthorized_client");
    // Not even when somebody registered it: a public client has nothing to ask with.
    let odd = Party::register(&app, &spa, "odd-spa", |client| {
        client.grant_types.insert(GrantType::ClientCredentials);
    })
    .await;
    odd.token(grant("client_credentials")).await.refused("unauthorized_client");
}

#[tokio::test]
async fn sc_03_scope_shape() {
    let app = app().await;
    let service = Party::register(&app, &Party::service(&app), "scoped", |client| {
        client.scope = Scope::parse("api:read api:write").unwrap();
    })
    .await;
    let ask = |scope: &str| service.token(grant("client_credentials").and("scope", scope));
    for odd in [
        "api:read \"api:write\"",
        "api:read\\",
        "api:read  api:write",
        " api:read",
        "api:read ",
        "api:read\u{a0}api:write",
        "api:r\u{e9}ad",
        "api:read,api:write",
        "API:READ",
        "admin",
        "openid",
        "offline_access",
        "api:read openid",
    ] {
        ask(odd).await.refused("invalid_scope");
    }
    for control in ["api:read\tapi:write", "api:read\napi:write", "api:read\0"] {
        ask(control).await.refused("invalid_request");
    }
    ask(&vec!["x"; 10_000].join(" ")).await.refused("invalid_request");
    let answer = ask(&(0..400).map(|number| format!("s{number}")).collect::<Vec<_>>().join(" ")).await;
    answer.refused("invalid_scope");
    // A set: saying a value twice asks for it once.
    let tokens = ask("api:write api:read api:write").await.tokens();
    assert_eq!(tokens.scope().into_iter().collect::<BTreeSet<_>>(), ["api:read", "api:write"].into());
    assert_eq!(tokens.scope().len(), 2);
    assert_eq!(ask("").await.tokens().scope().len(), 2);
}

#[tokio::test]
async fn sc_05_no_audience_but_a_registered_one() {
    let app = app().await;
    let base = app.base.as_str().trim_end_matches('/');
    let own = format!("{base}/demo-api");
    let service = Party::register(&app, &Party::service(&app), "two-apis", |client| {
        client.audiences.push("https://rs2.test/api".to_owned());
    })
    .await;
    let first = service.token(grant("client_credentials")).await.tokens();
    assert_eq!(opened(first.access()).1["aud"], own.as_str());
    let second = grant("client_credentials").and("resource", "https://rs2.test/api");
    assert_eq!(opened(service.token(second).await.tokens().access()).1["aud"], "https://rs2.test/api");
    for wrong in [
        "/api",
        "https://rs3.test",
        "https://rs2.test",
        "https://rs2.test/api/",
        "https://rs2.test/api#x",
        "https://rs2.test/api?x",
        "HTTPS://rs2.test/api",
        "https://rs2.test/a%70i",
        "https://rs2.test/api https://rs3.test",
        "demo-web",
        base,
    ] {
        service.token(grant("client_credentials").and("resource", wrong)).await.refused("invalid_target");
    }
    for (one, two) in [("https://rs2.test/api", own.as_str()), ("https://rs2.test/api", "https://rs3.test")] {
        let form = grant("client_credentials").and("resource", one).and("resource", two);
        let answer = service.token(form).await;
        match two {
            // Both are registered: one token for both, because both were asked for.
            two if two == own => assert_eq!(opened(answer.tokens().access()).1["aud"], serde_json::json!([one, two])),
            _ => answer.refused("invalid_target"),
        }
    }

    // The same for people, where a wrong target spends neither code nor refresh token.
    let web = Party::web(&app);
    let code = web.code(&mut Browser::new(), "openid offline_access").await;
    web.token(Party::code_form(&code).and("resource", "https://rs3.test")).await.refused("invalid_target");
    let tokens = web.redeem(&code).await.tokens();
    assert_eq!(opened(tokens.access()).1["aud"], serde_json::json!([own, base]));
    let form = Party::refresh_form(tokens.refresh()).and("resource", "https://rs2.test/api");
    web.token(form).await.refused("invalid_target");
    web.refresh(tokens.refresh()).await.tokens();
}

#[tokio::test]
async fn sc_06_a_service_is_no_person() {
    let app = app().await;
    let ada = app.ada().await.id;
    // Somebody registers a client that is called like a person.
    let evil = Party::register(&app, &Party::service(&app), ada.as_str(), |client| client.audiences.clear()).await;
    let tokens = evil.token(grant("client_credentials")).await.tokens();
    let (_, claims) = opened(tokens.access());
    assert_eq!(claims["sub"], claims["client_id"]);
    for of_a_person in ["auth_time", "acr", "roles", "grant_id", "sid"] {
        assert!(claims.get(of_a_person).is_none(), "{of_a_person}");
    }
    assert!(tokens.0.get("id_token").is_none() && tokens.0.get("refresh_token").is_none());
    evil.userinfo(tokens.access()).await.unauthorized();
}

#[tokio::test]
async fn sc_09_without_openid() {
    let app = app().await;
    let web = Party::web(&app);
    let tokens = web.sign_in("profile offline_access").await;
    assert!(tokens.0.get("id_token").is_none());
    let (_, claims) = opened(tokens.access());
    assert_eq!(claims["aud"], format!("{}demo-api", app.base));
    // Its audience is the API alone, so userinfo is not even meant by it.
    web.userinfo(tokens.access()).await.unauthorized();

    // One that is meant for the issuer, and still has no openid.
    let web = Party::register(&app, &web, "no-api", |client| client.audiences.clear()).await;
    let tokens = web.sign_in("profile").await;
    let answer = web.userinfo(tokens.access()).await;
    assert_eq!(answer.status.as_u16(), 403, "{answer:?}");
    assert!(answer.header("www-authenticate").contains("error=\"insufficient_scope\""));
}

#[tokio::test]
async fn sc_10_c_30_to_c_38_the_id_token() {
    let app = app().await;
    let web = Party::web(&app);
    let es256 = Party::register(&app, &web, "es256", |client| {
        client.id_token_signed_response_alg = Algorithm::Es256;
    })
    .await;
    for (party, alg) in [(web, "RS256"), (es256, "ES256")] {
        let tokens = party.sign_in(EVERYTHING).await;
        let (header, claims) = opened(tokens.id_token());
        assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some(alg), Some("JWT")));
        assert_eq!(header.as_object().unwrap().len(), 3);
        assert_eq!(claims["iss"], app.base.as_str().trim_end_matches('/'));
        assert_eq!((&claims["aud"], &claims["nonce"]), (&party.id.as_str().into(), &NONCE.into()));
        let at_hash = signet::crypto::hash::half_hash(Algorithm::Es256, tokens.access());
        assert_eq!(claims["at_hash"], at_hash.as_str());
        let now = app.signet.now().seconds();
        assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(now), Some(now + 3600)));
        assert!(claims["auth_time"].as_i64().is_some_and(|time| time <= now));
        assert!(claims["acr"].is_string() && claims["amr"].as_array().unwrap().iter().all(Value::is_string));
        let sub = claims["sub"].as_str().unwrap();
        assert!((1..=255).contains(&sub.len()) && sub.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(opened(tokens.access()).1["sub"], sub);
        let known = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
        let more: Vec<_> = claims.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).collect();
        assert!(more.is_empty(), "nothing about the person: {more:?}");
    }
}

#[tokio::test]
async fn c_32_no_nonce_without_one() {
    let app = app().await;
    let web = Party::web(&app);
    let mut url = web.authorization_url("openid");
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| name != "nonce").collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    let redirect_uri = crate::support::party::REDIRECT_URI;
    let arrived = Browser::new().authorize(&url, redirect_uri, crate::support::browser::ADA).await;
    let code = arrived.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let tokens = web.redeem(&code).await.tokens();
    assert!(opened(tokens.id_token()).1.get("nonce").is_none());
}

#[tokio::test]
async fn the_access_token_of_rfc_9068() {
    let app = app().await;
    let web = Party::web(&app);
    let tokens = web.sign_in(EVERYTHING).await;
    let (header, claims) = opened(tokens.access());
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("ES256")));
    for name in ["iss", "sub", "aud", "client_id", "scope", "roles", "jti", "exp", "iat", "auth_time", "acr"] {
        assert!(!claims[name].is_null(), "{name}");
    }
    let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!(lives <= 600 && tokens.0["expires_in"].as_i64() == Some(lives));
    for secret in ["name", "email", "phone_number", "address", "nonce"] {
        assert!(claims.get(secret).is_none(), "{secret}");
    }
    let other = web.sign_in(EVERYTHING).await;
    assert_ne!(opened(other.access()).1["jti"], claims["jti"]);
}
