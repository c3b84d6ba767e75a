//! PKCE: no way around it.

use proptest::option;
use proptest::prelude::any;
use proptest::prelude::prop_assert;
use proptest::prelude::prop_assert_eq;
use proptest::prop_oneof;
use proptest::proptest;
use proptest::strategy::Just;

use signet::domain::claims::ClaimsRequest;
use signet::domain::code::Code;
use signet::domain::ids::ClientId;
use signet::domain::ids::SessionId;
use signet::domain::ids::UserId;
use signet::domain::request::CodeChallenge;
use signet::domain::scope::Scope;
use signet::domain::secret::Secret;
use signet::domain::secret::SecretHash;
use signet::domain::session::Authentication;
use signet::domain::time::Timestamp;
use signet::protocol::token::code::CodeRequest;
use signet::protocol::token::code::check;

use crate::support::CHALLENGE;
use crate::support::ask;
use crate::support::client;

const CB: &str = "https://c1.test/cb";

/// Not a hash, but enough of one here: 43 characters, and others for every other verifier of 43 characters.
fn like_s256(verifier: &str) -> String {
    verifier.chars().rev().chain(std::iter::repeat('A')).take(43).collect()
}

fn code(challenge: Option<&str>) -> Code {
    Code {
        hash: SecretHash::from_bytes([0; 32]),
        client_id: ClientId::new("c1").unwrap(),
        user_id: UserId::new("ada").unwrap(),
        session_id: SessionId::new("s").unwrap(),
        redirect_uri: CB.to_owned(),
        scope: Scope::parse("openid").unwrap(),
        resources: Vec::new(),
        nonce: None,
        claims: ClaimsRequest::default(),
        code_challenge: challenge.map(|text| CodeChallenge::parse(text).unwrap()),
        authentication: Authentication { time: Timestamp::EPOCH, methods: Vec::new() },
        issued_at: Timestamp::EPOCH,
        expires_at: Timestamp::from_seconds(60),
        redeemed: None,
    }
}

proptest! {
    /// PK-01, PK-04, PK-06: a request passes exactly when it has a well-formed S256 challenge, or none at all where
    /// none is needed.
    #[test]
    fn only_s256_or_nothing(
        challenge in option::of(prop_oneof![Just(CHALLENGE.to_owned()), "[A-Za-z0-9_=+/-]{0,50}"]),
        method in option::of(prop_oneof![Just("S256"), Just("plain"), Just("s256"), Just("")]),
        public in any::<bool>(),
        require in any::<bool>(),
    ) {
        let mut pairs = vec![("client_id", "c1"), ("redirect_uri", CB), ("response_type", "code"), ("scope", "openid")];
        pairs.extend(challenge.as_deref().map(|value| ("code_challenge", value)));
        pairs.extend(method.map(|value| ("code_challenge_method", value)));
        let outcome = ask(&client(CB, public, require), &pairs);
        let challenge = challenge.filter(|value| !value.is_empty());
        let method = method.filter(|value| !value.is_empty());
        let well_formed = challenge.as_deref().is_some_and(|text| CodeChallenge::parse(text).is_ok());
        let expected = match (&challenge, method) {
            (None, None) => !public && !require,
            (Some(_), Some("S256")) => well_formed,
            _ => false,
        };
        prop_assert_eq!(outcome.is_ok(), expected);
    }

    /// PK-02, PK-03, PK-05, PK-06: a code is redeemed exactly by the verifier of its challenge.
    #[test]
    fn only_the_verifier_redeems(
        owner in "[A-Za-z0-9_-]{43}",
        presented in option::of(prop_oneof!["[A-Za-z0-9._~-]{0,50}", "\\PC{0,60}"]),
        honest in any::<bool>(),
    ) {
        let presented = if honest { Some(owner.clone()) } else { presented };
        let request = CodeRequest {
            code: Secret::new("sgc_x"),
            redirect_uri: Some(CB.to_owned()),
            code_verifier: presented.clone().map(Secret::new),
        };
        let client = client(CB, false, false);
        let bound = check(&code(Some(&like_s256(&owner))), &request, &client, Timestamp::EPOCH, like_s256);
        prop_assert_eq!(bound.is_ok(), presented.as_ref() == Some(&owner));
        let unbound = check(&code(None), &request, &client, Timestamp::EPOCH, like_s256);
        prop_assert_eq!(unbound.is_ok(), presented.is_none());
        if let Err(refused) = unbound {
            prop_assert!(refused.burns);
        }
    }
}
