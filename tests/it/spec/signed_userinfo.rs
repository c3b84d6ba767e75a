//! UserInfo answers as signed tokens, OpenID Connect Core section 5.3.2.

use serde_json::Value;
use signet::domain::key::Algorithm;

use super::on_both_databases;
use super::stage::*;
use crate::support::app::App;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::opened;

on_both_databases!(oidcc_userinfo_rs256);

/// A client whose UserInfo answers are signed with `algorithm`.
async fn signed(app: &App, id: &str, algorithm: Algorithm) -> Party {
    Party::register(app, &Party::web(app), id, |client| client.userinfo_signed_response_alg = Some(algorithm)).await
}

/// The claims, checked with the published keys.
async fn verified(app: &App, answer: &Answer) -> Value {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/jwt"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let jwks = Party::web(app).get("/.well-known/jwks.json").await.json();
    let (header, claims) = opened(&answer.text);
    let published = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]);
    assert_eq!(published.expect("a published key")["alg"], header["alg"]);
    assert_eq!(Value::Object(app.signet.ring.load().verify(&answer.text).unwrap().claims), claims);
    claims
}

async fn oidcc_userinfo_rs256(stage: Stage) {
    let app = &stage.app;
    let discovery = Party::web(app).get("/.well-known/openid-configuration").await.json();
    let supported = &discovery["userinfo_signing_alg_values_supported"];
    assert!(supported.as_array().unwrap().contains(&Value::from("RS256")), "{discovery}");
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let party = signed(app, &format!("signed-{}", algorithm.as_str()), algorithm).await;
        let tokens = party.sign_in("openid email").await;
        let answer = party.userinfo(tokens.access()).await;
        assert_eq!(opened(&answer.text).0["alg"], algorithm.as_str());
        let claims = verified(app, &answer).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&Value::from(stage.issuer()), &Value::from(party.id.as_str())));
        assert_eq!(claims["sub"], opened(tokens.id_token()).1["sub"]);
        assert_eq!(claims["email"], "ada@example.test");
        for absent in ["nonce", "exp", "sid", "at_hash", "name"] {
            assert_eq!(claims.get(absent), None, "{absent}");
        }
        let url = app.url("/userinfo");
        let posted = Answer::to(party.http.post(url.clone()).bearer_auth(tokens.access())).await;
        let in_body = Answer::to(party.http.post(url).form(&[("access_token", tokens.access())])).await;
        assert_eq!((verified(app, &posted).await, verified(app, &in_body).await), (claims.clone(), claims));
    }
    // Nobody else's answers change.
    let plain = Party::web(app);
    assert_eq!(plain.userinfo(plain.sign_in("openid").await.access()).await.header("content-type"), "application/json");
}

/// It says `iss`, `aud` and `sub` as an ID token does, and is signed by the same keys: nothing may take it for one.
#[tokio::test]
async fn jw_11_a_signed_userinfo_answer_is_no_id_token() {
    let stage = Stage::new().await;
    let party = signed(&stage.app, "signed", Algorithm::Rs256).await;
    let tokens = party.sign_in("openid").await;
    let answer = party.userinfo(tokens.access()).await;
    assert_eq!(opened(&answer.text).0.get("typ"), None);
    party.userinfo(&answer.text).await.unauthorized();
    assert_eq!(stage.get(&format!("/end_session?id_token_hint={}", answer.text)).await.status, 400);
    // An ID token cannot be revoked and says so; this is nothing at all.
    assert_eq!(party.revoke(&answer.text).await.status.as_u16(), 200);
    party.post("/revoke", Form::new(&[("token", tokens.id_token())])).await.refused("unsupported_token_type");
}

/// A refusal is what it always is.
#[tokio::test]
async fn rfc6750_3_1_refusals_are_not_signed() {
    let stage = Stage::new().await;
    let party = signed(&stage.app, "signed", Algorithm::Rs256).await;
    party.userinfo("rubbish").await.unauthorized();
    let tokens = party.sign_in("openid").await;
    party.revoke(tokens.access()).await;
    party.userinfo(tokens.access()).await.unauthorized();
}
