//! Redirect URIs, and what is appended to them.

use proptest::prelude::prop_assert;
use proptest::prelude::prop_assert_eq;
use proptest::prelude::prop_assume;
use proptest::proptest;

use signet::domain::request::ResponseMode;
use signet::protocol::authorize::AuthorizeFailure;
use signet::protocol::response::AuthorizationResponse;
use signet::protocol::response::ReturnTo;

use crate::support::ask;
use crate::support::client;

const REGISTERED: &str = "https://c1.test/cb?a=b";

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
