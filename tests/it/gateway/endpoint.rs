//! `/forward-auth` as a proxy sees it.

use std::collections::BTreeSet;

use signet::domain::user::Role;

use crate::gateway::bearer;
use crate::gateway::check;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::raw;

const HTML: &str = "Accept: text/html,application/xhtml+xml\r\n";

/// Every header of a family, in the order of the documentation.
const FAMILIES: [(&str, &[&str]); 4] = [
    ("remote", &["Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"]),
    (
        "xauthrequest",
        &["X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username"],
    ),
    ("xforwarded", &["X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username"]),
    ("seed", &["X-User-ID", "X-User-Roles"]),
];

async fn app() -> App {
    App::start(Kind::Sqlite).await.expect("SQLite is always there")
}

/// A provider as it is in production, behind a proxy on this machine.
async fn production() -> App {
    App::start_as_serve(&[("server.trusted_proxies", "127.0.0.1"), ("gateway.audiences", "https://api.example.test")])
        .await
}

/// The cookies of a browser in which ada is signed in.
async fn signed_in(app: &App) -> (Browser, String) {
    let mut browser = Browser::new();
    Party::web(app).code(&mut browser, "openid").await;
    let cookie = browser.cookie("signet_session").expect("a session");
    (browser, format!("Cookie: signet_session={cookie}\r\n"))
}

#[test]
fn every_family_is_whole() {
    block_on(async {
        let app = app().await;
        let ada = app.ada().await;
        let (id, bearer) = (ada.id.as_str(), bearer(&app).await);
        let (_, cookie) = signed_in(&app).await;
        for who in [&bearer, &cookie] {
            for (family, names) in FAMILIES {
                let answer = check(&app.base, &format!("?headers={family}"), who).await;
                assert_eq!(answer.status, 200, "{family}: {answer:?}");
                let told: Vec<&str> = names.iter().map(|name| answer.header(name).expect(name)).collect();
                let expected = match family {
                    "remote" => vec![id, "admin", "Ada Example", "ada@example.test"],
                    "seed" => vec![id, "admin"],
                    _ => vec![id, "ada@example.test", "admin", "ada"],
                };
                assert_eq!(told, expected, "{family}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            }
        }
        // Without a family it is seed; refused, the headers are there and empty.
        assert_eq!(check(&app.base, "", &bearer).await.header("x-user-id"), Some(id));
        for (family, names) in FAMILIES {
            let refused = check(&app.base, &format!("?headers={family}"), "").await;
            assert_eq!(refused.status, 401);
            assert!(names.iter().all(|name| refused.header(name) == Some("")), "{refused:?}");
        }
    });
}

#[test]
fn a_token_tells_no_more_than_its_scope() {
    block_on(async {
        let app = app().await;
        let narrow = Party::web(&app).sign_in("openid").await;
        let bearer = format!("Authorization: Bearer {}\r\n", narrow.access());
        let answer = check(&app.base, "?headers=remote", &bearer).await;
        assert_eq!((answer.header("remote-name"), answer.header("remote-email")), (Some(""), Some("")));
        assert_eq!(answer.header("remote-groups"), Some("admin"));
    });
}

#[test]
fn values_are_fit_for_headers() {
    block_on(async {
        let app = app().await;
        let mut ada = app.ada().await;
        ada.claims.name = Some("Ren\u{e9}\r\nX-User-ID: usr_root, 100%".to_owned());
        ada.claims.email_verified = false;
        ada.roles = BTreeSet::from(["shop:editor", "admin"].map(|role| Role::parse(role).unwrap()));
        app.signet.store.update_user(ada.clone()).await.unwrap();
        let (_, cookie) = signed_in(&app).await;
        let answer = check(&app.base, "?headers=remote", &cookie).await;
        assert_eq!(answer.header("remote-name"), Some("Ren%C3%A9%0D%0AX-User-ID: usr_root, 100%25"));
        assert_eq!(answer.header("remote-groups"), Some("admin,shop:editor"));
        // An address that nobody has verified is not told: applications take it for an account.
        assert_eq!(answer.header("remote-email"), Some(""));
        assert_eq!(answer.header("x-user-id"), None);
    });
}

#[test]
fn gw_05_401_and_403() {
    block_on(async {
        let app = app().await;
        let bearer = bearer(&app).await;
        let none = check(&app.base, "", "").await;
        assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer realm=\"signet\"")));

        for (bad, error) in [
            ("Authorization: Bearer rubbish\r\n".to_owned(), "invalid_token"),
            (bearer.replace("\r\n", "A\r\n"), "invalid_token"),
            ("Authorization: Bearer\r\n".to_owned(), "invalid_request"),
            (format!("{bearer}{bearer}"), "invalid_request"),
        ] {
            // Also with a good session beside it: whoever shows a token is that token.
            let (_, cookie) = signed_in(&app).await;
            for headers in [bad.clone(), format!("{bad}{cookie}{HTML}")] {
                let answer = check(&app.base, "", &headers).await;
                assert_eq!(answer.status, 401, "{headers}: {answer:?}");
                let challenge = answer.header("www-authenticate").expect("a challenge");
                assert!(challenge.contains(&format!("error=\"{error}\"")), "{headers}: {challenge}");
            }
        }
        let lacking = check(&app.base, "?scope=api:write", &bearer).await;
        assert_eq!(lacking.status, 403);
        let challenge = lacking.header("www-authenticate").expect("a challenge");
        assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\"api:write\""), "{challenge}");
        assert_eq!(check(&app.base, "?role=editor", &bearer).await.status, 403);
        assert_eq!(check(&app.base, "?role=admin&role=editor", &bearer).await.status, 403);
        assert_eq!(check(&app.base, "?role=editor,admin&scope=openid+email", &bearer).await.status, 200);
        // A session has no scope.
        let (_, cookie) = signed_in(&app).await;
        assert_eq!(check(&app.base, "?role=admin", &cookie).await.status, 200);
        assert_eq!(check(&app.base, "?scope=openid", &cookie).await.status, 403);

        app.wait(601);
        let expired = check(&app.base, "", &bearer).await;
        assert_eq!(expired.status, 401);
        assert!(expired.header("www-authenticate").expect("a challenge").contains("expired"), "{expired:?}");
    });
}

#[test]
fn gw_08_a_token_for_somebody_else() {
    block_on(async {
        let app =
            App::start_with(Kind::Sqlite, &[("gateway.audiences", "https://a.example.test,https://b.example.test")])
                .await
                .unwrap();
        let service = Party::service(&app);
        let audience = "https://b.example.test".to_owned();
        let own = Party::register(&app, &service, "b-caller", |client| client.audiences = vec![audience]).await;
        let other = "https://c.example.test".to_owned();
        let stranger = Party::register(&app, &service, "c-caller", |client| client.audiences = vec![other]).await;
        let header = async |party: &Party| {
            let tokens = party.token(Form::new(&[("grant_type", "client_credentials")])).await.tokens();
            format!("Authorization: Bearer {}\r\n", tokens.access())
        };
        let (own, stranger) = (header(&own).await, header(&stranger).await);
        assert_eq!(check(&app.base, "", &own).await.header("x-user-id"), Some("b-caller"));
        assert_eq!(check(&app.base, "?audience=https://b.example.test", &own).await.status, 200);
        assert_eq!(check(&app.base, "?audience=https://a.example.test", &own).await.status, 401);
        assert_eq!(check(&app.base, "", &stranger).await.status, 401);
        // What is not configured cannot be asked for.
        assert_eq!(check(&app.base, "?audience=https://c.example.test", &stranger).await.status, 401);
        // A service has no profile.
        let remote = check(&app.base, "?headers=remote", &own).await;
        assert_eq!((remote.header("remote-user"), remote.header("remote-email")), (Some("b-caller"), Some("")));
    });
}

#[test]
fn gw_03_a_question_that_is_not_understood_lets_nobody_pass() {
    block_on(async {
        let app = app().await;
        let bearer = bearer(&app).await;
        for query in
            ["?headers=other", "?roles=admin", "?role=", "?role", "?headers=seed&headers=remote", "?x=%zz", "?uri=/"]
        {
            assert_eq!(check(&app.base, query, &bearer).await.status, 400, "{query}");
        }
        for path in ["//forward-auth", "/forward-auth/", "/forward-auth;x", "/%66orward-auth", "/x/../forward-auth"] {
            assert_eq!(raw::send(&app.base, &raw::request("GET", path, &bearer, "")).await.status, 404, "{path}");
        }
        // Envoy repeats the method of the original request; none of them is let in without a look.
        for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"] {
            let asked = |headers: &str| raw::request(method, "/forward-auth", headers, "");
            assert_eq!(raw::send(&app.base, &asked(&bearer)).await.status, 200, "{method}");
            assert_eq!(raw::send(&app.base, &asked("")).await.status, 401, "{method}");
        }
        // Nothing of the original request decides, but what shows who is calling.
        for forged in
            ["X-Forwarded-Uri: /health/live\r\n", "User-Agent: kube-probe/1.30\r\n", "X-Forwarded-User: x\r\n"]
        {
            assert_eq!(check(&app.base, "", forged).await.status, 401, "{forged}");
        }
    });
}

#[test]
fn people_are_sent_to_sign_in_and_programs_are_not() {
    block_on(async {
        let app = app().await;
        let port = app.base.port().unwrap();
        let caddy = format!(
            "X-Forwarded-Proto: http\r\nX-Forwarded-Host: localhost:{port}\r\nX-Forwarded-Uri: /a?b=c%20d&e\r\n"
        );
        let to =
            format!("http://localhost:{port}/gateway?return_to=http%3A%2F%2Flocalhost%3A{port}%2Fa%3Fb%3Dc%2520d%26e");
        let sent = check(&app.base, "", &format!("{caddy}{HTML}")).await;
        assert_eq!((sent.status, sent.header("location")), (302, Some(to.as_str())));
        // nginx makes the redirect itself.
        let nginx = format!("X-Original-URL: http://localhost:{port}/a?b=c%20d&e\r\n");
        let told = check(&app.base, "", &format!("{nginx}{HTML}")).await;
        assert_eq!((told.status, told.header("location")), (401, Some(to.as_str())));
        for program in [
            String::new(),
            "Accept: application/json\r\n".to_owned(),
            "Accept: */*\r\n".to_owned(),
            format!("{HTML}Sec-Fetch-Mode: cors\r\n"),
            format!("{HTML}X-Forwarded-Method: POST\r\n"),
            format!("{HTML}Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ] {
            let answer = check(&app.base, "", &format!("{caddy}{program}")).await;
            assert_eq!((answer.status, answer.header("location")), (401, None), "{program}");
        }
        let navigating = format!("{caddy}{HTML}Sec-Fetch-Mode: navigate\r\nX-Forwarded-Method: GET\r\n");
        assert_eq!(check(&app.base, "", &navigating).await.status, 302);
    });
}

#[test]
fn px_01_the_way_back_is_on_the_list() {
    block_on(async {
        let app = app().await;
        for (proto, host, uri) in [
            ("http", "evil.test", "/"),
            ("https", "localhost", "/"),
            ("http", "localhost@evil.test", "/"),
            ("http", "evil.test\\@localhost", "/"),
            ("http", "localhost.evil.test", "/"),
            ("http", "localhost", "@evil.test/"),
            ("http", "localhost", "//evil.test"),
            ("javascript", "localhost", "/"),
        ] {
            let parts =
                format!("X-Forwarded-Proto: {proto}\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Uri: {uri}\r\n{HTML}");
            let answer = check(&app.base, "", &parts).await;
            let stays = answer.status == 401 && answer.header("location").is_none();
            let here =
                answer.header("location").is_some_and(|to| to.contains("return_to=http%3A%2F%2Flocalhost%2F%2Fevil"));
            assert!(stays || here, "{proto} {host} {uri}: {answer:?}");
        }
        // Nor does the page itself lead anywhere else.
        let mut browser = Browser::new();
        for to in ["https://evil.test/", "//evil.test", "http://localhost@evil.test/", "javascript:alert(1)", ""] {
            let mut url = app.url("/gateway");
            url.query_pairs_mut().append_pair("return_to", to);
            let page = browser.open(&url).await;
            assert_eq!((page.status.as_u16(), page.location()), (400, None), "{to}");
        }
    });
}

#[test]
fn px_03_host_is_never_believed() {
    block_on(async {
        let app = app().await;
        let there = format!("{}there", app.base);
        let way = format!("{}gateway?return_to=", app.base);
        let long = "x".repeat(10_000);
        for host in ["evil.test", "evil.test:443", "[::1]:1", "localhost@evil.test", "", long.as_str()] {
            let request = format!(
                "GET /forward-auth HTTP/1.1\r\nHost: {host}\r\nX-Original-URL: {there}\r\n{HTML}Connection: close\r\n\r\n"
            );
            let answer = raw::send(&app.base, request.as_bytes()).await;
            let to = answer.header("location").unwrap_or_default();
            assert!(answer.status == 400 || to.starts_with(&way), "{host}: {answer:?}");
        }
    });
}

#[test]
fn px_01_strangers_are_not_believed() {
    block_on(async {
        let parts = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.test\r\nX-Forwarded-Uri: /\r\n";
        let settings = |proxies| {
            [
                ("server.issuer", "https://id.example.test"),
                ("gateway.cookie_domain", "example.test"),
                ("gateway.hosts", "https://app.example.test"),
                ("server.trusted_proxies", proxies),
            ]
        };
        let app = App::start_as_serve(&settings("10.0.0.0/8")).await;
        assert_eq!(check(&app.base, "", &format!("{parts}{HTML}")).await.status, 401);
        let app = App::start_as_serve(&settings("127.0.0.1")).await;
        assert_eq!(check(&app.base, "", &format!("{parts}{HTML}")).await.status, 302);
        let elsewhere = parts.replace("app.example.test", "other.example.test");
        assert_eq!(check(&app.base, "", &format!("{elsewhere}{HTML}")).await.status, 401);
    });
}

#[test]
fn in_production_nothing_is_open_that_was_not_configured() {
    block_on(async {
        let app = production().await;
        // The demo API is of dev mode alone.
        let bearer = bearer(&app).await;
        assert_eq!(check(&app.base, "", &bearer).await.status, 401);
        let (_, cookie) = signed_in(&app).await;
        assert_eq!(check(&app.base, "", &cookie).await.status, 200);
        let original = format!("X-Original-URL: {}\r\n{HTML}", app.url("/"));
        assert_eq!(check(&app.base, "", &original).await.header("location"), None);
        let mut url = app.url("/gateway");
        url.query_pairs_mut().append_pair("return_to", app.base.as_str());
        assert_eq!(Browser::new().open(&url).await.status.as_u16(), 400);
    });
}

/// The proof that nothing is asked of the database: there is none.
#[test]
fn a_bearer_token_needs_no_database() {
    let Some(cluster) = Cluster::start_new() else { return left_out() };
    let database = cluster.database();
    block_on(async {
        let app = App::start_at(&database).await;
        let bearer = bearer(&app).await;
        assert_eq!(check(&app.base, "", &bearer).await.status, 200);
        cluster.stop();
        for _ in 0..3 {
            assert_eq!(check(&app.base, "?headers=seed&role=admin&scope=openid", &bearer).await.status, 200);
        }
        // What only the database knows lets nobody pass without it.
        assert_eq!(check(&app.base, "?headers=remote", &bearer).await.status, 503);
        assert_eq!(check(&app.base, "", "Cookie: signet_session=sgs_x\r\n").await.status, 503);
    });
}

#[test]
fn signing_in_leads_back() {
    block_on(async {
        let app = app().await;
        let back = format!("http://localhost:{}/there?x=1", app.base.port().unwrap());
        let mut url = app.url("/gateway");
        url.query_pairs_mut().append_pair("return_to", &back);
        let mut browser = Browser::new();
        let arrived = browser.authorize(&url, &back, ADA).await;
        assert_eq!(arrived.as_str(), back);
        // Whoever is signed in goes straight on.
        let page = browser.open(&url).await;
        assert_eq!((page.status.as_u16(), page.location().map(String::from)), (303, Some(back)));
        // The code that came along is of no use to anybody.
        let answer = Party::web(&app).token(Form::new(&[("grant_type", "authorization_code"), ("code", "x")])).await;
        assert_eq!(answer.status.as_u16(), 400);
    });
}
