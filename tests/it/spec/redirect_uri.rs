//! RU: where an answer may go.

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;

on_both_databases!(ru_23_uri_twice, ru_32_client_edited_in_the_middle);

/// Every one of these is a page, and the good request works afterwards.
async fn refuses(stage: &Stage, client: &str, uris: &[&str]) {
    for uri in uris {
        is_error_page(&stage.get(&ask_as(client, uri).target()).await);
    }
    stage.still_works().await;
}

#[tokio::test]
async fn ru_01_exact_match_one_byte_off() {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for (index, character) in CB.char_indices() {
        let (before, after) = (&CB[..index], &CB[index + 1..]);
        wrong.push(format!("{before}{after}"));
        wrong.push(format!("{before}{character}{character}{after}"));
        let other = if character.is_ascii_lowercase() { character.to_ascii_uppercase() } else { '!' };
        wrong.push(format!("{before}{other}{after}"));
    }
    refuses(&stage, "c1", &wrong.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn ru_02_to_ru_06_other_hosts_and_other_spellings() {
    let stage = Stage::new().await;
    let uris = [
        // RU-02
        "https://c1.test.evil.test/cb",
        "https://evilc1.test/cb",
        "https://c1.test@evil.test/cb",
        "https://evil.test/c1.test/cb",
        // RU-03
        "https://c1.test:x@evil.test/cb",
        "https://a@b@c1.test/cb",
        // RU-04
        "https://c1.test\\@evil.test/cb",
        "https:\\\\c1.test\\cb",
        "https:/c1.test/cb",
        "https:///c1.test/cb",
        "//c1.test/cb",
        // RU-05
        "https://c1.test/x/../cb",
        "https://c1.test/./cb",
        "https://c1.test/..;/cb",
        "https://c1.test/cb/..",
        "https://c1.test/cb;a=b",
        "https://c1.test/%2e%2e/cb",
        "https://c1.test/%63b",
        // RU-06
        "https://C1.test/cb",
        "HTTPS://c1.test/cb",
        "https://c1.test:443/cb",
        " https://c1.test/cb",
        "https://c1.test/cb ",
        "https://c1.test./cb",
        "ht\ntps://c1.test/cb",
        "https://c1\u{ff0e}test/cb",
        // RU-18
        "javascript:alert(1)",
        "data:text/html,evil",
    ];
    refuses(&stage, "c1", &uris).await;
}

#[tokio::test]
async fn ru_07_extra_and_missing_query() {
    let stage = Stage::new().await;
    refuses(&stage, "c1", &["https://c1.test/cb?", "https://c1.test/cb?x=1"]).await;
    refuses(&stage, "c2", &["https://c2.test/cb", "https://c2.test/cb?a=c", "https://c2.test/cb?a=b&c=d"]).await;
    asks_for_login(&stage.get(&ask_as("c2", "https://c2.test/cb?a=b").target()).await);
}

#[tokio::test]
async fn ru_08_fragment() {
    let stage = Stage::new().await;
    refuses(&stage, "c1", &["https://c1.test/cb#", "https://c1.test/cb#x", "https://c1.test/cb%23x"]).await;
}

#[tokio::test]
async fn ru_10_dots_are_dots() {
    let stage = Stage::new().await;
    refuses(&stage, "c1", &["https://c1xtest/cb", "https://c1-test/cb", "https://c1.test/.b"]).await;
}

#[tokio::test]
async fn ru_12_no_first_use_trust() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        is_error_page(&stage.get(&ask_as("none", CB).target()).await);
    }
    is_error_page(&stage.get(&ask_as("none", CB).without("redirect_uri").target()).await);
}

#[tokio::test]
async fn ru_13_loopback_port_of_native_apps() {
    let stage = Stage::new().await;
    for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:49152/cb"] {
        asks_for_login(&stage.get(&ask_as("p1", uri).target()).await);
    }
    let uris =
        ["http://127.0.0.1:80/cb/", "http://127.0.0.1:80/", "http://127.0.0.1:80/cb?x", "http://localhost:80/cb"];
    refuses(&stage, "p1", &uris).await;
    refuses(&stage, "p1", &["http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:/cb"]).await;
}

#[tokio::test]
async fn ru_14_ru_15_loopback_look_alikes_and_other_parts() {
    let stage = Stage::new().await;
    let uris = [
        "http://127.0.0.1.evil.test/cb",
        "http://localhost.evil.test/cb",
        "http://127.0.0.1@evil.test/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://[::1]@evil.test/cb",
        "http://127.1/cb",
        "http://0x7f.0.0.1/cb",
        "http://2130706433/cb",
        "https://127.0.0.1/cb",
        // RU-15
        "http://127.0.0.1:80/q?a=2",
        "http://127.0.0.1:80/q",
        "http://127.0.0.1:80/q?a=1&b=2",
        "http://127.0.0.1:80/Q?a=1",
        // RU-19
        "com.example.app://cb",
        "com.example.app:cb",
    ];
    refuses(&stage, "p1", &uris).await;
    asks_for_login(&stage.get(&ask_as("p1", "http://127.0.0.1:9/q?a=1").target()).await);
    asks_for_login(&stage.get(&ask_as("p1", "com.example.app:/cb").target()).await);
}

#[tokio::test]
async fn ru_16_loopback_port_of_web_clients_is_fixed() {
    let stage = Stage::new().await;
    refuses(&stage, "w1", &["http://127.0.0.1:8080/cb"]).await;
    asks_for_login(&stage.get(&ask_as("w1", "http://127.0.0.1/cb").target()).await);
}

#[tokio::test]
async fn ru_20_an_unknown_client_looks_like_a_bad_uri() {
    let stage = Stage::new().await;
    let mut pages = Vec::new();
    for ask in [ask_as("nope", "https://evil.test/"), ask_as("c1", "https://evil.test/"), ask().without("client_id")] {
        let answer = stage.get(&ask.target()).await;
        is_error_page(&answer);
        // Only the reference differs, of one length, and what dev mode adds for developers.
        let reference = answer.header("x-request-id").expect("a reference").to_owned();
        let (page, details) = answer.body.split_once("<details id=\"error-details\"").expect("dev mode");
        let (_, rest) = details.split_once("</details>").expect("the end of the details");
        pages.push([page, rest].concat().replace(&reference, "req_"));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0], pages[2]);
}

#[tokio::test]
async fn ru_21_no_error_goes_to_a_bad_uri() {
    let stage = Stage::new().await;
    let bad = || ask_as("c1", "https://evil.test/cb");
    for ask in [
        bad().set("prompt", "none"),
        bad().set("scope", "no such scope"),
        bad().set("response_type", "token"),
        bad().set("response_mode", "form_post"),
        bad().set("response_mode", "fragment"),
        bad().without("code_challenge"),
        bad().set("max_age", "-1"),
        bad().set("request", "x"),
        bad().write("scope=a&scope=b"),
        bad().write("state=%ff"),
    ] {
        is_error_page(&stage.get(&ask.target()).await);
    }
    stage.still_works().await;
}

#[tokio::test]
async fn ru_22_uri_missing() {
    let stage = Stage::new().await;
    is_error_page(&stage.get(&ask().without("redirect_uri").target()).await);
    is_error_page(&stage.get(&ask().set("redirect_uri", "").target()).await);
    is_error_page(&stage.get(&ask().set("client_id", "c2").without("redirect_uri").target()).await);
}

async fn ru_23_uri_twice(stage: Stage) {
    let (good, evil) = (escape(CB), escape("https://evil.test/"));
    for (first, second) in [(&good, &evil), (&evil, &good), (&good, &good)] {
        let ask = ask().without("redirect_uri").write(&format!("redirect_uri={first}&redirect_uri={second}"));
        is_error_page(&stage.get(&ask.target()).await);
    }
    let body = ask().query();
    is_error_page(&stage.post(&format!("/authorize?redirect_uri={evil}"), "", &body).await);
    stage.still_works().await;
}

#[tokio::test]
async fn ru_24_nothing_on_a_page_says_where_the_answer_goes() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    // Whatever is added to the form of a page, the record of the server counts.
    let extra = [
        ("username", ADA.0),
        ("password", ADA.1),
        ("redirect_uri", "https://evil.test/"),
        ("client_id", "c2"),
        ("state", "evil"),
        ("response_type", "token"),
    ];
    let page = browser.press(&page, "login-submit", &extra).await;
    let page = browser.follow(page, CB).await.expect("the consent page");
    let page =
        browser.press(&page, "consent-allow", &[("redirect_uri", "https://evil.test/"), ("scope", "email")]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("back at c1"));
    assert_eq!(said.get("state").map(String::as_str), Some(STATE));
    assert_eq!(stage.claims(&said["code"]).await["scope"], "openid");
}

#[tokio::test]
async fn ru_24_a_tampered_attempt_leads_nowhere() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let filled = [("username", ADA.0), ("password", ADA.1), ("request", "auth_AAAAAAAAAAAAAAAAAAAAAA")];
    let page = browser.press(&page, "login-submit", &filled).await;
    assert_eq!(page.status, 400);
    assert!(page.location().is_none());
    assert!(browser.cookies().all(|(name, _)| name != "signet_session"), "nobody is signed in");
}

#[tokio::test]
async fn ru_26_no_parameter_of_ours_redirects() {
    let stage = Stage::new().await;
    for target in ["//evil.test", "/\\evil.test", "/%09/evil.test", "https:evil.test", "javascript:alert(1)"] {
        for name in ["next", "back", "return", "return_to", "rd", "target", "redirect", "request"] {
            for page in ["/login", "/consent", "/select_account", "/end_session", "/playground"] {
                let answer = stage.get(&format!("{page}?{name}={}", escape(target))).await;
                assert!(answer.header("location").is_none(), "{page} {name} {target}");
                assert!(!answer.body.contains("evil.test"), "{page} {name} {target}");
            }
        }
    }
}

#[tokio::test]
async fn ru_27_line_breaks_in_state() {
    let stage = Stage::new().await;
    let answer = stage.get(&ask().without("state").write("state=a%0d%0aSet-Cookie:x=1").target()).await;
    stage.is_refused_with(&answer, CB, "invalid_request", None);
    assert!(answer.all("set-cookie").next().is_none(), "{answer:?}");
    let answer = stage.get(&ask().set("state", "a\u{2028}\u{85}b").set("prompt", "none").target()).await;
    assert!(answer.header("location").expect("a Location").bytes().all(|byte| byte.is_ascii_graphic()));
}

#[tokio::test]
async fn ru_28_the_answer_has_a_fragment_of_its_own() {
    let stage = Stage::new().await;
    let answer = stage.get(&ask().set("prompt", "none").target()).await;
    assert!(answer.header("location").expect("a Location").ends_with('#'));
}

#[tokio::test]
async fn ru_29_ru_30_every_step_is_a_303_that_nobody_keeps() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let mut page = browser.open(&stage.url(&ask().target())).await;
    let mut steps = 0;
    loop {
        let header = |name: &str| page.headers.get(name).map(|value| value.to_str().expect("ASCII").to_owned());
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"), "{}", page.url);
        assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{}", page.url);
        for word in ["src=\"http", "href=\"http", "url(http", "@import"] {
            assert!(!page.text.contains(word), "a foreign resource on {}", page.url);
        }
        steps += 1;
        page = match page.location() {
            Some(next) => {
                assert_eq!(page.status, 303, "{}", page.url);
                assert!(page.text.is_empty(), "{}", page.url);
                if next.as_str().starts_with(CB) {
                    break;
                }
                let next = if next.path() == "/authorize" { panic!("back to the start") } else { next };
                browser.open(&next).await
            }
            None if page.form("login-submit").is_some() => sign_in(&mut browser, &page, ADA).await,
            None => browser.press(&page, "consent-allow", &[]).await,
        };
    }
    assert!(steps >= 6, "authorize, login, its answer, resume, consent, its answer");
}

async fn ru_32_client_edited_in_the_middle(stage: Stage) {
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let store = &stage.app.signet.store;
    let mut client = store.client(crate::support::nouns::client_id("c1")).await.unwrap().expect("c1");
    client.redirect_uris.clear();
    assert!(store.replace_client(client).await.unwrap());
    stage.app.signet.clients.forget();
    let page = sign_in(&mut browser, &page, ADA).await;
    let page = browser.follow(page, CB).await.expect("a page, not c1");
    assert_eq!(page.status, 400);
    assert!(!page.text.contains("c1.test"));
}

#[tokio::test]
async fn ru_33_consent_shows_the_host_undecoded() {
    use signet::domain::client::ApplicationType;
    use signet::domain::client::Client;
    use signet::domain::uri::RedirectUri;
    let stage = Stage::new().await;
    let uri = "https://xn--pypal-4ve.test/cb";
    let registered = RedirectUri::register(uri, ApplicationType::Web).unwrap();
    let client = Client { redirect_uris: vec![registered], ..crate::support::nouns::client("idn") };
    stage.app.signet.store.create_client(client).await.unwrap();
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask_as("idn", uri)).await;
    let page = sign_in(&mut browser, &page, ADA).await;
    let page = browser.follow(page, uri).await.expect("the consent page");
    assert!(page.text.contains("xn--pypal-4ve.test"), "{}", page.text);
}
