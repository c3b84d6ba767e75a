//! Signed authorization requests: OpenID Connect Core section 6, RFC 9101.
//!
//! ```text
//! carried      where the object is: in `request`, or at a registered `request_uri`
//! read         all that can be wrong with it but the signature, so that for a bad one nobody fetches keys
//! signed       with the proof of the signature, its parameters are the request
//! ```
//!
//! "The authorization server MUST only use the parameters in the Request Object, even if the same parameter is provided
//! in the query parameter" (RFC 9101 section 6.3). Only `client_id` and `response_type`, which have to agree in both
//! places, may be absent inside.

use std::fmt;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use super::super::error::ErrorCode;
use super::super::error::OAuthError;
use super::super::params::AUTHORIZE;
use super::super::params::FaultKind;
use super::super::params::LARGEST_OBJECT;
use super::super::params::Params;
use super::AuthorizeFailure;
use super::client;
use super::redirect_uri;
use super::return_to;
use crate::crypto::VerifyError;
use crate::crypto::json;
use crate::crypto::jwk_set;
use crate::crypto::jws;
use crate::domain::client::Client;
use crate::domain::client::SecurityProfile;
use crate::domain::key::Algorithm;
use crate::domain::time::Timestamp;
use crate::domain::uri::WebUri;

/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(10);
/// From `nbf` to `exp`, and from `nbf` to now (FAPI 2.0 Message Signing section 5.3.1).
const LONGEST: Duration = Duration::from_hours(1);
/// The `typ` of a request object, RFC 9101 section 10.8. Older clients say `JWT` or nothing.
const TYPES: [&str; 3] = ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "jwt"];

/// Where the request object of a request is.
pub enum Place<'a> {
    /// Core section 6.1.
    Value(&'a str),
    /// Core section 6.2. Registered by this client, with its fragment.
    Reference(&'a WebUri),
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("request"),
            Self::Reference(uri) => write!(f, "request_uri {uri}"),
        }
    }
}

/// The client that asks and the place of its request object; `None` when the parameters themselves are the request.
///
/// # Errors
/// [`AuthorizeFailure`]: an unknown client; an object that this client cannot use, or that it should have used.
pub fn carried<'a>(
    params: &'a Params,
    client: Option<&'a Client>,
    front_channel: bool,
) -> Result<Option<(&'a Client, Place<'a>)>, AuthorizeFailure> {
    let client = client::check(params, client).map_err(AuthorizeFailure::Page)?;
    let place = find(params, client).map_err(|error| refused(params, client, error, front_channel))?;
    Ok(place.map(|place| (client, place)))
}

/// Who is told of an error while nothing in the object is believed: the client, if the parameters beside the object say
/// where it is. `front_channel` as in [`super::validate`].
#[must_use]
pub fn refused(params: &Params, client: &Client, error: OAuthError, front_channel: bool) -> AuthorizeFailure {
    match redirect_uri::check(params, client) {
        Ok(uri) => AuthorizeFailure::Redirect { to: return_to(params, uri, front_channel), error },
        Err(_) => AuthorizeFailure::Page(error),
    }
}

fn find<'a>(params: &'a Params, client: &'a Client) -> Result<Option<Place<'a>>, OAuthError> {
    let by_value = params.get("request").map_err(|fault| match fault.kind {
        FaultKind::TooLong => invalid("A request object has at most 65536 bytes"),
        _ => fault.into(),
    })?;
    let by_reference = params.get("request_uri")?;
    let registered = &client.request_objects;
    let unsupported = |code, why| Err(OAuthError::new(code, why));
    let place = match (by_value, by_reference) {
        // "If one of these parameters is used, the other MUST NOT be used in the same request." (Core section 6.2)
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("Send either request or request_uri")),
        // RFC 9101 section 10.5.
        (None, None) if registered.require_signed_request_object => {
            Err(OAuthError::invalid_request("This client must send a signed request object"))
        }
        (None, None) => return Ok(None),
        (Some(_), None) if client.keys.is_empty() => {
            unsupported(ErrorCode::RequestNotSupported, "This client has registered no keys to sign requests with")
        }
        (Some(object), None) => Ok(Place::Value(object)),
        (None, Some(_)) if client.keys.is_empty() || registered.request_uris.is_empty() => {
            let why = "This client has registered no request_uris, or no keys to sign requests with";
            unsupported(ErrorCode::RequestUriNotSupported, why)
        }
        // Compared byte by byte and with its fragment; what is not registered is never fetched.
        (None, Some(uri)) => registered
            .request_uris
            .iter()
            .find(|known| known.as_str() == uri)
            .map(Place::Reference)
            .ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequestUri, "This request_uri is not registered")),
    }?;
    params.check()?;
    Ok(Some(place))
}

/// What this client may sign request objects with. `none` does not exist here, and RS256 is not for FAPI 2.0 (Security
/// Profile section 5.4.1).
#[must_use]
pub fn algorithms(client: &Client) -> Vec<Algorithm> {
    let chosen = client.request_objects.request_object_signing_alg;
    let strict = client.security_profile == SecurityProfile::Fapi2;
    let allowed = |algorithm: &Algorithm| !(strict && *algorithm == Algorithm::Rs256);
    // "All Request Objects from this Client MUST be rejected, if not signed with this algorithm." (Registration section 2)
    Algorithm::ALL.into_iter().filter(|own| chosen.is_none_or(|chosen| chosen == *own)).filter(allowed).collect()
}

/// A request object that is right in everything but its signature, which nobody has checked.
pub struct Unsigned(Params);

impl Unsigned {
    /// The parameters, once the signature has been checked.
    #[must_use]
    pub fn signed(self) -> Params {
        self.0
    }
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads the object of a request whose parameters are `outer`.
///
/// # Errors
/// `invalid_request_object`: too large, encrypted, no strict JSON, an extension (`crit`), another algorithm or type, a
/// request within the request, other parties than `client` and `issuer`, not at this time, parameters of a wrong type.
pub fn read(
    compact: &str,
    outer: &Params,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Result<Unsigned, OAuthError> {
    if compact.bytes().filter(|byte| *byte == b'.').count() == 4 {
        return Err(invalid("Encrypted request objects are not supported"));
    }
    let malformed = |fault: VerifyError| match fault {
        VerifyError::Algorithm => invalid("The request object is not signed with an algorithm of this client"),
        other => invalid("The request object is not a signed JSON object").detail(other.to_string()),
    };
    jwk_set::check_form(compact, &algorithms(client), LARGEST_OBJECT).map_err(malformed)?;
    let object = jws::peek(compact, LARGEST_OBJECT).map_err(malformed)?;
    kind(&object.header)?;
    let mut claims = object.claims;
    // "`request` and `request_uri` parameters MUST NOT be included in Request Objects." (RFC 9101 section 4)
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(invalid("The request object has another request in it"));
    }
    parties(&claims, client, issuer)?;
    times(&claims, client, now)?;
    agree(&mut claims, outer)?;
    Params::of_object(&claims, AUTHORIZE).map(Unsigned).map_err(|bad| invalid(bad.to_string()))
}

fn kind(header: &Map<String, Value>) -> Result<(), OAuthError> {
    match header.get("typ") {
        None => Ok(()),
        Some(Value::String(typ)) if TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ)) => Ok(()),
        // Another kind of token of the same client, such as an assertion or a proof.
        Some(_) => Err(invalid("The request object has the typ of another kind of token")),
    }
}

/// `iss` is the client and `aud` the issuer (RFC 9101 section 4): right when they are there, and there for FAPI 2.0.
fn parties(claims: &Map<String, Value>, client: &Client, issuer: &str) -> Result<(), OAuthError> {
    let strict = client.security_profile == SecurityProfile::Fapi2;
    let by_client = |value: &Value| value.as_str() == Some(client.id.as_str());
    let for_us = |value: &Value| match value {
        Value::String(one) => one == issuer,
        Value::Array(many) => many.iter().all(Value::is_string) && many.iter().any(|one| one.as_str() == Some(issuer)),
        _ => false,
    };
    if !claims.get("iss").map_or(!strict, by_client) {
        return Err(invalid("iss of the request object is not this client"));
    }
    if !claims.get("aud").map_or(!strict, for_us) {
        return Err(invalid("aud of the request object is not this issuer"));
    }
    // With the client as its subject it could pass for an assertion of the client (RFC 9101 section 10.8).
    match claims.get("sub") {
        Some(sub) if !sub.is_string() || by_client(sub) => Err(invalid("The request object has the client as its sub")),
        _ => Ok(()),
    }
}

fn times(claims: &Map<String, Value>, client: &Client, now: Timestamp) -> Result<(), OAuthError> {
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => json::numeric_date(value)
            .map(|seconds| Some(Timestamp::from_seconds(seconds)))
            .map_err(|_| invalid(format!("{name} of the request object is not a time"))),
    };
    let (exp, nbf, iat) = (time("exp")?, time("nbf")?, time("iat")?);
    if exp.is_some_and(|exp| exp.plus(LEEWAY) <= now) {
        return Err(invalid("The request object has expired"));
    }
    if [nbf, iat].into_iter().flatten().any(|begin| begin > now.plus(LEEWAY)) {
        return Err(invalid("The request object is of the future"));
    }
    if client.security_profile == SecurityProfile::Fapi2 {
        let (Some(exp), Some(nbf)) = (exp, nbf) else { return Err(invalid("The request object needs exp and nbf")) };
        // With this, one that has not expired cannot have an nbf that is more than 60 minutes ago, either.
        if exp.since(nbf) > LONGEST {
            return Err(invalid("exp of the request object is more than 60 minutes after nbf"));
        }
    }
    Ok(())
}

/// "The values for these parameters MUST match those in the Request Object, if present" (Core section 6.1). One that is
/// absent inside is that of the query: who signed is known, and the other is the code flow or nothing, so that nobody on the
/// way can have tokens put into an address.
fn agree(claims: &mut Map<String, Value>, outer: &Params) -> Result<(), OAuthError> {
    for name in ["client_id", "response_type"] {
        let Some(said) = outer.get(name)? else { continue };
        match claims.get(name) {
            None if name == "response_type" && said != "code" => {
                return Err(invalid("The request object has no response_type"));
            }
            None => {
                claims.insert(name.to_owned(), Value::from(said));
            }
            Some(signed) if signed.as_str() == Some(said) => {}
            Some(_) => return Err(invalid(format!("{name} is not the same inside and outside of the request object"))),
        }
    }
    Ok(())
}

/// RFC 9101 section 6: something is wrong with the object itself.
#[must_use]
pub fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequestObject, why)
}

#[cfg(test)]
#[path = "request_object_tests.rs"]
mod tests;
