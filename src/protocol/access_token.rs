//! Access tokens as JWTs, RFC 9068: what is in them, and when one is good.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use super::error::OAuthError;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::Subject;
use crate::domain::ids::TokenId;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::user::Role;

/// The `typ` header, RFC 9068 section 2.1.
pub const TYPE: &str = "at+jwt";

/// How far the clock of the node that signed may be ahead of ours, in seconds.
const SKEW: i64 = 60;

/// The most audiences that are looked at.
const MAX_AUDIENCES: usize = 16;

/// The claims of RFC 9068 section 2.2. Borrowed, so that a token is written without copies. For a person, `sub` is
/// the user as the client names them; for a service, it is the client itself, and there is no `grant_id`, `sid` or `auth_time`.
#[derive(Debug, Clone, Serialize)]
pub struct Claims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    #[serde(serialize_with = "one_or_many")]
    pub aud: &'a [String],
    pub client_id: &'a str,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    pub jti: &'a str,
    #[serde(skip_serializing_if = "Scope::is_empty", serialize_with = "as_text")]
    pub scope: &'a Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// RFC 9068 section 2.2.3.1.
    #[serde(skip_serializing_if = "<[Role]>::is_empty")]
    pub roles: &'a [Role],
    /// The family that ends this token when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// Who acts for the subject, RFC 8693 section 4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<&'a Actor>,
}

/// Who acts for the subject; inside it, for whom that one acted before: "the outermost act claim represents the current
/// actor while nested act claims represent prior actors" (RFC 8693 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// How many have acted, this one included.
    #[must_use]
    pub fn depth(&self) -> usize {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).count()
    }
}

fn one_or_many<S: serde::Serializer>(audience: &&[String], to: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => to.serialize_str(one),
        many => many.serialize(to),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn as_text<S: serde::Serializer>(scope: &&Scope, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(scope)
}

/// An access token that has been verified: signature (by the caller), type, issuer, audience and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// As the client that it was issued to names them.
    pub subject: Subject,
    pub client_id: ClientId,
    pub scope: Scope,
    pub audience: Vec<String>,
    pub id: TokenId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// Absent from tokens that no person stands behind.
    pub grant_id: Option<FamilyId>,
    pub session_id: Option<SessionId>,
    pub roles: Vec<Role>,
    /// When the person signed in, seconds since 1970.
    pub auth_time: Option<i64>,
    pub acr: Option<String>,
    pub actor: Option<Actor>,
    /// Who alone may act for the subject, RFC 8693 section 4.4.
    pub may_act: Option<Map<String, Value>>,
}

impl AccessToken {
    /// Whether it was issued for a person; a service's token names the client as its subject.
    #[must_use]
    pub fn is_of_a_person(&self) -> bool {
        self.grant_id.is_some() && self.subject.as_str() != self.client_id.as_str()
    }
}

/// Why an access token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("The token is not an access token")]
    Type,
    #[error("The access token has malformed claims")]
    Malformed,
    #[error("The access token was issued by somebody else")]
    Issuer,
    #[error("The access token is meant for somebody else")]
    Audience,
    #[error("The access token has expired")]
    Expired,
    #[error("The access token is not valid yet")]
    NotYet,
}

impl From<Rejected> for OAuthError {
    fn from(rejected: Rejected) -> Self {
        Self::invalid_token(rejected.to_string())
    }
}

/// Which audiences a token may be meant for.
#[derive(Debug, Clone, Copy)]
pub enum Accept<'a> {
    Only(&'a str),
    /// At least one of these.
    Any(&'a [String]),
    /// Whatever it is meant for. For whoever issued it, never for a resource.
    Everything,
}

impl<'a> From<&'a str> for Accept<'a> {
    fn from(audience: &'a str) -> Self {
        Self::Only(audience)
    }
}

impl Accept<'_> {
    fn takes(&self, audience: &str) -> bool {
        match self {
            Self::Only(own) => *own == audience,
            Self::Any(own) => own.iter().any(|own| own == audience),
            Self::Everything => true,
        }
    }
}

/// Verifies the claims of a token whose signature is good, RFC 9068 section 4. `typ` is from its header; `accept`
/// is who we are.
///
/// # Errors
/// [`Rejected`]; a claim that is missing or of another JSON type is [`Rejected::Malformed`].
pub fn verify<'a>(
    typ: &str,
    claims: &Value,
    issuer: &str,
    accept: impl Into<Accept<'a>>,
    now: Timestamp,
) -> Result<AccessToken, Rejected> {
    // "MUST verify that the "typ" header value is "at+jwt" or "application/at+jwt" and reject tokens carrying any
    // other value"; media types ignore case.
    if !typ.eq_ignore_ascii_case(TYPE) && !typ.eq_ignore_ascii_case("application/at+jwt") {
        return Err(Rejected::Type);
    }
    // "The issuer identifier [...] MUST exactly match the value of the "iss" claim."
    if text(claims, "iss")? != issuer {
        return Err(Rejected::Issuer);
    }
    // "The resource server MUST validate that the "aud" claim contains a resource indicator value corresponding to an
    // identifier the resource server expects for itself."
    let (audiences, accept) = (strings(claims, "aud")?, accept.into());
    if !audiences.iter().any(|audience| accept.takes(audience)) {
        return Err(Rejected::Audience);
    }
    // "The current time MUST be before the time represented by the "exp" claim."
    let expires_at = time(claims, "exp")?.ok_or(Rejected::Malformed)?;
    if now >= expires_at {
        return Err(Rejected::Expired);
    }
    let issued_at = time(claims, "iat")?.ok_or(Rejected::Malformed)?;
    let not_before = time(claims, "nbf")?.unwrap_or(issued_at);
    if issued_at.max(not_before).seconds() > now.seconds().saturating_add(SKEW) {
        return Err(Rejected::NotYet);
    }
    Ok(AccessToken {
        subject: id(claims, "sub", Subject::new)?.ok_or(Rejected::Malformed)?,
        client_id: id(claims, "client_id", ClientId::new)?.ok_or(Rejected::Malformed)?,
        scope: optional(claims, "scope")?
            .map_or(Ok(Scope::default()), Scope::parse)
            .map_err(|_| Rejected::Malformed)?,
        audience: audiences,
        id: id(claims, "jti", TokenId::new)?.ok_or(Rejected::Malformed)?,
        issued_at,
        expires_at,
        grant_id: id(claims, "grant_id", FamilyId::new)?,
        session_id: id(claims, "sid", SessionId::new)?,
        roles: roles(claims)?,
        auth_time: time(claims, "auth_time")?.map(Timestamp::seconds),
        acr: optional(claims, "acr")?.map(str::to_owned),
        actor: claims.get("act").map(Actor::deserialize).transpose().map_err(|_| Rejected::Malformed)?,
        may_act: claims.get("may_act").map(Map::deserialize).transpose().map_err(|_| Rejected::Malformed)?,
    })
}

fn text<'a>(claims: &'a Value, name: &str) -> Result<&'a str, Rejected> {
    optional(claims, name)?.ok_or(Rejected::Malformed)
}

fn optional<'a>(claims: &'a Value, name: &str) -> Result<Option<&'a str>, Rejected> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Rejected::Malformed),
    }
}

fn id<T, E>(claims: &Value, name: &str, parse: impl Fn(String) -> Result<T, E>) -> Result<Option<T>, Rejected> {
    optional(claims, name)?.map(|text| parse(text.to_owned()).map_err(|_| Rejected::Malformed)).transpose()
}

/// A `NumericDate` that is a whole number; what does not fit saturates.
fn time(claims: &Value, name: &str) -> Result<Option<Timestamp>, Rejected> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX)).ok_or(Rejected::Malformed)?;
    Ok(Some(Timestamp::from_seconds(seconds)))
}

fn strings(claims: &Value, name: &str) -> Result<Vec<String>, Rejected> {
    match claims.get(name) {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(many)) if many.len() <= MAX_AUDIENCES => {
            many.iter().map(|value| value.as_str().map(str::to_owned).ok_or(Rejected::Malformed)).collect()
        }
        _ => Err(Rejected::Malformed),
    }
}

fn roles(claims: &Value) -> Result<Vec<Role>, Rejected> {
    match claims.get("roles") {
        None => Ok(Vec::new()),
        Some(Value::Array(many)) => many
            .iter()
            .map(|value| value.as_str().and_then(|text| Role::parse(text).ok()).ok_or(Rejected::Malformed))
            .collect(),
        Some(_) => Err(Rejected::Malformed),
    }
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
