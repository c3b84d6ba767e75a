//! What `serve --dev` says to whoever builds an application, and what nobody else is told.

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::html::words;

fn wrong_slash(app: &App) -> url::Url {
    app.url("/authorize?response_type=code&client_id=demo-web&redirect_uri=http://localhost:3000/callback/")
}

fn unknown_client(app: &App) -> url::Url {
    app.url("/authorize?response_type=code&client_id=nobody-knows-me&redirect_uri=http://localhost/callback")
}

async fn bad_code(app: &App) -> String {
    let form = [("grant_type", "authorization_code"), ("client_id", "demo-spa"), ("code", "sgc_invented")];
    let answer = reqwest::Client::new().post(app.url("/token")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    answer.text().await.unwrap()
}

#[test]
fn dev_mode_says_the_cause_and_the_fix() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let page = Browser::new().open(&wrong_slash(&app)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        for text in ["http://localhost:3000/callback/", "http://[::1]/callback ", "differs only by a trailing slash"] {
            assert!(words(&page.text).contains(text), "{text}: {}", page.text);
        }
        let page = Browser::new().open(&unknown_client(&app)).await;
        assert!(page.text.contains("nobody-knows-me"), "{}", page.text);
        let told = bad_code(&app).await;
        assert!(told.contains("(no such code)"), "{told}");
    });
}

#[test]
fn nobody_else_is_told() {
    block_on(async {
        let app = App::start_as_serve(&[]).await;
        for url in [wrong_slash(&app), unknown_client(&app)] {
            let page = Browser::new().open(&url).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST);
            assert!(page.text.contains("id=\"error-reference\""), "{}", page.text);
            assert!(words(&page.text).contains("invalid_request: "), "what a client would be told: {}", page.text);
            for text in ["Details for developers", "callback", "demo-web", "nobody"] {
                assert!(!words(&page.text).contains(text), "{text}: {}", page.text);
            }
        }
        let told = bad_code(&app).await;
        assert!(!told.contains("no such code"), "{told}");
    });
}
