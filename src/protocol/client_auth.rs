//! Client authentication at the token endpoint, RFC 6749 section 2.3 and OpenID Connect Core section 9.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::client_assertion;
use super::error::OAuthError;
use super::params;
use super::params::Params;
use crate::crypto::jws;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSecretHash;
use crate::domain::ids::ClientId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// `WWW-Authenticate` of every `invalid_client` answer to a request that had an `Authorization` header: "MUST
/// respond with an HTTP 401 (Unauthorized) status code and include the "WWW-Authenticate" response header field" (RFC 6749
/// section 5.2).
pub const CHALLENGE: &str = "Basic realm=\"signet\", charset=\"UTF-8\"";

/// Longest `Authorization` value that is read, in bytes.
pub const MAX_HEADER: usize = 8192;

/// What a client says about itself; nothing of it is proven yet.
#[derive(Clone)]
pub struct Presented {
    pub client_id: ClientId,
    method: AuthMethod,
    proof: Proof,
}

#[derive(Clone)]
enum Proof {
    /// It only gives its name.
    None,
    Secret(Secret),
    Assertion(Secret),
}

impl Presented {
    /// How the client authenticates, or [`AuthMethod::None`] when it only gives its name.
    #[must_use]
    pub const fn method(&self) -> AuthMethod {
        self.method
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.client_id, self.method.as_str())
    }
}

/// Finds the credentials in a request. `authorization` has every `Authorization` header as sent; `form` is the body.
///
/// # Errors
/// `invalid_request` for two methods at once, `invalid_client` for what cannot be read.
pub fn presented(authorization: &[&[u8]], form: &Params) -> Result<Presented, OAuthError> {
    let body_id = form.get("client_id")?;
    let body_secret = form.get("client_secret")?;
    let assertion = (form.get("client_assertion")?, form.get("client_assertion_type")?);
    let asserts = assertion != (None, None);
    let used = authorization.len() + usize::from(body_secret.is_some()) + usize::from(asserts);
    // "The client MUST NOT use more than one authentication method in each request" (RFC 6749 section 2.3).
    if used > 1 {
        return Err(OAuthError::invalid_request("More than one way of client authentication"));
    }
    let named = match authorization {
        [header] => Some(basic(header)?),
        _ if asserts => Some(asserted(assertion)?),
        _ => None,
    };
    if let Some(presented) = named {
        return match body_id {
            Some(id) if id != presented.client_id.as_str() => Err(refused("client_id differs from the credentials")),
            _ => Ok(presented),
        };
    }
    // No credentials and no name: nobody tried to authenticate.
    let id = body_id.ok_or_else(|| refused("no client authentication"))?;
    let client_id = ClientId::new(id).map_err(|_| refused("client_id cannot be one"))?;
    let (method, proof) = match body_secret {
        Some(secret) => (AuthMethod::ClientSecretPost, Proof::Secret(Secret::new(secret))),
        None => (AuthMethod::None, Proof::None),
    };
    Ok(Presented { client_id, method, proof })
}

/// What is left to do before a client has proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked<'a> {
    /// Nothing.
    Proven,
    /// The client may use an assertion; this one says that it is by it, and nobody has looked whether it is.
    Asserted(&'a str),
}

/// Proves that the client is who it says, or finds what will. `verify` compares a secret with one hash in constant time.
///
/// All refusals look the same, and an unknown client costs the same comparison as a wrong secret.
///
/// # Errors
/// `invalid_client`.
pub fn check<'a>(
    presented: &'a Presented,
    client: Option<&Client>,
    now: Timestamp,
    verify: impl Fn(&ClientSecretHash, &str) -> bool,
) -> Result<Checked<'a>, OAuthError> {
    // Whoever swaps name and secret has sent the secret as a name, and what is refused is logged.
    let name = match client {
        Some(client) => client.id.to_string(),
        None => format!("of that name ({} characters)", presented.client_id.as_str().len()),
    };
    let client = client.filter(|client| client.id == presented.client_id && !client.disabled);
    let proven = match &presented.proof {
        Proof::None | Proof::Assertion(_) => true,
        Proof::Secret(secret) => proves(secret, client, now, verify),
    };
    let client = client.ok_or_else(|| refused(format!("no enabled client {name}")))?;
    // The method that was used must be a registered one; a public client with a secret and a confidential one without
    // end here.
    if !client.token_endpoint_auth_methods.contains(&presented.method) {
        let method = presented.method.as_str();
        return Err(refused(format!("client {} is not registered for {method}", client.id)));
    }
    if !proven {
        return Err(refused(format!("wrong or expired secret of client {}", client.id)));
    }
    Ok(match &presented.proof {
        Proof::Assertion(assertion) => Checked::Asserted(assertion.reveal()),
        Proof::None | Proof::Secret(_) => Checked::Proven,
    })
}

fn proves(
    secret: &Secret,
    client: Option<&Client>,
    now: Timestamp,
    verify: impl Fn(&ClientSecretHash, &str) -> bool,
) -> bool {
    let live = |expires_at: Option<Timestamp>| expires_at.is_none_or(|end| now < end);
    let hashes = client.map(|client| client.secrets.iter().filter(|own| live(own.expires_at)).map(|own| &own.hash));
    let mut compared = false;
    let mut proven = false;
    for hash in hashes.into_iter().flatten() {
        compared = true;
        proven |= verify(hash, secret.reveal());
    }
    if !compared {
        let nobody = ClientSecretHash::Sha256("A".repeat(43));
        let _ = verify(&nobody, secret.reveal());
    }
    proven
}

/// `Authorization: Basic`, RFC 7617, with both halves "encoded using the "application/x-www-form-urlencoded" encoding
/// algorithm" (RFC 6749 section 2.3.1).
fn basic(header: &[u8]) -> Result<Presented, OAuthError> {
    let (scheme, rest) = header.split_at_checked(5).ok_or_else(|| refused("Authorization is too short"))?;
    if header.len() > MAX_HEADER || !scheme.eq_ignore_ascii_case(b"basic") || rest.first() != Some(&b' ') {
        return Err(refused("Authorization is not Basic"));
    }
    let pair = STANDARD.decode(rest.trim_ascii()).map_err(|_| refused("Basic is not base64"))?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(|| refused("Basic has no colon"))?;
    let (id, secret) = pair.split_at_checked(colon).ok_or_else(|| refused("Basic has no colon"))?;
    let decoded = |half: &[u8], max| params::decode(half, max).map_err(|kind| refused(format!("Basic: {kind:?}")));
    let id = decoded(id, 255)?;
    let secret = Secret::new(decoded(secret.get(1..).unwrap_or_default(), 1024)?);
    if secret.reveal().is_empty() {
        return Err(refused("Basic has no secret"));
    }
    let client_id = ClientId::new(id).map_err(|_| refused("client_id cannot be one"))?;
    Ok(Presented { client_id, method: AuthMethod::ClientSecretBasic, proof: Proof::Secret(secret) })
}

/// `client_assertion` and `client_assertion_type`, RFC 7521 section 4.2. Who it is about is read off the assertion:
/// "the client is identified by the subject".
fn asserted((assertion, kind): (Option<&str>, Option<&str>)) -> Result<Presented, OAuthError> {
    if kind != Some(client_assertion::TYPE) {
        return Err(refused("client_assertion_type is missing, or is not the one for JWTs"));
    }
    let assertion = assertion.ok_or_else(|| refused("client_assertion is missing"))?;
    let peeked =
        jws::peek(assertion, jws::MAX_LENGTH).map_err(|fault| refused(format!("client_assertion: {fault}")))?;
    let subject = peeked.claims.get("sub").and_then(|sub| ClientId::new(sub.as_str()?).ok());
    let client_id = subject.ok_or_else(|| refused("client_assertion: sub cannot be a client"))?;
    let proof = Proof::Assertion(Secret::new(assertion));
    Ok(Presented { client_id, method: AuthMethod::PrivateKeyJwt, proof })
}

/// The one refusal of this room; `detail` is for the log.
pub fn refused(detail: impl Into<String>) -> OAuthError {
    OAuthError::invalid_client("Client authentication failed").detail(detail)
}

#[cfg(test)]
#[path = "client_auth_tests.rs"]
mod tests;
