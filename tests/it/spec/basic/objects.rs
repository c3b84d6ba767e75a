//! Modules about request objects without a signature, which we never take. The signed ones are in `request_object`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::in_both_plans;
use super::relying_party::*;
use crate::spec::stage::Ask;
use crate::support::browser::Browser;

in_both_plans!(
    oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported,
    oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported,
    oidcc_ensure_request_object_with_redirect_uri,
);

/// The parameters of `ask` in an object that nobody has signed.
fn unsigned(rp: &RelyingParty, ask: &Ask) -> String {
    let mut claims = json!({ "iss": rp.first.id, "aud": rp.issuer() });
    for (name, value) in url::form_urlencoded::parse(ask.query().as_bytes()) {
        claims[name.as_ref()] = json!(value);
    }
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", encode(json!({"alg": "none"}).to_string()), encode(claims.to_string()))
}

/// The suite skips these modules because of this.
fn signatures_are_demanded(rp: &RelyingParty) {
    let offered = rp.discovery["request_object_signing_alg_values_supported"].as_array().expect("a list");
    assert!(!offered.iter().any(|alg| alg == "none") && offered.iter().any(|alg| alg == "RS256"), "{offered:?}");
}

/// DY-04: the query as the suite sends it beside an object.
fn beside(ask: Ask) -> Ask {
    ask.without("state").without("nonce")
}

async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(rp: RelyingParty) {
    signatures_are_demanded(&rp);
    let ask = beside(rp.ask("openid")).set("request_uri", "https://rp.test/requesturi/x#y");
    let arrival = rp.arrive(&mut Browser::new(), &ask).await;
    assert_eq!(arrival.error(), "request_uri_not_supported");
}

async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(rp: RelyingParty) {
    signatures_are_demanded(&rp);
    let object = unsigned(&rp, &rp.ask("openid"));
    let arrival = rp.arrive(&mut Browser::new(), &beside(rp.ask("openid")).set("request", &object)).await;
    assert_eq!(arrival.error(), "request_not_supported");
}

async fn oidcc_ensure_request_object_with_redirect_uri(rp: RelyingParty) {
    signatures_are_demanded(&rp);
    let object = unsigned(&rp, &rp.ask("openid"));
    let wrong = format!("{CALLBACK}_invalid");
    let ask = beside(rp.ask("openid")).set("redirect_uri", &wrong).set("request", &object);
    is_error_page(&Browser::new().open(&rp.url(&ask)).await);
}
