//! How soon somebody is refused who was let in a moment ago: within a second.

use std::time::Duration;
use std::time::Instant;

use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::FamilyId;

use crate::gateway::Gateway;
use crate::gateway::through_both;
use crate::support::browser::Browser;
use crate::support::party::Party;
use crate::support::party::opened;

const PROMISED: Duration = Duration::from_secs(1);

/// Asks until nobody is let in any more; fails when that takes longer than promised.
#[expect(clippy::disallowed_methods, reason = "how long it really takes, whatever the server's own clock says")]
async fn refused_in_time(gateway: &Gateway, headers: &str) {
    let started = Instant::now();
    while gateway.get("/", headers).await.status != 401 {
        assert!(started.elapsed() < PROMISED, "still let in after {:?}", started.elapsed());
    }
    let before = gateway.echo.seen().len();
    assert_eq!(gateway.get("/", headers).await.status, 401, "and never again");
    assert_eq!(gateway.echo.seen().len(), before);
}

async fn session(gateway: &Gateway) -> (Browser, String) {
    let mut browser = Browser::new();
    Party::web(&gateway.app).code(&mut browser, "openid").await;
    let cookie = browser.cookie("signet_session").expect("a session");
    (browser, format!("Cookie: signet_session={cookie}\r\n"))
}

async fn after_signing_out(gateway: Gateway) {
    let (mut browser, cookie) = session(&gateway).await;
    assert_eq!(gateway.get("/", &cookie).await.status, 200);
    let asked = browser.open(&gateway.app.url("/end_session")).await;
    assert_eq!(gateway.get("/", &cookie).await.status, 200);
    browser.press(&asked, "logout-confirm", &[]).await;
    refused_in_time(&gateway, &cookie).await;
}

async fn after_the_user_is_disabled(gateway: Gateway) {
    let (_, cookie) = session(&gateway).await;
    assert_eq!(gateway.get("/", &cookie).await.status, 200);
    let ada = gateway.app.ada().await;
    gateway.app.signet.store.set_user_disabled(ada.id, true, gateway.app.signet.now()).await.expect("the database");
    refused_in_time(&gateway, &cookie).await;
}

async fn after_the_token_is_revoked(gateway: Gateway) {
    let tokens = Party::web(&gateway.app).sign_in("openid").await;
    let bearer = format!("Authorization: Bearer {}\r\n", tokens.access());
    assert_eq!(gateway.get("/", &bearer).await.status, 200);
    let (_, claims) = opened(tokens.access());
    let family = FamilyId::new(claims["grant_id"].as_str().expect("a family")).expect("an id");
    let signet = &gateway.app.signet;
    let revoked =
        signet.store.revoke_family(family, RevocationReason::Administrator, Reach::Immediate, signet.now()).await;
    assert!(revoked.expect("the database"));
    signet.learn_denials().await.expect("the database");
    let refused = gateway.get("/", &bearer).await;
    assert_eq!(refused.status, 401);
    // The proxy hands the reason on.
    let challenge = refused.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("has been revoked"), "{challenge}");
}

through_both!(after_signing_out, after_the_user_is_disabled, after_the_token_is_revoked);
