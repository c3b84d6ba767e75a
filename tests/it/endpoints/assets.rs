//! `/assets/{file}`: what pages refer to is there, under a name that changes with its content.

use reqwest::StatusCode;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

#[test]
fn every_asset_of_the_playground_is_served_for_ever() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        let page = browser.open(&app.url("/playground")).await;
        let names: Vec<&str> = page.text.split('"').filter(|part| part.starts_with("/assets/")).collect();
        assert!(names.iter().any(|name| name.contains(".css")), "{names:?}");
        for name in names {
            let asset = browser.open(&app.url(name)).await;
            assert_eq!(asset.status, StatusCode::OK, "{name}");
            assert_eq!(asset.headers["cache-control"], "public, max-age=31536000, immutable", "{name}");
            assert_eq!(asset.headers["x-content-type-options"], "nosniff");
        }
        for name in ["/assets/nothing.css", "/assets/..%2f..%2fCargo.toml", "/assets/", "/assets/%2e%2e/x"] {
            assert_eq!(browser.open(&app.url(name)).await.status, StatusCode::NOT_FOUND, "{name}");
        }
    });
}
