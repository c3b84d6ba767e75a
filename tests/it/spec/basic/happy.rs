//! Modules whose flow succeeds, each with one thing that is not as usual.

use signet::crypto::hash;

use super::in_both_plans;
use super::relying_party::*;
use crate::support::browser::Browser;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::VERIFIER;

in_both_plans!(
    oidcc_server,
    oidcc_idtoken_signature,
    oidcc_idtoken_unsigned,
    oidcc_userinfo_get,
    oidcc_userinfo_post_header,
    oidcc_userinfo_post_body,
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow,
    oidcc_alternate_happy_flow,
    oidcc_display_page,
    oidcc_display_popup,
    oidcc_ensure_request_with_unknown_parameter_succeeds,
    oidcc_login_hint,
    oidcc_ui_locales,
    oidcc_claims_locales,
    oidcc_ensure_request_with_acr_values_succeeds,
    oidcc_ensure_post_request_succeeds,
    oidcc_server_client_secret_post,
    oidcc_refresh_token,
    oidcc_ensure_request_with_valid_pkce_succeeds,
);

async fn oidcc_server(rp: RelyingParty) {
    let signed_in = rp.sign_in(&rp.ask("openid")).await;
    assert_eq!(signed_in.id_token["nonce"], NONCE);
    assert!(signed_in.tokens.0["expires_in"].as_u64().is_some_and(|seconds| (1..=31_536_000).contains(&seconds)));
    assert!(names(&signed_in.userinfo).is_empty(), "nothing but sub for openid alone");
}

async fn oidcc_idtoken_signature(rp: RelyingParty) {
    // The signature and its algorithm are checked for every module.
    let signed_in = rp.sign_in(&rp.ask("openid")).await;
    assert_eq!(crate::support::party::opened(signed_in.tokens.id_token()).0["alg"], "RS256");
}

/// Skipped by the suite, because we do not offer it.
async fn oidcc_idtoken_unsigned(rp: RelyingParty) {
    let offered = rp.discovery["id_token_signing_alg_values_supported"].as_array().expect("a list");
    assert!(!offered.iter().any(|alg| alg == "none") && offered[0] == "RS256");
}

async fn oidcc_userinfo_get(rp: RelyingParty) {
    // The driver asks by GET with the header each time.
    rp.sign_in(&rp.ask("openid")).await;
}

async fn oidcc_userinfo_post_header(rp: RelyingParty) {
    let signed_in = rp.sign_in(&rp.ask("openid email")).await;
    let request = rp.first.http.post(rp.app.url("/userinfo")).bearer_auth(signed_in.tokens.access());
    let answer =
        Answer::to(request.header("content-type", "application/x-www-form-urlencoded").body(String::new())).await;
    assert_eq!(answer.json(), signed_in.userinfo);
}

async fn oidcc_userinfo_post_body(rp: RelyingParty) {
    let signed_in = rp.sign_in(&rp.ask("openid email")).await;
    let form = [("access_token", signed_in.tokens.access())];
    let answer = Answer::to(rp.first.http.post(rp.app.url("/userinfo")).form(&form)).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, signed_in.userinfo));
}

async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(rp: RelyingParty) {
    let signed_in = rp.sign_in(&rp.ask("openid").without("nonce")).await;
    assert_eq!(signed_in.id_token.get("nonce"), None);
}

async fn oidcc_alternate_happy_flow(rp: RelyingParty) {
    // Scope in another order, and the parameters from Z to A.
    let ask = rp.ask("phone address email profile openid");
    let mut pairs: Vec<String> = ask.query().split('&').map(str::to_owned).collect();
    pairs.sort_by(|one, other| other.cmp(one));
    let mut browser = Browser::new();
    let page = browser.open(&rp.app.url(&format!("/authorize?{}", pairs.join("&")))).await;
    let arrival = rp.go_on(&mut browser, page).await;
    let tokens = rp.first.token(redemption(arrival.code())).await.tokens();
    let signed_in = rp.finish(&rp.first, arrival, tokens).await;
    assert_eq!((signed_in.userinfo["name"].as_str(), signed_in.id_token.get("name")), (Some("Ada Example"), None));
}

async fn oidcc_display_page(rp: RelyingParty) {
    rp.sign_in(&rp.ask("openid").set("display", "page")).await;
}

async fn oidcc_display_popup(rp: RelyingParty) {
    rp.sign_in(&rp.ask("openid").set("display", "popup")).await;
}

async fn oidcc_ensure_request_with_unknown_parameter_succeeds(rp: RelyingParty) {
    rp.sign_in(&rp.ask("openid").set("extra", "foobar")).await;
}

async fn oidcc_login_hint(rp: RelyingParty) {
    let host = rp.app.base.host_str().expect("a host").to_owned();
    let ask = rp.ask("openid").set("login_hint", &format!("buffy@{host}"));
    // Prefilled, and no more than that: somebody else may sign in.
    let mut browser = Browser::new();
    let page = browser.open(&rp.url(&ask)).await;
    let page = browser.follow(page, CALLBACK).await.expect("the login page");
    let fields = page.form("login-submit").expect("the login page").fields("login-submit");
    assert_eq!(fields.get("username"), Some(&format!("buffy@{host}")));
    rp.sign_in_with(&mut browser, &ask).await;
}

async fn oidcc_ui_locales(rp: RelyingParty) {
    rp.sign_in(&rp.ask("openid").set("ui_locales", "se")).await;
}

async fn oidcc_claims_locales(rp: RelyingParty) {
    rp.sign_in(&rp.ask("openid").set("claims_locales", "se")).await;
}

/// The suite sends what discovery lists, and warns unless one of those comes back.
async fn oidcc_ensure_request_with_acr_values_succeeds(rp: RelyingParty) {
    let listed = rp.discovery["acr_values_supported"].as_array().expect("a list").clone();
    let sent: Vec<&str> = listed.iter().filter_map(|value| value.as_str()).collect();
    for values in [sent.join(" "), "1 2".to_owned()] {
        let signed_in = rp.sign_in(&rp.ask("openid").set("acr_values", &values)).await;
        let acr = signed_in.id_token["acr"].as_str().expect("acr");
        assert!(values.split(' ').any(|value| value == acr), "{acr} of {values}");
    }
}

async fn oidcc_ensure_post_request_succeeds(rp: RelyingParty) {
    let ask = rp.ask("openid");
    let fields = url::form_urlencoded::parse(ask.query().as_bytes()).into_owned().collect();
    let mut browser = Browser::new();
    let page = browser.submit("https://rp.test", &rp.app.url("/authorize"), &fields).await;
    let arrival = rp.go_on(&mut browser, page).await;
    let tokens = rp.first.token(redemption(arrival.code())).await.tokens();
    rp.finish(&rp.first, arrival, tokens).await;
}

async fn oidcc_server_client_secret_post(rp: RelyingParty) {
    let arrival = rp.arrive(&mut Browser::new(), &rp.ask_by(&rp.third, "openid")).await;
    let form = redemption(arrival.code()).and("client_id", &rp.third.id).and("client_secret", secret());
    let tokens = Answer::to(rp.third.raw(form.encoded())).await.tokens();
    rp.finish(&rp.third, arrival, tokens).await;
}

/// Section 9, RT-01 to RT-06.
async fn oidcc_refresh_token(rp: RelyingParty) {
    let listed = |name: &str, value: &str| rp.discovery[name].as_array().expect("a list").iter().any(|it| it == value);
    assert!(listed("scopes_supported", "offline_access") && listed("grant_types_supported", "refresh_token"));
    let mut grants = Vec::new();
    for client in [&rp.first, &rp.second] {
        let ask = rp.ask_by(client, "openid offline_access").set("prompt", "consent");
        let arrival = rp.arrive(&mut Browser::new(), &ask).await;
        assert_eq!(arrival.consents, 1);
        let tokens = client.token(redemption(arrival.code())).await.tokens();
        grants.push(rp.finish(client, arrival, tokens).await);
    }
    rp.app.wait(1);
    let scoped = Party::refresh_form(grants[0].tokens.refresh()).and("scope", "openid offline_access");
    let plain = Party::refresh_form(grants[1].tokens.refresh());
    for ((client, before), form) in [&rp.first, &rp.second].into_iter().zip(&grants).zip([scoped, plain]) {
        let next = client.token(form).await.tokens();
        unguessable(next.access());
        unguessable(next.refresh());
        let id_token = rp.id_token(client, next.id_token());
        for same in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(id_token[same], before.id_token[same], "{same}");
        }
        assert_ne!(id_token["iat"], before.id_token["iat"]);
        assert_eq!(client.userinfo(next.access()).await.json()["sub"], id_token["sub"]);
        // RT-06: the token of another client, who keeps it.
        let other = if client.id == rp.first.id { &rp.second } else { &rp.first };
        other.refresh(next.refresh()).await.refused("invalid_grant");
        client.refresh(next.refresh()).await.tokens();
    }
}

async fn oidcc_ensure_request_with_valid_pkce_succeeds(rp: RelyingParty) {
    let ask = rp.ask("openid").set("code_challenge", &hash::s256(VERIFIER)).set("code_challenge_method", "S256");
    let arrival = rp.arrive(&mut Browser::new(), &ask).await;
    let with = |verifier: &str| -> Form { redemption(arrival.code()).and("code_verifier", verifier) };
    let tokens = rp.first.token(with(VERIFIER)).await.tokens();
    rp.finish(&rp.first, arrival, tokens).await;
}
