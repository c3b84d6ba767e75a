//! `/end_session`: signing out of this browser.

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

const CALLBACK: &str = "http://localhost:9/callback";

fn request(app: &App, prompt: &str) -> url::Url {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    app.url(&format!(
        "/authorize?response_type=code&client_id=demo-web&redirect_uri={CALLBACK}&scope=openid&state=s\
         &code_challenge={challenge}&code_challenge_method=S256{prompt}"
    ))
}

#[test]
fn nobody_is_signed_out_without_being_asked() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        browser.authorize(&request(&app, ""), CALLBACK, ADA).await;

        let asked = browser.open(&app.url("/end_session")).await;
        assert_eq!(asked.status, StatusCode::OK);
        assert!(asked.form("logout-confirm").is_some());
        let silent = browser.open(&request(&app, "&prompt=none")).await.location().unwrap();
        assert!(silent.query().unwrap().contains("code="), "still signed in: {silent}");

        let forged = browser.press(&asked, "logout-confirm", &[("csrf", "invented")]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let silent = browser.open(&request(&app, "&prompt=none")).await.location().unwrap();
        assert!(silent.query().unwrap().contains("code="), "still signed in: {silent}");

        let done = browser.press(&asked, "logout-confirm", &[]).await;
        assert_eq!(done.status, StatusCode::OK);
        assert!(done.text.contains("You are signed out"), "{}", done.text);
        let silent = browser.open(&request(&app, "&prompt=none")).await.location().unwrap();
        assert!(silent.query().unwrap().contains("error=login_required"), "{silent}");

        let again = browser.open(&app.url("/end_session")).await;
        assert!(again.text.contains("You are signed out"), "{}", again.text);
    });
}
