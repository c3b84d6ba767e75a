//! OpenID Connect RP-Initiated Logout 1.0, by the names of the certification suite's modules and of our attack list.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use signet::domain::ids::ClientId;
use signet::domain::ids::KeyId;

use super::BACK;
use super::BOB;
use super::end_session;
use super::is_error_page;
use super::is_signed_in;
use super::is_signed_out_page;
use super::party;
use super::sign_in;
use super::sign_in_as;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Party;
use crate::support::party::Tokens;
use crate::support::party::opened;

/// Letters, digits and every punctuation of VSCHAR: what the suite sends.
const STATE: &str = "abcXYZ0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP";

struct Stage {
    app: App,
    rp: Party,
    browser: Browser,
    tokens: Tokens,
}

impl Stage {
    async fn new() -> Self {
        let app = App::start(Kind::Sqlite).await.expect("a provider");
        let rp = party(&app, "rp", |_| {}).await;
        let mut browser = Browser::new();
        let tokens = sign_in(&rp, &mut browser).await;
        Self { app, rp, browser, tokens }
    }

    fn hint(&self) -> String {
        self.tokens.id_token().to_owned()
    }

    async fn open(&mut self, params: &[(&str, &str)]) -> crate::support::browser::Page {
        self.browser.open(&end_session(&self.app, params)).await
    }

    async fn still_signed_in(&mut self) -> bool {
        is_signed_in(&self.rp, &mut self.browser).await
    }
}

#[test]
fn oidcc_rp_initiated_logout() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        let answer =
            stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BACK), ("state", STATE)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let back = answer.location().expect("back to the application");
        assert!(back.as_str().starts_with(&format!("{BACK}?state=")), "{back}");
        let sent: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        assert_eq!(sent, [("state".to_owned(), STATE.to_owned())], "state and nothing else");
        assert!(!stage.still_signed_in().await);
    });
}

#[test]
fn oidcc_rp_initiated_logout_no_state() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        let answer = stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BACK)]).await;
        assert_eq!(answer.location().expect("back to the application").as_str(), BACK);
        assert!(!stage.still_signed_in().await);
    });
}

#[test]
fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        party(&stage.app, "other", |client| client.post_logout_redirect_uris = vec![super::uri("https://o.test/out")])
            .await;
        for bad in
            ["https://rp.example.test/other", "https://o.test/out", "javascript:alert(1)", "http://rp.example.test/out"]
        {
            let page = stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", bad)]).await;
            is_error_page(&page);
        }
        assert!(stage.still_signed_in().await, "nothing of a wrong request is done");
    });
}

#[test]
fn l_03_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    block_on(async {
        let mut stage = Stage::new().await;
        let (hint, added) = (stage.hint(), format!("{BACK}?foo=bar"));
        is_error_page(&stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", &added)]).await);
    });
}

#[test]
fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        let payload = hint.split('.').nth(1).expect("a payload");
        let none = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        let (start, signature) = hint.rsplit_once('.').expect("a signature");
        let broken = format!("{start}.A{}", &signature[1..]);
        for bad in [none, broken, format!("{hint}.x"), "x".to_owned(), "e30.W10.AA".to_owned()] {
            is_error_page(&stage.open(&[("id_token_hint", &bad), ("post_logout_redirect_uri", BACK)]).await);
        }
        // An access token of ours is no ID token.
        let access = stage.tokens.access().to_owned();
        is_error_page(&stage.open(&[("id_token_hint", &access)]).await);
        assert!(stage.still_signed_in().await);
    });
}

#[test]
fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    block_on(async {
        let mut stage = Stage::new().await;
        // Another provider's token, of the same form and even of the same key name.
        let other = Stage::new().await;
        let foreign = other.hint();
        is_error_page(&stage.open(&[("id_token_hint", &foreign), ("post_logout_redirect_uri", BACK)]).await);
        assert!(stage.still_signed_in().await);
    });
}

#[test]
fn oidcc_rp_initiated_logout_no_id_token_hint() {
    block_on(async {
        let mut stage = Stage::new().await;
        let asked = stage.open(&[("post_logout_redirect_uri", BACK), ("state", STATE)]).await;
        assert_eq!(asked.status, StatusCode::OK);
        let done = stage.browser.press(&asked, "logout-confirm", &[]).await;
        is_signed_out_page(&done);
        assert!(!done.text.contains("rp.example.test"), "nobody has said whose address it is");
        assert!(!stage.still_signed_in().await);
    });
}

#[test]
fn oidcc_rp_initiated_logout_no_params_only_state_no_post_logout_redirect_uri() {
    block_on(async {
        for with in ["", "state", "hint"] {
            let mut stage = Stage::new().await;
            let hint = stage.hint();
            let mut page = match with {
                "state" => stage.open(&[("state", STATE)]).await,
                "hint" => stage.open(&[("id_token_hint", &hint)]).await,
                _ => stage.open(&[]).await,
            };
            if with != "hint" {
                assert!(page.form("logout-confirm").is_some(), "{with}: asked first");
                page = stage.browser.press(&page, "logout-confirm", &[]).await;
            }
            is_signed_out_page(&page);
            assert!(!stage.still_signed_in().await);
        }
    });
}

#[test]
fn l_01_lo_01_only_a_hint_of_this_very_session_signs_out_unasked() {
    block_on(async {
        let mut stage = Stage::new().await;
        let own = stage.hint();
        // Ada in another browser, and bob: both hints are genuine, neither is of this session.
        let elsewhere = sign_in(&stage.rp, &mut Browser::new()).await;
        let bob = sign_in_as(&stage.rp, &mut Browser::new(), BOB, "openid").await;
        for hint in [elsewhere.id_token(), bob.id_token()] {
            let asked =
                stage.open(&[("id_token_hint", hint), ("post_logout_redirect_uri", BACK), ("state", "s")]).await;
            assert!(asked.form("logout-confirm").is_some(), "{}", asked.text);
            assert!(asked.text.contains("ada@example.test"), "says who would be signed out");
            assert!(stage.still_signed_in().await);
            // Staying changes nothing.
            let stayed = stage.browser.press(&asked, "logout-stay", &[]).await;
            assert_eq!(stayed.location().map(|url| url.path().to_owned()), Some("/".to_owned()));
        }
        // client_id alone proves nothing either; after the question it leads back.
        let named = [("client_id", "rp"), ("post_logout_redirect_uri", BACK), ("state", "s")];
        let asked = stage.open(&named).await;
        let forged = stage.browser.press(&asked, "logout-confirm", &[("csrf", "invented")]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        assert!(stage.still_signed_in().await);
        let back = stage.browser.press(&asked, "logout-confirm", &[]).await.location().expect("back");
        assert_eq!(back.as_str(), format!("{BACK}?state=s"));
        assert!(!stage.still_signed_in().await);
        // The hint of a session that is gone needs no question, and still leads back.
        let back = stage.open(&[("id_token_hint", &own), ("post_logout_redirect_uri", BACK)]).await;
        assert_eq!(back.location().expect("back").as_str(), BACK);
    });
}

#[test]
fn lo_03_hint_and_client_id_that_differ_and_unknown_clients() {
    block_on(async {
        let mut stage = Stage::new().await;
        party(&stage.app, "other", |_| {}).await;
        let hint = stage.hint();
        is_error_page(&stage.open(&[("id_token_hint", &hint), ("client_id", "other")]).await);
        is_error_page(&stage.open(&[("client_id", "nobody"), ("post_logout_redirect_uri", BACK)]).await);
        is_error_page(&stage.open(&[("client_id", "rp"), ("client_id", "rp")]).await);
        is_error_page(&stage.open(&[("id_token_hint", &hint), ("state", "a\r\nb")]).await);
        assert!(stage.still_signed_in().await);
        // A client that is gone is nobody's to ask for.
        stage.app.signet.store.delete_client(ClientId::new("rp").unwrap(), stage.app.signet.now()).await.unwrap();
        stage.app.signet.clients.forget();
        is_error_page(&stage.open(&[("id_token_hint", &hint)]).await);
    });
}

#[test]
fn l_02_lo_04_an_expired_hint_and_a_retired_key_but_not_a_revoked_one() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        let (header, _) = opened(&hint);
        let kid = KeyId::new(header["kid"].as_str().unwrap()).unwrap();
        // Beyond the token's hour, and far beyond the life of its key.
        stage.app.wait(2 * 3600);
        assert!(stage.still_signed_in().await, "the session outlives its ID tokens");
        let answer = stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BACK)]).await;
        assert_eq!(answer.location().expect("an expired hint is a hint").as_str(), BACK);
        for _ in 0..300 {
            stage.app.wait(24 * 3600);
            stage.app.signet.tend_keys().await.unwrap();
            let keys = stage.app.signet.store.signing_keys().await.unwrap();
            if keys.iter().any(|key| key.kid == kid && key.state == signet::domain::key::KeyState::Expired) {
                break;
            }
        }
        let jwks = stage.rp.get("/.well-known/jwks.json").await.text;
        assert!(!jwks.contains(kid.as_str()), "the key has left the JWKS");
        let answer = stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BACK)]).await;
        assert_eq!(answer.location().expect("a retired key is ours").as_str(), BACK);

        // A revoked key may be in other hands: what it has signed says nothing.
        let tokens = sign_in(&stage.rp, &mut stage.browser).await;
        let (header, _) = opened(tokens.id_token());
        let kid = KeyId::new(header["kid"].as_str().unwrap()).unwrap();
        let plan = stage.app.signet.plan_revocation(&kid, "stolen", false).await.unwrap();
        stage.app.signet.revoke_key(plan).await.unwrap();
        is_error_page(&stage.open(&[("id_token_hint", tokens.id_token())]).await);
        assert!(stage.still_signed_in().await);
    });
}

#[test]
fn lo_05_state_is_encoded() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        let odd = "\"><script>alert(1)</script>&x=1#\u{e9}";
        let named = [("client_id", "rp"), ("post_logout_redirect_uri", BACK), ("state", odd)];
        let asked = stage.open(&named).await;
        assert!(!asked.text.contains("<script>alert"), "{}", asked.text);
        let answer = stage.open(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BACK), ("state", odd)]).await;
        let location = answer.headers.get("location").unwrap().to_str().unwrap();
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        assert_eq!(answer.location().unwrap().query_pairs().next().unwrap().1, odd);
    });
}

#[test]
fn lo_06_local_logout_really_ends() {
    block_on(async {
        let mut stage = Stage::new().await;
        let hint = stage.hint();
        let session = stage.browser.cookie("signet_session").expect("a session");
        let answer = stage.open(&[("id_token_hint", &hint)]).await;
        is_signed_out_page(&answer);
        let cleared: Vec<&str> =
            answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(cleared.contains(&"signet_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"), "{cleared:?}");
        // Whoever has kept the cookie has nothing.
        stage.browser.plant("signet_session", &session);
        assert!(!stage.still_signed_in().await);
        is_signed_out_page(&stage.open(&[]).await);
        // Without cookies there is nobody to sign out, and nobody is asked.
        stage.browser.forget_cookies();
        is_signed_out_page(&stage.open(&[("id_token_hint", &hint)]).await);
    });
}

#[test]
fn l_04_by_post_too_also_from_another_site() {
    block_on(async {
        let mut stage = Stage::new().await;
        let fields: BTreeMap<String, String> = [
            ("id_token_hint", stage.hint()),
            ("post_logout_redirect_uri", BACK.to_owned()),
            ("state", STATE.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        // Cookies with SameSite=Lax do not come with a form of another site; the GET that follows has them.
        let url = stage.app.url("/end_session");
        let round = stage.browser.submit("https://rp.example.test", &url, &fields).await;
        let next = round.location().expect("once more by GET");
        assert_eq!(next.path(), "/end_session");
        let answer = stage.browser.open(&next).await;
        assert_eq!(answer.location().expect("back").query_pairs().next().unwrap().1, STATE);
        assert!(!stage.still_signed_in().await);
    });
}
