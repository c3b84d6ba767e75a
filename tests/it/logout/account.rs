//! `/account`: sessions and applications, as the person sees and ends them.

use reqwest::StatusCode;

use super::BOB;
use super::is_signed_in;
use super::is_signed_out_page;
use super::party;
use super::sign_in;
use super::sign_in_as;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Party;
use crate::support::party::opened;

struct Stage {
    app: App,
    rp: Party,
}

impl Stage {
    async fn new() -> Self {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", |client| "My shop".clone_into(&mut client.name)).await;
        Self { app, rp }
    }

    /// The account page, through the login page when nobody is signed in.
    async fn account(&self, browser: &mut Browser) -> Page {
        let page = browser.open(&self.app.url("/account")).await;
        let mut page = browser.follow(page, "nowhere").await.unwrap();
        if page.form("login-submit").is_some() {
            page = browser.press(&page, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await;
            page = browser.follow(page, "nowhere").await.unwrap();
        }
        assert_eq!((page.status, page.url.path()), (StatusCode::OK, "/account"), "{}", page.text);
        page
    }
}

fn sid(id_token: &str) -> String {
    opened(id_token).1["sid"].as_str().unwrap().to_owned()
}

#[test]
fn somebody_signs_in_to_see_their_account_without_any_application() {
    block_on(async {
        let stage = Stage::new().await;
        let mut browser = Browser::new();
        let page = stage.account(&mut browser).await;
        assert!(page.text.contains("ada@example.test") && page.text.contains("This browser"), "{}", page.text);
        assert!(page.text.contains("No app has access"), "{}", page.text);
        // Nothing was issued for it.
        assert!(is_signed_in(&stage.rp, &mut browser).await);
    });
}

#[test]
fn se_12_own_sessions_are_listed_and_ended_and_others_are_not_found() {
    block_on(async {
        let stage = Stage::new().await;
        let (mut here, mut there) = (Browser::new(), Browser::new());
        sign_in(&stage.rp, &mut here).await;
        let other = sign_in(&stage.rp, &mut there).await;
        let bob = sign_in_as(&stage.rp, &mut Browser::new(), BOB, "openid").await;
        let page = stage.account(&mut here).await;
        assert_eq!(page.text.matches("Another browser").count(), 1, "{}", page.text);
        assert!(!page.text.contains(&sid(bob.id_token())));

        let button = format!("sign-out-{}", sid(other.id_token()));
        // Insecure direct object references: bob's session, and one that never was.
        for foreign in [sid(bob.id_token()), "ses_none".to_owned()] {
            let answer = here.press(&page, &button, &[("session", &foreign)]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
        }
        let forged = here.press(&page, &button, &[("csrf", "invented")]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        assert!(is_signed_in(&stage.rp, &mut there).await);

        let done = here.press(&page, &button, &[]).await;
        assert_eq!(done.location().unwrap().path(), "/account");
        assert!(!is_signed_in(&stage.rp, &mut there).await);
        assert!(is_signed_in(&stage.rp, &mut here).await);
        assert_eq!(stage.rp.userinfo(other.access()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stage.rp.userinfo(bob.access()).await.status, StatusCode::OK);
    });
}

#[test]
fn se_12_whoever_finds_an_open_browser_has_to_know_the_password() {
    block_on(async {
        let stage = Stage::new().await;
        let mut browser = Browser::new();
        let page = stage.account(&mut browser).await;
        stage.app.wait(16 * 60);
        let asked = browser.press(&page, "sign-out-everywhere", &[]).await;
        let asked = browser.follow(asked, "nowhere").await.unwrap();
        assert!(asked.form("login-submit").is_some(), "{}", asked.text);
        assert!(is_signed_in(&stage.rp, &mut browser).await, "nothing has happened");
        let again = browser.press(&asked, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await;
        let page = browser.follow(again, "nowhere").await.unwrap();
        is_signed_out_page(&browser.press(&page, "sign-out-everywhere", &[]).await);
    });
}

#[test]
fn se_08_sign_out_everywhere_ends_all_of_it_at_once() {
    block_on(async {
        let stage = Stage::new().await;
        let (mut here, mut there) = (Browser::new(), Browser::new());
        let one = sign_in(&stage.rp, &mut here).await;
        let two = sign_in_as(&stage.rp, &mut there, ADA, "openid offline_access").await;
        let page = stage.account(&mut here).await;
        is_signed_out_page(&here.press(&page, "sign-out-everywhere", &[]).await);
        for (tokens, browser) in [(&one, &mut here), (&two, &mut there)] {
            assert!(!is_signed_in(&stage.rp, browser).await);
            assert_eq!(stage.rp.userinfo(tokens.access()).await.status, StatusCode::UNAUTHORIZED);
            stage.rp.refresh(tokens.refresh()).await.refused("invalid_grant");
        }
    });
}

#[test]
fn se_10_another_person_in_the_same_browser_ends_the_session_that_was_open() {
    block_on(async {
        let stage = Stage::new().await;
        let mut browser = Browser::new();
        let ada = sign_in(&stage.rp, &mut browser).await;
        let old = browser.cookie("signet_session").unwrap();
        let mut url = stage.rp.authorization_url("openid");
        url.query_pairs_mut().append_pair("prompt", "login");
        browser.authorize(&url, crate::support::party::REDIRECT_URI, BOB).await;
        let bob = sign_in_as(&stage.rp, &mut browser, BOB, "openid").await;
        assert_ne!(sid(ada.id_token()), sid(bob.id_token()), "ended, not merged");
        assert_eq!(stage.rp.userinfo(ada.access()).await.status, StatusCode::UNAUTHORIZED);
        stage.rp.refresh(ada.refresh()).await.refused("invalid_grant");
        let mut thief = Browser::new();
        thief.plant("signet_session", &old);
        assert!(!is_signed_in(&stage.rp, &mut thief).await);
    });
}

#[test]
fn an_applications_access_is_taken_back() {
    block_on(async {
        let stage = Stage::new().await;
        let third = party(&stage.app, "third", |client| {
            client.first_party = false;
            "Third".clone_into(&mut client.name);
        })
        .await;
        let mut browser = Browser::new();
        let kept = sign_in(&stage.rp, &mut browser).await;
        let lost = sign_in_as(&third, &mut browser, ADA, "openid email offline_access").await;
        let page = stage.account(&mut browser).await;
        assert!(page.text.contains("Third") && page.text.contains("My shop"), "{}", page.text);
        let done = browser.press(&page, "remove-third", &[]).await;
        assert_eq!(done.location().unwrap().path(), "/account");
        assert_eq!(third.userinfo(lost.access()).await.status, StatusCode::UNAUTHORIZED);
        third.refresh(lost.refresh()).await.refused("invalid_grant");
        assert_eq!(stage.rp.userinfo(kept.access()).await.status, StatusCode::OK, "the other application's stays");
        let page = stage.account(&mut browser).await;
        assert!(page.form("remove-third").is_none(), "{}", page.text);
        // It has to ask again.
        let asked = browser.open(&third.authorization_url("openid email")).await;
        let asked = browser.follow(asked, "nowhere").await.unwrap();
        assert!(asked.form("consent-allow").is_some(), "{}", asked.text);
        assert_eq!(browser.press(&page, "remove-rp", &[("client", "nobody")]).await.status, StatusCode::NOT_FOUND);
    });
}
