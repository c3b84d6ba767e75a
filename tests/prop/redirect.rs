//! Redirect URIs, and what is appended to them.

use proptest::prelude::*;
use proptest::sample::select;

use signet::domain::request::CodeChallenge;
use signet::domain::request::ResponseMode;
use signet::domain::scope::Scope;
use signet::protocol::authorize::AuthorizeFailure;
use signet::protocol::response::AuthorizationResponse;
use signet::protocol::response::ReturnTo;

use crate::support::CHALLENGE;
use crate::support::ask;
use crate::support::client;

const REGISTERED: &str = "https://c1.test/cb?a=b";

/// A request that is good, and what somebody may have made of it: parameters left out, sent twice, or with other values.
fn pairs() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let good = [
        ("client_id", "c1"),
        ("redirect_uri", REGISTERED),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "st te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let names = [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "code_challenge",
        "code_challenge_method",
        "display",
        "login_hint",
        "claims",
        "request",
        "request_uri",
        "registration",
        "resource",
    ];
    let values = prop_oneof![
        select(vec![
            "",
            "c1",
            "c2",
            REGISTERED,
            "https://c1.test/cb",
            "code",
            "token",
            "form_post",
            "fragment",
            "openid admin",
            "none",
            "none login",
            "0",
            "{}",
            "plain",
            CHALLENGE
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,6}",
    ];
    let more = prop::collection::vec((select(names.to_vec()), values), 0..4);
    let kept = prop::sample::subsequence(good.to_vec(), 5..=7);
    (kept, more)
        .prop_map(|(kept, more)| kept.into_iter().map(|(name, value)| (name, value.to_owned())).chain(more).collect())
}

proptest! {
    /// RU-01 to RU-10, RU-21: nothing but the registered bytes is ever answered, whatever else is wrong.
    #[test]
    fn only_the_registered_bytes(presented in "https://c1\\.test[/a-z?=&.@:#%\\\\]{0,8}", scope in "[a-z\"]{0,6}") {
        prop_assume!(presented != REGISTERED);
        let outcome = ask(&client(REGISTERED, false, true),
            &[("client_id", "c1"), ("redirect_uri", &presented), ("scope", &scope), ("prompt", "none")]);
        prop_assert!(matches!(outcome, Err(AuthorizeFailure::Page(_))));
    }

    /// RU-01: every edit of one byte.
    #[test]
    fn one_byte_off(at in 0..REGISTERED.len(), with in proptest::char::range('!', '~')) {
        let mut bytes = REGISTERED.as_bytes().to_vec();
        *bytes.get_mut(at).unwrap() = u8::try_from(with).unwrap();
        let presented = String::from_utf8(bytes).unwrap();
        prop_assume!(presented != REGISTERED);
        let outcome = ask(&client(REGISTERED, false, true), &[("client_id", "c1"), ("redirect_uri", &presented)]);
        prop_assert!(matches!(outcome, Err(AuthorizeFailure::Page(_))));
    }

    /// RU-21, RFC 6749 section 4.1.2.1: "If the request fails due to a missing, invalid, or mismatching redirection URI, or
    /// if the client identifier is missing or invalid, the authorization server [...] MUST NOT automatically redirect", and all
    /// else goes there, with the state that came.
    #[test]
    fn every_answer_goes_to_the_registered_uri(pairs in pairs(), public in any::<bool>()) {
        let borrowed: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let only = |name: &str| {
            let mut sent = borrowed.iter().filter(|(own, _)| *own == name).map(|(_, value)| *value);
            sent.next().filter(|value| !value.is_empty() && sent.next().is_none())
        };
        let known = only("client_id") == Some("c1") && only("redirect_uri") == Some(REGISTERED);
        let client = client(REGISTERED, public, true);
        let (to, error) = match ask(&client, &borrowed) {
            Err(AuthorizeFailure::Page(_)) => {
                prop_assert!(!known);
                return Ok(());
            }
            Ok(request) => {
                prop_assert!(!request.scope.is_empty() && request.scope.is_subset(&Scope::parse("openid email").unwrap()));
                prop_assert_eq!(request.code_challenge.as_ref().map(CodeChallenge::as_str), only("code_challenge"));
                prop_assert_eq!(only("response_type"), Some("code"));
                (ReturnTo::from(&request), None)
            }
            Err(AuthorizeFailure::Redirect { to, error }) => (to, Some(error)),
        };
        prop_assert!(known);
        prop_assert_eq!(&to.redirect_uri, REGISTERED);
        prop_assert_eq!(to.state.as_deref(), only("state"));
        let code = error.as_ref().map_or("c0de", |error| error.code.as_str());
        let answer = match &error {
            Some(error) => AuthorizationResponse::failure(ReturnTo { response_mode: ResponseMode::Query, ..to }, error, "i"),
            None => AuthorizationResponse::success(ReturnTo { response_mode: ResponseMode::Query, ..to }, "c0de", "i"),
        };
        let name = if error.is_some() { "error" } else { "code" };
        let expected = format!("{REGISTERED}&{name}={code}&");
        prop_assert!(answer.location().starts_with(&expected));
        prop_assert!(answer.location().bytes().all(|byte| byte.is_ascii_graphic()));
    }

    /// RU-13: any port of a loopback address for a native app, and nothing else.
    #[test]
    fn any_loopback_port(port in 1_u16.., path in "[/a-z]{0,4}") {
        let presented = format!("http://127.0.0.1:{port}{path}");
        let outcome = ask(&client("http://127.0.0.1/cb", true, true), &[("client_id", "c1"), ("redirect_uri", &presented)]);
        let page = matches!(outcome, Err(AuthorizeFailure::Page(_)));
        prop_assert_eq!(page, path != "/cb");
    }

    /// RU-27, AP-13, RM-09: the location is one printable line that begins with the redirect URI and gives back the
    /// state that came.
    #[test]
    fn the_location_is_safe_and_exact(state in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
        let to = ReturnTo {
            redirect_uri: REGISTERED.to_owned(),
            response_mode: ResponseMode::Query,
            state: Some(state.clone()),
        };
        let location = AuthorizationResponse::success(to, "c0de", "https://op.test").location();
        prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
        let url = url::Url::parse(&location).unwrap();
        prop_assert_eq!(url.fragment(), Some(""));
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        prop_assert_eq!(pairs,
            vec![pair("a", "b"), pair("code", "c0de"), pair("state", &state), pair("iss", "https://op.test")]);
        let expected = format!("{REGISTERED}&code=");
        prop_assert!(location.starts_with(&expected));
    }
}
