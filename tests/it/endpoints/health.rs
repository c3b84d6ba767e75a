//! `/health/live` and `/health/ready`.

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

#[test]
fn ready_says_when_it_is_about_to_stop() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        let ready = browser.open(&app.url("/health/ready")).await;
        assert_eq!((ready.status, ready.text.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));

        app.signet.stop();
        let stopping = browser.open(&app.url("/health/ready")).await;
        assert_eq!(stopping.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(stopping.text, r#"{"status":"unavailable","reasons":["stopping"]}"#);
        let live = browser.open(&app.url("/health/live")).await;
        assert_eq!((live.status, live.text.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
    });
}
