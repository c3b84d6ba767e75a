//! Signing in: the answer, its cookies, and one answer for every failure.

use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use reqwest::Method;
use reqwest::header::SET_COOKIE;
use serde_json::Value;
use serde_json::json;
use signet::domain::family::RevocationReason;
use signet::domain::secret::Secret;
use signet::domain::user::Email;
use signet::domain::user::StandardClaims;
use signet::domain::user::User;
use signet::flow::users::NewUser;

use super::Page;
use super::access;
use super::app;
use super::app_with;
use super::family_of;
use super::on_both_databases;
use super::origins;
use super::refresh_cookies;
use super::register;
use super::signed_out;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::party::Answer;
use crate::support::party::Party;
use crate::support::party::opened;
use crate::support::raw;

async fn create(app: &App, email: &str, password: Option<&str>) -> User {
    let email = Email::parse(email).unwrap();
    let password = password.map(Secret::new);
    let new = NewUser { email, password, roles: BTreeSet::new(), claims: StandardClaims::default() };
    app.signet.create_user(new).await.unwrap().expect("a new user")
}

#[tokio::test]
async fn the_answer_and_its_cookies() {
    let app = app().await;
    let page = Page::spa(&app);
    let answer = page.try_login(ADA.0, ADA.1).await;
    let token = access(&answer);
    assert_eq!(answer.tokens().0["expires_in"], 600);
    let lines: Vec<&str> = answer.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
    let [refresh, device] = lines.as_slice() else { panic!("two cookies, not {lines:?}") };
    let value = page.token();
    assert_eq!(*refresh, format!("refresh_token={value}; HttpOnly; SameSite=Strict; Path=/auth; Max-Age=1209600"));
    assert!(device.starts_with("signet_device=sgd_"), "no browser session comes of it: {device}");
    assert!(!answer.text.contains(&value), "scripts do not see the refresh token");
    let (_, claims) = opened(&token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(app.ada().await.id.as_str()), &json!("demo-spa")));
    assert_eq!(claims["roles"], json!(["admin"]));
    let scope = app.client("demo-spa").await.scope.without("offline_access");
    assert_eq!(claims["scope"], scope.to_string(), "offline access is for who is not there");
    assert!(claims.get("sid").is_none() && claims["auth_time"] == claims["iat"]);
    assert_eq!(page.userinfo(&token).await, 200);
    let demo = Answer::to(page.http.get(app.url("/demo-api")).bearer_auth(&token)).await;
    assert_eq!(demo.status.as_u16(), 200, "{demo:?}");
    let family = app.signet.store.family(family_of(&value)).await.unwrap().unwrap();
    assert_eq!((family.session_id, family.generation), (None, 1));
    // Nobody is signed in anywhere else by it.
    let mut browser = Browser::new();
    browser.plant("signet_device", &page.cookie("signet_device").unwrap());
    browser.plant("refresh_token", &value);
    let silent = Party::spa(&app).authorization_url("openid");
    let silent = browser.open(&format!("{silent}&prompt=none").parse().unwrap()).await.location().unwrap();
    assert!(silent.as_str().contains("error=login_required"), "{silent}");
}

#[tokio::test]
async fn se_01_px_04_cookies_under_https() {
    let app = app_with(&[("server.issuer", "https://id.example.test")]).await;
    let page = Page::spa(&app);
    for proto in ["https", "http"] {
        let body = json!({"client_id": "demo-spa", "email": ADA.0, "password": ADA.1});
        let request = page.request(Method::POST, "/auth/login").header("x-forwarded-proto", proto).json(&body);
        let answer = page.send(request).await;
        let expected =
            format!("refresh_token={}; HttpOnly; Secure; SameSite=Strict; Path=/auth; Max-Age=1209600", page.token());
        assert_eq!(refresh_cookies(&answer), [expected]);
        assert!(page.cookie("__Host-signet_device").is_some());
    }
    access(&page.refresh().await);
}

#[test]
fn lg_01_one_answer_for_every_failure() {
    on_both_databases(async |app| {
        create(&app, "eve@example.test", Some("the-right-password")).await;
        create(&app, "empty@example.test", None).await;
        let off = create(&app, "off@example.test", Some("the-right-password")).await;
        assert!(app.signet.store.set_user_disabled(off.id, true, app.signet.now()).await.unwrap());
        for (email, password) in [
            ("nobody@example.test", "wrong"),
            ("eve@example.test", "wrong"),
            ("eve@example.test", ""),
            ("off@example.test", "wrong"),
            ("off@example.test", "the-right-password"),
            ("empty@example.test", ""),
            ("no address at all", "wrong"),
            ("' OR 1=1--", "wrong"),
            ("", ""),
        ] {
            let page = Page::spa(&app);
            let answer = page.try_login(email, password).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, r#"{"error":"invalid_credentials"}"#));
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.headers.get(SET_COOKIE).is_none(), "{email}");
            let mut names: Vec<&str> = answer.headers.keys().map(reqwest::header::HeaderName::as_str).collect();
            names.sort_unstable();
            assert!(!names.contains(&"retry-after") && !names.contains(&"www-authenticate"), "{names:?}");
        }
    });
}

/// Not the distribution, which is tested where the hashing is; only that nobody skips it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long the server takes, whatever its own clock says")]
async fn lg_02_an_unknown_name_takes_as_long() {
    let app = app_with(&[
        ("passwords.memory", "19 MiB"),
        ("passwords.iterations", "2"),
        ("limits.login_per_address", "1000 per 15m"),
        ("limits.login_per_account", "1000 per 15m"),
    ])
    .await;
    create(&app, "eve@example.test", Some("the-right-password")).await;
    let mut fastest = [Duration::MAX; 2];
    let page = Page::spa(&app);
    for _ in 0..12 {
        for (name, fastest) in ["nobody@example.test", "eve@example.test"].into_iter().zip(&mut fastest) {
            let started = Instant::now();
            assert_eq!(page.try_login(name, "wrong").await.status.as_u16(), 401);
            *fastest = started.elapsed().min(*fastest);
        }
    }
    let [unknown, known] = fastest.map(|time| time.as_secs_f64());
    assert!((0.5..2.0).contains(&(unknown / known)), "{unknown} s against {known} s");
}

#[test]
fn lg_03_lg_04_lg_05_one_budget_with_the_login_page() {
    on_both_databases(async |app| {
        let owner = Page::spa(&app);
        owner.login().await;
        let stranger = Page::spa(&app);
        for n in 0..10 {
            let spelling = if n % 2 == 0 { "ada@example.test" } else { " ADA@example.test" };
            assert_eq!(stranger.try_login(spelling, "wrong").await.status.as_u16(), 401, "{n}");
        }
        let answer = stranger.try_login(ADA.0, ADA.1).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "900"));
        assert_eq!(answer.header("access-control-allow-origin"), super::SPA, "a page can say how long to wait");
        assert!(stranger.cookie("refresh_token").is_none());
        // The login page counts the same tries.
        let mut browser = Browser::new();
        let login = browser.open(&Party::spa(&app).authorization_url("openid")).await;
        let login = browser.follow(login, "http://localhost:47110").await.expect("the login page");
        let refused = browser.press(&login, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await;
        assert_eq!(refused.status.as_u16(), 429);
        // The owner's own browser is known.
        owner.login().await;
        app.wait(15 * 60);
        stranger.login().await;
    });
}

#[tokio::test]
async fn lg_08_bodies_that_are_not_what_is_asked_for() {
    let app = app().await;
    let page = Page::spa(&app);
    let send = async |kinds: &[&str], body: &[u8]| {
        let request = page.request(Method::POST, "/auth/login").body(body.to_vec());
        page.send(kinds.iter().fold(request, |request, kind| request.header("content-type", *kind))).await
    };
    let json = "application/json";
    let good = br#"{"client_id":"demo-spa","email":"ada@example.test","password":"correct-horse-battery"}"#;
    for kind in [json, "Application/JSON", "application/json; charset=utf-8"] {
        access(&send(&[kind], good).await);
    }
    for kinds in [
        &[][..],
        &["text/plain"],
        &["application/x-www-form-urlencoded"],
        &["application/json; charset=utf-16"],
        &["application/jsonx"],
        &["application/json, text/plain"],
        &[json, json],
    ] {
        send(kinds, good).await.refused_with(415, "invalid_request");
    }
    let encoded = page.request(Method::POST, "/auth/login").header("content-type", json).body(good.to_vec());
    page.send(encoded.header("content-encoding", "gzip")).await.refused_with(415, "invalid_request");
    let long = |name: &str, length: usize| {
        let mut body: Value = serde_json::from_slice(good).unwrap();
        body[name] = json!("x".repeat(length));
        body.to_string().into_bytes()
    };
    for bad in [
        &b""[..],
        b"{}",
        b"[]",
        br#"["demo-spa","ada@example.test","correct-horse-battery"]"#,
        b"null",
        b"{\"client_id\":",
        b"\xff",
        b"client_id=demo-spa&email=ada@example.test&password=x",
        br#"{"client_id":"demo-spa","email":"ada@example.test"}"#,
        br#"{"client_id":"demo-spa","email":"ada@example.test","password":null}"#,
        br#"{"client_id":"demo-spa","email":"ada@example.test","password":["correct-horse-battery"]}"#,
        br#"{"client_id":"demo-spa","email":{"$ne":""},"password":"x"}"#,
        br#"{"client_id":"demo-spa","email":"a","password":"x","password":"correct-horse-battery"}"#,
        br#"{"client_id":"demo-spa","email":"a","p\u0061ssword":"x","password":"y"}"#,
        br#"{"client_id":"demo-spa","email":"a","password":"x","scope":"admin"}"#,
        br#"{"client_id":"","email":"a","password":"x"}"#,
        br#"{"client_id":"demo-spa","email":"a\u0000","password":"x"}"#,
        b"{\"client_id\":\"demo-spa\",\"email\":\"a\",\"password\":\"\xc3\"}",
        b"\xef\xbb\xbf{\"client_id\":\"demo-spa\",\"email\":\"a\",\"password\":\"x\"}",
        &[&good[..], b"x"].concat(),
        &long("password", 8193),
        &long("email", 1025),
        &long("client_id", 256),
        &[b"[".repeat(5000), b"]".repeat(5000)].concat(),
    ] {
        send(&[json], bad).await.refused("invalid_request");
    }
    send(&[json], &long("password", 70_000)).await.refused_with(413, "invalid_request");
    // Nothing was counted as a try, except what is one.
    for password in [8192, 1025] {
        assert_eq!(send(&[json], &long("password", password)).await.status.as_u16(), 401);
    }
    let query = page.request(Method::POST, "/auth/login?client_id=demo-spa").header("content-type", json);
    page.send(query.body(good.to_vec())).await.refused("invalid_request");
}

#[tokio::test]
async fn wf_03_methods_and_paths() {
    let app = app().await;
    let page = Page::spa(&app);
    for path in ["/auth/login", "/auth/refresh", "/auth/logout"] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
            let answer = page.send(page.request(method.parse().unwrap(), path)).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST, OPTIONS"), "{method} {path}");
        }
        for other in [format!("/{path}"), format!("{path}/"), path.replace("auth", "%61uth"), path.to_uppercase()] {
            let body = r#"{"client_id":"demo-spa"}"#;
            let head = "Content-Type: application/json\r\n";
            let answer = raw::send(&app.base, &raw::request("POST", &other, head, body)).await;
            assert_eq!(answer.status, 404, "{other}");
        }
    }
}

#[tokio::test]
async fn only_clients_that_opted_in() {
    let app = app().await;
    register(&app, "closed", |client| client.session_api = false).await;
    register(&app, "off", |client| client.disabled = true).await;
    let mut looks = BTreeSet::new();
    for id in ["nobody", "demo-web", "demo-service", "closed", "off", "DEMO-SPA"] {
        let answer = Page::spa(&app).beside(id, super::SPA).try_login(ADA.0, ADA.1).await;
        answer.refused("unauthorized_client");
        let mut body = answer.json();
        // Dev mode says why, in parentheses.
        let said = body["error_description"].as_str().unwrap().split(" (").next().unwrap().to_owned();
        body["error_description"] = json!(said);
        looks.insert(body.to_string());
    }
    assert_eq!(looks.len(), 1, "{looks:?}");
    // One that is closed later: its cookies no longer serve anybody.
    register(&app, "later", |_| {}).await;
    let page = Page::spa(&app).beside("later", super::SPA);
    page.login().await;
    let mut client = app.client("later").await;
    client.session_api = false;
    app.signet.store.replace_client(client).await.unwrap();
    app.signet.clients.forget();
    signed_out(&page.refresh().await);
}

#[tokio::test]
async fn another_clients_page_signs_nobody_in() {
    let app = app().await;
    register(&app, "shop", |client| client.origins = origins(&["https://shop.example.test"])).await;
    let page = Page::spa(&app).beside("shop", super::SPA);
    let answer = page.try_login(ADA.0, ADA.1).await;
    answer.refused_with(403, "access_denied");
    assert!(page.cookie("refresh_token").is_none());
    page.beside("shop", "https://shop.example.test").login().await;
}

#[test]
fn se_05_se_10_a_new_sign_in_takes_the_place_of_the_one_before() {
    on_both_databases(async |app| {
        let page = Page::spa(&app);
        for who in [ADA.0, "bob@example.test"] {
            page.login().await;
            let before = page.stolen();
            access(&page.try_login(who, ADA.1).await);
            assert_ne!(page.token(), before.token());
            signed_out(&before.refresh().await);
            let family = app.signet.store.family(family_of(&before.token())).await.unwrap().unwrap();
            assert_eq!(family.revoked.unwrap().reason, RevocationReason::Logout);
            access(&page.refresh().await);
            assert!(page.cookie("refresh_token_2").is_none());
        }
        // A value that we never made is overwritten and harmless.
        for planted in ["x", "sgr_fam_AAAA.1.AAAA.AAAA"] {
            let page = Page::spa(&app);
            page.set_token(planted);
            signed_out(&page.refresh().await);
            page.login().await;
            access(&page.refresh().await);
        }
    });
}

/// Of the password that was compared and the one that is set meanwhile, the latter counts.
#[test]
fn rf_07_a_sign_in_ends_with_its_cause() {
    on_both_databases(async |app| {
        let page = Page::spa(&app);
        let (ada, token) = (app.ada().await.id, page.login().await);
        assert!(app.signet.set_password(&ada, Secret::new("another-horse-battery")).await.unwrap());
        signed_out(&page.refresh().await);
        assert_eq!(page.userinfo(&token).await, 401);
        let answer = page.try_login(ADA.0, "another-horse-battery").await;
        let token = access(&answer);
        assert!(app.signet.store.set_user_disabled(ada, true, app.signet.now()).await.unwrap());
        signed_out(&page.refresh().await);
        assert_eq!(page.userinfo(&token).await, 401);
    });
}

#[tokio::test]
async fn lg_11_too_many_at_once_are_told_to_come_back() {
    let settings = [
        ("passwords.max_concurrent_hashes", "1"),
        ("passwords.hash_wait", "1s"),
        ("passwords.memory", "64 MiB"),
        ("passwords.iterations", "10"),
        ("limits.login_per_address", "1000 per 15m"),
    ];
    let app = app_with(&settings).await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..60 {
        let page = Page::spa(&app);
        racers.spawn(async move { page.try_login(&format!("user{n}@example.test"), "wrong").await });
    }
    let answers = racers.join_all().await;
    let busy: Vec<&Answer> = answers.iter().filter(|answer| answer.status.as_u16() != 401).collect();
    assert!(!busy.is_empty(), "60 hashes of this size take longer than a second");
    for answer in busy {
        answer.refused_with(503, "temporarily_unavailable");
        assert_eq!((answer.header("retry-after"), answer.header("access-control-allow-origin")), ("1", super::SPA));
    }
}
