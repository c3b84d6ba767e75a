//! Modules in which something must not work.

use super::in_both_plans;
use super::relying_party::*;
use crate::support::browser::Browser;

in_both_plans!(
    oidcc_response_type_missing,
    oidcc_codereuse,
    oidcc_codereuse_30seconds,
    oidcc_ensure_registered_redirect_uri,
);

async fn oidcc_response_type_missing(rp: RelyingParty) {
    let arrival = rp.arrive(&mut Browser::new(), &rp.ask("openid").without("response_type")).await;
    assert_eq!(arrival.error(), "invalid_request");
    assert_eq!(arrival.said.get("state").map(String::as_str), Some(STATE));
}

async fn oidcc_codereuse(rp: RelyingParty) {
    let signed_in = rp.sign_in(&rp.ask("openid")).await;
    rp.first.token(redemption(signed_in.arrival.code())).await.refused("invalid_grant");
}

async fn oidcc_codereuse_30seconds(rp: RelyingParty) {
    let signed_in = rp.sign_in(&rp.ask("openid")).await;
    rp.app.wait(30);
    rp.first.token(redemption(signed_in.arrival.code())).await.refused("invalid_grant");
    rp.first.userinfo(signed_in.tokens.access()).await.unauthorized();
}

async fn oidcc_ensure_registered_redirect_uri(rp: RelyingParty) {
    let ask = rp.ask("openid").set("redirect_uri", &format!("{CALLBACK}/7Hq1xW"));
    let page = Browser::new().open(&rp.url(&ask)).await;
    is_error_page(&page);
}
