//! What a change leaves of what people have granted before.

use serde_json::Value as Json;
use serde_json::json;

use super::object;
use super::register;
use super::with;
use crate::domain::registration::Remains;
use crate::protocol::registration::remains;
use crate::protocol::registration::sent_secret;

fn left(before: Json, after: Json) -> Remains {
    remains(&register(with(before)).unwrap(), &register(with(after)).unwrap())
}

#[test]
fn who_looks_or_lives_otherwise_asks_again() {
    let uris = |uris: &[&str]| json!({ "redirect_uris": uris });
    let (one, other) = ("https://c1.test/cb", "https://c2.test/cb");
    for (before, after) in [
        (json!({}), json!({"contacts": ["ops@c1.test"]})),
        (uris(&[one]), uris(&[one, "https://c1.test/other"])),
        (uris(&[one, other]), uris(&[one])),
    ] {
        assert_eq!(left(before.clone(), after.clone()), Remains::Everything, "{before} {after}");
    }
    for (before, after) in [
        (uris(&[one]), uris(&[one, other])),
        (uris(&[one]), uris(&[other])),
        (json!({}), json!({"client_name": "Shop"})),
        (json!({}), json!({"logo_uri": "https://c1.test/logo.png"})),
        (json!({"tos_uri": "https://c1.test/tos"}), json!({"tos_uri": "https://c1.test/other"})),
    ] {
        assert_eq!(left(before.clone(), after.clone()), Remains::Grants, "{before} {after}");
    }
}

/// OpenID Connect Core section 8.1: in another sector the same people have other names.
#[test]
fn another_sector_ends_everything() {
    let pairwise = |uri: &str| json!({"subject_type": "pairwise", "redirect_uris": [uri]});
    for (before, after) in [
        (json!({}), json!({"subject_type": "pairwise"})),
        (json!({"subject_type": "pairwise"}), json!({})),
        (pairwise("https://c1.test/cb"), pairwise("https://c2.test/cb")),
    ] {
        assert_eq!(left(before.clone(), after.clone()), Remains::Nothing, "{before} {after}");
    }
    assert_eq!(left(pairwise("https://c1.test/cb"), pairwise("https://c1.test/other")), Remains::Everything);
}

#[test]
fn rfc7592_2_2_a_secret_that_is_sent_is_a_text() {
    assert_eq!(sent_secret(&object(json!({}))), Ok(None));
    assert_eq!(sent_secret(&object(json!({"client_secret": "s"}))), Ok(Some("s")));
    for odd in [json!(null), json!(7), json!(["s"])] {
        assert!(sent_secret(&object(json!({ "client_secret": odd }))).is_err());
    }
}
