//! GW-07: the refresh cookie under the rules of refresh tokens, with tabs that do not know of each other.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use signet::domain::family::RevocationReason;
use signet::domain::secret::Secret;
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
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::opened;
use crate::support::postgres::left_out;
use crate::support::raw;

const DAY: u64 = 86_400;

#[tokio::test]
async fn the_next_token_and_the_next_cookie() {
    let app = app().await;
    let page = Page::spa(&app);
    let (first_access, first) = (page.login().await, page.token());
    app.wait(60);
    let answer = page.refresh().await;
    let (next_access, next) = (access(&answer), page.token());
    assert_eq!(
        refresh_cookies(&answer),
        [format!("refresh_token={next}; HttpOnly; SameSite=Strict; Path=/auth; Max-Age=1209600")]
    );
    assert!(next != first && next_access != first_access);
    let ((_, before), (_, after)) = (opened(&first_access), opened(&next_access));
    assert_eq!((&after["sub"], &after["auth_time"]), (&before["sub"], &before["auth_time"]));
    assert_eq!((&after["grant_id"], &after["scope"]), (&before["grant_id"], &before["scope"]));
    assert_eq!(page.userinfo(&next_access).await, 200);
    // The cookie goes when the family ends.
    app.wait(14 * DAY - 1);
    access(&page.refresh().await);
    app.wait(14 * DAY - 1);
    let answer = page.refresh().await;
    let line = refresh_cookies(&answer)[0].to_owned();
    let left: u64 = line.rsplit_once("Max-Age=").unwrap().1.parse().unwrap();
    assert_eq!(left, 2 * DAY - 60 + 2, "{line}");
    app.wait(left);
    signed_out(&page.refresh().await);
}

#[tokio::test]
async fn rf_09_idle_end() {
    let app = app().await;
    let page = Page::spa(&app);
    page.login().await;
    app.wait(14 * DAY);
    signed_out(&page.refresh().await);
}

#[tokio::test]
async fn gw_07_the_token_comes_in_the_cookie_or_not_at_all() {
    let app = app().await;
    let page = Page::spa(&app);
    page.login().await;
    let token = page.token();
    for body in [
        json!({"refresh_token": token}),
        json!({"refresh_token": null}),
        json!({"scope": "admin"}),
        json!({"client_id": 1}),
        json!({"client_id": ""}),
        json!([]),
        json!("x"),
    ] {
        page.post("/auth/refresh", &body).await.refused("invalid_request");
    }
    let doubled = br#"{"client_id":"demo-spa","client_id":"demo-spa"}"#.to_vec();
    let request = page.request(Method::POST, "/auth/refresh").header("content-type", "application/json");
    page.send(request.body(doubled)).await.refused("invalid_request");
    let form = page.request(Method::POST, "/auth/refresh").form(&[("refresh_token", &token)]);
    page.send(form).await.refused_with(415, "invalid_request");
    let query = format!("/auth/refresh?refresh_token={token}");
    page.send(page.request(Method::POST, &query)).await.refused("invalid_request");
    let nobody = Page::spa(&app);
    signed_out(&nobody.refresh().await);
    signed_out(&nobody.post("/auth/refresh", &json!({})).await);
    assert_eq!(page.token(), token);
    access(&page.post("/auth/refresh", &json!({})).await);
    access(&page.post("/auth/refresh", &json!({"client_id": "demo-spa"})).await);
    signed_out(&page.post("/auth/refresh", &json!({"client_id": "demo-web"})).await);
}

#[tokio::test]
async fn se_02_se_03_se_04_forged_doubled_and_poisoned_neighbours() {
    let app = app().await;
    let page = Page::spa(&app);
    page.login().await;
    let good = page.token();
    let refresh = async |cookie: &[u8]| {
        let head = format!("POST /auth/refresh HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: {}\r\n", super::SPA);
        raw::send(&app.base, &[head.as_bytes(), b"Cookie: ", cookie, b"\r\n\r\n"].concat()).await.status
    };
    for cookie in [
        format!("refresh%5Ftoken={good}"),
        format!("Refresh_token={good}"),
        format!("\u{a0}refresh_token={good}"),
        format!("refresh_token={good}; refresh_token=evil"),
        format!("refresh_token=evil; refresh_token={good}"),
        format!("refresh_token={good}; refresh_token={good}"),
        format!("refresh_token={good}x"),
        format!("refresh_token={}", &good[1..]),
        format!("refresh_token={}", "x".repeat(4000)),
        "refresh_token=".to_owned(),
        format!("signet_session={good}"),
    ] {
        assert_eq!(refresh(cookie.as_bytes()).await, 401, "{cookie}");
    }
    for neighbour in [&b"\xff\xfe"[..], b"%zz", b"\"", b"=;=;;"] {
        let cookie = [b"x=", neighbour, b"; refresh_token=", good.as_bytes(), b"; y=", neighbour].concat();
        assert_eq!(refresh(&cookie).await, 200);
    }
}

#[test]
fn rf_02_ten_tabs_at_once() {
    on_both_databases(async |app| {
        let page = Page::spa(&app);
        race(&[&app], std::slice::from_ref(&page)).await;
        // Programs without tabs race no worse.
        race(&[&app], &[Page::program(&app)]).await;
    });
}

#[test]
fn rf_02_ten_tabs_at_two_nodes() {
    block_on(async {
        let Some(app) = App::start(Kind::Postgres).await else { return left_out() };
        let other = app.another_node().await;
        let page = Page::spa(&app);
        race(&[&app, &other], &[page.clone(), page.at(&other)]).await;
    });
}

/// Many requests with one cookie: each is answered, with one successor, which goes on.
async fn race(nodes: &[&App], tabs: &[Page]) {
    let app = nodes[0];
    tabs[0].login().await;
    let family = family_of(&tabs[0].token());
    for round in 1..=4 {
        let before = tabs[0].token();
        let mut racers = JoinSet::new();
        for tab in tabs.iter().cycle().take(40) {
            // Each with the cookie as it was when all of them began.
            let tab = tab.stolen();
            racers.spawn(async move {
                access(&tab.refresh().await);
                tab.token()
            });
        }
        let after: BTreeSet<String> = racers.join_all().await.into_iter().collect();
        assert_eq!(after.len(), 1, "round {round}: more than one living branch");
        assert!(!after.contains(&before));
        tabs[0].set_token(after.first().unwrap());
        let now = app.signet.store.family(family.clone()).await.unwrap().unwrap();
        assert!(now.revoked.is_none());
        assert_eq!(now.generation, round + 1, "one step for all of them");
        for node in nodes {
            node.wait(570);
        }
    }
    access(&tabs[0].refresh().await);
    let families = app.signet.store.families_of_user(app.ada().await.id).await.unwrap();
    assert_eq!(families.iter().filter(|own| own.is_live(app.signet.now())).count(), 1, "one family");
    tabs[0].logout(&json!({})).await;
}

/// Tabs that are not in step: a request that is overtaken, and an answer that is.
#[test]
fn rf_03_overtaken_requests_and_answers_log_nobody_out() {
    on_both_databases(async |app| {
        let page = Page::spa(&app);
        page.login().await;
        for _ in 0..3 {
            let (slow, first) = (page.stolen(), page.token());
            access(&page.refresh().await);
            let next = page.token();
            assert_ne!(next, first);
            app.wait(2);
            // Another tab has the next cookie already. It is not used up, because the first may be under way still.
            access(&page.refresh().await);
            assert_eq!(page.token(), next);
            app.wait(57);
            access(&slow.refresh().await);
            assert_eq!(slow.token(), next, "overtaken, and given what everybody has");
            // Its answer came last and decides what the browser keeps.
            page.set_token(&slow.token());
            app.wait(511);
        }
        access(&page.refresh().await);
    });
}

/// Who is no browser has no tabs: every use makes the next token.
#[tokio::test]
async fn rf_01_without_tabs_each_use_rotates() {
    let app = app().await;
    let program = Page::program(&app);
    program.login().await;
    let thief = program.stolen();
    let mut seen = BTreeSet::from([program.token()]);
    for _ in 0..3 {
        access(&program.refresh().await);
        assert!(seen.insert(program.token()));
    }
    signed_out(&thief.refresh().await);
    signed_out(&program.refresh().await);
}

#[test]
fn rf_01_a_stolen_cookie_ends_the_family() {
    on_both_databases(async |app| {
        let page = Page::spa(&app);
        let token = page.login().await;
        let thief = page.stolen();
        access(&page.refresh().await);
        app.wait(60);
        signed_out(&thief.refresh().await);
        signed_out(&page.refresh().await);
        assert_eq!(page.userinfo(&token).await, 401, "its access tokens too");
        let family = app.signet.store.family(family_of(&page.token())).await.unwrap().unwrap();
        assert_eq!(family.revoked.unwrap().reason, RevocationReason::RefreshReused);
        // And signing in again is all it takes.
        page.login().await;
        access(&page.refresh().await);
    });
}

/// A retry window of zero is for those who rather log somebody out than answer twice.
#[tokio::test]
async fn without_a_retry_window_every_use_rotates() {
    let app = app().await;
    register(&app, "strict", |client| client.lifetimes.refresh_retry_window = Some(std::time::Duration::ZERO)).await;
    let page = Page::spa(&app).beside("strict", super::SPA);
    page.login().await;
    let old = page.stolen();
    let mut seen = BTreeSet::from([page.token()]);
    for _ in 0..3 {
        access(&page.refresh().await);
        assert!(seen.insert(page.token()));
    }
    signed_out(&old.refresh().await);
    signed_out(&page.refresh().await);
}

/// However short the idle end: who refreshes in time is never kept on a token until it has ended.
#[tokio::test]
async fn a_short_idle_end_is_moved_on_in_time() {
    let app = app().await;
    register(&app, "brief", |client| client.lifetimes.refresh_idle = Some(std::time::Duration::from_mins(1))).await;
    let page = Page::spa(&app).beside("brief", super::SPA);
    page.login().await;
    for _ in 0..20 {
        app.wait(29);
        access(&page.refresh().await);
    }
    app.wait(60);
    signed_out(&page.refresh().await);
}

/// Pages of several clients in one browser: each has a sign-in of its own, and none disturbs another.
#[test]
fn two_applications_in_one_browser() {
    on_both_databases(async |app| {
        for id in ["shop", "desk", "news", "more"] {
            register(&app, id, |client| client.origins = origins(&[&format!("https://{id}.example.test")])).await;
        }
        let spa = Page::spa(&app);
        let shop = spa.beside("shop", "https://shop.example.test");
        signed_out(&shop.refresh().await);
        spa.login().await;
        signed_out(&shop.refresh().await);
        let bob = access(&shop.try_login("bob@example.test", ADA.1).await);
        for round in 0..3 {
            app.wait(300);
            let (of_spa, of_shop) = (access(&spa.refresh().await), access(&shop.refresh().await));
            let (spa_claims, shop_claims) = (opened(&of_spa).1, opened(&of_shop).1);
            assert_eq!((&spa_claims["client_id"], &shop_claims["client_id"]), (&json!("demo-spa"), &json!("shop")));
            assert_eq!(shop_claims["sub"], opened(&bob).1["sub"], "{round}");
            assert_ne!(spa_claims["sub"], shop_claims["sub"]);
        }
        // Signing in again at one leaves the other alone; signing out too.
        spa.login().await;
        access(&shop.refresh().await);
        assert_eq!(spa.logout(&json!({})).await.status.as_u16(), 204);
        signed_out(&spa.refresh().await);
        access(&shop.refresh().await);
        // The place that became free is taken again, and there are no more than four.
        for id in ["desk", "news", "demo-spa"] {
            let origin = if id == "demo-spa" { super::SPA.to_owned() } else { format!("https://{id}.example.test") };
            app.wait(1);
            spa.beside(id, &origin).login().await;
        }
        access(&shop.refresh().await);
        let more = spa.beside("more", "https://more.example.test");
        more.login().await;
        access(&more.refresh().await);
        let names: Vec<String> = spa.cookies.lock().unwrap().keys().cloned().collect();
        assert_eq!(
            names,
            ["refresh_token", "refresh_token_2", "refresh_token_3", "refresh_token_4", "signet_device"],
            "never more cookies than that"
        );
        // The oldest sign-in made room, and has ended.
        signed_out(&shop.refresh().await);
        let ended = app.signet.store.families_of_user(bob_id(&app).await).await.unwrap();
        assert!(ended.iter().all(|family| !family.is_live(app.signet.now())));
    });
}

async fn bob_id(app: &App) -> signet::domain::ids::UserId {
    let email = signet::domain::user::Email::parse("bob@example.test").unwrap();
    app.signet.store.user_by_email(email).await.unwrap().unwrap().id
}

/// A hostile host of the same site can set a cookie beside ours: the person must not become another one by it, and must
/// be able to sign out of it.
#[test]
fn se_05_a_planted_second_cookie_signs_nobody_in_as_somebody_else() {
    on_both_databases(async |app| {
        for ended in [false, true] {
            let (page, attacker) = (Page::spa(&app), Page::spa(&app));
            page.login().await;
            app.wait(1);
            access(&attacker.try_login("bob@example.test", ADA.1).await);
            let (own, planted) = (page.token(), attacker.token());
            let plant = || page.cookies.lock().unwrap().insert("refresh_token_2".to_owned(), planted.clone());
            if ended {
                assert_eq!(attacker.logout(&json!({})).await.status.as_u16(), 204);
            }
            plant();
            signed_out(&page.refresh().await);
            signed_out(&page.post("/auth/refresh", &json!({"client_id": "demo-spa"})).await);
            // Signing in again takes both away.
            let token = page.login().await;
            assert_eq!(page.cookie("refresh_token_2"), None);
            assert_eq!(opened(&access(&page.refresh().await)).1["sub"], opened(&token).1["sub"]);
            // So does signing out, and nothing of either goes on.
            plant();
            let current = page.token();
            let answer = page.logout(&json!({})).await;
            assert_eq!((answer.status.as_u16(), refresh_cookies(&answer).len()), (204, 2), "{answer:?}");
            assert!(page.cookie("refresh_token").is_none() && page.cookie("refresh_token_2").is_none());
            for token in [&own, &current, &planted] {
                page.set_token(token);
                signed_out(&page.refresh().await);
            }
        }
    });
}

/// Two applications behind one origin say which of them asks.
#[tokio::test]
async fn two_applications_of_one_origin() {
    let app = app().await;
    register(&app, "admin", |_| {}).await;
    let page = Page::spa(&app);
    page.login().await;
    app.wait(1);
    page.beside("admin", super::SPA).login().await;
    for id in ["demo-spa", "admin"] {
        let token = access(&page.post("/auth/refresh", &json!({"client_id": id})).await);
        assert_eq!(opened(&token).1["client_id"], id);
    }
    assert_eq!(opened(&access(&page.refresh().await)).1["client_id"], "admin", "else the latest sign-in");
    signed_out(&page.post("/auth/refresh", &json!({"client_id": "nobody"})).await);
}

#[tokio::test]
async fn rf_05_rf_06_what_the_client_lost_is_gone_now() {
    let app = app().await;
    let page = Page::spa(&app);
    page.login().await;
    let mut client = app.client("demo-spa").await;
    client.scope = client.scope.without("email");
    app.signet.store.replace_client(client).await.unwrap();
    app.signet.clients.forget();
    let token = access(&page.refresh().await);
    assert!(!opened(&token).1["scope"].as_str().unwrap().contains("email"));
}

/// A password that is set while somebody signs in with the old one: nobody stays signed in by the old one.
#[test]
fn a_password_changed_while_somebody_signs_in() {
    on_both_databases(async |app| {
        let ada = app.ada().await.id;
        let (mut old, mut new) = (ADA.1.to_owned(), "another-horse-battery-0".to_owned());
        for round in 1..=6 {
            let mut racers = JoinSet::new();
            for _ in 0..4 {
                let (page, old) = (Page::spa(&app), old.clone());
                racers.spawn(async move {
                    let answer = page.try_login(ADA.0, &old).await;
                    (answer.status.as_u16(), page)
                });
            }
            assert!(app.signet.set_password(&ada, Secret::new(&new)).await.unwrap());
            for (status, page) in racers.join_all().await {
                assert!([200, 401].contains(&status), "{status}");
                signed_out(&page.refresh().await);
            }
            (old, new) = (new, format!("another-horse-battery-{round}"));
            // What failed was counted.
            app.wait(15 * 60);
        }
    });
}
