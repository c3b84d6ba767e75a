//! Authorization requests, good ones and what comes back for others.

mod next_step;
mod pkce;
mod redirect_uri;
mod scope;

use super::AuthorizeFailure;
use super::validate;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::request::AuthorizationRequest;
use crate::domain::request::ResponseMode;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::CHALLENGE;
use crate::protocol::fixtures::confidential;
use crate::protocol::params::AUTHORIZE;
use crate::protocol::params::Params;

const GOOD: [(&str, &str); 7] = [
    ("client_id", "c1"),
    ("redirect_uri", "https%3A%2F%2Fc1.test%2Fcb"),
    ("response_type", "code"),
    ("scope", "openid"),
    ("state", "st+te"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// The good request with some parameters set; `-` leaves one out.
fn query(changes: &[(&str, &str)]) -> String {
    let kept = GOOD.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let all = kept.chain(changes.iter().filter(|(_, value)| *value != "-"));
    all.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn ask_as(client: Option<&Client>, query: &str) -> Result<AuthorizationRequest, AuthorizeFailure> {
    validate(&Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap(), client, false)
}

fn ask(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, AuthorizeFailure> {
    ask_as(Some(&confidential()), &query(changes))
}

/// The error that goes back to the client, with the state of the request.
fn back(outcome: Result<AuthorizationRequest, AuthorizeFailure>) -> ErrorCode {
    match outcome {
        Err(AuthorizeFailure::Redirect { to, error }) => {
            assert_eq!(to.redirect_uri, "https://c1.test/cb");
            assert_eq!(to.state.as_deref(), Some("st te"));
            error.code
        }
        other => panic!("not sent back: {other:?}"),
    }
}

fn page(outcome: Result<AuthorizationRequest, AuthorizeFailure>) -> String {
    match outcome {
        Err(AuthorizeFailure::Page(error)) => error.to_string(),
        other => panic!("not a page: {other:?}"),
    }
}

#[test]
fn a_good_request() {
    let changes =
        [("nonce", "n"), ("prompt", "login+consent"), ("max_age", "0"), ("ui_locales", "de-AT+en+../x++123456789")];
    let request = ask(&changes).unwrap();
    assert_eq!(request.redirect_uri, "https://c1.test/cb");
    assert_eq!(request.response_mode, ResponseMode::Query);
    assert_eq!(request.state.as_deref(), Some("st te"));
    assert_eq!(request.nonce.as_deref(), Some("n"));
    assert_eq!(request.code_challenge.unwrap().as_str(), CHALLENGE);
    assert!(request.prompt.login && request.prompt.consent && !request.prompt.none);
    assert_eq!(request.max_age, Some(0));
    assert_eq!(request.ui_locales, ["de-AT", "en"]);
    let [longest, longer] = [34, 35].map(|length| "abcd-efgh".repeat(4).chars().take(length).collect::<String>() + "z");
    let request = ask(&[("ui_locales", &format!("{longest}+{longer}+{}", "x+".repeat(20)))]).unwrap();
    assert_eq!(request.ui_locales, [vec![longest], vec!["x".to_owned(); 9]].concat());
}

#[test]
fn ap_01_every_other_parameter_twice_goes_back() {
    for name in ["response_type", "scope", "nonce", "prompt", "display", "claims", "code_challenge", "login_hint"] {
        let outcome = ask_as(Some(&confidential()), &format!("{}&{name}=a&{name}=a", query(&[])));
        assert_eq!(back(outcome), ErrorCode::InvalidRequest, "{name}");
    }
    let Err(AuthorizeFailure::Redirect { to, .. }) = ask_as(Some(&confidential()), &format!("{}&state=x", query(&[])))
    else {
        panic!("not sent back")
    };
    assert_eq!(to.state, None);
}

#[test]
fn ap_03_empty_challenge_is_none() {
    assert_eq!(back(ask(&[("code_challenge", ""), ("code_challenge_method", "")])), ErrorCode::InvalidRequest);
}

#[test]
fn ap_15_array_shapes_are_unknown_names() {
    assert!(ask(&[("scope[]", "admin"), ("scope[a]", "b"), ("foo", "%c3%a9")]).is_ok());
}

#[test]
fn ap_16_odd_display_and_locales_are_ignored() {
    let request = ask(&[("display", "hologram"), ("ui_locales", "xx-%3Cscript%3E+../../etc/passwd+se")]).unwrap();
    assert_eq!(request.ui_locales, ["se"]);
}

#[test]
fn rm_01_rm_03_rm_04_response_type() {
    for other in ["token", "id_token+token", "code+token", "CODE", "code+code", "code+", "id_token", "foo", "none"] {
        assert_eq!(back(ask(&[("response_type", other)])), ErrorCode::UnsupportedResponseType, "{other}");
    }
    assert_eq!(back(ask(&[("response_type", "-")])), ErrorCode::InvalidRequest);
}

#[test]
fn rm_05_client_without_the_grant() {
    let client = Client { grant_types: [GrantType::ClientCredentials].into(), ..confidential() };
    assert_eq!(back(ask_as(Some(&client), &query(&[]))), ErrorCode::UnauthorizedClient);
}

#[test]
fn rm_06_response_mode() {
    assert_eq!(ask(&[("response_mode", "form_post")]).unwrap().response_mode, ResponseMode::FormPost);
    for other in ["fragment", "QUERY", "form_post.jwt", "web_message"] {
        assert_eq!(back(ask(&[("response_mode", other)])), ErrorCode::InvalidRequest, "{other}");
    }
    let Err(AuthorizeFailure::Redirect { to, .. }) = ask(&[("response_mode", "form_post"), ("response_type", "-")])
    else {
        panic!("not sent back")
    };
    assert_eq!(to.response_mode, ResponseMode::FormPost);
}

#[test]
fn ro_08_request_objects_are_not_supported() {
    assert_eq!(back(ask(&[("request", "a.b.c")])), ErrorCode::RequestNotSupported);
    let uri = "http://169.254.169.254/x";
    assert_eq!(back(ask(&[("request_uri", uri), ("response_type", "-")])), ErrorCode::RequestUriNotSupported);
    assert_eq!(back(ask(&[("registration", "%7B%7D")])), ErrorCode::RegistrationNotSupported);
}

#[test]
fn pr_04_pr_05_prompt() {
    for bad in [
        "none+login",
        "login+none",
        "none+consent",
        "none+select_account",
        "foo",
        "login+foo",
        "LOGIN",
        "login++consent",
        "+login",
    ] {
        assert_eq!(back(ask(&[("prompt", bad)])), ErrorCode::InvalidRequest, "{bad}");
    }
    assert!(ask(&[("prompt", "login+login")]).unwrap().prompt.login);
    assert!(ask(&[("prompt", "none+none")]).unwrap().prompt.none);
}

#[test]
fn pr_06_max_age_bounds() {
    for (text, seconds) in [("0", 0), ("1000000000", 1_000_000_000), ("9007199254740993", 9_007_199_254_740_993)] {
        assert_eq!(ask(&[("max_age", text)]).unwrap().max_age, Some(seconds));
    }
    for bad in ["-1", "1.5", "1e9", "9223372036854775808", "99999999999999999999999999", "%2B1", "0x1", "+1"] {
        assert_eq!(back(ask(&[("max_age", bad)])), ErrorCode::InvalidRequest, "{bad}");
    }
}

#[test]
fn pr_12_login_hint_has_a_limit() {
    assert!(ask(&[("login_hint", "%3Cscript%3E")]).is_ok());
    assert_eq!(back(ask(&[("login_hint", &"a".repeat(257))])), ErrorCode::InvalidRequest);
}
