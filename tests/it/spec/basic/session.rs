//! Modules in which the same browser comes a second time.

use super::in_both_plans;
use super::relying_party::*;
use crate::support::browser::Browser;

in_both_plans!(
    oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    oidcc_id_token_hint,
);

fn auth_time(signed_in: &SignedIn) -> i64 {
    signed_in.id_token["auth_time"].as_i64().expect("auth_time")
}

async fn oidcc_prompt_login(rp: RelyingParty) {
    let mut browser = Browser::new();
    let first = rp.sign_in_with(&mut browser, &rp.ask("openid")).await;
    rp.app.wait(1);
    let second = rp.sign_in_with(&mut browser, &rp.ask("openid").set("prompt", "login")).await;
    assert_eq!((first.arrival.logins, second.arrival.logins), (1, 1), "the login page is shown again");
    assert!(auth_time(&second) > auth_time(&first));
    assert_eq!(second.id_token["sub"], first.id_token["sub"]);
}

async fn oidcc_prompt_none_not_logged_in(rp: RelyingParty) {
    let state = "Az0-._~".repeat(18) + "ab";
    assert_eq!(state.len(), 128);
    let arrival = rp.arrive(&mut Browser::new(), &rp.ask("openid").set("prompt", "none").set("state", &state)).await;
    assert_eq!(arrival.error(), "login_required");
    assert_eq!(arrival.said.get("state"), Some(&state));
    assert_eq!((arrival.logins, arrival.consents), (0, 0));
}

async fn oidcc_prompt_none_logged_in(rp: RelyingParty) {
    let mut browser = Browser::new();
    let first = rp.sign_in_with(&mut browser, &rp.ask("openid")).await;
    rp.app.wait(1);
    let second = rp.sign_in_with(&mut browser, &rp.ask("openid").set("prompt", "none")).await;
    assert_eq!((second.arrival.logins, second.arrival.consents), (0, 0));
    assert_eq!((&second.id_token["sub"], auth_time(&second)), (&first.id_token["sub"], auth_time(&first)));
}

async fn oidcc_max_age_1(rp: RelyingParty) {
    let mut browser = Browser::new();
    let first = rp.sign_in_with(&mut browser, &rp.ask("openid")).await;
    rp.app.wait(2);
    let second = rp.sign_in_with(&mut browser, &rp.ask("openid").set("max_age", "1")).await;
    assert_eq!(second.arrival.logins, 1);
    assert!(auth_time(&second) > auth_time(&first));
    assert_eq!(auth_time(&second), rp.app.signet.now().seconds(), "recent");
}

async fn oidcc_max_age_10000(rp: RelyingParty) {
    let mut browser = Browser::new();
    let first = rp.sign_in_with(&mut browser, &rp.ask("openid").set("max_age", "15000")).await;
    rp.app.wait(2);
    let second = rp.sign_in_with(&mut browser, &rp.ask("openid").set("max_age", "10000")).await;
    assert_eq!(second.arrival.logins, 0);
    assert_eq!((&second.id_token["sub"], auth_time(&second)), (&first.id_token["sub"], auth_time(&first)));
}

async fn oidcc_id_token_hint(rp: RelyingParty) {
    let mut browser = Browser::new();
    let first = rp.sign_in_with(&mut browser, &rp.ask("openid")).await;
    let silent = rp.ask("openid").set("prompt", "none").set("id_token_hint", first.tokens.id_token());
    // Also when the hint has expired, as long as the session has not.
    for seconds in [1, 4 * 3600] {
        rp.app.wait(seconds);
        let second = rp.sign_in_with(&mut browser, &silent).await;
        assert_eq!((second.arrival.logins, second.arrival.consents), (0, 0));
        assert_eq!((&second.id_token["sub"], auth_time(&second)), (&first.id_token["sub"], auth_time(&first)));
    }
}
