//! What a person at a browser and an operator at a log see of a whole sign-in.

use url::Url;

use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::server::Server;

const REDIRECT_URI: &str = "http://localhost:47110/callback";
const SECRET: &str = "dev-secret-do-not-ship";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const STATE: &str = "a-state-that-no-log-may-show";

fn authorization_url(server: &Server) -> Url {
    let mut url = server.url("/authorize");
    url.query_pairs_mut()
        .append_pair("client_id", "demo-web")
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", REDIRECT_URI)
        .append_pair("scope", "openid offline_access")
        .append_pair("prompt", "consent")
        .append_pair("state", STATE)
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256");
    url
}

fn code_of(arrived: &Url) -> String {
    arrived.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned()
}

#[tokio::test]
async fn the_log_of_a_whole_flow_shows_no_secret() {
    let server = Server::dev_with(&[("RUST_LOG", "trace")]).await;
    let mut browser = Browser::new();
    let code = code_of(&browser.authorize(&authorization_url(&server), REDIRECT_URI, ADA).await);

    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let token = |form: Vec<(&'static str, String)>| {
        let request = http.post(server.url("/token")).basic_auth("demo-web", Some(SECRET)).form(&form);
        async move { request.send().await.expect("an answer").json::<serde_json::Value>().await.expect("JSON") }
    };
    let tokens = token(vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.clone()),
        ("redirect_uri", REDIRECT_URI.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
    ])
    .await;
    let member = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}")).to_owned();
    let next =
        token(vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", member("refresh_token"))]).await;
    http.get(server.url("/userinfo")).bearer_auth(member("access_token")).send().await.expect("an answer");
    http.get(server.url("/userinfo")).bearer_auth("not.a.token").send().await.expect("an answer");

    let mut secrets = vec![code, VERIFIER.to_owned(), STATE.to_owned(), ADA.1.to_owned(), SECRET.to_owned()];
    secrets.extend(["access_token", "refresh_token", "id_token"].map(member));
    secrets.extend(next["refresh_token"].as_str().map(str::to_owned));
    secrets.extend(browser.cookies().map(|(_, cookie)| cookie.value.clone()).filter(|value| value.len() > 16));

    let log = server.log();
    assert!(!log.is_empty(), "the server logs its requests");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "a secret is in the log: {line:?}");
    }
}

#[tokio::test]
async fn every_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let server = Server::dev().await;
    let mut browser = Browser::new();
    browser.authorize(&authorization_url(&server), REDIRECT_URI, ADA).await;
    assert!(browser.cookies().count() > 0, "a session is kept in a cookie");
    for (name, cookie) in browser.cookies() {
        // One is there for a script of ours, and says nothing of anybody.
        assert!(cookie.http_only || name == "signet_state", "{name} is not HttpOnly");
        assert!(cookie.same_site.is_some(), "{name} says no SameSite");
        // A browser would not keep it: the dev server speaks plain http.
        assert!(!cookie.secure && !name.starts_with("__"), "{name} wants https");
    }
}

#[tokio::test]
async fn a_browser_that_lost_its_cookies_at_the_login_page_can_still_sign_in() {
    let server = Server::dev().await;
    let mut browser = Browser::new();
    let page = browser.open(&authorization_url(&server)).await;
    let page = browser.follow(page, REDIRECT_URI).await.expect("the login page");
    browser.forget_cookies();
    let page = browser.press(&page, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await;
    let page = browser.follow(page, REDIRECT_URI).await.expect("a page: this browser did not begin that attempt");
    assert!(page.form("login-submit").is_some(), "the login page again, not a dead end: {}", page.status);
    let page = browser.press(&page, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await;
    let page = browser.follow(page, REDIRECT_URI).await.expect("the consent page");
    let page = browser.press(&page, "consent-allow", &[]).await;
    let arrived = browser.follow(page, REDIRECT_URI).await.expect_err("back at the app");
    code_of(&arrived);
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_ends_well() {
    let server = Server::dev().await;
    assert_eq!(server.stop().await, Some(0));
}
