use super::Accept;
use super::Claims;
use super::Rejected;
use super::verify;
use crate::domain::user::Role;
use crate::protocol::fixtures::at;
use crate::protocol::fixtures::scope;
use serde_json::Value;
use serde_json::json;

const ISSUER: &str = "https://op.test";

fn good() -> Value {
    let scope = scope("openid email");
    let audience = ["https://rs1.test".to_owned(), ISSUER.to_owned()];
    let roles = [Role::parse("admin").unwrap()];
    let claims = Claims {
        iss: ISSUER,
        sub: "usr_ada",
        aud: &audience,
        client_id: "c1",
        iat: 1000,
        exp: 1600,
        jti: "jti_1",
        scope: &scope,
        auth_time: Some(900),
        acr: Some("1"),
        roles: &roles,
        grant_id: Some("fam_1"),
        sid: Some("ses_1"),
        act: None,
    };
    serde_json::to_value(&claims).unwrap()
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn outcome(claims: &Value) -> Result<super::AccessToken, Rejected> {
    verify("at+jwt", claims, ISSUER, ISSUER, at(1100))
}

#[test]
fn what_is_written_can_be_read() {
    let token = outcome(&good()).unwrap();
    assert_eq!(token.scope, scope("openid email"));
    assert_eq!(token.roles, [Role::parse("admin").unwrap()]);
    assert_eq!(outcome(&without("roles")).unwrap().roles, []);
    for odd in [json!("admin"), json!([1]), json!(["a b"]), json!(null)] {
        assert_eq!(outcome(&with("roles", odd)), Err(Rejected::Malformed));
    }
    assert!(token.is_of_a_person());
    assert_eq!(good()["scope"], "email openid");
    assert_eq!(good()["roles"], json!(["admin"]));
    assert!(verify("application/AT+JWT", &good(), ISSUER, ISSUER, at(1100)).is_ok());
}

#[test]
fn jw_11_only_access_tokens() {
    for typ in ["JWT", "", "at+jwt ", "dpop+jwt", "logout+jwt"] {
        assert_eq!(verify(typ, &good(), ISSUER, ISSUER, at(1100)), Err(Rejected::Type), "{typ}");
    }
}

#[test]
fn jw_12_audience() {
    for other in [json!("https://op.test/"), json!("https://op"), json!([]), json!("")] {
        assert_eq!(outcome(&with("aud", other)), Err(Rejected::Audience));
    }
    for malformed in [json!(null), json!([1]), json!({}), json!(vec![ISSUER; 10_000])] {
        assert_eq!(outcome(&with("aud", malformed)), Err(Rejected::Malformed));
    }
    assert_eq!(outcome(&without("aud")), Err(Rejected::Malformed));
}

#[test]
fn jw_12_one_audience_of_ours_is_enough() {
    let ours = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let read = |own: &[String]| verify("at+jwt", &good(), ISSUER, Accept::Any(own), at(1100)).map(|_| ());
    assert_eq!(read(&ours(&["https://rs2.test", "https://rs1.test"])), Ok(()));
    for others in [&[][..], &["https://rs2.test"], &["https://rs1.test/", "HTTPS://op.test"]] {
        assert_eq!(read(&ours(others)), Err(Rejected::Audience));
    }
    assert!(verify("at+jwt", &with("aud", json!("x")), ISSUER, Accept::Everything, at(1100)).is_ok());
}

#[test]
fn jw_13_issuer() {
    for other in ["https://op.test/", "HTTPS://op.test", ""] {
        assert_eq!(outcome(&with("iss", json!(other))), Err(Rejected::Issuer));
    }
    assert_eq!(outcome(&without("iss")), Err(Rejected::Malformed));
}

#[test]
fn jw_14_times() {
    let at_second = |seconds| verify("at+jwt", &good(), ISSUER, ISSUER, at(seconds)).map(|_| ());
    assert_eq!(at_second(1599), Ok(()));
    assert_eq!(at_second(1600), Err(Rejected::Expired));
    assert_eq!(at_second(940), Ok(()));
    assert_eq!(at_second(939), Err(Rejected::NotYet));
    for odd in [json!("1600"), json!(1e300), json!(1600.5), json!(null), json!([1600]), json!(true)] {
        assert_eq!(outcome(&with("exp", odd)), Err(Rejected::Malformed));
    }
    for huge in [json!(i64::MAX), json!(u64::MAX)] {
        assert!(outcome(&with("exp", huge.clone())).is_ok());
        assert_eq!(outcome(&with("nbf", huge.clone())), Err(Rejected::NotYet));
        assert_eq!(outcome(&with("iat", huge)), Err(Rejected::NotYet));
    }
    assert_eq!(outcome(&with("exp", json!(i64::MIN))), Err(Rejected::Expired));
    for name in ["exp", "iat", "sub", "client_id", "jti"] {
        assert_eq!(outcome(&without(name)), Err(Rejected::Malformed), "{name}");
    }
}

#[test]
fn jw_22_odd_subjects() {
    for odd in [json!(""), json!("a b"), json!("a\0"), json!("x".repeat(256)), json!(7)] {
        assert_eq!(outcome(&with("sub", odd)), Err(Rejected::Malformed));
    }
}

#[test]
fn actors_read_as_they_were_written() {
    let act = json!({ "sub": "svc_b", "act": { "sub": "svc_a" } });
    let token = outcome(&with("act", act.clone())).unwrap();
    let actor = token.actor.unwrap();
    assert_eq!((actor.depth(), serde_json::to_value(&actor).unwrap()), (2, act));
    assert_eq!((token.auth_time, token.acr.as_deref()), (Some(900), Some("1")));
    for odd in [json!("svc"), json!({}), json!({ "sub": 1 }), json!({ "sub": "a", "act": "b" }), json!(null)] {
        assert_eq!(outcome(&with("act", odd)), Err(Rejected::Malformed));
    }
    assert_eq!(outcome(&with("may_act", json!("svc"))), Err(Rejected::Malformed));
}

#[test]
fn no_object_no_panic() {
    for odd in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(outcome(&odd), Err(Rejected::Malformed));
    }
}
