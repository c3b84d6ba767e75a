//! OpenID Connect Session Management 1.0: what the server has to do with it. The frame itself runs in tests/browser.

use std::collections::BTreeSet;

use signet::protocol::session_state;
use url::Url;

use super::end_session;
use super::party;
use super::sign_in;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::REDIRECT_URI;

fn of(arrived: &Url) -> String {
    arrived.query_pairs().find(|(name, _)| name == "session_state").expect("session_state").1.into_owned()
}

#[test]
fn sm_02_sm_04_session_state_fits_the_browsers_state() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", |_| {}).await;
        let mut browser = Browser::new();
        let arrived = browser.authorize(&rp.authorization_url("openid"), REDIRECT_URI, ADA).await;
        let expected = |browser: &Browser, given: &str| {
            let state = browser.cookie("signet_state").expect("the browser's state");
            let salt = given.split_once('.').expect("a salt").1;
            session_state::session_state("rp", REDIRECT_URI, &state, salt).unwrap()
        };
        let given = of(&arrived);
        assert_eq!(given, expected(&browser, &given));
        // Another salt each time, the same state as long as nobody signs in or out.
        let again = of(&browser.open(&rp.authorization_url("openid")).await.location().unwrap());
        assert_ne!(given, again);
        assert_eq!(again, expected(&browser, &again));
        // Read by scripts, so it is not the session.
        let cookie = browser.cookies().find(|(name, _)| *name == "signet_state").unwrap().1.clone();
        assert!(!cookie.http_only && cookie.value != browser.cookie("signet_session").unwrap());

        let tokens = sign_in(&rp, &mut browser).await;
        browser.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await;
        assert_ne!(given, expected(&browser, &given), "changed");
        // An answer that signs nobody in says nothing of sessions, nor does one without openid.
        let mut url = rp.authorization_url("openid");
        url.query_pairs_mut().append_pair("prompt", "none");
        let refused = browser.open(&url).await.location().unwrap();
        assert!(!refused.query().unwrap().contains("session_state"), "{refused}");
    });
}

/// A value that is known beforehand would let every site ask whether somebody is signed in here: it can make the session
/// state of its own origin, and the frame says whether that fits.
#[test]
fn sm_04_nobody_can_know_the_state_of_a_browser_that_is_signed_out() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", |_| {}).await;
        let mut seen = BTreeSet::new();
        for browser in [&mut Browser::new(), &mut Browser::new()] {
            for _ in 0..2 {
                let tokens = sign_in(&rp, browser).await;
                let signed_in = browser.cookie("signet_state").expect("the browser's state");
                browser.open(&end_session(&app, &[("id_token_hint", tokens.id_token())])).await;
                let signed_out = browser.cookie("signet_state").expect("the browser's state");
                assert_eq!(signed_in.len(), signed_out.len(), "nor does its form say which it is");
                seen.extend([signed_in, signed_out]);
            }
            // Nobody is signed in, and asks again.
            browser.open(&end_session(&app, &[])).await;
            seen.extend(browser.cookie("signet_state"));
        }
        assert_eq!(seen.len(), 10, "{seen:?}");
    });
}

#[test]
fn sm_01_sm_03_se_14_a_frame_that_anybody_may_show_and_that_asks_nobody() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let rp = party(&app, "rp", |_| {}).await;
        let page = rp.get("/check_session").await;
        assert_eq!(page.status.as_u16(), 200);
        assert_eq!(page.header("x-frame-options"), "");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors *") && policy.contains("script-src 'self'"), "{policy}");
        // SE-14: no message can make it call this server, or any other.
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("connect-src"), "{policy}");
        assert!(page.text.contains("data-cookie=\"signet_state\""), "{}", page.text);
        let at = page.text.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
        let script = rp.get(at).await;
        assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    });
}
