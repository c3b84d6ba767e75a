//! `/`: somebody types the issuer into a browser.

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

#[test]
fn the_issuer_itself_says_what_it_is() {
    block_on(async {
        let app = App::start_as_serve(&[]).await;
        let page = Browser::new().open(&app.url("/")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("signs people in for other applications"), "{}", page.text);
        assert!(page.text.contains("/.well-known/openid-configuration"), "{}", page.text);
        let posted = reqwest::Client::new().post(app.url("/")).send().await.unwrap();
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(posted.headers()["allow"], "GET, HEAD");
    });
}

#[test]
fn in_dev_mode_it_leads_to_the_playground() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let answer = Browser::new().open(&app.url("/")).await;
        assert_eq!(answer.location(), Some(app.url("/playground")));
    });
}

#[test]
fn whoever_stays_signed_in_is_sent_there() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        browser.authorize(&app.url("/playground/start"), app.url("/callback").as_str(), ADA).await;
        let asked = browser.open(&app.url("/end_session")).await;
        let stayed = browser.press(&asked, "logout-stay", &[]).await;
        assert_eq!(stayed.location(), Some(app.url("/")));
    });
}
