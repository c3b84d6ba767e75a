//! `/setup/{link}`: the first administrator.

use std::time::Duration;

use reqwest::StatusCode;
use signet::domain::user::Email;
use signet::flow::setup::LINK_LIVES;
use url::Url;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

async fn link(app: &App) -> Url {
    Url::parse(&app.signet.new_setup_link().await.unwrap()).unwrap()
}

#[test]
fn a_link_makes_one_administrator_once() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let link = link(&app).await;
        let mut browser = Browser::new();
        let page = browser.open(&link).await;
        assert_eq!(page.status, StatusCode::OK);

        let short =
            browser.press(&page, "setup-submit", &[("email", "root@example.test"), ("password", "short")]).await;
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        let taken = [("email", "ada@example.test"), ("password", "long-enough-to-keep")];
        assert_eq!(browser.press(&page, "setup-submit", &taken).await.status, StatusCode::UNPROCESSABLE_ENTITY);

        let right = [("email", "root@example.test"), ("password", "long-enough-to-keep")];
        let done = browser.press(&page, "setup-submit", &right).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        let root = app.signet.store.user_by_email(Email::parse("root@example.test").unwrap()).await.unwrap().unwrap();
        assert!(root.roles.iter().any(|role| role.as_str() == "admin"));

        assert_eq!(browser.open(&link).await.status, StatusCode::NOT_FOUND);
        let again = [("email", "other@example.test"), ("password", "long-enough-to-keep")];
        assert_eq!(browser.press(&page, "setup-submit", &again).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn of_many_who_race_for_a_link_one_becomes_administrator() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let link = link(&app).await;
        let mut racers = tokio::task::JoinSet::new();
        for number in 0..8 {
            let link = link.clone();
            racers.spawn(async move {
                let mut browser = Browser::new();
                let page = browser.open(&link).await;
                if page.status != StatusCode::OK {
                    return page.status;
                }
                let email = format!("root{number}@example.test");
                let filled = [("email", email.as_str()), ("password", "long-enough-to-keep")];
                browser.press(&page, "setup-submit", &filled).await.status
            });
        }
        let won = racers.join_all().await.into_iter().filter(|status| *status == StatusCode::OK).count();
        assert_eq!(won, 1);
    });
}

#[test]
fn a_link_is_good_for_an_hour() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let link = link(&app).await;
        app.clock.advance(LINK_LIVES.saturating_sub(Duration::from_secs(1)));
        assert_eq!(Browser::new().open(&link).await.status, StatusCode::OK);
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(Browser::new().open(&link).await.status, StatusCode::NOT_FOUND);
        assert_eq!(Browser::new().open(&app.url("/setup/sgl_invented")).await.status, StatusCode::NOT_FOUND);
    });
}
