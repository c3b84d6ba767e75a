//! Applications on other hosts of a shared domain: the gateway's own cookie.

use std::collections::BTreeMap;

use url::Url;

use crate::gateway::check;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::raw;

const SETTINGS: [(&str, &str); 5] = [
    ("server.issuer", "https://id.example.test"),
    ("gateway.cookie_domain", "example.test"),
    ("gateway.hosts", "https://app.example.test"),
    ("gateway.cookie_lifetime", "10m"),
    ("server.trusted_proxies", "127.0.0.1"),
];
const BACK: &str = "https://app.example.test/there";

/// Signs ada in at the issuer, on the way to the application; gives the `Set-Cookie` of the gateway and the session's
/// cookie.
async fn arrive(app: &App) -> (String, String) {
    // TLS ends before us, so the browser is led by the path of each address.
    let mut browser = Browser::new();
    let mut url = app.url(&format!("/gateway?return_to={BACK}"));
    let here = |to: Url| app.url(&format!("{}{}", to.path(), to.query().map(|q| format!("?{q}")).unwrap_or_default()));
    for _ in 0..10 {
        let page = browser.open(&url).await;
        if let Some(form) = page.form("login-submit") {
            assert!(page.text.contains("app.example.test"), "the page says where they are going: {}", page.text);
            url = here(sign_in(app, &mut browser, form.fields("login-submit")).await);
            continue;
        }
        let to = page.location().unwrap_or_else(|| panic!("stopped at {}: {}", page.url, page.text));
        if to.as_str() == BACK {
            let set: Vec<&str> = page.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(set.len(), 1, "{set:?}");
            return (set[0].to_owned(), browser.cookie("__Host-signet_session").expect("a session"));
        }
        url = here(to);
    }
    panic!("never came to {BACK}");
}

/// Sends the form as the browser of somebody at the https issuer does; gives where it leads.
async fn sign_in(app: &App, browser: &mut Browser, mut fields: BTreeMap<String, String>) -> Url {
    fields.insert("username".to_owned(), ADA.0.to_owned());
    fields.insert("password".to_owned(), ADA.1.to_owned());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let cookies: Vec<String> = browser.cookies().map(|(name, cookie)| format!("{name}={}", cookie.value)).collect();
    let headers = format!("Cookie: {}\r\nOrigin: https://id.example.test\r\n", cookies.join("; "));
    let answer = raw::post(&app.base, "/login", &headers, &body).await;
    for set in answer.all("set-cookie") {
        let (name, value) = set.split_once(';').expect("attributes").0.split_once('=').expect("a value");
        browser.plant(name, value);
    }
    app.base.join(answer.header("location").unwrap_or_else(|| panic!("not signed in: {answer:?}"))).expect("a URL")
}

async fn asked(app: &App, cookie: &str) -> raw::Answer {
    check(&app.base, "", &format!("Cookie: {cookie}\r\n")).await
}

#[test]
fn one_cookie_for_the_whole_domain() {
    block_on(async {
        let app = App::start_as_serve(&SETTINGS).await;
        let (set, session) = arrive(&app).await;
        let (pair, attributes) = set.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600; Domain=example.test");
        let (name, value) = pair.split_once('=').expect("a value");
        assert_eq!(name, "__Secure-signet_gateway");
        assert!(!value.contains(&session), "the session's secret is not in it");

        let ada = app.ada().await;
        let answer = asked(&app, pair).await;
        assert_eq!((answer.status, answer.header("x-user-id")), (200, Some(ada.id.as_str())));
        // It opens nothing else.
        let page = raw::send(&app.base, &raw::request("GET", "/end_session", &format!("Cookie: {pair}\r\n"), "")).await;
        assert!(page.body.contains("You are signed out"), "{}", page.body);
        let renamed = asked(&app, &format!("__Host-signet_session={value}")).await;
        assert_eq!(renamed.status, 401);

        // Two of them, another name, or a changed one are none.
        let (body, mac) = value.rsplit_once('.').expect("a mac");
        let (id, end) = body.rsplit_once('.').expect("an end");
        for forged in [
            format!("{pair}; {pair}"),
            format!("signet_gateway={value}"),
            format!("{name}={id}.{}.{mac}", end.parse::<i64>().unwrap() + 1),
            format!("{name}=ses_other.{end}.{mac}"),
            format!("{name}={body}."),
            format!("{name}={body}"),
            format!("{name}={mac}"),
        ] {
            assert_eq!(asked(&app, &forged).await.status, 401, "{forged}");
        }

        app.wait(599);
        assert_eq!(asked(&app, pair).await.status, 200);
        app.wait(1);
        assert_eq!(asked(&app, pair).await.status, 401, "it ends");
        // And is renewed without a question.
        let again = format!("Cookie: __Host-signet_session={session}\r\n");
        let target = format!("/gateway?return_to={BACK}");
        let renewed = raw::send(&app.base, &raw::request("GET", &target, &again, "")).await;
        assert_eq!((renewed.status, renewed.header("location")), (303, Some(BACK)));
        let new = renewed.header("set-cookie").expect("a new one").split_once(';').expect("attributes").0.to_owned();
        assert_eq!(asked(&app, &new).await.status, 200);
    });
}

#[test]
fn px_04_flags_of_cookies_come_from_the_issuer() {
    block_on(async {
        let app = App::start_as_serve(&SETTINGS).await;
        let (_, session) = arrive(&app).await;
        for claimed in ["http", "https", "ws", ""] {
            let headers = format!("Cookie: __Host-signet_session={session}\r\nX-Forwarded-Proto: {claimed}\r\n");
            let target = format!("/gateway?return_to={BACK}");
            let answer = raw::send(&app.base, &raw::request("GET", &target, &headers, "")).await;
            let set = answer.header("set-cookie").expect("a cookie");
            assert!(set.starts_with("__Secure-") && set.contains("; Secure"), "{claimed}: {set}");
        }
        let local = App::start(Kind::Sqlite).await.expect("SQLite is always there");
        let start = local.url("/playground/start");
        let headers = "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n";
        let answer = raw::send(&local.base, &raw::request("GET", start.path(), headers, "")).await;
        assert!(answer.all("set-cookie").all(|set| !set.contains("Secure") && !set.contains("__")), "{answer:?}");
    });
}
