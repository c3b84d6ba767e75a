//! A token as a resource server sees it, for a person who wants to know what is wrong with it.

use serde_json::Map;
use serde_json::Value;

use crate::crypto::VerifyError;
use crate::crypto::jws;
use crate::crypto::jws::Peeked;
use crate::domain::family::Revocation;
use crate::domain::ids::ClientId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::scope::Scope;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::domain::user::Email;
use crate::protocol::access_token;
use crate::protocol::access_token::AccessToken;
use crate::protocol::access_token::Rejected;
use crate::protocol::id_token;

use super::Signet;
use super::error::FlowError;
use super::userinfo::good_for;

/// What the one who is going to read the token expects in it.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Without one: the issuer of this installation.
    pub issuer: Option<String>,
    /// Without one: whatever the token says.
    pub audience: Option<String>,
    /// What the token must be good for.
    pub scope: Scope,
}

/// What is in a token, and what speaks against it. Does not hold the token itself.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub signature: Signature,
    /// The first thing that is wrong; without one an API accepts the token.
    pub fault: Option<Fault>,
    /// Whose token it is, when we know.
    pub email: Option<Email>,
}

impl Inspection {
    /// The status that an API answers with; nothing when that cannot be told without the keys.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.fault.as_ref().map_or(Some(200), Fault::status)
    }
}

/// What is known about a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    Valid(KeyState),
    Invalid,
    #[default]
    Unchecked,
}

/// Why an API refuses a token. The text says what differs from what. The page `/tools/jwt` comes to the same verdicts in
/// the same order and words, but for what only the database knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("this is {0}, not a signed token")]
    Opaque(&'static str),
    #[error("{0}")]
    Malformed(VerifyError),
    #[error("the algorithm {0:?} is not one that this server signs with")]
    Algorithm(String),
    #[error("no key of this server is called {0:?}")]
    UnknownKey(String),
    #[error("the key {kid} is for {key}, but the token says {token}")]
    KeyAlgorithm { kid: String, key: &'static str, token: String },
    #[error("the key {kid} was revoked at {at}")]
    RevokedKey { kid: String, at: Timestamp },
    #[error("the signature does not match: the token was changed, or signed by another key of the same name")]
    Signature,
    #[error("the signature was not checked: there are no keys to check it with")]
    Unchecked,
    #[error("this is an ID token, for the application {audience}; an API wants the access token")]
    IdToken { audience: String },
    #[error("the typ {0:?} is not that of an access token (at+jwt)")]
    Type(String),
    #[error("iss is {found:?}, expected is {expected:?}{}", difference(.found, .expected))]
    Issuer { found: String, expected: String },
    #[error("aud is {:?}, expected is {expected:?}{}", .found.join(" "), nearly_one_of(.found, .expected))]
    Audience { found: Vec<String>, expected: String },
    #[error("it expired at {0}")]
    Expired(Timestamp),
    #[error("it is not valid before {0}; is a clock wrong?")]
    NotYet(Timestamp),
    #[error("a claim of RFC 9068 section 2.2 is missing or has another JSON type")]
    Claims,
    #[error("the client {0} is disabled or was deleted")]
    Client(ClientId),
    #[error("what it was issued from was revoked at {} ({})", .0.at, .0.reason.as_str())]
    Revoked(Revocation),
    #[error("it was revoked")]
    Denied,
    #[error("what it was issued from, or its user, is gone")]
    Gone,
    #[error("its user is disabled")]
    UserDisabled,
    #[error("the scope {0:?} was not granted")]
    Scope(String),
}

impl Fault {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Opaque(_) => "opaque",
            Self::Malformed(_) => "malformed",
            Self::Algorithm(_) | Self::KeyAlgorithm { .. } => "algorithm",
            Self::UnknownKey(_) => "unknown_key",
            Self::RevokedKey { .. } => "revoked_key",
            Self::Signature => "signature",
            Self::Unchecked => "unchecked",
            Self::IdToken { .. } => "id_token",
            Self::Type(_) => "type",
            Self::Issuer { .. } => "issuer",
            Self::Audience { .. } => "audience",
            Self::Expired(_) => "expired",
            Self::NotYet(_) => "not_yet",
            Self::Claims => "claims",
            Self::Client(_) => "client",
            Self::Revoked(_) | Self::Denied | Self::Gone => "revoked",
            Self::UserDisabled => "user",
            Self::Scope(_) => "scope",
        }
    }

    /// 401 for a token that proves nothing, 403 for a good one that is not good for this (RFC 6750 section 3.1).
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Unchecked => None,
            Self::Scope(_) => Some(403),
            _ => Some(401),
        }
    }
}

impl Signet {
    /// Looks at a token as an API of this installation does: form, key, signature, type, issuer, audience, time; then,
    /// as our own endpoints do, whether client, family and user still stand; and at last whether it is good for the
    /// scope.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn inspect_token(&self, token: &str, expected: &Expected) -> Result<Inspection, FlowError> {
        let mut seen = read(token);
        if seen.fault.is_some() {
            return Ok(seen);
        }
        let keys = self.store.signing_keys().await?;
        let kid = text(&seen.header, "kid");
        let key = keys.iter().find(|key| key.kid.as_str() == kid);
        if let Err(error) = self.ring.load().verify(token) {
            seen.signature = Signature::Invalid;
            let algorithm = text(&seen.header, "alg");
            seen.fault = Some(match (error, key) {
                (VerifyError::Algorithm, _) => Fault::Algorithm(algorithm),
                (VerifyError::Signature, _) => Fault::Signature,
                (VerifyError::Key, None) => Fault::UnknownKey(kid),
                (VerifyError::Key, Some(key)) => match key.revoked_at {
                    Some(at) => Fault::RevokedKey { kid, at },
                    None => Fault::KeyAlgorithm { kid, key: key.algorithm.as_str(), token: algorithm },
                },
                (other, _) => Fault::Malformed(other),
            });
            return Ok(seen);
        }
        seen.signature = key.map_or(Signature::Unchecked, |key| Signature::Valid(key.state));
        let issuer = expected.issuer.as_deref().unwrap_or(self.issuer());
        match judge(&seen, issuer, expected.audience.as_deref(), self.now()) {
            Ok(claims) => {
                let behind = self.look_behind(&claims, &mut seen.email).await?;
                seen.fault = behind.or_else(|| missing(&claims.scope, &expected.scope));
            }
            Err(fault) => seen.fault = Some(fault),
        }
        Ok(seen)
    }

    /// What only the database knows: whether all that the token came from still stands.
    async fn look_behind(&self, claims: &AccessToken, email: &mut Option<Email>) -> Result<Option<Fault>, FlowError> {
        let client = self.store.client(claims.client_id.clone()).await?;
        let Some(client) = client.filter(|client| good_for(client, claims)) else {
            return Ok(Some(Fault::Client(claims.client_id.clone())));
        };
        let denied = self.fresh_denylist().await?.is_denied(claims);
        let Some(grant_id) = claims.grant_id.clone() else { return Ok(denied.then_some(Fault::Denied)) };
        let found = self.store.userinfo(grant_id).await?;
        let Some((family, user)) = found.filter(|(_, user)| self.subject(&client, &user.id) == claims.subject) else {
            return Ok(Some(Fault::Gone));
        };
        *email = Some(user.email);
        Ok(match family.revoked {
            _ if user.disabled => Some(Fault::UserDisabled),
            Some(revocation) if denied => Some(Fault::Revoked(revocation)),
            None if denied => Some(Fault::Denied),
            _ => None,
        })
    }
}

/// The same without an installation: what the token says, and the first thing in it that cannot be right. At best
/// [`Fault::Unchecked`].
#[must_use]
pub fn unverified(token: &str, expected: &Expected, now: Timestamp) -> Inspection {
    let mut seen = read(token);
    if seen.fault.is_none() {
        let own = text(&seen.claims, "iss");
        let issuer = expected.issuer.as_deref().unwrap_or(&own);
        let fault = judge(&seen, issuer, expected.audience.as_deref(), now).err();
        seen.fault = Some(fault.unwrap_or(Fault::Unchecked));
    }
    seen
}

/// What is sometimes taken for an access token: its kind, and what we call it.
pub const OPAQUE: [(SecretKind, &str); 8] = [
    (SecretKind::Code, "an authorization code"),
    (SecretKind::Refresh, "a refresh token"),
    (SecretKind::Session, "the value of a session cookie"),
    (SecretKind::Browser, "the value of a cookie"),
    (SecretKind::ClientSecret, "the secret of a client"),
    (SecretKind::SetupLink, "a setup link"),
    (SecretKind::InitialAccess, "an initial access token, for registering a client"),
    (SecretKind::Registration, "a registration access token, for managing a client"),
];

/// Takes a token apart, believing nothing.
fn read(token: &str) -> Inspection {
    if let Some((_, name)) = OPAQUE.into_iter().find(|(kind, _)| token.starts_with(kind.prefix())) {
        return Inspection { fault: Some(Fault::Opaque(name)), ..Inspection::default() };
    }
    match jws::peek(token, jws::MAX_LENGTH) {
        Ok(Peeked { header, claims }) => {
            // Before all else: a token without a signature is no torn one, and its owner is to hear the reason.
            let algorithm = text(&header, "alg");
            let fault = Algorithm::parse(&algorithm).is_none().then_some(Fault::Algorithm(algorithm));
            let signature = if fault.is_some() { Signature::Invalid } else { Signature::Unchecked };
            Inspection { header, claims, signature, fault, email: None }
        }
        Err(error) => Inspection { fault: Some(Fault::Malformed(error)), ..Inspection::default() },
    }
}

/// The rules of RFC 9068 section 4 are those that our own resources go by; here their verdict gets its values.
fn judge(seen: &Inspection, issuer: &str, audience: Option<&str>, now: Timestamp) -> Result<AccessToken, Fault> {
    let claims = &seen.claims;
    let audiences = audiences(claims);
    let audience = audience.unwrap_or_else(|| audiences.first().map_or("", String::as_str));
    let typ = text(&seen.header, "typ");
    let whole = Value::Object(claims.clone());
    access_token::verify(&typ, &whole, issuer, audience, now).map_err(|rejected| match rejected {
        Rejected::Type if typ == id_token::TYPE && !claims.contains_key("scope") => {
            Fault::IdToken { audience: audiences.join(" ") }
        }
        Rejected::Type => Fault::Type(typ.clone()),
        Rejected::Issuer => Fault::Issuer { found: text(claims, "iss"), expected: issuer.to_owned() },
        Rejected::Audience => Fault::Audience { found: audiences.clone(), expected: audience.to_owned() },
        Rejected::Expired => Fault::Expired(time(claims, "exp")),
        Rejected::NotYet => Fault::NotYet(time(claims, "iat").max(time(claims, "nbf"))),
        Rejected::Malformed => Fault::Claims,
    })
}

/// The first scope value that is needed and not there.
fn missing(granted: &Scope, needed: &Scope) -> Option<Fault> {
    needed.iter().find(|value| !granted.contains(value)).map(|value| Fault::Scope(value.to_owned()))
}

/// What tells the first of these names that looks like `expected` apart from it.
fn nearly_one_of(found: &[String], expected: &str) -> &'static str {
    found.iter().map(|name| difference(name, expected)).find(|said| !said.is_empty()).unwrap_or_default()
}

/// What tells two names apart that look the same.
fn difference(found: &str, expected: &str) -> &'static str {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let scheme_less = |text: &str| text.trim_start_matches("https://").trim_start_matches("http://").to_owned();
    let one_host = |text: &str| text.replace("://127.0.0.1", "://localhost");
    if found == expected {
        ""
    } else if bare(found) == bare(expected) {
        ": they differ by the slash at the end"
    } else if found.eq_ignore_ascii_case(expected) {
        ": they differ in upper and lower case"
    } else if scheme_less(found) == scheme_less(expected) {
        ": they differ by http and https"
    } else if one_host(found) == one_host(expected) {
        ": localhost and 127.0.0.1 are two names"
    } else {
        ""
    }
}

fn text(from: &Map<String, Value>, name: &str) -> String {
    from.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn time(claims: &Map<String, Value>, name: &str) -> Timestamp {
    Timestamp::from_seconds(claims.get(name).and_then(Value::as_i64).unwrap_or_default())
}

fn audiences(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Expected;
    use super::Fault;
    use super::difference;
    use super::nearly_one_of;
    use super::unverified;
    use crate::domain::time::Timestamp;

    #[test]
    fn names_that_look_the_same_are_told_apart() {
        assert!(difference("https://op.test/", "https://op.test").contains("slash"));
        assert!(difference("https://OP.test", "https://op.test").contains("case"));
        assert!(difference("http://op.test", "https://op.test").contains("https"));
        assert!(difference("http://127.0.0.1:1", "http://localhost:1").contains("localhost"));
        assert_eq!(difference("https://a.test", "https://b.test"), "");
        let audiences = ["https://a.test".to_owned(), "https://b.test/".to_owned()];
        assert!(nearly_one_of(&audiences, "https://b.test").contains("slash"));
        assert_eq!(nearly_one_of(&audiences, "https://c.test"), "");
    }

    #[test]
    fn what_is_not_a_token_is_called_by_its_name() {
        let fault = |token: &str| unverified(token, &Expected::default(), Timestamp::EPOCH).fault.unwrap();
        assert_eq!(fault("sgr_abc"), Fault::Opaque("a refresh token"));
        assert_eq!(fault("sgc_abc").code(), "opaque");
        for bad in ["", "a.b", "a.b.c", "....", "e30.e30", "W10.e30.AA"] {
            assert_eq!(fault(bad).code(), "malformed", "{bad:?}");
        }
    }
}
