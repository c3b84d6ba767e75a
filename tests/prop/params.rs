//! The reader of forms.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prelude::prop_assert;
use proptest::prelude::prop_assert_eq;
use proptest::proptest;

use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::Params;
use signet::protocol::params::decode;

use crate::support::encode;

proptest! {
    /// AP-04 to AP-06: whatever comes in, what comes out is text without control characters, within its limit.
    #[test]
    fn any_bytes_are_text_or_a_fault(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(params) = Params::parse(&[b"state=", &bytes], AUTHORIZE) {
            for name in ["state", "scope", "client_id"] {
                if let Ok(Some(value)) = params.get(name) {
                    prop_assert!(!value.is_empty() && !value.chars().any(char::is_control));
                    prop_assert!(value.len() <= 4096);
                }
            }
        }
        if let Ok(text) = decode(&bytes, 200) {
            prop_assert!(text.len() <= 200);
        }
    }

    /// AP-13: what a client encodes in any way comes back as it was.
    #[test]
    fn printable_text_survives(text in "[^\\p{Cc}]{1,100}") {
        let query = format!("nonce=x&state={}&scope=y", encode(&text));
        let params = Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap();
        prop_assert_eq!(params.get("state").unwrap(), Some(text.as_str()));
        prop_assert!(params.check().is_ok());
    }

    /// AP-01: a second value, wherever it stands, never wins and never loses: it is a fault.
    #[test]
    fn no_first_and_no_last_wins(first in "[a-z]{0,5}", second in "[a-z]{0,5}", between in "[a-z]{1,5}=[a-z]{0,5}") {
        let query = format!("state={first}&{between}&state={second}");
        let params = Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap();
        prop_assert!(params.get("state").is_err());
        let (head, tail) = (format!("state={first}&{between}"), format!("state={second}"));
        let params = Params::parse(&[head.as_bytes(), tail.as_bytes()], AUTHORIZE).unwrap();
        prop_assert!(params.get("state").is_err());
    }
}
