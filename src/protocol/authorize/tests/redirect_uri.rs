//! Where no answer goes.

use super::ask;
use super::ask_as;
use super::page;
use super::query;
use crate::domain::client::Client;
use crate::protocol::authorize::client_id;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::public;
use crate::protocol::params::AUTHORIZE;
use crate::protocol::params::Params;

#[test]
fn ru_02_to_ru_10_only_the_registered_bytes() {
    for uri in [
        "https://c1.test.evil.test/cb",
        "https://c1.test@evil.test/cb",
        "https://c1.test:x@evil.test/cb",
        "https://c1.test%5C@evil.test/cb",
        "https:/c1.test/cb",
        "//c1.test/cb",
        "https://c1.test/x/../cb",
        "https://c1.test/cb;a=b",
        "https://C1.test/cb",
        "https://c1.test:443/cb",
        "+https://c1.test/cb",
        "https://c1.test/cb%20",
        "https://c1.test/cb?",
        "https://c1.test/cb?x=1",
        "https://c1.test/cb%23",
        "https://c1.test/cb%23x",
        "https://c1xtest/cb",
    ] {
        page(ask(&[("redirect_uri", uri)]));
    }
}

#[test]
fn ru_12_no_first_use_trust() {
    let client = Client { redirect_uris: Vec::new(), ..confidential() };
    page(ask_as(Some(&client), &query(&[])));
}

#[test]
fn ru_20_unknown_client_looks_like_a_bad_uri() {
    let disabled = Client { disabled: true, ..confidential() };
    let bad_uri = page(ask(&[("redirect_uri", "https://evil.test")]));
    assert_eq!(page(ask_as(None, &query(&[]))), bad_uri);
    assert_eq!(page(ask_as(Some(&disabled), &query(&[]))), bad_uri);
    assert_eq!(page(ask_as(Some(&public()), &query(&[]))), bad_uri);
    for id in ["-", "c1%00", "%ff", "c%20", "C1"] {
        assert_eq!(page(ask(&[("client_id", id)])), bad_uri, "{id}");
    }
    let twice = Params::parse(&[b"client_id=c1&client_id=c1"], AUTHORIZE).unwrap();
    assert!(client_id(&twice).is_err());
}

#[test]
fn ru_21_no_error_goes_to_a_bad_uri() {
    for change in [
        ("response_type", "-"),
        ("response_type", "token"),
        ("scope", "%22"),
        ("prompt", "none+login"),
        ("max_age", "x"),
        ("code_challenge", "-"),
        ("request", "x"),
        ("response_mode", "form_post.jwt"),
        ("state", "%00"),
    ] {
        page(ask(&[change, ("redirect_uri", "https://evil.test")]));
    }
}

#[test]
fn ru_22_ru_23_uri_missing_or_twice() {
    page(ask(&[("redirect_uri", "-")]));
    page(ask(&[("redirect_uri", "")]));
    let good = query(&[]);
    for other in ["https://evil.test", "https://c1.test/cb"] {
        page(ask_as(Some(&confidential()), &format!("{good}&redirect_uri={other}")));
        page(ask_as(Some(&confidential()), &format!("redirect_uri={other}&{good}")));
    }
}
