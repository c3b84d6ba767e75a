//! Bearer tokens at protected resources, RFC 6750.

use super::error::ErrorCode;
use super::error::OAuthError;
use super::params::Params;
use crate::crypto::jws;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;

/// Longest access token that is looked at, in bytes.
pub const MAX_TOKEN: usize = jws::MAX_LENGTH;

/// Finds the access token of a request. `authorization` has every `Authorization` header as sent, `form` the body when
/// it is a form. A token in the query is never looked for: it "SHOULD NOT be used" (RFC 6750 section 2.3).
///
/// # Errors
/// `invalid_request` for two tokens, `invalid_token` for one that cannot be one. No token at all is `Ok(None)`: the
/// answer is a challenge without an error (RFC 6750 section 3.1).
pub fn token(authorization: &[&[u8]], form: Option<&Params>) -> Result<Option<Secret>, OAuthError> {
    let body = match form {
        Some(form) => form.get("access_token")?,
        None => None,
    };
    match (authorization, body) {
        ([], None) => Ok(None),
        ([], Some(body)) => b64token(body.as_bytes()).map(Some),
        ([header], None) => from_header(header),
        // "Clients MUST NOT use more than one method to transmit the token in each request" (RFC 6750 section 2).
        _ => Err(OAuthError::invalid_request("More than one access token, or way of sending it")),
    }
}

fn from_header(header: &[u8]) -> Result<Option<Secret>, OAuthError> {
    let Some((scheme, rest)) = header.split_at_checked(6) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    match rest.first() {
        Some(b' ') => b64token(rest.trim_ascii_start()).map(Some),
        None => Err(OAuthError::invalid_request("Authorization has no token")),
        Some(_) => Ok(None),
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`, RFC 6750 section 2.1.
fn b64token(bytes: &[u8]) -> Result<Secret, OAuthError> {
    let malformed = || OAuthError::invalid_token("The access token is malformed");
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    let body = text.trim_end_matches('=');
    if body.is_empty() || text.len() > MAX_TOKEN || !body.bytes().all(allowed) {
        return Err(malformed());
    }
    Ok(Secret::new(text))
}

/// The value of `WWW-Authenticate`, RFC 6750 section 3. Without `error` it only says that a token is needed; `scope`
/// says which one, for `insufficient_scope`. Nothing in it can break out of its quotes: descriptions and scope values
/// have neither quotes nor backslashes.
#[must_use]
pub fn challenge(error: Option<&OAuthError>, scope: Option<&Scope>) -> String {
    let mut value = "Bearer realm=\"signet\"".to_owned();
    if let Some(error) = error {
        value.push_str(&format_member("error", error.code.as_str()));
        value.push_str(&format_member("error_description", error.description()));
    }
    if let Some(scope) = scope.filter(|scope| !scope.is_empty()) {
        value.push_str(&format_member("scope", &scope.to_string()));
    }
    value
}

fn format_member(name: &str, value: &str) -> String {
    format!(", {name}=\"{value}\"")
}

/// Whether an answer with this error carries a challenge.
#[must_use]
pub fn is_challenged(error: &OAuthError) -> bool {
    matches!(error.code, ErrorCode::InvalidToken | ErrorCode::InsufficientScope | ErrorCode::InvalidRequest)
}

#[cfg(test)]
mod tests {
    use super::MAX_TOKEN;
    use super::challenge;
    use super::is_challenged;
    use super::token;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::error::OAuthError;
    use crate::protocol::fixtures::scope;
    use crate::protocol::params::BEARER;
    use crate::protocol::params::Params;

    fn header(value: &str) -> Result<Option<String>, ErrorCode> {
        token(&[value.as_bytes()], None)
            .map(|token| token.map(|token| token.reveal().to_owned()))
            .map_err(|error| error.code)
    }

    #[test]
    fn wf_09_the_scheme_ignores_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(header(value), Ok(Some("a.b.c".to_owned())));
        }
        assert_eq!(header("Basic abc"), Ok(None));
        assert_eq!(header("Bearers abc"), Ok(None));
        assert_eq!(header("B"), Ok(None));
    }

    #[test]
    fn rs_02_one_way_at_a_time() {
        let form = Params::parse(&[b"access_token=abc"], BEARER).unwrap();
        assert_eq!(token(&[], Some(&form)).unwrap().unwrap().reveal(), "abc");
        assert_eq!(token(&[b"Bearer abc"], Some(&form)).unwrap_err().code, ErrorCode::InvalidRequest);
        assert_eq!(token(&[b"Bearer abc", b"Bearer abc"], None).unwrap_err().code, ErrorCode::InvalidRequest);
        let twice = Params::parse(&[b"access_token=a&access_token=a"], BEARER).unwrap();
        assert_eq!(token(&[], Some(&twice)).unwrap_err().code, ErrorCode::InvalidRequest);
        assert!(token(&[], None).unwrap().is_none());
    }

    #[test]
    fn rs_03_what_cannot_be_a_token() {
        for value in
            ["Bearer a b", "Bearer \"a\"", "Bearer a,b", "Bearer ===", "Bearer ", "Bearer \u{e9}", "Bearer a=b"]
        {
            assert_eq!(header(value), Err(ErrorCode::InvalidToken), "{value:?}");
        }
        assert_eq!(header("Bearer"), Err(ErrorCode::InvalidRequest));
        let long = |length: usize| header(&format!("Bearer {}", "a".repeat(length))).map(drop);
        assert_eq!((long(MAX_TOKEN), long(MAX_TOKEN + 1)), (Ok(()), Err(ErrorCode::InvalidToken)));
    }

    #[test]
    fn rs_14_the_challenge_is_one_valid_header() {
        assert_eq!(challenge(None, None), "Bearer realm=\"signet\"");
        let error = OAuthError::insufficient_scope("needs \"more\"\r\nX: y");
        let value = challenge(Some(&error), Some(&scope("api:read")));
        assert_eq!(
            value,
            "Bearer realm=\"signet\", error=\"insufficient_scope\", error_description=\"needs ?more???X: y\", \
             scope=\"api:read\""
        );
    }

    #[test]
    fn rfc6750_3_1_what_another_token_would_mend_is_challenged() {
        for code in ErrorCode::ALL {
            let its_own =
                [ErrorCode::InvalidRequest, ErrorCode::InvalidToken, ErrorCode::InsufficientScope].contains(code);
            assert_eq!(is_challenged(&OAuthError::new(*code, "No")), its_own, "{code:?}");
        }
    }
}
