//! Signing out, three levels of it, and what each leaves usable (LO-12).

use std::sync::atomic::Ordering;

use serde_json::json;
use signet::domain::family::RevocationReason;
use tokio::task::JoinSet;

use super::Page;
use super::access;
use super::app;
use super::family_of;
use super::on_both_databases;
use super::origins;
use super::refresh_cookies;
use super::register;
use super::signed_out;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::party::Answer;
use crate::support::party::Party;

const GONE: &str = "refresh_token=; HttpOnly; SameSite=Strict; Path=/auth; Max-Age=0";

async fn demo_api(app: &App, token: &str) -> u16 {
    let http = Page::spa(app).http;
    Answer::to(http.get(app.url("/demo-api")).bearer_auth(token)).await.status.as_u16()
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""), "{answer:?}");
    assert_eq!(refresh_cookies(answer), [GONE]);
}

#[test]
fn lo_12_refresh_revocation_and_immediate() {
    on_both_databases(async |app| {
        for (body, afterwards) in [
            (json!({}), 200),
            (json!({"immediate": false, "everywhere": false}), 200),
            (json!({"immediate": true}), 401),
            (json!({"immediate": true, "client_id": "demo-spa"}), 401),
        ] {
            let page = Page::spa(&app);
            let tokens = [page.login().await, access(&page.refresh().await)];
            let (copy, other) = (page.stolen(), Page::spa(&app));
            let elsewhere = other.login().await;
            done(&page.logout(&body).await);
            signed_out(&page.refresh().await);
            signed_out(&copy.refresh().await);
            for token in &tokens {
                assert_eq!(page.userinfo(token).await, afterwards, "{body}");
                assert_eq!(demo_api(&app, token).await, afterwards, "{body}");
            }
            let family = app.signet.store.family(family_of(&copy.token())).await.unwrap().unwrap();
            assert_eq!(family.revoked.unwrap().reason, RevocationReason::Logout);
            // The other device knows nothing of it.
            assert_eq!(demo_api(&app, &elsewhere).await, 200);
            access(&other.refresh().await);
            if afterwards == 200 {
                app.wait(601);
                assert_eq!(demo_api(&app, &tokens[1]).await, 401, "to its end and no longer");
            }
        }
    });
}

#[test]
fn lo_12_client_only_is_told_to_nobody() {
    on_both_databases(async |app| {
        let page = Page::spa(&app);
        let token = page.login().await;
        // The page forgets; everything else is as it was.
        assert_eq!(demo_api(&app, &token).await, 200);
        access(&page.refresh().await);
    });
}

#[test]
fn everywhere_ends_all_sessions_and_families() {
    on_both_databases(async |app| {
        register(&app, "shop", |client| client.origins = origins(&["https://shop.example.test"])).await;
        for (immediate, afterwards) in [(false, 200), (true, 401)] {
            let (page, phone) = (Page::spa(&app), Page::spa(&app));
            let shop = Page::spa(&app).beside("shop", "https://shop.example.test");
            let bob = Page::spa(&app);
            let of_bob = access(&bob.try_login("bob@example.test", ADA.1).await);
            let tokens = [page.login().await, phone.login().await, shop.login().await];
            let (web, mut browser) = (Party::web(&app), Browser::new());
            let code = web.code(&mut browser, "openid offline_access").await;
            let offline = web.redeem(&code).await.tokens();
            let unused = web.code(&mut browser, "openid").await;
            done(&page.logout(&json!({"everywhere": true, "immediate": immediate})).await);
            for page in [&page, &phone, &shop] {
                signed_out(&page.refresh().await);
            }
            web.refresh(offline.refresh()).await.refused("invalid_grant");
            web.redeem(&unused).await.refused("invalid_grant");
            let silent = format!("{}&prompt=none", web.authorization_url("openid"));
            let silent = browser.open(&silent.parse().unwrap()).await.location().unwrap();
            assert!(silent.as_str().contains("error=login_required"), "{silent}");
            for token in tokens.iter().map(String::as_str).chain([offline.access()]) {
                assert_eq!(demo_api(&app, token).await, afterwards, "{immediate}");
            }
            // Other people stay.
            assert_eq!(demo_api(&app, &of_bob).await, 200);
            access(&bob.refresh().await);
        }
    });
}

/// LO-06: it can be said twice, and without a cookie; but nothing is promised that was not done.
#[tokio::test]
async fn lo_06_signing_out_twice_and_without_a_cookie() {
    let app = app().await;
    let page = Page::spa(&app);
    page.login().await;
    let copy = page.stolen();
    done(&page.logout(&json!({})).await);
    done(&page.logout(&json!({})).await);
    done(&page.send(page.request(reqwest::Method::POST, "/auth/logout")).await);
    for body in [json!({"everywhere": true}), json!({"immediate": true})] {
        let answer = page.logout(&body).await;
        answer.refused_with(401, "login_required");
        assert_eq!(refresh_cookies(&answer), [GONE]);
    }
    // The cookie of a family that has ended: it speaks for nobody, but its access tokens can still be called back.
    let answer = copy.logout(&json!({"everywhere": true})).await;
    answer.refused_with(401, "login_required");
    assert!(copy.cookie("refresh_token").is_none());
    let page = Page::spa(&app);
    let token = page.login().await;
    let copy = page.stolen();
    done(&page.logout(&json!({})).await);
    assert_eq!(demo_api(&app, &token).await, 200);
    done(&copy.logout(&json!({"immediate": true})).await);
    assert_eq!(demo_api(&app, &token).await, 401);
}

#[tokio::test]
async fn a_used_up_cookie_signs_out_its_own_family_only() {
    let app = app().await;
    let (program, phone) = (Page::program(&app), Page::spa(&app));
    program.login().await;
    phone.login().await;
    let old = program.stolen();
    for _ in 0..2 {
        access(&program.refresh().await);
    }
    old.logout(&json!({"everywhere": true})).await.refused_with(401, "login_required");
    signed_out(&program.refresh().await);
    access(&phone.refresh().await);
}

#[tokio::test]
async fn a_misspelt_wish_is_refused_and_nothing_ends() {
    let app = app().await;
    let page = Page::spa(&app);
    page.login().await;
    for body in [
        json!({"everwhere": true}),
        json!({"everywhere": "true"}),
        json!({"everywhere": 1}),
        json!({"immediate": null}),
        json!([true, true]),
        json!(true),
    ] {
        let answer = page.logout(&body).await;
        answer.refused("invalid_request");
        assert_eq!(refresh_cookies(&answer), Vec::<&str>::new());
    }
    let doubled = page.request(reqwest::Method::POST, "/auth/logout").header("content-type", "application/json");
    page.send(doubled.body(r#"{"everywhere":false,"everywhere":true}"#)).await.refused("invalid_request");
    access(&page.refresh().await);
}

#[test]
fn rv_another_node_knows_it_too() {
    on_both_databases(async |app| {
        let other = app.another_node().await;
        let page = Page::spa(&app);
        let token = page.login().await;
        assert_eq!(page.at(&other).userinfo(&token).await, 200);
        done(&page.logout(&json!({"immediate": true})).await);
        signed_out(&page.at(&other).refresh().await);
        // These nodes are not told by anybody; the clock that stands still does not age what they know.
        other.signet.notice_changes().await.unwrap();
        assert_eq!(page.at(&other).userinfo(&token).await, 401);
    });
}

/// Signing out while tabs refresh: whoever wins, nothing goes on afterwards.
#[test]
fn signing_out_wins_against_refreshing() {
    on_both_databases(async |app| {
        for round in 0..12 {
            let page = Page::spa(&app);
            page.login().await;
            let answered = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let mut racers = JoinSet::new();
            for _ in 0..6 {
                let (tab, answered) = (page.stolen(), std::sync::Arc::clone(&answered));
                racers.spawn(async move {
                    let answer = tab.refresh().await;
                    answered.fetch_add(usize::from(answer.status.is_success()), Ordering::Relaxed);
                    (tab, answer)
                });
            }
            page.logout(&json!({"immediate": round % 2 == 0})).await;
            for (tab, answer) in racers.join_all().await {
                assert!([200, 401].contains(&answer.status.as_u16()), "{answer:?}");
                signed_out(&tab.refresh().await);
                if answer.status.is_success() && round % 2 == 0 {
                    assert_eq!(demo_api(&app, &access(&answer)).await, 401, "immediate means every access token");
                }
            }
        }
    });
}

/// A database that is away: nothing is said to have ended, and the cookie stays to end it later.
#[tokio::test]
async fn lo_06_an_error_in_the_middle() {
    let Some(cluster) = crate::support::postgres::Cluster::start_new() else {
        return crate::support::postgres::left_out();
    };
    let app = App::start_at(&cluster.database()).await;
    let page = Page::spa(&app);
    page.login().await;
    cluster.stop();
    for answer in [page.logout(&json!({})).await, page.refresh().await, page.try_login(ADA.0, ADA.1).await] {
        answer.refused_with(503, "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(answer.header("access-control-allow-origin"), super::SPA, "a page sees that it may try again");
        assert_eq!(refresh_cookies(&answer), Vec::<&str>::new());
    }
    assert!(page.cookie("refresh_token").is_some());
}
