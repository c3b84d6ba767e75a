//! `/playground`, `/playground/start` and `/callback`: the relying party of `serve --dev`. What it does with scripts is
//! seen in a real browser (`tests/browser`).

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

#[test]
fn two_clicks_lead_to_a_code() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        let callback = app.url("/callback");
        let answer = browser.authorize(&app.url("/playground/start"), callback.as_str(), ADA).await;
        let page = browser.open(&answer).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("id=\"id-token\""), "{}", page.text);
        assert!(page.headers["content-security-policy"].to_str().unwrap().contains("connect-src 'self'"));
    });
}

#[test]
fn an_answer_that_this_browser_did_not_ask_for_is_not_used() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        browser.open(&app.url("/playground/start")).await;
        let forged = browser.open(&app.url("/callback?code=stolen&state=invented")).await;
        assert_eq!(forged.status, StatusCode::OK);
        assert!(!forged.text.contains("stolen"), "{}", forged.text);
    });
}
