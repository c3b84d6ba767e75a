//! Signing out: a browser goes nowhere but to an address that the client has registered for it.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;

use signet::domain::client::ApplicationType;
use signet::domain::client::Client;
use signet::domain::uri::RedirectUri;
use signet::protocol::logout::validate;
use signet::protocol::params::END_SESSION;
use signet::protocol::params::Params;

use crate::support::client;
use crate::support::encode;

const REGISTERED: [&str; 2] = ["https://c1.test/out", "https://c1.test/out?a=b"];

fn registered() -> Client {
    let register = |text: &str| RedirectUri::register(text, ApplicationType::Web).unwrap();
    Client {
        application_type: ApplicationType::Web,
        post_logout_redirect_uris: REGISTERED.map(register).to_vec(),
        ..client("https://c1.test/cb", false, true)
    }
}

fn form(uri: &str, state: Option<&str>) -> Params {
    let state = state.map(|state| format!("&state={}", encode(state))).unwrap_or_default();
    Params::parse(&[format!("post_logout_redirect_uri={}{state}", encode(uri)).as_bytes()], END_SESSION).unwrap()
}

proptest! {
    /// RP-Initiated Logout section 3: one that matches exactly, or none; and its `state` comes with it, and nothing else.
    #[test]
    fn back_to_what_is_registered(which in 0..REGISTERED.len(), state in proptest::option::of("[ -~]{1,20}")) {
        let uri = REGISTERED[which];
        let asked = validate(&form(uri, state.as_deref()), None, true, Some(&registered())).unwrap();
        let back = asked.back.unwrap();
        prop_assert!(back.starts_with(uri) && back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
        let pairs: Vec<(String, String)> = url::Url::parse(&back).unwrap().query_pairs().into_owned().collect();
        let own = url::Url::parse(uri).unwrap();
        let state = state.map(|state| ("state".to_owned(), state));
        prop_assert_eq!(pairs, own.query_pairs().into_owned().chain(state).collect::<Vec<_>>());
    }

    /// Every other address is refused, as is each for a client that is gone or was never named; and then nobody goes anywhere.
    #[test]
    fn nowhere_else(
        uri in prop_oneof!["https://c1\\.test[/a-z?=&.@:#%\\\\]{0,8}", "[a-z]{1,8}://[a-z./]{1,12}",
            select(vec!["https://c1.test/cb", "https://c1.test:443/out", "javascript:alert(1)", "//c1.test/out"]).prop_map(str::to_owned)],
        at in any::<Index>(), with in proptest::char::range(' ', '~'), state in "[a-z]{1,4}",
    ) {
        let mut edited: Vec<char> = REGISTERED[at.index(REGISTERED.len())].chars().collect();
        let at = at.index(edited.len());
        edited[at] = with;
        for uri in [uri, edited.into_iter().collect()] {
            if REGISTERED.contains(&uri.as_str()) {
                continue;
            }
            prop_assert!(validate(&form(&uri, Some(&state)), None, true, Some(&registered())).is_err(), "{}", uri);
        }
        let [own, _] = REGISTERED;
        let disabled = Client { disabled: true, ..registered() };
        prop_assert!(validate(&form(own, None), None, true, Some(&disabled)).is_err());
        prop_assert!(validate(&form(own, None), None, true, None).is_err());
        let unnamed = validate(&form(own, Some(&state)), None, false, None).unwrap();
        prop_assert_eq!(unnamed.back, None);
    }
}
