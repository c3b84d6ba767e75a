//! Every page in every language.

use std::collections::BTreeSet;

use super::Page;
use super::Pages;
use super::Templates;
use super::contexts::About;
use super::contexts::App;
use super::contexts::ConsentPage;
use super::contexts::ErrorKind;
use super::contexts::ErrorPage;
use super::contexts::Form;
use super::contexts::FormPostPage;
use super::contexts::LoginPage;
use super::contexts::Sample;
use super::contexts::ScopeLine;
use super::contexts::each_sample;
use super::i18n::Locale;
use super::i18n::Preference;
use super::is_template;
use super::link::Destination;
use super::link::Image;
use super::link::Link;
use crate::domain::ids::RequestId;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;

const EVIL: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{ 7*7 }}{% include 'x' %}";

fn pages() -> Pages {
    Pages::load(None, "Signet", "en").unwrap()
}

fn english(pages: &Pages) -> Locale {
    pages.locale(&Preference::default())
}

fn each_page(visit: &mut dyn FnMut(&str, &dyn Sample, &str)) {
    let pages = pages();
    each_sample(&mut |sample| {
        for locale in pages.locales() {
            let mut context = sample.context().unwrap();
            pages.complete(locale, &mut context);
            let tag = pages.catalog.tag(locale);
            let html = pages.engines[locale.index()].themed.render(sample.template(), &context);
            visit(tag, sample, &html.unwrap_or_else(|fault| panic!("{}", super::template_error(&fault))));
        }
        Ok(())
    })
    .unwrap();
}

/// Also leaves them in `target/pages/` to look at.
#[test]
fn every_page_renders_in_every_language() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/pages");
    std::fs::create_dir_all(folder).unwrap();
    let mut seen = BTreeSet::new();
    each_page(&mut |tag, sample, html| {
        assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{tag}\" dir=\"ltr\">")), "{html}");
        assert_eq!(html.matches("<h1").count(), 1, "{}", sample.template());
        assert!(seen.insert((tag.to_owned(), html.to_owned())), "two samples of {} look the same", sample.template());
        // Later samples of a template overwrite earlier ones; numbers keep them all.
        let count = seen.len();
        std::fs::write(format!("{folder}/{tag}-{count:03}-{}", sample.template()), html).unwrap();
    });
    let rendered: BTreeSet<_> = seen.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(rendered, BTreeSet::from(["de", "en"]));
}

#[test]
fn every_template_has_a_sample() {
    let mut sampled = BTreeSet::new();
    each_page(&mut |_, sample, _| {
        sampled.insert(sample.template().to_owned());
    });
    let shared = ["layout.html", "components.html"];
    let all: BTreeSet<_> = Templates::iter().map(String::from).filter(|name| is_template(name)).collect();
    let pages: BTreeSet<_> = all.into_iter().filter(|name| !shared.contains(&name.as_str())).collect();
    assert_eq!(sampled, pages);
}

#[test]
fn every_language_has_the_same_texts() {
    let keys = |tag: &str| {
        let folder = format!("{}/locales/{tag}", env!("CARGO_MANIFEST_DIR"));
        let mut keys = BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
                if let Some((key, _)) = line.split_once(" =").filter(|_| line.starts_with(char::is_alphabetic)) {
                    keys.insert(key.to_owned());
                }
            }
        }
        keys
    };
    for locale in pages().locales() {
        assert_eq!(keys(pages().catalog.tag(locale)), keys("en"));
    }
}

#[test]
fn ui_02_policies_allow_nothing_inline() {
    each_page(&mut |_, sample, html| {
        let policy = sample.policy();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        // One page is there to be framed by applications.
        let ancestors = if sample.template() == "check_session.html" { "*" } else { "'none'" };
        let rest = policy.strip_suffix(&format!("; frame-ancestors {ancestors}; base-uri 'none'")).expect(&policy);
        assert!(!rest.contains("unsafe") && !rest.contains('*'), "{policy}");
        assert!(!html.contains("<style") && !html.contains(" style="), "{html}");
        for word in html.split(" on").skip(1) {
            let rest = word.trim_start_matches(|c: char| c.is_ascii_lowercase());
            assert!(!rest.starts_with('='), "an event handler in an attribute: {html}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/") && policy.contains("script-src 'self'"), "{script}");
        }
        assert_eq!(html.contains("<form"), !policy.contains("form-action 'none'"), "{}", sample.template());
    });
}

#[test]
fn ui_12_templates_never_switch_escaping_off() {
    for name in Templates::iter().filter(|name| is_template(name)) {
        let text = String::from_utf8(Templates::get(&name).unwrap().data.into_owned()).unwrap();
        for line in text.lines().filter(|line| line.contains("safe")) {
            assert_eq!(line.trim(), "{{ body | safe }}", "{name}: only the body of a component is markup already");
        }
        assert!(!text.contains("autoescape"), "{name}");
    }
}

#[test]
fn ui_08_what_others_wrote_stays_text() {
    let pages = pages();
    let locale = english(&pages);
    let form = || Form { csrf: Secret::new(EVIL), request: RequestId::new("req_1").unwrap() };
    let evil = || About {
        logo: Image::parse("https://cdn.test/l?a=%22'b"),
        home: Link::parse("https://shop.test/?a=%22'b&c"),
        ..About::default()
    };
    let app = || App {
        name: EVIL.to_owned(),
        destination: Destination::parse("https://shop.test/cb?a=%22'b"),
        about: evil(),
        unverified: true,
    };
    let scopes = ScopeLine::list(&Scope::parse("<script>alert(1)</script> openid").unwrap());
    let login = LoginPage {
        form: form(),
        app: Some(app()),
        username: EVIL.to_owned(),
        error: None,
        notice: None,
        prefill_password: None,
    };
    let consent = ConsentPage { form: form(), app: app(), email: EVIL.to_owned(), scopes };
    let form_post = FormPostPage {
        app_name: EVIL.to_owned(),
        destination: Destination::parse("https://shop.test/cb?a=%22'b").unwrap(),
        fields: vec![("state".to_owned(), EVIL.to_owned()), (EVIL.to_owned(), "x".to_owned())],
    };
    for html in [pages.render(locale, &login), pages.render(locale, &consent), pages.render(locale, &form_post)] {
        assert!(!html.body.contains("<img src=x") && !html.body.contains("<script>"), "{}", html.body);
        assert!(html.body.contains("{{ 7*7 }}"), "{}", html.body);
        assert!(html.csp.contains("form-action 'self' https:;"), "{}", html.csp);
    }
}

#[test]
fn the_texts_that_others_rely_on() {
    let mut seen = BTreeSet::new();
    each_page(&mut |tag, sample, html| {
        if tag != "en" {
            return;
        }
        let wanted: &[&str] = match sample.template() {
            "login.html" => &[
                ">Sign in</h1>",
                "name=\"username\"",
                "autocomplete=\"username webauthn\"",
                "name=\"password\"",
                "autocomplete=\"current-password\"",
                "id=\"login-submit\"",
            ],
            "consent.html" => &["id=\"consent-allow\"", "id=\"consent-deny\"", "orders:read", "ada@example.test"],
            "error.html" => &["<h1 id=\"error-title\"", "req_"],
            "signed_out.html" => &["You are signed out"],
            "logout_confirm.html" => &["id=\"logout-confirm\""],
            _ => &[],
        };
        for text in wanted {
            assert!(html.contains(text), "{} has no {text}: {html}", sample.template());
        }
        seen.insert(sample.template().to_owned());
    });
    let pages = pages();
    let error =
        ErrorPage { kind: ErrorKind::Request, reference: "req_1".to_owned(), cause: None, back: None, details: None };
    let html = pages.render(english(&pages), &error);
    assert!(html.body.contains("Something is wrong with this request"));
    assert!(!html.body.contains("<details"), "details are for developers");
}

#[test]
fn a_theme_replaces_single_files_and_is_tried_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("signed_out.html", "{% extends \"layout.html\" %}{% block main %}<h1>Bye</h1>{% endblock main %}");
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    write("assets/theme.css", ":root { --accent: #a00 }");
    let pages = Pages::load(Some(folder.path()), "Example ID", "en").unwrap();
    let html = pages.render(english(&pages), &super::contexts::SignedOutPage { back: None, frames: Vec::new() });
    assert!(html.body.contains("<h1>Bye</h1>") && html.body.contains("Example ID"));
    assert!(html.body.contains("/assets/theme."));

    write("signed_out.html", "{{ no_such_thing }}");
    let fault = Pages::load(Some(folder.path()), "Example ID", "en").unwrap_err().to_string();
    assert!(fault.contains("no_such_thing") && fault.contains("signed_out.html"), "{fault}");

    std::fs::remove_file(folder.path().join("signed_out.html")).unwrap();
    write("logn.html", "x");
    assert!(Pages::load(Some(folder.path()), "Example ID", "en").is_err(), "a file that would never be used");
}

#[test]
fn assets_change_their_name_with_their_content() {
    let pages = pages();
    let mut urls = BTreeSet::new();
    each_page(&mut |_, _, html| {
        for part in html.split("\"/assets/").skip(1) {
            urls.insert(part.split('"').next().unwrap().to_owned());
        }
    });
    assert!(urls.len() >= 4, "{urls:?}");
    for url in &urls {
        assert!(pages.asset(url).unwrap().cache_control.contains("immutable"), "{url}");
    }
    let old = pages.asset("signet.00000000.css").unwrap();
    assert_eq!((old.content_type, old.cache_control), ("text/css; charset=utf-8", "no-cache"));
    for bad in ["", "signet.css", "../login.00000000.html", "login.00000000.html", "x.y.z", "signet.0.css.map"] {
        assert!(pages.asset(bad).is_none(), "{bad}");
    }
}

#[test]
fn a_page_is_small() {
    let pages = pages();
    let css = pages.asset("signet.0.css").unwrap().body.len();
    assert!(css <= 7 * 1024, "{css} bytes of CSS");
    let largest = std::cell::Cell::new(0);
    each_page(&mut |_, sample, html| {
        if sample.template() == LoginPage::TEMPLATE {
            largest.set(largest.get().max(html.len()));
        }
    });
    let script = pages.asset("login.0.js").unwrap().body.len();
    let total = css + script + largest.get();
    assert!(total < 14 * 1024, "{total} bytes for the login page, uncompressed");
}
