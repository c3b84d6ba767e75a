//! `tokens inspect`, case by case: a token in which one thing is wrong, and the word for it. The page `/tools/jwt` goes
//! through the same cases, and more, in a real browser (`tests/browser/decoder.mjs`).

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use signet::domain::client::Client;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::FamilyId;
use signet::domain::ids::KeyId;
use signet::domain::ids::TokenId;
use signet::domain::scope::Scope;
use signet::flow::inspect::Expected;
use signet::flow::inspect::Inspection;

use super::forge::Forge;
use super::forge::changed;
use super::forge::encode;

/// What the demo API says to a token.
async fn inspect(forge: &Forge, token: &str) -> Inspection {
    let expected = Expected { audience: Some(forge.app.signet.demo_api()), ..Expected::default() };
    forge.app.signet.inspect_token(token, &expected).await.unwrap()
}

/// The one word for what is wrong, or "good".
fn word(seen: &Inspection) -> (&'static str, Option<u16>) {
    (seen.fault.as_ref().map_or("good", |fault| fault.code()), seen.status())
}

#[tokio::test]
async fn the_one_thing_that_is_wrong() {
    let forge = Forge::new().await;
    let issuer = forge.app.signet.issuer().to_owned();
    let person = forge.party.sign_in("openid offline_access").await;
    let now = forge.claims["iat"].as_i64().unwrap();
    let access = forge.tokens.access().to_owned();
    let claims = forge.claims.to_string();
    let unsigned = |header: &Value| format!("{}.{}.", encode(header.to_string()), encode(&claims));
    let rsa = forge.app.signet.ring.load().jwks().body.clone();
    let rsa: Value = serde_json::from_slice(&rsa).unwrap();
    let rsa = rsa["keys"].as_array().unwrap().iter().find(|key| key["alg"] == "RS256").unwrap()["kid"].clone();
    for (token, code) in [
        (access.clone(), "good"),
        (forge.claiming("iat", json!(now + 30)), "good"),
        (forge.claiming("aud", json!("https://other.test")), "audience"),
        (forge.claiming("aud", Value::Null), "claims"),
        (forge.claiming("iss", json!(format!("{issuer}/"))), "issuer"),
        (forge.claiming("exp", json!(now)), "expired"),
        (forge.claiming("exp", json!("soon")), "claims"),
        (forge.claiming("nbf", json!(now + 300)), "not_yet"),
        (forge.claiming("client_id", Value::Null), "claims"),
        (forge.tokens.id_token().to_owned(), "id_token"),
        (forge.headed("typ", json!("logout+jwt")), "type"),
        (forge.headed("kid", json!("2020-01-01-es256-a")), "unknown_key"),
        (forge.headed("kid", rsa), "algorithm"),
        (forge.headed("crit", json!(["x"])), "malformed"),
        (forge.headed("alg", json!("HS256")), "algorithm"),
        (unsigned(&changed(&forge.header, "alg", json!("none"))), "algorithm"),
        (unsigned(&forge.header), "malformed"),
        (format!("{}.{}.{}", encode(forge.header.to_string()), encode("{}"), encode([7; 64])), "signature"),
        (person.refresh().to_owned(), "opaque"),
        ("rubbish".to_owned(), "malformed"),
    ] {
        let seen = inspect(&forge, &token).await;
        let status = if code == "good" { 200 } else { 401 };
        assert_eq!(word(&seen), (code, Some(status)), "{:?}", seen.fault);
        let said = seen.fault.map(|fault| fault.to_string()).unwrap_or_default();
        assert!(!said.contains(&token), "{said}");
    }
    let slash = inspect(&forge, &forge.claiming("iss", json!(format!("{issuer}/")))).await.fault.unwrap().to_string();
    assert!(slash.ends_with("they differ by the slash at the end"), "{slash}");
    let several = json!(["https://other.test", format!("{}/", forge.app.signet.demo_api())]);
    let slash = inspect(&forge, &forge.claiming("aud", several)).await.fault.unwrap().to_string();
    assert!(slash.ends_with("they differ by the slash at the end"), "{slash}");
}

#[tokio::test]
async fn a_good_token_that_is_not_good_for_this() {
    let forge = Forge::new().await;
    let asked = |scope: &str| Expected { scope: Scope::parse(scope).unwrap(), ..Expected::default() };
    let said = async |scope: &str| {
        let seen = forge.app.signet.inspect_token(forge.tokens.access(), &asked(scope)).await.unwrap();
        (word(&seen), seen.fault.map(|fault| fault.to_string()))
    };
    assert_eq!(said("email").await, (("good", Some(200)), None));
    let (verdict, why) = said("email orders:read").await;
    assert_eq!((verdict, why.as_deref()), (("scope", Some(403)), Some("the scope \"orders:read\" was not granted")));
}

#[tokio::test]
async fn what_only_the_database_knows() {
    let forge = Forge::new().await;
    let signet = &forge.app.signet;
    let now = signet.now();
    let token = forge.tokens.access();
    assert_eq!(word(&inspect(&forge, token).await).0, "good");

    let demo = forge.app.client("demo-web").await;
    signet.store.replace_client(Client { disabled: true, ..demo.clone() }).await.unwrap();
    assert_eq!(word(&inspect(&forge, token).await), ("client", Some(401)));
    signet.store.replace_client(demo).await.unwrap();

    let family = FamilyId::new(forge.claims["grant_id"].as_str().unwrap()).unwrap();
    signet.revoke_family(&family, RevocationReason::Logout, Reach::RefreshOnly).await.unwrap();
    assert_eq!(word(&inspect(&forge, token).await).0, "good", "only refreshing has ended");
    let other = forge.claiming("jti", json!("tok_other"));
    signet.deny_token(&TokenId::new("tok_other").unwrap(), now.plus(Duration::from_mins(10))).await.unwrap();
    let seen = inspect(&forge, &other).await;
    assert_eq!(word(&seen), ("revoked", Some(401)), "{:?}", seen.fault);
    assert_eq!(word(&inspect(&forge, token).await).0, "good", "one token is not the other");
    signet.revoke_family(&family, RevocationReason::Logout, Reach::Immediate).await.unwrap();
    let seen = inspect(&forge, token).await;
    assert_eq!(word(&seen), ("revoked", Some(401)));
    let said = seen.fault.unwrap().to_string();
    assert!(said.contains("was revoked at") && said.contains("logout"), "{said}");

    let user = forge.app.ada().await;
    signet.store.set_user_disabled(user.id, true, now).await.unwrap();
    assert_eq!(word(&inspect(&forge, token).await), ("user", Some(401)));

    let kid = KeyId::new(forge.header["kid"].as_str().unwrap()).unwrap();
    let plan = signet.plan_revocation(&kid, "seen in a log", false).await.unwrap();
    signet.revoke_key(plan).await.unwrap();
    let seen = inspect(&forge, token).await;
    assert_eq!(word(&seen), ("revoked_key", Some(401)), "{:?}", seen.fault);
}
