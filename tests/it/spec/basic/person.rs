//! Modules about what is told of a person.

use std::collections::BTreeSet;

use serde_json::Value;

use super::in_both_plans;
use super::relying_party::*;

in_both_plans!(
    oidcc_scope_profile,
    oidcc_scope_email,
    oidcc_scope_address,
    oidcc_scope_phone,
    oidcc_scope_all,
    oidcc_claims_essential,
);

const PROFILE: &str = "name given_name family_name middle_name nickname preferred_username profile picture website gender \
                       birthdate zoneinfo locale updated_at";
const EMAIL: &str = "email email_verified";
const ADDRESS: &str = "address";
const PHONE: &str = "phone_number phone_number_verified";

/// Every claim of the scope is at UserInfo (C-60: none is missing) in its type (C-36), and none is in the ID token.
async fn told(rp: &RelyingParty, scope: &str, claims: &[&str]) {
    let supported = rp.discovery["scopes_supported"].as_array().expect("a list");
    assert!(scope.split(' ').all(|value| supported.iter().any(|known| known == value)), "the suite would skip {scope}");
    let signed_in = rp.sign_in(&rp.ask(scope)).await;
    let expected: BTreeSet<&str> = claims.iter().flat_map(|names| names.split_ascii_whitespace()).collect();
    assert_eq!(names(&signed_in.userinfo), expected);
    for (name, value) in signed_in.userinfo.as_object().expect("an object") {
        assert!(rightly_typed(name, value), "{name}: {value}");
    }
    for name in expected {
        assert_eq!(signed_in.id_token.get(name), None, "{name} is for UserInfo");
    }
}

fn rightly_typed(name: &str, value: &Value) -> bool {
    match name {
        "email_verified" | "phone_number_verified" => value.is_boolean(),
        "updated_at" => value.is_i64(),
        "address" => ["formatted", "street_address", "locality", "region", "postal_code", "country"]
            .iter()
            .all(|part| value[part].as_str().is_some_and(|text| !text.is_empty())),
        "birthdate" => value.as_str().is_some_and(|text| matches!(text.len(), 4 | 10)),
        _ => value.as_str().is_some_and(|text| !text.is_empty() && text != "null"),
    }
}

async fn oidcc_scope_profile(rp: RelyingParty) {
    told(&rp, "openid profile", &[PROFILE]).await;
}

async fn oidcc_scope_email(rp: RelyingParty) {
    told(&rp, "openid email", &[EMAIL]).await;
}

async fn oidcc_scope_address(rp: RelyingParty) {
    told(&rp, "openid address", &[ADDRESS]).await;
}

async fn oidcc_scope_phone(rp: RelyingParty) {
    told(&rp, "openid phone", &[PHONE]).await;
}

async fn oidcc_scope_all(rp: RelyingParty) {
    told(&rp, ALL_SCOPES, &[PROFILE, EMAIL, ADDRESS, PHONE]).await;
}

async fn oidcc_claims_essential(rp: RelyingParty) {
    assert_eq!(rp.discovery["claims_parameter_supported"], true);
    let signed_in = rp.sign_in(&rp.ask("openid").set("claims", r#"{"userinfo":{"name":{"essential":true}}}"#)).await;
    assert_eq!(names(&signed_in.userinfo), BTreeSet::from(["name"]));
    assert_eq!(signed_in.id_token.get("name"), None);
}
