//! GW-06, UI-03: who may make a browser send its cookie, and who may read the answer.

use reqwest::Method;
use serde_json::json;

use super::Page;
use super::SPA;
use super::access;
use super::app;
use super::origins;
use super::register;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::party::Answer;

const PATHS: [&str; 3] = ["/auth/login", "/auth/refresh", "/auth/logout"];

/// The right request but for where it comes from.
async fn from(page: &Page, path: &str, origins: &[&str], sites: &[&str]) -> Answer {
    let bare = Page { origin: None, site: None, ..page.clone() };
    let mut request = bare.request(Method::POST, path);
    for origin in origins {
        request = request.header("origin", *origin);
    }
    for site in sites {
        request = request.header("sec-fetch-site", *site);
    }
    if path == "/auth/login" {
        request = request.json(&json!({"client_id": "demo-spa", "email": ADA.0, "password": ADA.1}));
    }
    bare.send(request).await
}

/// Nothing about cookies is said to a page that must not ask.
#[track_caller]
fn refused(answer: &Answer) {
    answer.refused_with(403, "access_denied");
    for (name, _) in &answer.headers {
        assert!(!name.as_str().starts_with("access-control-") && name != "set-cookie", "{answer:?}");
    }
}

#[tokio::test]
async fn gw_06_ui_03_cross_site_requests_change_nothing() {
    let app = app().await;
    register(&app, "web", |client| {
        client.application_type = signet::domain::client::ApplicationType::Web;
        client.origins = origins(&["https://app.example.test"]);
    })
    .await;
    register(&app, "closed", |client| {
        client.session_api = false;
        client.origins = origins(&["https://closed.example.test"]);
    })
    .await;
    let page = Page::spa(&app);
    page.login().await;
    let token = page.token();
    for path in PATHS {
        for origin in [
            "https://evil.test",
            "null",
            "",
            "http://localhost.evil.test",
            "http://evil.localhost:5173",
            "http://localhost:5173/",
            "http://localhost:5173/path",
            "http://LOCALHOST:5173",
            "http://localhost:05173",
            "http://localhost:5173 ",
            "https://localhost:5173",
            "http://user@localhost:5173",
            "https://app.example.test:444",
            "http://app.example.test",
            "https://app.example.test.evil.test",
            "https://closed.example.test",
            "*",
        ] {
            // The library trims what HTTP trims.
            if origin.trim() != SPA {
                refused(&from(&page, path, &[origin], &["same-site"]).await);
                refused(&from(&page, path, &[origin], &[]).await);
            }
        }
        for (origins, sites) in [
            (&[SPA][..], &["cross-site"][..]),
            (&[SPA], &["none"]),
            (&[SPA], &["Same-Site"]),
            (&[SPA], &[""]),
            (&[SPA], &["same-site", "cross-site"]),
            (&[SPA, SPA], &["same-site"]),
            (&[SPA, "https://evil.test"], &[]),
            (&[], &["same-site"]),
            (&[], &["same-origin"]),
            (&[], &["cross-site"]),
        ] {
            refused(&from(&page, path, origins, sites).await);
        }
    }
    assert_eq!(page.token(), token);
    access(&page.refresh().await);
    for (origins, sites) in [
        (&[SPA][..], &["same-site"][..]),
        (&[SPA], &["same-origin"]),
        (&[SPA], &[]),
        (&["http://127.0.0.1:1"], &["same-site"]),
        (&[], &[]),
    ] {
        access(&from(&page, "/auth/refresh", origins, sites).await);
    }
}

async fn preflight(app: &App, path: &str, origin: &str, method: &str) -> Answer {
    let http = Page::spa(app).http;
    let request = http.request(Method::OPTIONS, app.url(path)).header("origin", origin);
    Answer::to(request.header("access-control-request-method", method)).await
}

#[tokio::test]
async fn answers_are_for_the_page_that_asked() {
    let app = app().await;
    let page = Page::spa(&app);
    let allowed = |answer: &Answer| {
        assert!(answer.header("vary").contains("Origin"), "{answer:?}");
        let names = ["access-control-allow-origin", "access-control-allow-credentials"];
        names.map(|name| answer.header(name).to_owned())
    };
    let yes = [SPA.to_owned(), "true".to_owned()];
    assert_eq!(allowed(&page.try_login(ADA.0, "wrong").await), yes);
    assert_eq!(allowed(&page.refresh().await), yes, "also 401");
    let login = page.try_login(ADA.0, ADA.1).await;
    assert_eq!(allowed(&login), yes);
    assert!(login.header("access-control-expose-headers").contains("Retry-After"));
    assert_eq!(allowed(&page.refresh().await), yes);
    let bad = page.send(page.request(Method::POST, "/auth/refresh").body("{}")).await;
    assert_eq!((bad.status.as_u16(), allowed(&bad)), (415, yes.clone()));
    assert_eq!(allowed(&page.logout(&json!({})).await), yes);
    for path in PATHS {
        let answer = preflight(&app, path, SPA, "POST").await;
        assert_eq!((answer.status.as_u16(), allowed(&answer)), (204, yes.clone()));
        assert_eq!(answer.header("access-control-allow-methods"), "POST");
        assert_eq!(answer.header("access-control-allow-headers"), "Content-Type");
        for evil in ["https://evil.test", "null", "http://localhost.evil.test"] {
            assert_eq!(allowed(&preflight(&app, path, evil, "POST").await), ["", ""]);
        }
    }
}

/// A page can tell 401 from 403, and both from a server that is away. Never with credentials: no cookie is at play.
#[tokio::test]
async fn pages_read_what_an_api_says_to_their_token() {
    let app = app().await;
    let page = Page::spa(&app);
    let token = page.login().await;
    for (path, token, status) in [
        ("/demo-api", token.as_str(), 200),
        ("/demo-api?role=nobody", &token, 403),
        ("/demo-api?role=a&role=b", &token, 400),
        ("/demo-api", "x", 401),
        ("/demo-api", "", 401),
        ("/userinfo", &token, 200),
        ("/userinfo", "x", 401),
        ("/userinfo", "", 401),
    ] {
        for (origin, readable) in [(SPA, SPA), ("https://evil.test", "")] {
            let request = page.http.get(app.url(path)).header("origin", origin);
            let answer = Answer::to(if token.is_empty() { request } else { request.bearer_auth(token) }).await;
            assert_eq!(answer.status.as_u16(), status, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), readable, "{path} {token}");
            assert!(answer.headers.get("access-control-allow-credentials").is_none());
        }
        let path = path.split('?').next().unwrap();
        let answer = preflight(&app, path, SPA, "GET").await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, SPA));
        assert!(answer.header("access-control-allow-headers").contains("Authorization"));
    }
    let refused = page.send(page.request(Method::POST, "/demo-api")).await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "GET, OPTIONS"));
}
