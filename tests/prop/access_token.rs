//! Access tokens whose signature is good: what is believed is all there, and nobody sees a token live that another sees dead.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use serde_json::json;

use signet::domain::ids::FamilyId;
use signet::domain::time::Timestamp;
use signet::protocol::access_token::Accept;
use signet::protocol::access_token::verify;
use signet::protocol::introspection;
use signet::protocol::userinfo;

const ISSUER: &str = "https://op.test";
const RS: &str = "https://rs.test";
const NOW: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

type Changes = BTreeMap<&'static str, Option<Value>>;

/// Other values of the claims of a good token; `None` leaves a claim out.
fn changes() -> impl Strategy<Value = Changes> {
    let ids = || select(vec![json!("ada"), json!("c1"), json!(""), json!("a b"), json!(null)]);
    let odd = || select(vec![json!(u64::MAX), json!(i64::MIN), json!(0.5), json!("1"), json!(null)]);
    let times = || prop_oneof![3 => (NOW - 90..NOW + 90).prop_map(Value::from), 1 => odd()];
    let audiences = vec![
        json!(ISSUER),
        json!(RS),
        json!([ISSUER, RS]),
        json!([RS, "c1"]),
        json!([]),
        json!([ISSUER, 7]),
        json!(null),
    ];
    let scopes = vec![json!("openid email"), json!("email"), json!(""), json!("a  b"), json!(null)];
    let change = prop_oneof![
        (Just("iss"), select(vec![json!("https://op.test/"), json!([ISSUER]), json!(null)]).boxed()),
        (Just("aud"), select(audiences).boxed()),
        (select(vec!["iat", "nbf", "exp"]), times().boxed()),
        (select(vec!["sub", "client_id", "jti", "grant_id"]), ids().boxed()),
        (Just("scope"), select(scopes).boxed()),
    ];
    let change = (change, prop::bool::weighted(0.8)).prop_map(|((name, value), kept)| (name, kept.then_some(value)));
    prop::collection::vec(change, 0..4).prop_map(|changes| changes.into_iter().collect())
}

fn token(changes: &Changes) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "ada", "aud": [ISSUER], "client_id": "c1", "iat": NOW - 60, "exp": NOW + 60, "jti": "t1",
        "scope": "openid", "grant_id": "f1",
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Some(value) => members.insert((*name).to_owned(), value.clone()),
            None => members.remove(*name),
        };
    }
    claims
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// RFC 9068 section 4: what is accepted is ours, for us, of now, and says what the claims say.
    #[test]
    fn what_is_believed_is_what_was_signed(changes in changes(), now in NOW - 120..NOW + 120) {
        let claims = token(&changes);
        let Ok(read) = verify("at+jwt", &claims, ISSUER, ISSUER, at(now)) else {
            prop_assert!(!changes.is_empty() || !(NOW - 120..NOW + 60).contains(&now));
            return Ok(());
        };
        prop_assert_eq!(&claims["iss"], ISSUER);
        prop_assert!(claims["aud"] == ISSUER || claims["aud"].as_array().unwrap().contains(&json!(ISSUER)));
        prop_assert!(claims["exp"].as_i64().map_or(claims["exp"].is_u64(), |end| now < end));
        prop_assert!(claims["iat"].as_i64().unwrap() <= now + 60);
        prop_assert!(claims.get("nbf").is_none_or(|start| start.as_i64().unwrap() <= now + 60));
        prop_assert_eq!(&claims["sub"], read.subject.as_str());
        prop_assert_eq!(&claims["client_id"], read.client_id.as_str());
        prop_assert_eq!(&claims["jti"], read.id.as_str());
        prop_assert_eq!(claims.get("grant_id").and_then(Value::as_str), read.grant_id.as_ref().map(FamilyId::as_str));
        let scope = claims.get("scope").map_or("", |scope| scope.as_str().unwrap());
        let values: BTreeSet<&str> = scope.split(' ').filter(|value| !value.is_empty()).collect();
        prop_assert_eq!(values, read.scope.iter().collect::<BTreeSet<_>>());
        // Once it is good, only its end ends it.
        let (end, second) = (read.expires_at, Duration::from_secs(1));
        for later in [at(now).plus(second), end.minus(second).max(at(now)), end, end.plus(second)] {
            prop_assert_eq!(verify("at+jwt", &claims, ISSUER, ISSUER, later).is_ok(), later < end);
        }
    }

    /// RFC 7662 section 2.2: "active" is what the issuer itself would take, told to those whom the token is for. Whoever asks,
    /// what UserInfo answers to is active for the issuer, and what is active for nobody opens nothing.
    #[test]
    fn introspection_and_userinfo_agree(changes in changes(), typ in select(vec!["at+jwt", "application/AT+JWT", "JWT"])) {
        let claims = token(&changes);
        let reads = |accept: Accept| verify(typ, &claims, ISSUER, accept, at(NOW)).ok();
        let known = reads(Accept::Everything);
        let callers = [ISSUER, RS, "c1", "c2"].map(|own| [own.to_owned()]);
        for caller in &callers {
            // The same token, or none: never another reading of it.
            let told = reads(Accept::Any(caller));
            prop_assert!(told.is_none() || told == known);
            prop_assert_eq!(&told, &reads(Accept::Only(&caller[0])));
            prop_assert_eq!(
                told.is_some(),
                known.as_ref().is_some_and(|token| token.audience.contains(&caller[0]))
            );
        }
        let active = introspection::access_token(claims.as_object().unwrap().clone());
        if let Some(open) = reads(Accept::Only(ISSUER)).filter(|token| userinfo::check(token).is_ok()) {
            prop_assert!(open.grant_id.is_some() && open.scope.contains("openid"));
            prop_assert_eq!(&active["active"], true);
            prop_assert_eq!(&active["sub"], open.subject.as_str());
        }
        prop_assert!(!introspection::inactive().contains_key("sub"));
    }
}
