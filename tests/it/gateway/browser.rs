//! A person with a browser: sent to sign in, back at the page, signed out, sent to sign in again.

use crate::gateway::Gateway;
use crate::gateway::echo::values;
use crate::gateway::through_both;
use crate::support::browser::ADA;
use crate::support::browser::Browser;

async fn a_whole_visit(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let page_url = gateway.proxy.base.join("/page?x=1&y=%20z").expect("a URL");
    let mut browser = Browser::new();
    let sent = browser.open(&page_url).await;
    assert_eq!(sent.status.as_u16(), 302, "{}", sent.text);
    let way = sent.location().expect("a way to sign in");
    assert_eq!(way.origin(), gateway.app.base.origin());
    assert!(gateway.echo.seen().is_empty());

    // The page says where they are going, and lets the form lead there.
    let login = browser.follow(sent, "nowhere:").await.expect("the sign-in page");
    let host = format!("localhost:{}", page_url.port().expect("a port"));
    assert!(login.text.contains(&host), "{}", login.text);
    let policy = login.headers["content-security-policy"].to_str().expect("ASCII");
    assert!(policy.contains(&format!("form-action 'self' https: http://{host}")), "{policy}");

    let arrived = browser.authorize(&way, page_url.as_str(), ADA).await;
    assert_eq!(arrived, page_url);
    let page = browser.open(&arrived).await;
    assert_eq!(page.status.as_u16(), 200);
    assert_eq!(values(&page.text, "x-user-id"), [ada.id.as_str()], "{}", page.text);
    assert_eq!(values(&page.text, "x-user-roles"), ["admin"]);
    assert!(page.text.starts_with("GET /page?x=1&y=%20z HTTP/1.1"), "{}", page.text);
    assert!(!page.text.contains("signet_session"), "{}", page.text);

    let asked = browser.open(&gateway.app.url("/end_session")).await;
    browser.press(&asked, "logout-confirm", &[]).await;
    // This node knows at once, another one within a second.
    let before = gateway.echo.seen().len();
    let again = browser.open(&page_url).await;
    assert_eq!((again.status.as_u16(), again.location()), (302, Some(way)));
    assert_eq!(gateway.echo.seen().len(), before);
}

through_both!(a_whole_visit);
