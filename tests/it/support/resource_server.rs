//! A resource server that knows of the provider only what is published, and checks tokens with a library of its own
//! choice, as RFC 9068 section 4 says.

use std::time::SystemTime;

use josekit::jwk::JwkSet;
use josekit::jws::ES256;
use josekit::jws::JwsHeader;
use josekit::jws::JwsVerifier;
use josekit::jwt;
use serde_json::Value;

use super::app::App;
use super::party::Party;

pub(crate) struct ResourceServer {
    issuer: String,
    audience: String,
    jwks: JwkSet,
}

impl ResourceServer {
    /// One that is called `audience`.
    pub(crate) async fn new(app: &App, audience: &str) -> Self {
        let party = Party::web(app);
        let metadata = party.get("/.well-known/openid-configuration").await.json();
        let jwks = party.get("/.well-known/jwks.json").await.text;
        let jwks = JwkSet::from_bytes(&jwks).expect("a JWK set");
        Self { issuer: metadata["issuer"].as_str().expect("an issuer").to_owned(), audience: audience.to_owned(), jwks }
    }

    /// The claims of a token that is good here at `now`, in seconds; else which claim or header is not.
    pub(crate) fn accept(&self, token: &str, now: i64) -> Result<Value, &'static str> {
        let verifiers: Vec<_> =
            self.jwks.keys().into_iter().filter_map(|key| ES256.verifier_from_jwk(key).ok()).collect();
        let choose = |header: &JwsHeader| {
            let named = verifiers.iter().find(|verifier| verifier.key_id() == header.key_id());
            Ok(named.map(|verifier| verifier as &dyn JwsVerifier))
        };
        let (payload, header) = jwt::decode_with_verifier_selector(token, choose).map_err(|_| "signature")?;
        let seconds = |time: Option<SystemTime>| time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        if header.token_type() != Some("at+jwt") {
            return Err("typ");
        }
        if payload.issuer() != Some(self.issuer.as_str()) {
            return Err("iss");
        }
        if !payload.audience().unwrap_or_default().contains(&self.audience.as_str()) {
            return Err("aud");
        }
        if seconds(payload.expires_at()).is_none_or(|end| now >= i64::try_from(end.as_secs()).unwrap_or(0)) {
            return Err("exp");
        }
        Ok(Value::Object(payload.claims_set().clone()))
    }
}
