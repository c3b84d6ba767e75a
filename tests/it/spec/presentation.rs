//! What applications show of themselves: `logo_uri`, `client_uri`, `policy_uri` and `tos_uri` (OpenID Connect
//! Registration section 2). Browsers load it, this server never does.

use std::net::TcpListener;

use signet::domain::client::Presentation;
use signet::domain::uri::WebUri;

use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;

fn told(base: &str) -> Presentation {
    let at = |path: &str| Some(WebUri::register(&format!("{base}{path}")).unwrap());
    Presentation {
        logo_uri: at("/logo.png?a=1&b=%22"),
        client_uri: at("/"),
        policy_uri: at("/privacy"),
        tos_uri: at("/terms"),
    }
}

async fn say(stage: &Stage, id: &str, presentation: Presentation) {
    let mut client = stage.app.client(id).await;
    client.presentation = presentation;
    assert!(stage.app.signet.store.replace_client(client).await.unwrap());
    stage.app.signet.clients.forget();
}

fn policy(page: &Page) -> String {
    page.headers.get("content-security-policy").unwrap().to_str().unwrap().to_owned()
}

/// The login and the consent page of `c1`.
async fn pages(stage: &Stage) -> [Page; 2] {
    let mut browser = Browser::new();
    let login = first_page(stage, &mut browser, &ask()).await;
    let next = sign_in(&mut browser, &login, ADA).await;
    let consent = browser.follow(next, CB).await.expect("a consent page");
    assert!(login.form("login-submit").is_some() && consent.form("consent-allow").is_some());
    [login, consent]
}

#[tokio::test]
async fn oidcc_registration_logo_policy_and_terms_are_shown() {
    let stage = Stage::new().await;
    let plain = pages(&stage).await;
    say(&stage, "c1", told("https://cdn.c1.test:8443")).await;
    for (page, before) in pages(&stage).await.iter().zip(&plain) {
        let text = &page.text;
        let (_, logo) = text.split_once("<img class=\"logo\"").expect("a logo");
        let (logo, _) = logo.split_once('>').unwrap();
        for part in [
            "src=\"https://cdn.c1.test:8443/logo.png?a=1&amp;b=%22\"",
            "alt=\"Logo of ",
            "height=\"64\"",
            "referrerpolicy=\"no-referrer\"",
        ] {
            assert!(logo.contains(part), "{part} in {logo}");
        }
        for (path, words) in [("/", "Website"), ("/privacy", "Privacy policy"), ("/terms", "Terms of service")] {
            let link = format!(
                "<a href=\"https://cdn.c1.test:8443{path}\" target=\"_blank\" rel=\"noopener noreferrer\">{words}</a>"
            );
            assert!(text.contains(&link), "{link} in {text}");
        }
        // Images of that one origin, and nothing else.
        assert_eq!(policy(page), policy(before).replace("img-src 'self'", "img-src 'self' https://cdn.c1.test:8443"));
        assert!(!before.text.contains("class=\"logo\"") && !before.text.contains("class=\"about\""));
        for (name, value) in &before.headers {
            let same = ["content-security-policy", "set-cookie", "date", "content-length"].contains(&name.as_str())
                || page.headers.get(name).is_some_and(|now| now == value || name.as_str().starts_with("x-request"));
            assert!(same, "{name}");
        }
    }
    // In German too.
    let german = stage.get(&ask().set("ui_locales", "de").target()).await;
    let cookies: Vec<&str> = german.all("set-cookie").filter_map(|line| line.split(';').next()).collect();
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\nconnection: close\r\n\r\n",
        german.header("location").unwrap(),
        cookies.join("; ")
    );
    let german = stage.send(request.as_bytes()).await;
    for words in ["Logo von ", ">Datenschutz<", ">Nutzungsbedingungen<"] {
        assert!(german.body.contains(words), "{words} in {}", german.body);
    }
}

/// Other pages, and pages of other applications, know nothing of it.
#[tokio::test]
async fn sf_12_the_policy_of_other_pages_stays() {
    let stage = Stage::new().await;
    say(&stage, "c1", told("https://cdn.c1.test")).await;
    let mut browser = Browser::new();
    let other = first_page(&stage, &mut browser, &ask_as("c2", "https://c2.test/other")).await;
    assert!(policy(&other).contains("img-src 'self';") && !other.text.contains("cdn.c1.test"));
    let nothing = stage.get("/nothing").await;
    assert!(nothing.header("content-security-policy").unwrap().contains("img-src 'self';"));
    let error = stage.get(&ask().set("redirect_uri", "https://evil.test/").target()).await;
    assert!(!error.header("content-security-policy").unwrap().contains("cdn.c1.test"));
}

/// CVE-2021-26715: register, render, and see that nobody calls.
#[tokio::test]
async fn sf_12_the_server_never_loads_any_of_it() {
    let stage = Stage::new().await;
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    sink.set_nonblocking(true).unwrap();
    say(&stage, "c1", told(&format!("http://127.0.0.1:{}", sink.local_addr().unwrap().port()))).await;
    for page in pages(&stage).await {
        assert!(page.text.contains("class=\"logo\""), "{}", page.text);
    }
    stage.code(&mut Browser::new(), &ask(), ADA).await;
    let nobody = sink.accept().expect_err("nobody connects").kind();
    assert_eq!(nobody, std::io::ErrorKind::WouldBlock);
}
