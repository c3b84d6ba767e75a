//! OpenID Connect Front-Channel Logout 1.0: the page. A real browser loads its frames in tests/browser.

use signet::domain::client::Client;

use super::BACK;
use super::end_session;
use super::is_signed_in;
use super::is_signed_out_page;
use super::party;
use super::sign_in;
use super::uri;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::opened;

fn frame(at: &'static str, session: bool) -> impl FnOnce(&mut Client) {
    move |client| {
        client.logout.frontchannel_logout_uri = Some(uri(at));
        client.logout.frontchannel_logout_session_required = session;
    }
}

#[test]
fn fc_03_lo_07_frames_of_the_sessions_clients_and_of_no_other() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let one = party(&app, "one", frame("https://one.example.test/fc?x=1", true)).await;
        let two = party(&app, "two", frame("https://two.example.test:8443/fc", false)).await;
        let never = party(&app, "never", frame("https://never.example.test/fc", true)).await;
        let plain = party(&app, "plain", |_| {}).await;
        let mut browser = Browser::new();
        let tokens = sign_in(&one, &mut browser).await;
        sign_in(&two, &mut browser).await;
        sign_in(&plain, &mut browser).await;
        sign_in(&never, &mut Browser::new()).await;

        let page = browser
            .open(&end_session(
                &app,
                &[("id_token_hint", tokens.id_token()), ("post_logout_redirect_uri", BACK), ("state", "s")],
            ))
            .await;
        is_signed_out_page(&page);
        let (_, claims) = opened(tokens.id_token());
        let issuer: String = url::form_urlencoded::byte_serialize(claims["iss"].as_str().unwrap().as_bytes()).collect();
        let first = format!(
            "src=\"https://one.example.test/fc?x=1&amp;iss={issuer}&amp;sid={}\"",
            claims["sid"].as_str().unwrap()
        );
        assert!(page.text.contains(&first), "{first} in {}", page.text);
        assert!(page.text.contains("src=\"https://two.example.test:8443/fc\""), "{}", page.text);
        assert_eq!(page.text.matches("<iframe").count(), 2, "{}", page.text);
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(
            policy.contains("; frame-src https://one.example.test https://two.example.test:8443; "),
            "exactly these: {policy}"
        );
        // Without a script there is a way on.
        assert!(page.text.contains(&format!("href=\"{BACK}?state=s\"")), "{}", page.text);
        assert!(!is_signed_in(&one, &mut browser).await);
    });
}

#[test]
fn lo_07_fifty_clients() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let mut browser = Browser::new();
        let mut hint = String::new();
        for number in 0..50 {
            let at = format!("https://c{number}.example.test/fc");
            let rp = party(&app, &format!("c{number}"), |client| {
                client.logout.frontchannel_logout_uri = Some(uri(&at));
            })
            .await;
            sign_in(&rp, &mut browser).await.id_token().clone_into(&mut hint);
        }
        let page = browser.open(&end_session(&app, &[("id_token_hint", &hint)])).await;
        is_signed_out_page(&page);
        assert_eq!(page.text.matches("<iframe").count(), 50);
    });
}

/// A stranger who knows a `sid`, from a log or a frame's address, can do nothing with it.
#[test]
fn lo_13_naming_a_session_ends_nothing() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", |_| {}).await;
        let mut browser = Browser::new();
        let tokens = sign_in(&rp, &mut browser).await;
        let (_, claims) = opened(tokens.id_token());
        let (iss, sid) = (claims["iss"].as_str().unwrap(), claims["sid"].as_str().unwrap());
        let mut stranger = Browser::new();
        for params in [[("iss", iss), ("sid", sid)], [("logout_hint", sid), ("client_id", "rp")]] {
            is_signed_out_page(&stranger.open(&end_session(&app, &params)).await);
        }
        // Nor can one who has got hold of the ID token itself: it is no cookie.
        stranger.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await;
        assert!(is_signed_in(&rp, &mut browser).await);
        assert_eq!(rp.userinfo(tokens.access()).await.status.as_u16(), 200);
    });
}
