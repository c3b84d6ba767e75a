//! `POST /register`, OpenID Connect Dynamic Client Registration section 3.

use reqwest::StatusCode;
use serde_json::json;

use super::Registrar;
use super::registered;
use super::text;
use super::with;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::opened;

#[test]
fn dr_01_registration_is_off_unless_somebody_turns_it_on() {
    block_on(async {
        let app = App::start_as_serve(&[]).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let discovery = http.get(app.url("/.well-known/openid-configuration")).send().await.unwrap();
        assert!(!discovery.text().await.unwrap().contains("registration_endpoint"));
        for request in [
            http.post(app.url("/register")).json(&with(json!({}))),
            http.get(app.url("/register/demo-web")).bearer_auth("sgm_x"),
            http.put(app.url("/register/demo-web")).bearer_auth("sgm_x").json(&with(json!({}))),
            http.delete(app.url("/register/demo-web")).bearer_auth("sgm_x"),
        ] {
            assert_eq!(Answer::to(request).await.status, StatusCode::NOT_FOUND);
        }
    });
}

#[test]
fn d_11_c_72_the_addresses_are_those_of_the_issuer() {
    block_on(async {
        let here = Registrar::open().await;
        let discovery = here.http.get(here.app.url("/.well-known/openid-configuration")).send().await.unwrap();
        let discovery: serde_json::Value = discovery.json().await.unwrap();
        assert_eq!(discovery["registration_endpoint"], here.app.url("/register").as_str());
        let public = Registrar::with(&[("server.issuer", "https://op.example.test")]).await;
        let own = public.register(json!({})).await;
        let address = format!("https://op.example.test/register/{}", text(&own, "client_id"));
        assert_eq!(own["registration_client_uri"], address);
        assert!(text(&own, "registration_access_token").starts_with("sgm_"));
    });
}

#[test]
fn c_70_c_71_c_11_a_client_is_made_and_signs_in_without_pkce() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here
            .register(json!({
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
                "contacts": ["certification@oidf.org"], "token_endpoint_auth_method": "client_secret_basic",
                "unknown_member": {"is": "ignored"}, "client_id": "chosen",
            }))
            .await;
        assert_eq!((&own["client_secret_expires_at"], &own["scope"].is_string()), (&json!(0), &true));
        assert_eq!(own["token_endpoint_auth_method"], "client_secret_basic");
        assert_eq!(own["contacts"], json!(["certification@oidf.org"]));
        assert!(own.get("unknown_member").is_none());
        assert!(text(&own, "client_id").starts_with("client_"));
        let party = here.party(&own);
        let mut url = party.authorization_url("openid profile");
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !name.starts_with("code_challenge"))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(kept);
        let mut browser = Browser::new();
        let arrived = browser.authorize(&url, REDIRECT_URI, ADA).await;
        let code = arrived.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = Party::code_form(&code).without("code_verifier");
        let tokens = party.token(form).await.tokens();
        let (header, claims) = opened(tokens.id_token());
        // oidcc-idtoken-signature, oidcc-idtoken-rs256: the default.
        assert_eq!((header["alg"].as_str(), header["kid"].is_string()), (Some("RS256"), true));
        assert_eq!(claims["aud"], own["client_id"]);
        assert_eq!(party.userinfo(tokens.access()).await.json()["sub"], claims["sub"]);
    });
}

#[test]
fn a_public_client_sends_a_code_challenge_and_has_no_secret() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"token_endpoint_auth_method": "none"})).await;
        assert!(own.get("client_secret").is_none() && own.get("client_secret_expires_at").is_none());
        here.party(&own).sign_in("openid").await;
        let mut url = here.party(&own).authorization_url("openid");
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !name.starts_with("code_challenge"))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(kept);
        let answer = Browser::new().open(&url).await.location().unwrap();
        assert!(answer.query().unwrap().contains("error=invalid_request"), "{answer}");
    });
}

#[test]
fn c_75_what_is_wrong_is_said_by_code_and_member() {
    block_on(async {
        let here = Registrar::open().await;
        for (sent, error, member) in [
            (json!({"redirect_uris": ["https://c1.test/cb#foobar"]}), "invalid_redirect_uri", "redirect_uris"),
            (json!({"redirect_uris": []}), "invalid_redirect_uri", "redirect_uris"),
            (json!({"redirect_uris": null}), "invalid_redirect_uri", "redirect_uris"),
            (with(json!({"grant_types": ["password"]})), "invalid_client_metadata", "grant_types"),
            (
                with(json!({"id_token_signed_response_alg": "none"})),
                "invalid_client_metadata",
                "id_token_signed_response_alg",
            ),
            (with(json!({"jwks": {"keys": [{"kty": "oct", "k": "AQ"}]}})), "invalid_client_metadata", "jwks"),
            (with(json!({"initiate_login_uri": "http://c1.test/"})), "invalid_client_metadata", "initiate_login_uri"),
        ] {
            let answer = here.post(&sent).await;
            answer.refused(error);
            assert!(text(&answer.json(), "error_description").starts_with(member), "{answer:?}");
        }
        assert_eq!(here.app.signet.store.clients().await.unwrap().len(), 3, "only the demo clients");
    });
}

#[test]
fn dr_07_bodies_that_are_no_registration() {
    block_on(async {
        let here = Registrar::open().await;
        for (body, kind, status) in [
            ("", "application/json", 400),
            ("[]", "application/json", 400),
            ("null", "application/json", 400),
            ("{\"redirect_uris\":[],\"redirect_uris\":[]}", "application/json", 400),
            ("{", "application/json", 400),
            ("redirect_uris=https://c1.test/cb", "application/x-www-form-urlencoded", 415),
            ("{}", "text/plain", 415),
        ] {
            let request = here.http.post(here.app.url("/register")).header("content-type", kind).body(body);
            let answer = Answer::to(request).await;
            assert_eq!(answer.status.as_u16(), status, "{body}: {answer:?}");
        }
        let large = with(json!({"client_name": "x".repeat(1 << 20)}));
        assert_eq!(here.post(&large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    });
}

#[test]
fn c_76_dr_10_so_many_from_one_address() {
    block_on(async {
        let here = Registrar::with(&[("registration.per_address", "3 per 1m")]).await;
        for _ in 0..3 {
            here.register(json!({})).await;
        }
        let answer = here.post(&with(json!({}))).await;
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
        here.app.wait(61);
        here.register(json!({})).await;
        let metrics = here.app.signet.metrics_text().await;
        assert!(metrics.contains("signet_client_registrations_total{outcome=\"registered\"} 4"), "{metrics}");
        assert!(metrics.contains("signet_client_registrations_total{outcome=\"refused\"} 1"), "{metrics}");
    });
}

#[test]
fn dr_10_there_are_never_more_than_so_many() {
    block_on(async {
        let here = Registrar::with(&[("registration.most_clients", "2")]).await;
        let own = here.register(json!({})).await;
        here.register(json!({})).await;
        here.post(&with(json!({}))).await.refused_with(503, "temporarily_unavailable");
        assert_eq!(here.manage(reqwest::Method::DELETE, &own).await.status, StatusCode::NO_CONTENT);
        here.register(json!({})).await;
    });
}

#[test]
fn sc_06_nobody_chooses_the_name_that_stands_for_a_service() {
    block_on(async {
        let grants = ("registration.grant_types", "authorization_code,client_credentials");
        let here = Registrar::with(&[grants]).await;
        let ada = here.app.ada().await.id;
        let sent = json!({"client_id": ada.as_str(), "grant_types": ["client_credentials"]});
        let own = registered(&here.post(&sent).await);
        assert_ne!(own["client_id"], ada.as_str());
        assert_eq!((&own["response_types"], &own["grant_types"]), (&json!([]), &json!(["client_credentials"])));
        let form = Form::new(&[("grant_type", "client_credentials"), ("scope", "openid")]);
        let answer = here.party(&own).token(form.without("scope")).await.tokens();
        assert_eq!(opened(answer.access()).1["sub"], own["client_id"]);
    });
}

#[test]
fn what_happened_is_in_the_audit_trail_and_no_secret_is() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({})).await;
        here.app.signet.flush_audit().await.unwrap();
        let trail = format!("{:?}", here.app.signet.store.newest_audit(10).await.unwrap());
        assert!(trail.contains("client_registered") && trail.contains(text(&own, "client_id")), "{trail}");
        for secret in ["client_secret", "registration_access_token"] {
            assert!(!trail.contains(text(&own, secret)));
            let shown = format!("{:?}", here.app.signet.store.clients().await.unwrap());
            assert!(!shown.contains(text(&own, secret)));
        }
    });
}

#[test]
fn dr_09_people_are_told_that_nobody_has_checked_the_name() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"client_name": "Goo\u{200b}gle\u{202e}"})).await;
        assert_eq!(own["client_name"], "Google");
        for (party, told) in [(here.party(&own), true), (Party::web(&here.app), false)] {
            let mut browser = Browser::new();
            let login = browser.open(&party.authorization_url("openid")).await;
            let login = browser.follow(login, REDIRECT_URI).await.expect("a login page");
            assert_eq!(login.text.contains("id=\"unverified\""), told, "{}", login.text);
            let (username, password) = ADA;
            let filled = [("username", username), ("password", password)];
            let next = browser.press(&login, "login-submit", &filled).await;
            let page = browser.follow(next, REDIRECT_URI).await.expect("a consent page");
            assert_eq!(page.text.contains("id=\"unverified\""), told, "{}", page.text);
        }
    });
}
