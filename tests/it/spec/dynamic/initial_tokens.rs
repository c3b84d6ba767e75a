//! Initial access tokens, RFC 7591 section 3.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use signet::domain::registration::InitialToken;
use signet::domain::scope::Scope;
use signet::domain::secret::Secret;
use signet::flow::registration_tokens::NewInitialToken;
use tokio::task::JoinSet;

use super::Registrar;
use super::changeable;
use super::registered;
use super::with;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::postgres::left_out;

const TOKEN: (&str, &str) = ("registration.mode", "token");

async fn token(here: &Registrar, clients: Option<u32>, scope: Option<&str>) -> (InitialToken, Secret) {
    let scope = scope.map(|text| Scope::parse(text).unwrap());
    let new = NewInitialToken { clients, lifetime: Duration::from_hours(1), scope, note: "for a test".to_owned() };
    here.app.signet.create_initial_token(new).await.unwrap()
}

#[test]
fn c_62_dr_01_without_a_good_one_nothing_is_registered() {
    block_on(async {
        let here = Registrar::with(&[TOKEN]).await;
        let none = here.post(&with(json!({}))).await;
        assert_eq!(none.status, StatusCode::UNAUTHORIZED);
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"signet\"");
        let (kept, secret) = token(&here, None, None).await;
        for wrong in
            ["x", "sgi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", kept.id.as_str(), &format!("{}x", secret.reveal())]
        {
            here.post_with(wrong, &with(json!({}))).await.unauthorized();
        }
        // C-62; once, as nothing else was said, and a registration that was refused does not count.
        here.post_with(secret.reveal(), &json!({})).await.refused("invalid_redirect_uri");
        let own = registered(&here.post_with(secret.reveal(), &with(json!({}))).await);
        here.post_with(secret.reveal(), &with(json!({}))).await.unauthorized();
        // It is no registration access token, and that is none of these.
        let mut other = own.clone();
        other["registration_access_token"] = json!(secret.reveal());
        here.manage(reqwest::Method::GET, &other).await.unauthorized();
        let (_, own_token) = super::own_address(&own);
        here.post_with(own_token, &with(json!({}))).await.unauthorized();

        here.app.wait(1);
        let (late, secret) = token(&here, Some(5), None).await;
        here.app.wait(3601);
        here.post_with(secret.reveal(), &with(json!({}))).await.unauthorized();
        let (revoked, secret) = token(&here, Some(5), None).await;
        assert!(here.app.signet.revoke_initial_token(&revoked.id).await.unwrap());
        here.post_with(secret.reveal(), &with(json!({}))).await.unauthorized();
        assert_eq!(
            here.app.signet.store.initial_tokens().await.unwrap(),
            [late, InitialToken { registered: 1, ..kept }]
        );
    });
}

#[test]
fn dr_01_of_64_at_once_as_many_as_it_is_good_for() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        block_on(async {
            let Some(here) = Registrar::on(kind, &[TOKEN]).await else { return left_out() };
            for good_for in [1, 5] {
                let (_, secret) = token(&here, Some(good_for), None).await;
                let mut racers = JoinSet::new();
                for _ in 0..64 {
                    let request = here.http.post(here.app.url("/register")).bearer_auth(secret.reveal());
                    let request = request.json(&with(json!({})));
                    racers.spawn(async move { Answer::to(request).await.status });
                }
                let answers = racers.join_all().await;
                let count = |status| answers.iter().filter(|answer| **answer == status).count();
                let good_for = usize::try_from(good_for).unwrap();
                assert_eq!(count(StatusCode::CREATED), good_for);
                assert_eq!(count(StatusCode::UNAUTHORIZED), 64 - good_for, "{answers:?}");
            }
        });
    }
}

#[test]
fn dr_01_its_scope_holds_for_every_later_change() {
    block_on(async {
        let here = Registrar::with(&[TOKEN]).await;
        let (_, secret) = token(&here, None, Some("openid email")).await;
        let own = registered(&here.post_with(secret.reveal(), &with(json!({"scope": "openid profile"}))).await);
        assert_eq!(own["scope"], "openid");
        let mut sent = changeable(&own);
        sent["scope"] = json!("openid profile email address");
        assert_eq!(here.put(&own, &sent).await.json()["scope"], "email openid");
        let (_, secret) = token(&here, None, Some("openid email")).await;
        let own = registered(&here.post_with(secret.reveal(), &with(json!({}))).await);
        assert_eq!(own["scope"], "email openid");
    });
}

#[test]
fn where_anybody_may_a_token_must_be_good_all_the_same() {
    block_on(async {
        let here = Registrar::open().await;
        here.post_with("sgi_x", &with(json!({}))).await.unauthorized();
        let (kept, secret) = token(&here, None, None).await;
        registered(&here.post_with(secret.reveal(), &with(json!({}))).await);
        assert_eq!(here.app.signet.store.initial_tokens().await.unwrap(), [InitialToken { registered: 1, ..kept }]);
    });
}

#[test]
fn dr_01_expired_ones_leave_the_list_after_a_day() {
    block_on(async {
        let here = Registrar::with(&[TOKEN]).await;
        token(&here, None, None).await;
        for (seconds, left) in [(3601, 1), (86_400, 0)] {
            here.app.wait(seconds);
            here.app.signet.sweep().await.unwrap();
            assert_eq!(here.app.signet.store.initial_tokens().await.unwrap().len(), left);
        }
    });
}
