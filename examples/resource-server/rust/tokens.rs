//! Whether an access token is good, RFC 9068 section 4, and what to answer when it is not, RFC 6750 section 3.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::http::header::WWW_AUTHENTICATE;
use josekit::jwk::Jwk;
use josekit::jwk::JwkSet;
use josekit::jws;
use josekit::jws::JwsVerifier;
use josekit::jwt;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::RwLock;

/// How long keys are used before they are read again.
const FRESH: Duration = Duration::from_mins(10);
/// An unknown `kid` reads them again at once, but not more often than this: anybody can invent one.
const COOLDOWN: Duration = Duration::from_secs(30);
/// How far two clocks may be apart, in seconds.
const SKEW: u64 = 10;

pub(crate) struct Tokens {
    issuer: String,
    audience: String,
    algorithm: String,
    http: reqwest::Client,
    keys: RwLock<Option<(Instant, JwkSet)>>,
}

/// The claims that this API uses; one of another JSON type is refused with the rest.
#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) scope: String,
    iss: String,
    aud: Audience,
    exp: u64,
    #[serde(default)]
    nbf: u64,
}

/// RFC 7519 section 4.1.3: one name, or many.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("an access token is needed")]
    Missing,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the access token lacks {0}")]
    Scope(String),
    /// Nobody's token is at fault when the keys cannot be read.
    #[error("the keys cannot be read: {0}")]
    Keys(#[from] reqwest::Error),
}

impl Tokens {
    pub(crate) fn new(issuer: &str, audience: &str, algorithm: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        let [issuer, audience, algorithm] = [issuer, audience, algorithm].map(str::to_owned);
        Ok(Self { issuer, audience, algorithm, http, keys: RwLock::new(None) })
    }

    /// The claims of the request's access token, when it is good and was granted all `scopes`.
    pub(crate) async fn require(&self, request: &HttpRequest, scopes: &[&str]) -> Result<Token, Refused> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, compact) = header.split_once(' ').ok_or(Refused::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::Missing);
        }
        let token = self.verify(compact).await?;
        let granted: Vec<&str> = token.scope.split(' ').collect();
        // A good token that is not good for this: to sign in again would not help.
        if scopes.iter().any(|scope| !granted.contains(scope)) {
            return Err(Refused::Scope(scopes.join(" ")));
        }
        Ok(token)
    }

    async fn verify(&self, compact: &str) -> Result<Token, Refused> {
        let header = jwt::decode_header(compact).map_err(|_| Refused::Invalid("not a signed token"))?;
        let text = |name: &str| header.claim(name).and_then(|value| value.as_str()).unwrap_or_default();
        if text("alg") != self.algorithm {
            return Err(Refused::Invalid("signed by another algorithm than the one agreed upon"));
        }
        // RFC 7515 section 4.1.11: an extension that is not understood makes the token invalid.
        if header.claim("crit").is_some() {
            return Err(Refused::Invalid("it has an extension that is not understood"));
        }
        // An ID token is signed by the same keys; its `typ` is another.
        if !matches!(text("typ").to_ascii_lowercase().as_str(), "at+jwt" | "application/at+jwt") {
            return Err(Refused::Invalid("not an access token"));
        }
        let key = self.key(text("kid")).await?.ok_or(Refused::Invalid("signed by an unknown key"))?;
        let verifier = self.verifier(&key).ok_or(Refused::Invalid("its key is for another algorithm"))?;
        let (payload, _) = jws::deserialize_compact(compact, &*verifier).map_err(|_| Refused::Invalid("forged"))?;
        let token: Token = serde_json::from_slice(&payload).map_err(|_| Refused::Invalid("a claim is missing"))?;
        self.judge(token)
    }

    fn judge(&self, token: Token) -> Result<Token, Refused> {
        let is_for_us = match &token.aud {
            Audience::One(name) => *name == self.audience,
            Audience::Many(names) => names.contains(&self.audience),
        };
        #[expect(clippy::disallowed_methods, reason = "an example has no clock to be given")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if token.iss != self.issuer {
            Err(Refused::Invalid("issued by somebody else"))
        } else if !is_for_us {
            Err(Refused::Invalid("meant for somebody else"))
        } else if now >= token.exp.saturating_add(SKEW) {
            Err(Refused::Invalid("expired"))
        } else if token.nbf > now + SKEW {
            Err(Refused::Invalid("not valid yet"))
        } else {
            Ok(token)
        }
    }

    /// The published key of this name, from memory when it is there.
    async fn key(&self, kid: &str) -> Result<Option<Jwk>, Refused> {
        let find = |keys: &JwkSet| keys.get(kid).first().map(|key| (*key).clone());
        if let Some((read_at, keys)) = &*self.keys.read().await {
            let (found, age) = (find(keys), read_at.elapsed());
            if age < COOLDOWN || (age < FRESH && found.is_some()) {
                return Ok(found);
            }
        }
        let body = self.http.get(format!("{}/.well-known/jwks.json", self.issuer)).send().await?.error_for_status()?;
        let keys = JwkSet::from_bytes(body.bytes().await?).map_err(|_| Refused::Invalid("there are no good keys"))?;
        let found = find(&keys);
        #[expect(clippy::disallowed_methods, reason = "an example has no clock to be given")]
        let now = Instant::now();
        *self.keys.write().await = Some((now, keys));
        Ok(found)
    }

    /// `None` when the key is for another algorithm than ours.
    fn verifier(&self, key: &Jwk) -> Option<Box<dyn JwsVerifier>> {
        if key.algorithm() != Some(&self.algorithm) {
            return None;
        }
        match self.algorithm.as_str() {
            "ES256" => Some(Box::new(jws::ES256.verifier_from_jwk(key).ok()?)),
            "RS256" => Some(Box::new(jws::RS256.verifier_from_jwk(key).ok()?)),
            "PS256" => Some(Box::new(jws::PS256.verifier_from_jwk(key).ok()?)),
            "EdDSA" => Some(Box::new(jws::EdDSA.verifier_from_jwk(key).ok()?)),
            _ => None,
        }
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid(_) => StatusCode::UNAUTHORIZED,
            Self::Scope(_) => StatusCode::FORBIDDEN,
            Self::Keys(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (error, challenge) = match self {
            // RFC 6750 section 3.1: who has sent no token is told that one is needed, and no error.
            Self::Missing => (None, String::new()),
            Self::Invalid(why) => {
                (Some("invalid_token"), format!(", error=\"invalid_token\", error_description=\"{why}\""))
            }
            Self::Scope(scope) => {
                (Some("insufficient_scope"), format!(", error=\"insufficient_scope\", scope=\"{scope}\""))
            }
            Self::Keys(_) => (Some("temporarily_unavailable"), String::new()),
        };
        let mut response = HttpResponse::build(self.status_code());
        if !matches!(self, Self::Keys(_)) {
            response.insert_header((WWW_AUTHENTICATE, format!("Bearer realm=\"orders\"{challenge}")));
        }
        response.json(json!({ "error": error }))
    }
}
