//! The form of a compact JWS, RFC 7515 section 7.1, before anything in it is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Map;
use serde_json::Value;

use super::VerifyError;
use super::json;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// The values of the `typ` header member that we write.
pub mod typ {
    /// Access tokens, RFC 9068 section 2.1.
    pub const ACCESS_TOKEN: &str = "at+jwt";
    /// ID tokens.
    pub const ID_TOKEN: &str = "JWT";
    /// Logout tokens, OpenID Connect Back-Channel Logout section 2.4.
    pub const LOGOUT_TOKEN: &str = "logout+jwt";
    /// UserInfo answers have none: clients take no other than `JWT` or none there, and `JWT` is what tells an ID token,
    /// which has the same `iss`, `aud` and `sub`.
    pub const USERINFO: &str = "";

    pub const ALL: [&str; 4] = [ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN, USERINFO];
}

/// Longer tokens are refused before they are looked at, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;

/// A token of the right form. Its `kid` tells which key to check it with; nothing else in it may be used before that.
#[derive(Debug)]
pub struct Unverified<'a> {
    algorithm: Algorithm,
    kid: KeyId,
    typ: Option<String>,
    signing_input: &'a [u8],
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart. Keys that it carries or points to (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
    ///
    /// # Errors
    /// [`VerifyError`]: longer than [`MAX_LENGTH`]; not exactly three parts of canonical base64url; a header that is no
    /// strict JSON object; an `alg` that we do not sign with; no `kid`; any `crit` or `b64`.
    pub fn parse(compact: &'a str) -> Result<Self, VerifyError> {
        let Parts { header, algorithm, signing_input, payload, signature } =
            Parts::split(compact, MAX_LENGTH, Algorithm::parse)?;
        let kid = text(&header, "kid")?.and_then(|kid| KeyId::new(kid).ok()).ok_or(VerifyError::Header("kid"))?;
        let typ = text(&header, "typ")?.map(str::to_owned);
        Ok(Self { algorithm, kid, typ, signing_input, payload, signature })
    }

    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    #[must_use]
    pub const fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// What kind of token it says it is; compare it exactly with one of [`typ`].
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The claims before anybody has checked the signature. Only to show a token to its owner.
    ///
    /// # Errors
    /// [`VerifyError`] when they are no strict JSON object.
    pub fn unverified_claims(&self) -> Result<Map<String, Value>, VerifyError> {
        claims(&self.payload()?)
    }

    pub(super) const fn signing_input(&self) -> &[u8] {
        self.signing_input
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(super) fn payload(&self) -> Result<Vec<u8>, VerifyError> {
        decode(self.payload)
    }
}

/// The parts of a compact JWS of the right form, whoever has signed it.
pub(super) struct Parts<'a> {
    pub(super) header: Map<String, Value>,
    pub(super) algorithm: Algorithm,
    pub(super) signing_input: &'a [u8],
    payload: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    /// `largest`: what is longer is refused before it is looked at, in bytes. `parse` reads `alg`.
    pub(super) fn split(
        compact: &'a str,
        largest: usize,
        parse: fn(&str) -> Option<Algorithm>,
    ) -> Result<Self, VerifyError> {
        if compact.len() > largest {
            return Err(VerifyError::TooLong);
        }
        if !compact.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err(VerifyError::Shape);
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(VerifyError::Shape)?;
        let (header, payload) = signing_input.split_once('.').ok_or(VerifyError::Shape)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(VerifyError::Shape);
        }
        let signature = decode(signature)?;
        let Ok(Value::Object(header)) = json::strict(&decode(header)?) else {
            return Err(VerifyError::Header("not a JSON object"));
        };
        // RFC 7515 section 4.1.11: "If any of the listed extension Header Parameters are not understood and supported
        // by the recipient, then the JWS is invalid." We support none, and the list "MUST NOT" be empty.
        if header.contains_key("crit") {
            return Err(VerifyError::Header("crit"));
        }
        // RFC 7797 section 6: `b64` is only valid together with `crit`.
        if header.contains_key("b64") {
            return Err(VerifyError::Header("b64"));
        }
        let algorithm = text(&header, "alg")?.and_then(parse).ok_or(VerifyError::Algorithm)?;
        Ok(Self { header, algorithm, signing_input: signing_input.as_bytes(), payload, signature })
    }

    pub(super) fn kid(&self) -> Result<Option<&str>, VerifyError> {
        text(&self.header, "kid")
    }

    pub(super) fn claims(&self) -> Result<Map<String, Value>, VerifyError> {
        claims(&decode(self.payload)?)
    }
}

/// Header and claims of a token as they are written, whether they may be believed or not.
#[derive(Debug, Clone)]
pub struct Peeked {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

/// Takes a token of at most `largest` bytes apart and believes nothing: to show a token to its owner, and to refuse
/// what no signature would mend before anybody looks for the key.
///
/// # Errors
/// [`VerifyError`] when they are no three parts, or no strict JSON objects.
pub fn peek(compact: &str, largest: usize) -> Result<Peeked, VerifyError> {
    if compact.len() > largest {
        return Err(VerifyError::TooLong);
    }
    let mut parts = compact.split('.');
    let (Some(header), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(VerifyError::Shape);
    };
    let Ok(Value::Object(header)) = json::strict(&decode(header)?) else {
        return Err(VerifyError::Header("not a JSON object"));
    };
    Ok(Peeked { header, claims: claims(&decode(payload)?)? })
}

/// Reads a payload as the claims set of RFC 7519 section 4.
///
/// # Errors
/// [`VerifyError::Payload`] when it is no strict JSON object (see [`json::strict`]).
pub fn claims(payload: &[u8]) -> Result<Map<String, Value>, VerifyError> {
    match json::strict(payload) {
        Ok(Value::Object(claims)) => Ok(claims),
        _ => Err(VerifyError::Payload),
    }
}

/// base64url without padding, and with zero bits where the last character has bits to spare.
fn decode(part: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Shape)
}

/// A header member that must be a string if it is there.
fn text<'a>(header: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, VerifyError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(VerifyError::Header(name)),
    }
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
