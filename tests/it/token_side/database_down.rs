//! A database that is away: an honest 503, nothing given without a row, and back to work by itself.

use std::time::Duration;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

fn unavailable(answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 503, "{answer:?}");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{answer:?}");
    let reference = answer.header("x-request-id");
    assert!(reference.starts_with("req_") && answer.text.contains(reference), "{answer:?}");
}

#[test]
fn db_02_database_down_and_back() {
    let Some(cluster) = Cluster::start_new() else { return left_out() };
    let database = cluster.database();
    block_on(async {
        let app = App::start_at(&database).await;
        let party = Party::web(&app);
        let mut browser = Browser::new();
        let code = party.code(&mut browser, "openid offline_access").await;
        let tokens = party.sign_in("openid offline_access").await;
        let jwks = party.get("/.well-known/jwks.json").await.text;
        assert_eq!(party.get("/health/ready").await.status.as_u16(), 200);

        cluster.stop();
        for round in 0..3 {
            unavailable(&party.redeem(&code).await);
            unavailable(&party.refresh(tokens.refresh()).await);
            // A database that does not answer never means that a token is good.
            unavailable(&party.userinfo(tokens.access()).await);
            unavailable(&Answer::to(party.http.get(party.authorization_url("openid"))).await);
            unavailable(&Party::spa(&app).redeem("sgc_x").await);

            assert_eq!(party.get("/.well-known/jwks.json").await.text, jwks, "{round}");
            for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/health/live"]
            {
                assert_eq!(party.get(path).await.status.as_u16(), 200, "{path}");
            }
            let ready = party.get("/health/ready").await;
            assert_eq!(ready.status.as_u16(), 503);
            assert_eq!(ready.json()["reasons"], serde_json::json!(["database"]));
        }
        let page = browser.open(&party.authorization_url("openid")).await;
        assert_eq!(page.status.as_u16(), 503);
        assert!(page.text.contains("req_") && page.location().is_none());
        // What cannot be read is refused all the same.
        party.with_secret(Some("wrong")).redeem("x").await.unknown_client(true);
        Answer::to(party.raw("grant_type=%ff")).await.refused("invalid_request");

        cluster.start();
        for _ in 0..100 {
            if party.get("/health/ready").await.status.is_success() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Nothing was spent by what failed: not the code, not the refresh token, not the session.
        party.redeem(&code).await.tokens();
        let next = party.refresh(tokens.refresh()).await.tokens();
        assert!(party.userinfo(next.access()).await.status.is_success());
        let arrived = browser.authorize(&party.authorization_url("openid"), REDIRECT_URI, ADA).await;
        assert!(arrived.query().is_some_and(|query| query.contains("code=")));
        Party::service(&app).token(Form::new(&[("grant_type", "client_credentials")])).await.tokens();
        for _ in 0..20 {
            assert!(party.userinfo(next.access()).await.status.is_success(), "every connection is good again");
        }
    });
}
