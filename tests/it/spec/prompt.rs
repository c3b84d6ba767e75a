//! PR: `prompt`, `max_age` and hints.

use std::time::Duration;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;

on_both_databases!(
    pr_01_none_never_shows_a_page,
    pr_02_login_really_authenticates_again,
    pr_13_no_silent_grant_for_programs_that_could_be_anyone,
    ui_04_consent_is_of_the_person_who_gave_it,
);

async fn pr_01_none_never_shows_a_page(stage: Stage) {
    let none = ask().set("prompt", "none");
    stage.is_refused(&stage.get(&none.target()).await, CB, "login_required");
    let mut browser = Browser::new();
    // Signed in for another client: nothing is allowed for this one yet.
    stage.code(&mut browser, &ask_as("c2", "https://c2.test/other"), ADA).await;
    let silent = |page: &Page| stage.response(&page.location().expect("never a page"));
    let page = browser.open(&stage.url(&none.target())).await;
    assert_eq!(silent(&page).get("error").map(String::as_str), Some("consent_required"));
    stage.code(&mut browser, &ask(), ADA).await;
    let page = browser.open(&stage.url(&none.target())).await;
    assert!(silent(&page).contains_key("code"));
    // Signed in too long ago, or ended.
    stage.app.clock.advance(Duration::from_secs(100));
    let page = browser.open(&stage.url(&none.clone().set("max_age", "99").target())).await;
    assert_eq!(silent(&page).get("error").map(String::as_str), Some("login_required"));
    let page = browser.open(&stage.url(&none.clone().set("max_age", "100").target())).await;
    assert!(silent(&page).contains_key("code"));
    stage.app.clock.advance(Duration::from_hours(25));
    let page = browser.open(&stage.url(&none.target())).await;
    assert_eq!(silent(&page).get("error").map(String::as_str), Some("login_required"));
}

async fn pr_02_login_really_authenticates_again(stage: Stage) {
    let mut browser = Browser::new();
    let first = stage.claims(&stage.code(&mut browser, &ask(), ADA).await).await;
    stage.app.clock.advance(Duration::from_secs(50));
    // Single sign-on tells the time of the real login.
    let second = stage.claims(&stage.code(&mut browser, &ask(), ADA).await).await;
    assert_eq!(second["auth_time"], first["auth_time"]);
    let page = first_page(&stage, &mut browser, &ask().set("prompt", "login")).await;
    let id = page.url.query().expect("an attempt").strip_prefix("request=").expect("its id").to_owned();
    // Not by opening where steps come back to, nor by pages of other steps, nor by their forms.
    for path in [format!("/authorize/{id}"), format!("/consent?request={id}"), format!("/select_account?request={id}")]
    {
        let page = browser.open(&stage.url(&path)).await;
        match browser.follow(page, CB).await {
            Ok(page) => assert!(page.form("login-submit").is_some() || path.contains('?'), "{path}: {}", page.text),
            Err(arrived) => panic!("{path} led to {arrived}"),
        }
    }
    let page = browser.open(&stage.url(&format!("/consent?request={id}"))).await;
    let page = browser.press(&page, "consent-allow", &[]).await;
    let page = browser.follow(page, CB).await.expect("not to the client");
    let page = sign_in(&mut browser, &page, ADA).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("one login is enough"));
    let third = stage.claims(&said["code"]).await;
    assert_eq!(third["auth_time"].as_i64(), first["auth_time"].as_i64().map(|time| time + 50));
}

#[tokio::test]
async fn pr_03_one_login_satisfies_what_asks_for_one() {
    let stage = Stage::new().await;
    for (name, value) in [("prompt", "login"), ("max_age", "0"), ("max_age", "00")] {
        let mut browser = Browser::new();
        stage.code(&mut browser, &ask(), ADA).await;
        stage.app.clock.advance(Duration::from_secs(5));
        for asked in [ask().set(name, value), ask().set("prompt", "login").set("max_age", "0")] {
            let page = first_page(&stage, &mut browser, &asked).await;
            let page = sign_in(&mut browser, &page, ADA).await;
            let back = page.location().expect("back to the attempt");
            let page = browser.open(&back).await;
            let arrived = page.location().expect("on to the client");
            assert!(stage.response(&arrived).contains_key("code"), "{name}={value}: {arrived}");
        }
    }
}

#[tokio::test]
async fn pr_04_pr_05_prompt_values() {
    let stage = Stage::new().await;
    for bad in ["none login", "login none", "none consent", "none select_account", "foo", "login foo", "LOGIN", " "] {
        stage.is_refused(&stage.get(&ask().set("prompt", bad).target()).await, CB, "invalid_request");
    }
    for good in ["login login", "login consent select_account"] {
        asks_for_login(&stage.get(&ask().set("prompt", good).target()).await);
    }
    // `create` and other values of extensions are refused rather than silently not done.
    stage.is_refused(&stage.get(&ask().set("prompt", "create").target()).await, CB, "invalid_request");
}

#[tokio::test]
async fn pr_06_max_age_bounds() {
    let stage = Stage::new().await;
    for bad in ["-1", "1.5", "1e9", "+1", "9223372036854775808", "18446744073709551616", "0x1", " 1", "\u{661}"] {
        stage.is_refused(&stage.get(&ask().set("max_age", bad).target()).await, CB, "invalid_request");
    }
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), ADA).await;
    for good in ["1", "1000000000", "9007199254740993", "9223372036854775807"] {
        let code = stage.code(&mut browser, &ask().set("max_age", good), ("nobody", "is asked")).await;
        assert!(stage.claims(&code).await["auth_time"].is_i64());
    }
    stage.app.clock.advance(Duration::from_secs(2));
    let page = first_page(&stage, &mut browser, &ask().set("max_age", "1")).await;
    assert!(page.form("login-submit").is_some());
}

#[tokio::test]
async fn pr_12_login_hint_is_shown_and_nothing_more() {
    let stage = Stage::new().await;
    let hint = "\"><img src=x onerror=alert(1)>";
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask().set("login_hint", hint)).await;
    assert!(!page.text.contains("<img src=x"), "{}", page.text);
    let form = page.form("login-submit").expect("the login page");
    assert_eq!(form.fields("login-submit").get("username").map(String::as_str), Some(hint));
    // Whether there is such a person is not told. (Only `serve --dev` fills in the password of its own two.)
    let shown = |text: &str, hint: &str| text.replace(hint, "HINT");
    let mut pages = Vec::new();
    let admin = signet::domain::user::User { ..crate::support::nouns::user("eve") };
    stage.app.signet.store.create_user(admin).await.unwrap();
    for hint in ["eve@example.test", "nobody@example.test"] {
        let mut browser = Browser::new();
        let page = first_page(&stage, &mut browser, &ask().set("login_hint", hint)).await;
        let fields = page.form("login-submit").expect("the login page").fields("login-submit");
        pages.push(shown(&page.text, hint).replace(&fields["csrf"], "").replace(&fields["request"], ""));
    }
    assert_eq!(pages[0], pages[1]);
}

async fn pr_13_no_silent_grant_for_programs_that_could_be_anyone(stage: Stage) {
    let uri = "http://127.0.0.1:9/cb";
    let mut browser = Browser::new();
    for _ in 0..2 {
        let page = browser.open(&stage.url(&ask_as("p1", uri).target())).await;
        let page = browser.follow(page, uri).await.expect("a page");
        let page = if page.form("login-submit").is_some() {
            let page = sign_in(&mut browser, &page, ADA).await;
            browser.follow(page, uri).await.expect("the consent page")
        } else {
            page
        };
        let page = browser.press(&page, "consent-allow", &[("remember", "yes")]).await;
        assert!(browser.follow(page, uri).await.is_err(), "back at the app");
    }
}

#[tokio::test]
async fn pr_14_offline_access_needs_consent() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let offline = ask().set("scope", "openid offline_access");
    let code = stage.code(&mut browser, &offline, ADA).await;
    assert_eq!(stage.claims(&code).await["scope"], "openid");
    let code = stage.code(&mut browser, &offline.set("prompt", "consent"), ADA).await;
    assert_eq!(stage.claims(&code).await["scope"], "offline_access openid");
}

async fn ui_04_consent_is_of_the_person_who_gave_it(stage: Stage) {
    let mut browser = Browser::new();
    // Ada allows, but does not get as far as the code: she has to sign in again first.
    let asked = ask().set("prompt", "login consent");
    stage.code(&mut browser, &ask_as("c2", "https://c2.test/other"), ADA).await;
    stage.app.clock.advance(Duration::from_secs(1));
    let login = first_page(&stage, &mut browser, &asked).await;
    let id = login.url.query().expect("an attempt").strip_prefix("request=").expect("its id").to_owned();
    let page = browser.open(&stage.url(&format!("/consent?request={id}"))).await;
    let page = browser.press(&page, "consent-allow", &[]).await;
    assert!(browser.follow(page, CB).await.expect("a page").form("login-submit").is_some());
    // Bob does, in her place.
    let page = sign_in(&mut browser, &login, BOB).await;
    let page = browser.follow(page, CB).await.expect("a page: bob has allowed nothing");
    assert!(page.form("consent-allow").is_some() && page.text.contains(BOB.0), "{}", page.text);
}
