//! What a client's assertion must say: `private_key_jwt` of OpenID Connect Core section 9, RFC 7523 section 3.

use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use super::discovery::endpoint;
use super::discovery::path;
use crate::crypto::json;
use crate::domain::client::Client;
use crate::domain::client::SecurityProfile;
use crate::domain::key::Algorithm;
use crate::domain::time::Timestamp;

/// The value of `client_assertion_type`, RFC 7523 section 2.2.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far the client's clock may be from ours. Servers "shall accept JWTs with an iat or nbf timestamp between 0 and 10
/// seconds in the future but shall reject JWTs with an iat or nbf timestamp greater than 60 seconds in the future" (FAPI
/// 2.0 Security Profile section 5.3.2.1).
pub const SKEW: Duration = Duration::from_secs(30);

/// How far ahead `exp` may be: until then, every assertion has to be remembered.
pub const LONGEST: Duration = Duration::from_mins(10);

/// What `typ` may be when it is there: other kinds of tokens that a client signs (proofs, request objects) are not
/// assertions.
const KINDS: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// Why an assertion is not accepted. For the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("its typ is that of another kind of token")]
    Type,
    #[error("iss and sub are not both its client_id")]
    Client,
    #[error("aud is not this server")]
    Audience,
    #[error("exp is missing or no time")]
    NoEnd,
    #[error("it has expired")]
    Expired,
    #[error("exp is more than {} minutes ahead", LONGEST.as_secs() / 60)]
    TooLong,
    #[error("nbf or iat is ahead of our clock, or no time")]
    NotYet,
    #[error("jti is missing or no text")]
    NoId,
}

/// An assertion that may be used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// `jti`: "a unique identifier for the token, which can be used to prevent reuse of the token".
    pub id: String,
    /// From then on it is refused for its age.
    pub until: Timestamp,
}

/// What a client may sign assertions with: what it has registered, else all that is advertised; for FAPI 2.0 without
/// RS256 (Security Profile section 5.4.1).
#[must_use]
pub fn algorithms(client: &Client) -> Vec<Algorithm> {
    let allowed = |algorithm: &Algorithm| {
        client.token_endpoint_auth_signing_alg.is_none_or(|registered| registered == *algorithm)
            && (client.security_profile == SecurityProfile::Oidc || *algorithm != Algorithm::Rs256)
    };
    Algorithm::ALL.into_iter().filter(allowed).collect()
}

/// Checks header and claims of an assertion that a key of `client` has signed.
///
/// # Errors
/// [`Rejected`].
pub fn check(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Result<Once, Rejected> {
    if !header.get("typ").is_none_or(is_kind) {
        return Err(Rejected::Type);
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    // "iss: REQUIRED. Issuer. This MUST contain the client_id of the OAuth Client. sub: REQUIRED. [...] This MUST
    // contain the client_id of the OAuth Client." (Core section 9)
    let id = Some(client.id.as_str());
    if text("iss") != id || text("sub") != id {
        return Err(Rejected::Client);
    }
    if !claims.get("aud").is_some_and(|audience| is_for(audience, client.security_profile, issuer)) {
        return Err(Rejected::Audience);
    }
    let time = |name: &str| {
        let seconds = claims.get(name).map(json::numeric_date).transpose();
        seconds.map(|seconds| seconds.map(Timestamp::from_seconds))
    };
    let end = time("exp").ok().flatten().ok_or(Rejected::NoEnd)?;
    let until = end.plus(SKEW);
    if until <= now {
        return Err(Rejected::Expired);
    }
    if now.plus(LONGEST) < end {
        return Err(Rejected::TooLong);
    }
    for name in ["nbf", "iat"] {
        if time(name).map_err(|_| Rejected::NotYet)?.is_some_and(|start| now.plus(SKEW) < start) {
            return Err(Rejected::NotYet);
        }
    }
    let id = text("jti").filter(|id| !id.is_empty()).ok_or(Rejected::NoId)?.to_owned();
    Ok(Once { id, until })
}

/// RFC 7515 section 4.1.9: a media type, whose prefix may be left out.
fn is_kind(typ: &Value) -> bool {
    let Some(typ) = typ.as_str().map(str::to_ascii_lowercase) else { return false };
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    KINDS.into_iter().any(|kind| kind.eq_ignore_ascii_case(typ))
}

/// "The Audience SHOULD be the URL of the Authorization Server's Token Endpoint" (Core section 9). For FAPI 2.0 the server
/// "shall only accept its issuer identifier value (as defined in RFC 8414) as a string" (Security Profile section
/// 5.3.2.1). An audience beside ours could use the assertion here, so there may be none.
fn is_for(audience: &Value, profile: SecurityProfile, issuer: &str) -> bool {
    let is_ours = |audience: &Value| {
        let own = [path::TOKEN, path::REVOKE, path::INTROSPECT].map(|path| endpoint(issuer, path));
        audience.as_str().is_some_and(|audience| audience == issuer || own.iter().any(|url| url == audience))
    };
    match (profile, audience) {
        (SecurityProfile::Fapi2, audience) => audience.as_str() == Some(issuer),
        (SecurityProfile::Oidc, Value::Array(several)) => !several.is_empty() && several.iter().all(is_ours),
        (SecurityProfile::Oidc, one) => is_ours(one),
    }
}

#[cfg(test)]
mod tests {
    use super::Once;
    use super::Rejected;
    use super::algorithms;
    use super::check;
    use crate::crypto::json::strict;
    use crate::domain::client::AuthMethod;
    use crate::domain::client::Client;
    use crate::domain::client::SecurityProfile;
    use crate::domain::key::Algorithm;
    use crate::protocol::fixtures::at;
    use crate::protocol::fixtures::confidential;
    use serde_json::Map;
    use serde_json::Value;
    use serde_json::json;

    const ISSUER: &str = "https://op.test";
    const NOW: i64 = 1_795_348_800;

    fn client(profile: SecurityProfile) -> Client {
        Client {
            token_endpoint_auth_methods: [AuthMethod::PrivateKeyJwt].into(),
            security_profile: profile,
            ..confidential()
        }
    }

    fn good() -> Map<String, Value> {
        let claims = json!({"iss": "c1", "sub": "c1", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "j1"});
        claims.as_object().unwrap().clone()
    }

    fn checked(header: &Value, claims: &Map<String, Value>, profile: SecurityProfile) -> Result<Once, Rejected> {
        check(header.as_object().unwrap(), claims, &client(profile), ISSUER, at(NOW))
    }

    /// The good one with another member; `null` as in JSON, nothing takes it away.
    fn with(name: &str, value: Option<Value>) -> Result<Once, Rejected> {
        let mut claims = good();
        match value {
            Some(value) => claims.insert(name.to_owned(), value),
            None => claims.remove(name),
        };
        checked(&json!({"alg": "ES256"}), &claims, SecurityProfile::Oidc)
    }

    #[test]
    fn cj_05_who_until_when_and_which() {
        assert_eq!(with("x", Some(json!(1))), Ok(Once { id: "j1".to_owned(), until: at(NOW + 90) }));
        for name in ["iss", "sub"] {
            for value in [None, Some(json!("c2")), Some(json!("C1")), Some(json!(["c1"])), Some(json!(null))] {
                assert_eq!(with(name, value.clone()), Err(Rejected::Client), "{name} {value:?}");
            }
        }
        assert_eq!(with("aud", None), Err(Rejected::Audience));
        assert_eq!(with("exp", None), Err(Rejected::NoEnd));
        for value in [None, Some(json!("")), Some(json!(1)), Some(json!(null)), Some(json!(["j1"]))] {
            assert_eq!(with("jti", value), Err(Rejected::NoId));
        }
        // "iat: OPTIONAL", "nbf": may be.
        assert!(with("iat", None).is_ok());
        assert!(with("nbf", Some(json!(NOW))).is_ok());
    }

    #[test]
    fn cj_01_audience() {
        let with = |audience: &Value, profile| {
            let mut claims = good();
            claims.insert("aud".to_owned(), audience.clone());
            checked(&json!({}), &claims, profile).is_ok()
        };
        for own in ["https://op.test", "https://op.test/token", "https://op.test/revoke", "https://op.test/introspect"]
        {
            assert!(with(&json!(own), SecurityProfile::Oidc), "{own}");
            assert!(with(&json!([own]), SecurityProfile::Oidc), "{own}");
            assert_eq!(with(&json!(own), SecurityProfile::Fapi2), own == ISSUER, "{own}");
        }
        assert!(with(&json!([ISSUER, "https://op.test/token"]), SecurityProfile::Oidc));
        for other in [
            json!("https://op.test/"),
            json!("https://op.test/par"),
            json!("https://OP.test"),
            json!("http://op.test"),
            json!("https://evil.test"),
            json!([ISSUER, "https://evil.test"]),
            json!([]),
            json!([[ISSUER]]),
            json!(""),
            json!(null),
            json!({ "0": ISSUER }),
        ] {
            assert!(!with(&other, SecurityProfile::Oidc), "{other}");
            assert!(!with(&other, SecurityProfile::Fapi2), "{other}");
        }
        assert!(!with(&json!([ISSUER]), SecurityProfile::Fapi2));
    }

    #[test]
    fn cj_03_cj_13_clocks_apart() {
        for (name, ahead, expected) in [
            ("exp", -29, Ok(())),
            ("exp", -30, Err(Rejected::Expired)),
            ("exp", -61, Err(Rejected::Expired)),
            ("exp", 600, Ok(())),
            ("exp", 601, Err(Rejected::TooLong)),
            ("exp", 10 * 365 * 86_400, Err(Rejected::TooLong)),
            ("iat", 8, Ok(())),
            ("iat", 30, Ok(())),
            ("iat", 31, Err(Rejected::NotYet)),
            ("iat", 61, Err(Rejected::NotYet)),
            ("nbf", 8, Ok(())),
            ("nbf", 61, Err(Rejected::NotYet)),
            ("iat", -86_400, Ok(())),
        ] {
            assert_eq!(with(name, Some(json!(NOW + ahead))).map(drop), expected, "{name} {ahead}");
        }
    }

    #[test]
    fn cj_10_numbers_that_are_no_times() {
        for text in [
            "1e300",
            "9223372036854775808",
            "18446744073709551615",
            "253402300800",
            "-1",
            "0.5",
            "\"1\"",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            let value = strict(text.as_bytes()).unwrap();
            for name in ["exp", "nbf", "iat"] {
                assert!(with(name, Some(value.clone())).is_err(), "{name} {text}");
            }
        }
    }

    #[test]
    fn cj_15_other_kinds_of_tokens() {
        let of = |typ: Value| checked(&json!({ "typ": typ }), &good(), SecurityProfile::Oidc).map(drop);
        for typ in ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"] {
            assert_eq!(of(json!(typ)), Ok(()), "{typ}");
        }
        for typ in
            ["at+jwt", "logout+jwt", "dpop+jwt", "oauth-authz-req+jwt", "secevent+jwt", "JOSE", "", "application/"]
        {
            assert_eq!(of(json!(typ)), Err(Rejected::Type), "{typ}");
        }
        assert_eq!(of(json!(null)), Err(Rejected::Type));
        assert_eq!(of(json!(["JWT"])), Err(Rejected::Type));
    }

    #[test]
    fn cj_06_algorithms_by_registration_and_profile() {
        use Algorithm as A;
        let of = |registered, profile| {
            algorithms(&Client { token_endpoint_auth_signing_alg: registered, ..client(profile) })
        };
        assert_eq!(of(None, SecurityProfile::Oidc), A::ALL);
        assert!(!of(None, SecurityProfile::Fapi2).contains(&A::Rs256));
        assert_eq!(of(None, SecurityProfile::Fapi2).len(), A::ALL.len() - 1);
        assert_eq!(of(Some(A::Es256), SecurityProfile::Oidc), [A::Es256]);
        assert_eq!(of(Some(A::Rs256), SecurityProfile::Oidc), [A::Rs256]);
        assert_eq!(of(Some(A::Rs256), SecurityProfile::Fapi2), []);
    }
}
