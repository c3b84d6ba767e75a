//! SE: sessions and their cookies.

use std::time::Duration;

use signet::domain::secret::Secret;
use signet::domain::user::Email;
use signet::flow::authorize::BrowserCookies;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::raw;

on_both_databases!(
    se_05_a_planted_session_is_not_taken_over,
    se_07_idle_and_absolute_end,
    se_08_a_session_ends_with_its_cause,
    se_09_the_next_person_in_the_same_browser,
);

/// A day and half a day, less one second.
const ALMOST_24_H: Duration = Duration::from_secs(24 * 60 * 60 - 1);
const ALMOST_12_H: Duration = Duration::from_secs(12 * 60 * 60 - 1);
const HOUR: Duration = Duration::from_hours(1);

/// Whether somebody is signed in where this value of the session cookie is sent.
async fn opens(stage: &Stage, session: &str) -> bool {
    let cookies = BrowserCookies { session: Some(Secret::new(session)), ..BrowserCookies::default() };
    let known = stage.app.signet.signed_in(&cookies).await.expect("the store answers").is_some();
    let header = format!("Cookie: signet_session={session}\r\n");
    let answer = stage.send(&raw::request("GET", &ask().set("prompt", "none").target(), &header, "")).await;
    let told = !answer.header("location").expect("an answer").contains("error=login_required");
    assert_eq!(known, told);
    let page = stage.send(&raw::request("GET", "/end_session", &header, "")).await;
    assert_eq!(page.body.contains("@example.test"), known, "the page of a session that has ended");
    known
}

async fn session_of(stage: &Stage, browser: &mut Browser, who: (&str, &str)) -> String {
    stage.code(browser, &ask(), who).await;
    browser.cookie("signet_session").expect("a session")
}

#[tokio::test]
async fn se_01_attributes() {
    let stage = Stage::new().await;
    let answer = stage.get(&ask().target()).await;
    let cookies: Vec<&str> = answer.all("set-cookie").collect();
    let [cookie] = cookies.as_slice() else { panic!("one cookie, not {cookies:?}") };
    assert!(cookie.starts_with("signet_browser=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    // Under https, whatever the request says of itself (PX-04).
    let stage = Stage::with(&[("server.issuer", "https://id.example.test")]).await;
    for forged in ["", "X-Forwarded-Proto: http\r\n"] {
        let answer = stage.send(&raw::request("GET", &ask().target(), forged, "")).await;
        let cookie = answer.header("set-cookie").expect("a cookie");
        assert!(cookie.starts_with("__Host-signet_browser="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    }
}

#[tokio::test]
async fn se_02_se_03_se_04_forged_doubled_and_poisoned_neighbours() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let good = session_of(&stage, &mut browser, ADA).await;
    let silent = ask().set("prompt", "none").target();
    let signed_in = async |header: &[u8]| {
        let mut request = format!("GET {silent} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n\r\n");
        let answer = stage.send(&request).await;
        answer.header("location").expect("an answer").contains("code=")
    };
    assert!(signed_in(format!("Cookie: signet_session={good}").as_bytes()).await);
    // SE-02: a name is its bytes.
    for name in
        ["signet%5Fsession", "%73ignet_session", "Signet_session", "\u{a0}signet_session", "\u{2003}signet_session"]
    {
        assert!(!signed_in(format!("Cookie: {name}={good}").as_bytes()).await, "{name}");
    }
    // SE-03: twice is not at all.
    for (first, second) in [("evil", good.as_str()), (&good, "evil"), (&good, &good)] {
        assert!(!signed_in(format!("Cookie: signet_session={first}; signet_session={second}").as_bytes()).await);
        let two = format!("Cookie: signet_session={first}\r\nCookie: signet_session={second}");
        assert!(!signed_in(two.as_bytes()).await);
    }
    // SE-04: what another one holds is its own affair.
    let big = "x".repeat(16 * 1024);
    for neighbour in [&b"\xff\xfe"[..], b"%", b"%zz", b"\"", b"", b"=;=;;", big.as_bytes()] {
        let header = [b"Cookie: x=", neighbour, b"; signet_session=", good.as_bytes(), b"; y=", neighbour].concat();
        let header = if neighbour.len() > 1000 {
            [b"Cookie: x=", neighbour, b"; signet_session=", good.as_bytes()].concat()
        } else {
            header
        };
        assert!(signed_in(&header).await, "{:?}", String::from_utf8_lossy(&neighbour[..neighbour.len().min(20)]));
    }
    for value in ["", "x", &good[1..], &good.to_lowercase(), &format!("{good}x"), &"s".repeat(4000)] {
        assert!(!signed_in(format!("Cookie: signet_session={value}").as_bytes()).await, "{value}");
    }
}

async fn se_05_a_planted_session_is_not_taken_over(stage: Stage) {
    // A value that never was, and the live session of somebody else.
    let mut bob = Browser::new();
    let of_bob = session_of(&stage, &mut bob, BOB).await;
    for planted in ["sgs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &of_bob] {
        let mut browser = Browser::new();
        browser.plant("signet_session", planted);
        let page = first_page(&stage, &mut browser, &ask().set("prompt", "login")).await;
        sign_in(&mut browser, &page, ADA).await;
        let session = browser.cookie("signet_session").expect("a session");
        assert_ne!(session, planted);
        assert!(opens(&stage, &session).await && !opens(&stage, planted).await, "{planted}");
    }
    // SE-10: signing in again ends the session before; two never live side by side in one browser.
    let mut browser = Browser::new();
    let first = session_of(&stage, &mut browser, ADA).await;
    let page = first_page(&stage, &mut browser, &ask().set("prompt", "login")).await;
    sign_in(&mut browser, &page, BOB).await;
    let second = browser.cookie("signet_session").expect("a session");
    assert!(first != second && !opens(&stage, &first).await && opens(&stage, &second).await);
}

#[tokio::test]
async fn se_06_values_are_long_and_never_stored() {
    let stage = Stage::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let mut browser = Browser::new();
        let session = session_of(&stage, &mut browser, ADA).await;
        assert!(session.len() >= 43, "{}", session.len());
        assert!(seen.insert(session));
        assert!(seen.insert(browser.cookie("signet_browser").expect("one")));
    }
    let url = stage.app.signet.config.database.url.reveal().to_owned();
    let file = url.strip_prefix("sqlite://").expect("SQLite").to_owned();
    for name in [file.clone(), format!("{file}-wal")] {
        let bytes = std::fs::read(&name).unwrap_or_default();
        for secret in &seen {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "a secret in {name}");
        }
    }
}

async fn se_07_idle_and_absolute_end(stage: Stage) {
    let mut browser = Browser::new();
    // Idle: 24 h from the last use.
    let session = session_of(&stage, &mut browser, ADA).await;
    stage.app.clock.advance(ALMOST_24_H);
    assert!(opens(&stage, &session).await, "used just in time");
    stage.app.clock.advance(ALMOST_24_H);
    assert!(opens(&stage, &session).await, "the use before has moved the end");
    stage.app.clock.advance(24 * HOUR);
    assert!(!opens(&stage, &session).await, "idle for 24 h");
    stage.app.clock.advance(Duration::from_secs(1));
    assert!(!opens(&stage, &session).await, "and it stays so");
    // Absolute: 14 d, however often it is used.
    let mut browser = Browser::new();
    let session = session_of(&stage, &mut browser, ADA).await;
    for _ in 0..27 {
        stage.app.clock.advance(12 * HOUR);
        assert!(opens(&stage, &session).await);
    }
    stage.app.clock.advance(ALMOST_12_H);
    assert!(opens(&stage, &session).await, "a second before");
    stage.app.clock.advance(Duration::from_secs(1));
    assert!(!opens(&stage, &session).await, "14 d after the login");
}

async fn se_08_a_session_ends_with_its_cause(stage: Stage) {
    let signet = &stage.app.signet;
    let ada = signet.store.user_by_email(Email::parse(ADA.0).unwrap()).await.unwrap().expect("ada");
    // Another node shares the database and nothing else.
    let other = stage.app.another_node().await;
    let elsewhere = async |session: &str| {
        let cookies = BrowserCookies { session: Some(Secret::new(session)), ..BrowserCookies::default() };
        other.signet.signed_in(&cookies).await.expect("the store answers").is_some()
    };
    let mut browser = Browser::new();
    let session = session_of(&stage, &mut browser, ADA).await;
    assert!(elsewhere(&session).await);
    assert!(signet.set_password(&ada.id, Secret::new("another-long-password")).await.unwrap());
    assert!(!opens(&stage, &session).await && !elsewhere(&session).await, "the password was changed");
    let session = session_of(&stage, &mut browser, (ADA.0, "another-long-password")).await;
    assert!(elsewhere(&session).await);
    assert!(signet.store.set_user_disabled(ada.id.clone(), true, signet.now()).await.unwrap());
    assert!(!opens(&stage, &session).await && !elsewhere(&session).await, "disabled");
    assert!(signet.store.set_user_disabled(ada.id.clone(), false, signet.now()).await.unwrap());
    assert!(!opens(&stage, &session).await && !elsewhere(&session).await, "enabled again, which revives nothing");
    // Signing out.
    let session = session_of(&stage, &mut browser, (ADA.0, "another-long-password")).await;
    let page = browser.open(&stage.url("/end_session")).await;
    let page = browser.press(&page, "logout-confirm", &[]).await;
    assert_eq!(page.status, 200);
    assert!(browser.cookie("signet_session").is_none(), "the cookie goes");
    assert!(!opens(&stage, &session).await && !elsewhere(&session).await, "signed out");
}

async fn se_09_the_next_person_in_the_same_browser(stage: Stage) {
    let mut browser = Browser::new();
    let first = stage.claims(&stage.code(&mut browser, &ask(), ADA).await).await;
    let asked = ask().set("prompt", "select_account consent");
    let account = first_page(&stage, &mut browser, &asked).await;
    let consent = first_page(&stage, &mut browser, &ask().set("prompt", "consent")).await;
    assert!(account.text.contains(ADA.0) && consent.text.contains(ADA.0));
    // Ada leaves, bob comes; the tabs of ada are still open.
    let page = browser.open(&stage.url("/end_session")).await;
    browser.press(&page, "logout-confirm", &[]).await;
    let second = stage.claims(&stage.code(&mut browser, &ask(), BOB).await).await;
    assert_ne!(second["sub"], first["sub"]);
    let page = browser.press(&account, "select-continue", &[]).await;
    assert_eq!(page.status, 403, "the choice of ada is not one of bob");
    assert!(page.text.contains(BOB.0) && !page.text.contains(ADA.0), "{}", page.text);
    let page = browser.press(&consent, "consent-allow", &[]).await;
    assert_eq!(page.status, 403, "the consent of ada is not one of bob");
    assert!(page.text.contains(BOB.0) && !page.text.contains(ADA.0), "{}", page.text);
    // Nor by the Back button: nothing was kept.
    for page in [&account, &consent] {
        assert_eq!(page.headers.get("cache-control").expect("a header"), "no-store");
        let page = browser.open(&page.url).await;
        assert!(!page.text.contains(ADA.0), "{}", page.text);
    }
}

#[tokio::test]
async fn se_11_a_bomb_of_cookies() {
    let stage = Stage::new().await;
    let bomb = format!("Cookie: bomb={}\r\n", "x".repeat(4000)).repeat(200);
    let answer = stage.send(&raw::request("GET", &ask().target(), &bomb, "")).await;
    assert!(matches!(answer.status, 400 | 431), "{}", answer.status);
    let smaller = format!(
        "Cookie: {}\r\n",
        (0..9).map(|n| format!("bomb{n}={}", "x".repeat(4000))).collect::<Vec<_>>().join("; ")
    );
    assert_eq!(stage.send(&raw::request("GET", &ask().target(), &smaller, "")).await.status, 431);
    stage.still_works().await;
}
