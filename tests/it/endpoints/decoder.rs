//! `/tools/jwt`: served by every installation, and not able to send anything. What it says is seen in a real browser
//! (`tests/browser`).

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

#[test]
fn every_installation_has_the_decoder() {
    block_on(async {
        let app = App::start_as_serve(&[]).await;
        let page = Browser::new().open(&app.url("/tools/jwt")).await;
        assert_eq!(page.status, StatusCode::OK);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "form-action 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        // Without JavaScript there is nothing to fill in, but a way on.
        assert!(page.text.contains("signet tokens inspect -"), "{}", page.text);
        assert!(page.text.contains("<div id=\"decoder\" hidden>"), "{}", page.text);
        assert!(!page.text.contains("<form") && !page.text.contains(" name=\"token\""), "{}", page.text);
        let posted = reqwest::Client::new().post(app.url("/tools/jwt")).body("token=x").send().await.unwrap();
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(posted.headers()["allow"], "GET, HEAD");
        let asked = reqwest::Client::new().head(app.url("/tools/jwt")).send().await.unwrap();
        assert_eq!(
            (asked.status(), asked.headers()["content-type"].as_bytes()),
            (StatusCode::OK, &b"text/html; charset=utf-8"[..])
        );
    });
}

#[test]
fn in_dev_mode_it_expects_the_demo_api() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let page = Browser::new().open(&app.url("/tools/jwt")).await;
        assert!(page.text.contains(&format!("value=\"{}\"", app.signet.demo_api())), "{}", page.text);
    });
}
