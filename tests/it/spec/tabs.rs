//! UI-16 and what people do: two tabs, the Back button, a page left open overnight, a double click.

use std::time::Duration;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::raw;

on_both_databases!(
    ui_16_two_tabs_of_two_clients,
    ui_16_an_expired_page_starts_again_for_its_client,
    ui_16_a_double_click_is_no_dead_end,
);

const OTHER: &str = "https://c2.test/other";

async fn ui_16_two_tabs_of_two_clients(stage: Stage) {
    let mut browser = Browser::new();
    let first = first_page(&stage, &mut browser, &ask()).await;
    let second = first_page(&stage, &mut browser, &ask_as("c2", OTHER).set("state", "second")).await;
    assert_ne!(first.url, second.url);
    // The second tab signs in; the first one, still at its form, does too.
    let page = sign_in(&mut browser, &second, ADA).await;
    let second = browser.follow(page, OTHER).await.expect("the consent page of c2");
    let page = sign_in(&mut browser, &first, ADA).await;
    let first = browser.follow(page, CB).await.expect("the consent page of c1");
    assert!(first.text.contains("c1.test") && second.text.contains("c2.test"));
    let page = browser.press(&first, "consent-allow", &[]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("c1"));
    assert_eq!(said.get("state").map(String::as_str), Some(STATE));
    stage.claims(&said["code"]).await;
    let page = browser.press(&second, "consent-allow", &[]).await;
    let said = stage.response(&browser.follow(page, OTHER).await.expect_err("c2"));
    assert_eq!(said.get("state").map(String::as_str), Some("second"));
}

async fn ui_16_an_expired_page_starts_again_for_its_client(stage: Stage) {
    let overnight = Duration::from_hours(12);
    let mut browser = Browser::new();
    let login = first_page(&stage, &mut browser, &ask()).await;
    stage.app.clock.advance(overnight);
    // Reloaded, or filled in as it stands.
    let reloaded = browser.open(&login.url).await;
    let reloaded = browser.follow(reloaded, CB).await.expect("a login page");
    assert!(reloaded.form("login-submit").is_some() && reloaded.url != login.url);
    let page = sign_in(&mut browser, &login, ADA).await;
    let again = browser.follow(page, CB).await.expect("a login page");
    assert!(again.form("login-submit").is_some() && again.url != login.url);
    assert!(again.text.contains("That took a while"), "{}", again.text);
    let page = sign_in(&mut browser, &again, ADA).await;
    let consent = browser.follow(page, CB).await.expect("the consent page");
    // The same at the consent page, where the session is over too.
    stage.app.clock.advance(overnight * 3);
    let page = browser.press(&consent, "consent-allow", &[]).await;
    let page = browser.follow(page, CB).await.expect("a login page");
    let page = sign_in(&mut browser, &page, ADA).await;
    let page = browser.follow(page, CB).await.expect("the consent page");
    let page = browser.press(&page, "consent-allow", &[]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("c1"));
    assert_eq!(said.get("state").map(String::as_str), Some(STATE));
    stage.claims(&said["code"]).await;
}

async fn ui_16_a_double_click_is_no_dead_end(stage: Stage) {
    for _ in 0..4 {
        let mut browser = Browser::new();
        let login = first_page(&stage, &mut browser, &ask()).await;
        let twice = posts(&stage, &browser, "/login", &login, &[("username", ADA.0), ("password", ADA.1)]);
        for answer in twice.await {
            assert_eq!(answer.status, 303, "{answer:?}");
            let session = answer.all("set-cookie").find_map(|cookie| cookie.strip_prefix("signet_session="));
            browser.plant("signet_session", session.and_then(|rest| rest.split(';').next()).expect("a session"));
        }
        let consent = browser.open(&login.url).await;
        let consent = browser.open(&stage.url(&consent.url.as_str().replace("/login", "/consent"))).await;
        let answers =
            posts(&stage, &browser, "/consent", &consent, &[("decision", "allow"), ("remember", "yes")]).await;
        for answer in answers {
            assert_eq!(answer.status, 303, "{answer:?}");
            let location = answer.header("location").expect("a Location");
            assert!(location.starts_with(CB) || location.starts_with("/consent?"), "{location}");
        }
        // Another click when all is over, on either button: a code for the same client, or a question.
        for button in ["consent-allow", "consent-deny"] {
            let page = browser.press(&consent, button, &[]).await;
            assert!(browser.follow(page, CB).await.is_err());
        }
    }
}

/// Two posts of one form at once.
async fn posts(
    stage: &Stage,
    browser: &Browser,
    path: &str,
    page: &crate::support::browser::Page,
    filled: &[(&str, &str)],
) -> [raw::Answer; 2] {
    let button = if path == "/login" { "login-submit" } else { "consent-allow" };
    let mut fields = page.form(button).expect("a form").fields(button);
    fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let cookies: Vec<String> = browser.cookies().map(|(name, cookie)| format!("{name}={}", cookie.value)).collect();
    let (body, headers) = (body.join("&"), format!("Cookie: {}\r\n", cookies.join("; ")));
    let (first, second) = tokio::join!(stage.post(path, &headers, &body), stage.post(path, &headers, &body));
    [first, second]
}

#[tokio::test]
async fn ui_16_the_back_button_leads_on() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let login = first_page(&stage, &mut browser, &ask()).await;
    let page = sign_in(&mut browser, &login, ADA).await;
    let consent = browser.follow(page, CB).await.expect("the consent page");
    let page = browser.press(&consent, "consent-allow", &[]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("c1"));
    stage.claims(&said["code"]).await;
    // Back at each page of the way: reloaded or sent once more, it ends at the same client with a new code.
    for page in [&login, &consent] {
        let again = browser.open(&page.url).await;
        let arrived = browser.follow(again, CB).await.expect_err("c1");
        let again = stage.response(&arrived);
        assert_ne!(again["code"], said["code"]);
        assert_eq!(again["state"], said["state"]);
    }
    let again = sign_in(&mut browser, &login, ADA).await;
    assert!(browser.follow(again, CB).await.is_err());
}

#[tokio::test]
async fn ui_16_cookies_cleared_on_the_way() {
    let stage = Stage::new().await;
    for lost in ["signet_browser", "signet_session", "signet_device"] {
        let mut browser = Browser::new();
        let page = first_page(&stage, &mut browser, &ask().set("prompt", "consent")).await;
        let page = sign_in(&mut browser, &page, ADA).await;
        let page = browser.follow(page, CB).await.expect("the consent page");
        browser.forget(lost);
        let mut page = browser.press(&page, "consent-allow", &[]).await;
        let mut pages = 0;
        loop {
            pages += 1;
            assert!(pages < 5, "no way on without {lost}");
            page = match browser.follow(page, CB).await {
                Err(arrived) => {
                    assert!(stage.response(&arrived).contains_key("code"), "{arrived}");
                    break;
                }
                Ok(page) if page.form("login-submit").is_some() => sign_in(&mut browser, &page, ADA).await,
                Ok(page) => browser.press(&page, "consent-allow", &[]).await,
            };
        }
        stage.code(&mut browser, &ask(), ADA).await;
    }
}

#[tokio::test]
async fn denied_goes_back_to_the_client() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let page = sign_in(&mut browser, &page, ADA).await;
    let page = browser.follow(page, CB).await.expect("the consent page");
    let page = browser.press(&page, "consent-deny", &[]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("c1"));
    assert_eq!(said.get("error").map(String::as_str), Some("access_denied"));
    assert_eq!(said.get("state").map(String::as_str), Some(STATE));
    // Nothing was remembered.
    let page = first_page(&stage, &mut browser, &ask()).await;
    assert!(page.form("consent-allow").is_some());
}

#[tokio::test]
async fn the_playground_sends_what_was_chosen() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let page = browser.open(&stage.url("/playground")).await;
    assert!(!page.form("playground-start").expect("a form").fields("playground-start")["csrf"].is_empty());
    let chosen = [("login_hint", "bob@example.test"), ("scope", "openid email"), ("prompt", "login")];
    let sent = browser.press(&page, "playground-start", &chosen).await.location().expect("on to /authorize");
    let asked: std::collections::BTreeMap<_, _> = sent.query_pairs().into_owned().collect();
    for (name, value) in chosen {
        assert_eq!(asked.get(name).map(String::as_str), Some(value));
    }
    let sent = browser.press(&page, "playground-start", &[("login_hint", ""), ("prompt", "")]).await;
    let sent = sent.location().expect("on to /authorize");
    assert!(sent.query_pairs().all(|(name, _)| name != "login_hint" && name != "prompt"), "{sent}");
    assert_eq!(
        browser
            .submit("https://evil.test", &stage.url("/playground/start"), &std::collections::BTreeMap::default())
            .await
            .url
            .path(),
        "/playground/start"
    );
    let usual = browser.open(&stage.url("/playground/start")).await.location().expect("on to /authorize");
    assert!(usual.as_str().contains("prompt=consent") && usual.as_str().contains("login_hint=ada"));
}
