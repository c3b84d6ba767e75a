//! `private_key_jwt`: OpenID Connect Core section 9, RFC 7523 section 3.

use std::sync::LazyLock;

use serde_json::Map;
use serde_json::Value;
use signet::crypto::jwk_set::JwkSet;
use signet::crypto::jwk_set::check_form;
use signet::crypto::jws;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::client::SecurityProfile;
use signet::domain::ids::ClientId;
use signet::domain::key::Algorithm;
use signet::domain::time::Timestamp;
use signet::protocol::client_assertion;
use signet::protocol::client_assertion::Once;
use signet::protocol::client_auth;
use signet::protocol::params::Params;
use signet::protocol::params::TOKEN;

use super::oracle;
use super::signed;
use super::signed::ISSUER;
use super::signed::NOW;

/// The client's two keys, as it has registered them.
pub(crate) static JWKS: LazyLock<JwkSet> = LazyLock::new(|| {
    let [k1, k2] = &signed::KEYS.jwks;
    JwkSet::parse(format!("{{\"keys\":[{k1},{k2}]}}").as_bytes()).expect("a set of two keys")
});

pub(crate) fn client(profile: SecurityProfile, alg: Option<Algorithm>) -> Client {
    Client {
        token_endpoint_auth_methods: [AuthMethod::PrivateKeyJwt].into(),
        security_profile: profile,
        token_endpoint_auth_signing_alg: alg,
        ..Client::new(ClientId::new("c1").expect("a name"), Timestamp::EPOCH)
    }
}

/// `header JSON, line end, claims JSON`, or an assertion as it is.
pub fn run(data: &[u8]) {
    let Some(token) = signed::token(data) else { return };
    for profile in [SecurityProfile::Oidc, SecurityProfile::Fapi2] {
        for alg in [None, Some(Algorithm::EdDsa)] {
            asserted(&token.compact, &client(profile, alg));
        }
    }
}

fn asserted(compact: &str, client: &Client) {
    let allowed = client_assertion::algorithms(client);
    let form = check_form(compact, &allowed, jws::MAX_LENGTH);
    let verified = JWKS.verify(compact, &allowed, jws::MAX_LENGTH);
    assert!(form.is_ok() || verified.is_err(), "what is not worth a fetch is not accepted either");
    let expected = signed::opened(compact).filter(|(header, _, algorithm)| is_fit(header, *algorithm, client));
    // CJ-06 to CJ-08, CJ-12, JW-16.
    assert_eq!(verified.is_ok(), expected.is_some() && compact.len() <= jws::MAX_LENGTH, "{compact}");
    let (Ok(verified), Some((header, claims, _))) = (verified, expected) else { return };
    assert_eq!((&verified.header, &verified.claims), (&header, &claims));
    let now = Timestamp::from_seconds(NOW);
    let once = client_assertion::check(&header, &claims, client, ISSUER, now);
    // CJ-05, CJ-10, CJ-11, CJ-13, CJ-15.
    assert_eq!(once.ok(), plainly(&header, &claims, client), "{header:?} {claims:?}");
    if let Some(sub) = oracle::text(&claims, "sub") {
        presented(compact, sub);
    }
}

/// The client is whom the assertion names, before anything is believed.
fn presented(compact: &str, sub: &str) {
    let pairs = [("client_assertion_type", client_assertion::TYPE), ("client_assertion", compact)];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let form = Params::parse(&[form.as_bytes()], TOKEN).expect("two parameters");
    match client_auth::presented(&[], &form) {
        Ok(presented) => {
            assert_eq!(presented.method(), AuthMethod::PrivateKeyJwt);
            assert_eq!(presented.client_id.as_str(), sub);
        }
        Err(error) => {
            oracle::assert_sendable(&error);
            assert!(ClientId::new(sub).is_err() || compact.len() > 8192);
        }
    }
}

/// One of the algorithms, its own key or no name; neither `crit` nor `b64`. Keys in the header change nothing (CJ-07).
pub(crate) fn is_fit(header: &Map<String, Value>, algorithm: Algorithm, client: &Client) -> bool {
    let name = if algorithm == Algorithm::EdDsa { "k2" } else { "k1" };
    client.token_endpoint_auth_signing_alg.is_none_or(|only| only == algorithm)
        && header.get("kid").is_none_or(|kid| kid == name)
        && !header.contains_key("crit")
        && !header.contains_key("b64")
}

fn plainly(header: &Map<String, Value>, claims: &Map<String, Value>, client: &Client) -> Option<Once> {
    let typ = header.get("typ").map(|typ| typ.as_str().map(str::to_ascii_lowercase).unwrap_or_default());
    let typ = typ.map(|typ| typ.strip_prefix("application/").map_or(typ.clone(), str::to_owned));
    let typed = typ.is_none_or(|typ| ["jwt", "client-authentication+jwt"].contains(&typ.as_str()));
    let own = |audience: &Value| {
        let known = ["", "/token", "/revoke", "/introspect"].map(|path| format!("{ISSUER}{path}"));
        audience.as_str().is_some_and(|audience| known.iter().any(|own| own == audience))
    };
    let for_us = match (claims.get("aud")?, client.security_profile) {
        (Value::Array(all), SecurityProfile::Oidc) => !all.is_empty() && all.iter().all(own),
        (one, SecurityProfile::Oidc) => own(one),
        (one, SecurityProfile::Fapi2) => one == ISSUER,
    };
    let by_it = claims.get("iss")? == "c1" && claims.get("sub")? == "c1";
    let exp = oracle::date(claims.get("exp"))?;
    let begun = ["nbf", "iat"]
        .into_iter()
        .filter(|name| claims.contains_key(*name))
        .all(|name| oracle::date(claims.get(name)).is_some_and(|at| at <= NOW + 30));
    let jti = oracle::text(claims, "jti").filter(|jti| !jti.is_empty())?;
    let timely = exp + 30 > NOW && exp <= NOW + 600 && begun;
    (typed && for_us && by_it && timely).then(|| Once { id: jti.to_owned(), until: Timestamp::from_seconds(exp + 30) })
}
