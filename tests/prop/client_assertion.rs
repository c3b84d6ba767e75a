//! Client assertions whose signature is good: every claim must be right, and one is remembered for as long as it works.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use signet::domain::client::Client;
use signet::domain::client::SecurityProfile;
use signet::domain::key::Algorithm;
use signet::domain::time::Timestamp;
use signet::protocol::client_assertion::Once;
use signet::protocol::client_assertion::algorithms;
use signet::protocol::client_assertion::check;

use crate::support::client;

const ISSUER: &str = "https://op.test";
const NOW: i64 = 1_000_000;

fn signer(profile: SecurityProfile, registered: Option<Algorithm>) -> Client {
    Client {
        security_profile: profile,
        token_endpoint_auth_signing_alg: registered,
        ..client("https://c1.test/cb", false, true)
    }
}

fn profile() -> impl Strategy<Value = SecurityProfile> {
    select(vec![SecurityProfile::Oidc, SecurityProfile::Fapi2])
}

fn good() -> Map<String, Value> {
    let claims = json!({"iss": "c1", "sub": "c1", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "j1"});
    claims.as_object().unwrap().clone()
}

fn checked(claims: &Map<String, Value>, profile: SecurityProfile, now: i64) -> Option<Once> {
    let header = json!({"alg": "ES256", "typ": "JWT"});
    check(header.as_object().unwrap(), claims, &signer(profile, None), ISSUER, Timestamp::from_seconds(now)).ok()
}

proptest! {
    /// CJ-05: one other character in who it is by and whom it is for, and it is refused; another `jti` is another one.
    #[test]
    fn every_character_counts(
        name in select(vec!["iss", "sub", "aud", "jti"]), at in any::<Index>(), with in proptest::char::range(' ', '~'), insert in any::<bool>(),
        profile in profile(),
    ) {
        let mut claims = good();
        let before = claims[name].as_str().unwrap().to_owned();
        let mut letters: Vec<char> = before.chars().collect();
        let at = at.index(letters.len());
        if insert {
            letters.insert(at, with);
        } else {
            letters[at] = with;
        }
        let changed: String = letters.into_iter().collect();
        prop_assume!(changed != before);
        claims.insert(name.to_owned(), json!(changed));
        let once = checked(&claims, profile, NOW);
        if name == "jti" {
            prop_assert_eq!(once.unwrap().id, changed);
        } else {
            prop_assert_eq!(once, None);
        }
    }

    /// CJ-05, CJ-10: no claim may be missing, nor be of another type; for FAPI 2.0 the audience is no list either.
    #[test]
    fn no_claim_may_be_missing(
        name in select(vec!["iss", "sub", "aud", "exp", "jti"]),
        value in proptest::option::of(select(vec![json!(null), json!([]), json!({}), json!(true), json!(["c1"]), json!([["j1"]])])),
        profile in profile(),
    ) {
        let mut claims = good();
        match value {
            Some(value) => claims.insert(name.to_owned(), value),
            None => claims.remove(name),
        };
        prop_assert_eq!(checked(&claims, profile, NOW), None);
    }

    /// CJ-01: a list of audiences is for this server alone.
    #[test]
    fn all_audiences_are_ours(
        all in prop::collection::vec(select(vec!["", "/token", "/revoke", "/introspect", "/", ".evil.test"]), 0..4), profile in profile(),
    ) {
        let ours = |path: &&str| ["", "/token", "/revoke", "/introspect"].contains(path);
        let mut claims = good();
        claims.insert("aud".to_owned(), all.iter().map(|path| json!(format!("{ISSUER}{path}"))).collect());
        let expected = profile == SecurityProfile::Oidc && !all.is_empty() && all.iter().all(ours);
        prop_assert_eq!(checked(&claims, profile, NOW).is_some(), expected);
    }

    /// CJ-02, CJ-03: whenever it is accepted, it is remembered for longer than it will be; and never for long.
    #[test]
    fn it_is_remembered_for_as_long_as_it_works(
        end in NOW - 700..NOW + 1_400, starts in proptest::option::of(NOW - 100..NOW + 100),
        name in select(vec!["iat", "nbf"]), moments in prop::collection::vec(NOW - 800..NOW + 1_500, 1..8), profile in profile(),
    ) {
        let mut claims = good();
        claims.remove("iat");
        claims.insert("exp".to_owned(), json!(end));
        if let Some(start) = starts {
            claims.insert(name.to_owned(), json!(start));
        }
        for now in moments {
            let until = checked(&claims, profile, now).map(|once| once.until.seconds());
            prop_assert!(until.is_none_or(|until| now < until && until <= now + 600 + 30));
            let timely = end > now - 30 && end <= now + 600 && starts.is_none_or(|start| start <= now + 30);
            prop_assert_eq!(until, timely.then_some(end + 30));
        }
    }

    /// CJ-06: what is registered and nothing else; RS256 never where FAPI 2.0 is promised.
    #[test]
    fn one_algorithm_when_one_is_registered(
        registered in proptest::option::of(select(Algorithm::ALL.to_vec())), profile in profile(),
    ) {
        let allowed = algorithms(&signer(profile, registered));
        for algorithm in Algorithm::ALL {
            let expected = registered.is_none_or(|only| only == algorithm)
                && (profile == SecurityProfile::Oidc || algorithm != Algorithm::Rs256);
            prop_assert_eq!(allowed.contains(&algorithm), expected);
        }
    }
}
