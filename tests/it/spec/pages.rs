//! UI: what pages let others do with them.

use std::collections::BTreeMap;

use signet::domain::client::Client;
use signet::domain::user::StandardClaims;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::nouns;

on_both_databases!(ui_04_consent_is_not_forged_or_replayed, ui_05_a_flow_belongs_to_its_browser);

/// One of each page, as ada meets them.
async fn every_page(stage: &Stage, browser: &mut Browser) -> Vec<Page> {
    let asked = ask().set("prompt", "select_account consent");
    let login = first_page(stage, browser, &ask().set("prompt", "consent")).await;
    let denied = browser.press(&login, "login-submit", &[("username", ADA.0), ("password", "wrong")]).await;
    let consent = sign_in(browser, &login, ADA).await;
    let consent = browser.follow(consent, CB).await.expect("the consent page");
    let account = first_page(stage, browser, &asked).await;
    let mut pages = vec![login, denied, consent, account];
    let form_post = ask().set("response_mode", "form_post").set("scope", "nothing of mine").target();
    for target in ["/authorize", "/nothing", "/login", "/end_session", "/playground", "/callback?state=x", &form_post] {
        pages.push(browser.open(&stage.url(target)).await);
    }
    pages
}

fn header<'a>(page: &'a Page, name: &str) -> &'a str {
    page.headers.get(name).unwrap_or_else(|| panic!("no {name} on {}", page.url)).to_str().expect("ASCII")
}

#[tokio::test]
async fn ui_01_ui_02_no_frames_and_a_strict_policy() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    for page in every_page(&stage, &mut browser).await {
        let policy = header(&page, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{}", page.url);
        for loose in ["unsafe", "*", "data:", "http://evil"] {
            assert!(!policy.contains(loose), "{}: {policy}", page.url);
        }
        assert!(policy.contains("form-action ") && policy.contains("base-uri 'none'"), "{}: {policy}", page.url);
        assert_eq!(header(&page, "x-frame-options"), "DENY");
        assert_eq!(header(&page, "cache-control"), "no-store");
        // Nothing that the policy would have to allow.
        for inline in ["<style", " style=", " onclick=", " onload=", "<script>", "<iframe", "http-equiv"] {
            assert!(!page.text.contains(inline), "{inline} on {}", page.url);
        }
    }
}

#[tokio::test]
async fn ui_03_login_csrf() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let mut fields = page.form("login-submit").expect("a form").fields("login-submit");
    fields.extend([("username".to_owned(), BOB.0.to_owned()), ("password".to_owned(), BOB.1.to_owned())]);
    let login = stage.url("/login");
    let own = stage.issuer().to_owned();
    let mut refused: Vec<(&str, BTreeMap<String, String>)> = vec![("https://evil.test", fields.clone())];
    for token in ["", "x", &"A".repeat(43)] {
        let mut forged = fields.clone();
        forged.insert("csrf".to_owned(), token.to_owned());
        refused.push((&own, forged));
    }
    let mut without = fields.clone();
    without.remove("csrf");
    refused.push((&own, without));
    // The token of another attempt of the same browser.
    let other =
        first_page(&stage, &mut browser, &ask()).await.form("login-submit").expect("a form").fields("login-submit");
    let mut mixed = fields.clone();
    mixed.insert("csrf".to_owned(), other["csrf"].clone());
    refused.push((&own, mixed));
    for (origin, fields) in refused {
        let page = browser.submit(origin, &login, &fields).await;
        assert_eq!(page.status, 403, "{origin} {fields:?}");
        assert!(browser.cookie("signet_session").is_none(), "{origin} {fields:?}");
        assert!(page.form("login-submit").is_some(), "not a dead end");
    }
    // A browser that sends no cookie along (`SameSite`) gets nowhere either.
    let mut victim = Browser::new();
    let page = victim.submit("https://evil.test", &login, &fields).await;
    assert!(page.location().is_some_and(|next| next.path() == "/login") && victim.cookie("signet_session").is_none());
    let page = browser.submit(&own, &login, &fields).await;
    assert_eq!(page.status, 303, "the real form still works");
}

async fn ui_04_consent_is_not_forged_or_replayed(stage: Stage) {
    let mut browser = Browser::new();
    let asked = ask().set("prompt", "consent");
    let page = first_page(&stage, &mut browser, &asked).await;
    let page = sign_in(&mut browser, &page, ADA).await;
    let page = browser.follow(page, CB).await.expect("the consent page");
    let fields = page.form("consent-allow").expect("a form").fields("consent-allow");
    let other =
        first_page(&stage, &mut browser, &asked).await.form("consent-allow").expect("a form").fields("consent-allow");
    let (consent, own) = (stage.url("/consent"), stage.issuer().to_owned());
    let with = |name: &str, value: &str| {
        let mut fields = fields.clone();
        fields.insert(name.to_owned(), value.to_owned());
        fields
    };
    let forged =
        [("https://evil.test", fields.clone()), (&own, with("csrf", "")), (&own, with("csrf", &other["csrf"]))];
    for (origin, fields) in forged {
        let page = browser.submit(origin, &consent, &fields).await;
        assert_eq!(page.status, 403, "{origin}");
        assert!(page.form("consent-allow").is_some(), "the question again");
    }
    for decision in ["", "yes", "ALLOW"] {
        assert_eq!(browser.submit(&own, &consent, &with("decision", decision)).await.status, 400);
    }
    // Another browser, also one in which bob is signed in, with the form of ada.
    let mut bob = Browser::new();
    stage.code(&mut bob, &ask(), BOB).await;
    let page = bob.submit(&own, &consent, &fields).await;
    let page = bob.follow(page, CB).await.expect("a page: bob is asked himself");
    assert!(page.form("consent-allow").is_some() && page.text.contains(BOB.0), "{}", page.text);
    // Once, and once only.
    let first = browser.submit(&own, &consent, &fields).await;
    assert!(browser.follow(first, CB).await.is_err(), "back at c1");
    let again = browser.submit(&own, &consent, &fields).await;
    let again = browser.follow(again, CB).await.expect("no second code");
    assert!(again.form("consent-allow").is_some(), "the question again");
}

async fn ui_05_a_flow_belongs_to_its_browser(stage: Stage) {
    let mut attacker = Browser::new();
    let page = first_page(&stage, &mut attacker, &ask()).await;
    let link = page.url.clone();
    let mut victim = Browser::new();
    let theirs = victim.open(&link).await;
    let theirs = victim.follow(theirs, CB).await.expect("a login page");
    assert_ne!(theirs.url, link, "an attempt of the victim's own");
    let theirs = sign_in(&mut victim, &theirs, ADA).await;
    let theirs = victim.follow(theirs, CB).await.expect("the consent page");
    victim.press(&theirs, "consent-allow", &[]).await;
    // In the attacker's browser nothing has happened.
    for path in [link.clone(), stage.url(&format!("/authorize/{}", &link.query().unwrap()["request=".len()..]))] {
        let page = attacker.open(&path).await;
        let page = attacker.follow(page, CB).await.expect("no code for the attacker");
        assert!(page.form("login-submit").is_some());
    }
}

#[tokio::test]
async fn ui_06_links_of_strangers_change_nothing() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), ADA).await;
    let session = browser.cookie("signet_session");
    for target in
        ["/end_session", "/end_session?decision=yes", "/end_session?post_logout_redirect_uri=https://evil.test"]
    {
        browser.open(&stage.url(target)).await;
    }
    let mut out = BTreeMap::from([("decision".to_owned(), "sign-out".to_owned())]);
    // Without a token of ours it is an application's request: once more by GET, and then the person is asked.
    let round = browser.submit("https://evil.test", &stage.url("/end_session"), &out).await;
    let asked = browser.open(&round.location().expect("by GET")).await;
    assert!(asked.form("logout-confirm").is_some(), "{}", asked.text);
    out.insert("csrf".to_owned(), "x".to_owned());
    assert_eq!(browser.submit("https://evil.test", &stage.url("/end_session"), &out).await.status, 403);
    assert_eq!(browser.cookie("signet_session"), session);
    stage.code(&mut browser, &ask(), ("nobody", "is asked")).await;
}

#[tokio::test]
async fn ui_07_no_step_is_skipped() {
    let stage = Stage::new().await;
    let own = stage.issuer().to_owned();
    for (path, name, values) in [
        ("/consent", "decision", ["allow", "deny", "switch", "skip", ""]),
        ("/select_account", "choice", ["continue", "other", "skip", "x", ""]),
    ] {
        for value in values {
            let mut browser = Browser::new();
            let login = first_page(&stage, &mut browser, &ask().set("prompt", "consent select_account")).await;
            let mut fields = login.form("login-submit").expect("a form").fields("login-submit");
            fields.insert(name.to_owned(), value.to_owned());
            // With the token of the login page: nobody is signed in, so there is nothing to answer.
            let page = browser.submit(&own, &stage.url(path), &fields).await;
            let page = browser.follow(page, CB).await.expect("not to the client");
            assert!(page.form("login-submit").is_some() || page.status == 400, "{path} {value}: {}", page.status);
            assert!(browser.cookie("signet_session").is_none());
        }
        let mut browser = Browser::new();
        assert_eq!(browser.submit(&own, &stage.url(path), &BTreeMap::new()).await.status, 400, "{path}");
    }
    // A name without a password, and the other way round.
    let mut browser = Browser::new();
    let login = first_page(&stage, &mut browser, &ask()).await;
    for filled in [[("username", ADA.0), ("password", "")], [("username", ""), ("password", ADA.1)]] {
        assert_eq!(browser.press(&login, "login-submit", &filled).await.status, 401);
    }
}

const PAYLOADS: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "javascript:alert(1)//",
    "</title><script>alert(1)</script>",
    "{{ 7*7 }}{% include \"/etc/passwd\" %}",
];

fn is_inert(text: &str, place: &str) {
    for alive in ["<script>", "<img src=x", "<svg/", "href=\"javascript:", "action=\"javascript:", "49", "root:x:"] {
        assert!(!text.contains(alive), "{alive} is alive at {place}: {text}");
    }
}

#[tokio::test]
async fn ui_08_ui_11_nothing_that_is_sent_becomes_markup() {
    let stage = Stage::new().await;
    for payload in PAYLOADS {
        let sent = escape(payload);
        for name in
            ["client_id", "redirect_uri", "state", "scope", "login_hint", "ui_locales", "nonce", "error_description"]
        {
            let mut browser = Browser::new();
            let page = browser.open(&stage.url(&ask().set(name, payload).target())).await;
            if let Ok(page) = browser.follow(page, CB).await {
                let csrf = page.form("login-submit").map(|form| form.fields("login-submit"));
                let text = csrf.map_or(page.text.clone(), |fields| {
                    page.text.replace(&fields["csrf"], "").replace(&fields["request"], "")
                });
                let reference = header(&page, "x-request-id").to_owned();
                is_inert(&text.replace(&reference, ""), name);
            }
        }
        for target in [
            format!("/login?request={sent}"),
            format!("/consent?request={sent}&error={sent}"),
            format!("/callback?error={sent}&error_description={sent}&error_hint={sent}&state={sent}&iss={sent}"),
            format!("/{sent}"),
            format!("/authorize/{sent}"),
            format!("/end_session?id_token_hint={sent}&state={sent}"),
        ] {
            let answer = stage.get(&target).await;
            let reference = answer.header("x-request-id").expect("one").to_owned();
            is_inert(&answer.body.replace(&reference, ""), &target);
        }
    }
}

#[tokio::test]
async fn ui_09_ui_11_names_are_text() {
    let stage = Stage::new().await;
    for (n, payload) in PAYLOADS.iter().enumerate() {
        let id = format!("named-{n}");
        let client = Client { name: (*payload).to_owned(), ..nouns::client(&id) };
        stage.app.signet.store.create_client(client).await.unwrap();
        let mut user = stage
            .app
            .signet
            .store
            .user_by_email(signet::domain::user::Email::parse(ADA.0).unwrap())
            .await
            .unwrap()
            .unwrap();
        user.claims = StandardClaims { name: Some((*payload).to_owned()), ..user.claims };
        stage.app.signet.store.update_user(user).await.unwrap();
        let mut browser = Browser::new();
        let asked = ask_as(&id, CB).set("prompt", "consent select_account");
        let login = first_page(&stage, &mut browser, &asked).await;
        let consent = sign_in(&mut browser, &login, ADA).await;
        let consent = browser.follow(consent, CB).await.expect("the consent page");
        let account = first_page(&stage, &mut browser, &asked).await;
        for page in [login, consent, account] {
            let text = page.text.replace("49", "");
            is_inert(&text, page.url.path());
            assert!(!page.text.contains(">49<"));
        }
    }
}

#[tokio::test]
async fn ui_17_consent_says_who_asks_for_what() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let asked = ask().set("scope", "openid email offline_access unknown:thing").set("prompt", "consent");
    let page = first_page(&stage, &mut browser, &asked).await;
    assert!(page.text.contains("c1.test"), "the login page tells where the way leads");
    let page = sign_in(&mut browser, &page, ADA).await;
    let page = browser.follow(page, CB).await.expect("the consent page");
    assert!(page.text.contains("c1.test") && page.text.contains(ADA.0), "{}", page.text);
    assert!(!page.text.contains("unknown:thing"), "what the client may not have is not asked for");
    let page = browser.press(&page, "consent-allow", &[]).await;
    let said = stage.response(&browser.follow(page, CB).await.expect_err("back at c1"));
    assert_eq!(stage.claims(&said["code"]).await["scope"], "email offline_access openid");
}

#[tokio::test]
async fn ui_18_pages_help_password_managers() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let inputs = page.form("login-submit").expect("a form").inputs;
    let said = |name: &str| {
        let input = inputs.iter().find(|input| input.get("name").is_some_and(|known| known == name)).expect("an input");
        input["autocomplete"].clone()
    };
    assert_eq!((said("username").as_str(), said("password").as_str()), ("username webauthn", "current-password"));
    assert!(!page.text.contains("onpaste") && !page.text.contains("autocomplete=\"off\""));
}
