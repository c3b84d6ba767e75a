//! RM: response types and modes.

use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::html;

#[tokio::test]
async fn rm_01_rm_03_rm_04_only_code() {
    let stage = Stage::new().await;
    for kind in [
        "token",
        "id_token token",
        "code token",
        "id_token",
        "code id_token",
        "none",
        "foo",
        "CODE",
        "code code",
        "id_token code",
        " code",
        "code ",
        "code  id_token",
    ] {
        let answer = stage.get(&ask().set("response_type", kind).target()).await;
        stage.is_refused(&answer, CB, "unsupported_response_type");
    }
    stage.is_refused(&stage.get(&ask().without("response_type").target()).await, CB, "invalid_request");
    let discovery = stage.get("/.well-known/openid-configuration").await.body;
    assert!(discovery.contains(r#""response_types_supported":["code"]"#), "{discovery}");
}

#[tokio::test]
async fn rm_05_rm_07_tokens_are_never_in_a_query() {
    let stage = Stage::new().await;
    for mode in ["query", "form_post", "fragment"] {
        let ask = ask().set("response_type", "id_token").set("response_mode", mode);
        let answer = stage.get(&ask.target()).await;
        assert!(!answer.body.contains("eyJ") && !answer.header("location").unwrap_or_default().contains("eyJ"));
    }
    // A client without the grant.
    let answer = stage.get(&ask_as("demo-service", CB).target()).await;
    is_error_page(&answer);
}

#[tokio::test]
async fn rm_06_unknown_modes_are_told_in_the_default_one() {
    let stage = Stage::new().await;
    for mode in ["fragment", "jwt", "query.jwt", "form_post.jwt", "web_message", "QUERY", "foo"] {
        let answer = stage.get(&ask().set("response_mode", mode).target()).await;
        stage.is_refused(&answer, CB, "invalid_request");
    }
    asks_for_login(&stage.get(&ask().set("response_mode", "query").target()).await);
}

#[tokio::test]
async fn rm_08_form_post_goes_to_the_checked_uri_alone() {
    let stage = Stage::new().await;
    for uri in ["https://evil.test/", "javascript:alert(1)//", "https://c1.test/cb\" onload=\"x"] {
        for mode in ["form_post", "form_post.jwt"] {
            is_error_page(&stage.get(&ask_as("c1", uri).set("response_mode", mode).target()).await);
        }
    }
    let markup = "\"><script>alert(1)</script><form action=https://evil.test>";
    let ask = ask().set("response_mode", "form_post").set("state", markup).set("prompt", "none");
    let answer = stage.get(&ask.target()).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("<script>") && !answer.body.contains("<form action=https://evil"), "{}", answer.body);
    let csp = answer.header("content-security-policy").expect("a policy");
    assert!(csp.contains("script-src 'self'") && csp.contains("form-action 'self' https:;"), "{csp}");
    assert!(!csp.contains("unsafe"), "{csp}");
    let forms = html::forms(&answer.body);
    assert_eq!(forms.len(), 1);
    assert_eq!((forms[0].action.as_str(), forms[0].method.as_str()), (CB, "post"));
}

#[tokio::test]
async fn rm_09_the_issuer_comes_with_every_answer() {
    let stage = Stage::new().await;
    let discovery = stage.get("/.well-known/openid-configuration").await.body;
    assert!(discovery.contains(&format!(r#""issuer":"{}""#, stage.issuer())), "{discovery}");
    assert!(discovery.contains(r#""authorization_response_iss_parameter_supported":true"#), "{discovery}");
    // `response` of the stage compares it, for success and error.
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), ADA).await;
    let page = browser.open(&stage.url(&ask().set("response_mode", "form_post").target())).await;
    let forms = html::forms(&page.text);
    let fields = forms[0].fields("form-post-continue");
    assert_eq!(fields.get("iss").map(String::as_str), Some(stage.issuer()));
    assert_eq!(fields.get("state").map(String::as_str), Some(STATE));
    assert!(fields.contains_key("code"));
}
