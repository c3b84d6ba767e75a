//! Tokens of this server that come back: access tokens (RFC 9068 section 4) and ID tokens as hints; and that no kind of
//! token passes for another.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;
use signet::ambient::SeededEntropy;
use signet::crypto::Verifier;
use signet::crypto::VerifyError;
use signet::crypto::json;
use signet::crypto::jws;
use signet::crypto::jws::Unverified;
use signet::crypto::seal::MasterKey;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::keys::ring::Ring;
use signet::keys::vault::Vault;
use signet::protocol::access_token;
use signet::protocol::access_token::AccessToken;
use signet::protocol::client_assertion;
use signet::protocol::id_token_hint::Hint;

use super::oracle;
use super::signed;
use super::signed::ISSUER;
use super::signed::KEYS;
use super::signed::NOW;

const AUDIENCE: &str = "https://rs1.test";

static RING: LazyLock<Ring> = LazyLock::new(|| {
    let rows: Vec<SigningKey> = KEYS.jwks.iter().map(|jwk| row(jwk)).collect();
    let vault = Vault::new(&MasterKey::generate(&SeededEntropy::new(7)));
    Ring::build(&rows, &vault, Duration::from_mins(1)).expect("two keys")
});

fn row(jwk: &str) -> SigningKey {
    let verifier = Verifier::from_jwk(jwk).expect("a public key");
    SigningKey {
        kid: verifier.kid().clone(),
        algorithm: verifier.algorithm(),
        state: KeyState::Retired,
        public_jwk: jwk.to_owned(),
        sealed_private: None,
        published_at: Timestamp::EPOCH,
        activates_at: None,
        activated_at: None,
        retired_at: None,
        longest_token: Duration::ZERO,
        leaves_at: None,
        revoked_at: None,
        revoked_reason: None,
    }
}

pub fn run(data: &[u8]) {
    // JW-15: one reading of JSON.
    assert_eq!(json::strict(data).ok(), oracle::json(data));
    let Some(token) = signed::token(data) else { return };
    let compact = token.compact.as_str();
    let peeked = jws::peek(compact, jws::MAX_LENGTH);
    let parsed = Unverified::parse(compact);
    let verified = RING.verify(compact);
    if compact.len() > jws::MAX_LENGTH {
        // JW-16: refused before anything is decoded.
        assert_eq!(peeked.err(), Some(VerifyError::TooLong));
        return assert_eq!(parsed.map(drop).or(verified.map(drop)), Err(VerifyError::TooLong));
    }
    if parsed.is_ok() {
        assert!(peeked.is_ok() || parsed.as_ref().is_ok_and(|token| token.unverified_claims().is_err()));
    }
    // JW-02 to JW-10, JW-19: accepted is what other libraries find rightly signed and the letter of the RFCs allows.
    let opened = signed::opened(compact).filter(|(header, ..)| is_ours(header));
    assert_eq!(verified.is_ok(), opened.is_some(), "{compact}");
    for jwk in &KEYS.jwks {
        let reader = Verifier::from_jwk(jwk).expect("a public key");
        let own = verified.as_ref().is_ok_and(|token| token.kid == *reader.kid());
        assert_eq!(reader.verify(compact).is_ok_and(|payload| jws::claims(&payload).is_ok()), own);
    }
    let (Ok(verified), Some((header, claims, _))) = (verified, opened) else { return };
    let peeked = peeked.expect("a token of the right form");
    assert_eq!((&peeked.header, &peeked.claims), (&header, &claims));
    assert_eq!((verified.typ.as_deref(), &verified.claims), (oracle::text(&header, "typ"), &claims));
    readers(&header, &claims);
}

/// Two algorithms, each with its key; `typ` a text; neither `crit` nor `b64`.
fn is_ours(header: &Map<String, Value>) -> bool {
    let key = match oracle::text(header, "alg") {
        Some("ES256") => "k1",
        Some("EdDSA") => "k2",
        _ => return false,
    };
    oracle::text(header, "kid") == Some(key)
        && !header.contains_key("crit")
        && !header.contains_key("b64")
        && header.get("typ").is_none_or(Value::is_string)
}

/// JW-11: at most one reader takes a token, and what it takes is for it, from us, and of now.
fn readers(header: &Map<String, Value>, claims: &Map<String, Value>) {
    let typ = oracle::text(header, "typ").unwrap_or_default();
    let now = Timestamp::from_seconds(NOW);
    let whole = Value::Object(claims.clone());
    let access = access_token::verify(typ, &whole, ISSUER, AUDIENCE, now).ok();
    let hint = Hint::read(claims, ISSUER).ok().filter(|_| typ == jws::typ::ID_TOKEN);
    let client = Client::new(ClientId::new("c1").expect("a name"), now);
    let assertion = client_assertion::check(header, claims, &client, ISSUER, now).ok();
    let taken = [access.is_some(), hint.is_some(), assertion.is_some()].into_iter().filter(|taken| *taken).count();
    assert!(taken <= 1, "{header:?} {claims:?}");
    if let Some(access) = access {
        is_good(&access, typ, claims);
    }
    if let Some(hint) = hint {
        assert_eq!(oracle::text(claims, "iss"), Some(ISSUER));
        assert_eq!(oracle::text(claims, "aud"), Some(hint.client_id.as_str()));
        assert_eq!(oracle::text(claims, "sub"), Some(hint.sub.as_str()));
    }
}

/// JW-12 to JW-14, JW-22.
fn is_good(access: &AccessToken, typ: &str, claims: &Map<String, Value>) {
    assert!(["at+jwt", "application/at+jwt"].contains(&typ.to_ascii_lowercase().as_str()));
    assert_eq!(oracle::text(claims, "iss"), Some(ISSUER));
    assert!(access.audience.iter().any(|audience| audience == AUDIENCE));
    let named = claims
        .get("aud")
        .is_some_and(|aud| aud == AUDIENCE || aud.as_array().is_some_and(|all| all.contains(&AUDIENCE.into())));
    assert!(named);
    let whole = |name: &str| claims.get(name).and_then(|value| value.as_i64().or(value.as_u64().map(|_| i64::MAX)));
    assert!(whole("exp").is_some_and(|exp| exp > NOW));
    assert!(whole("iat").is_some_and(|iat| iat <= NOW + 60));
    assert!(claims.get("nbf").is_none_or(|_| whole("nbf").is_some_and(|nbf| nbf <= NOW + 60)));
    for name in ["sub", "client_id", "jti"] {
        let text = oracle::text(claims, name).expect("a text");
        assert!((1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    // What a person stands behind is more than the client's own name.
    assert!(
        !access.is_of_a_person() || claims.get("grant_id").is_some() && claims.get("sub") != claims.get("client_id")
    );
}
