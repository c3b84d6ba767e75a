//! Errors as clients see them: a public sentence, a private detail, a status. Rendered in one place each
//! (`http` for token-like endpoints, [`super::response`] for the authorization endpoint).

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeStruct;

/// An error of OAuth 2.0 or OpenID Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    pub code: ErrorCode,
    description: Cow<'static, str>,
    detail: Option<String>,
}

impl OAuthError {
    /// Longest description that is sent.
    pub const MAX_DESCRIPTION: usize = 200;

    /// An error with a sentence that anybody may read.
    ///
    /// Values for `error_description` "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E"
    /// (RFC 6749 section 5.2): others become `?`, and a long text is cut.
    #[must_use]
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: sendable(description.into()), detail: None }
    }

    /// Adds what only the operator may read. It goes to the log and nowhere else.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The public sentence.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The private cause, for the log.
    #[must_use]
    pub fn private_detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// HTTP status at endpoints that answer JSON.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for OAuthError {}

/// The JSON of RFC 6749 section 5.2; the detail is not in it.
impl Serialize for OAuthError {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut body = to.serialize_struct("OAuthError", 2)?;
        body.serialize_field("error", self.code.as_str())?;
        body.serialize_field("error_description", self.description())?;
        body.end()
    }
}

macro_rules! shorthands {
    ($($name:ident => $code:ident,)*) => {
        impl OAuthError {$(
            #[doc = concat!("[`ErrorCode::", stringify!($code), "`] with a public sentence.")]
            #[must_use]
            pub fn $name(description: impl Into<Cow<'static, str>>) -> Self {
                Self::new(ErrorCode::$code, description)
            }
        )*}
    };
}

shorthands! {
    invalid_request => InvalidRequest,
    invalid_client => InvalidClient,
    invalid_grant => InvalidGrant,
    invalid_scope => InvalidScope,
    invalid_target => InvalidTarget,
    unauthorized_client => UnauthorizedClient,
    unsupported_token_type => UnsupportedTokenType,
    access_denied => AccessDenied,
    invalid_token => InvalidToken,
    insufficient_scope => InsufficientScope,
    invalid_redirect_uri => InvalidRedirectUri,
    invalid_client_metadata => InvalidClientMetadata,
    server_error => ServerError,
    temporarily_unavailable => TemporarilyUnavailable,
}

fn sendable(text: Cow<'static, str>) -> Cow<'static, str> {
    let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5B' | '\x5D'..='\x7E');
    if text.len() <= OAuthError::MAX_DESCRIPTION && text.chars().all(allowed) {
        return text;
    }
    let clean = text.chars().take(OAuthError::MAX_DESCRIPTION).map(|c| if allowed(c) { c } else { '?' });
    Cow::Owned(clean.collect())
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $status:literal;)*) => {
        /// Registered error codes ("OAuth Extensions Error" registry of RFC 6749 section 11.4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {$($(#[$doc])* $name,)*}

        impl ErrorCode {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The `error` parameter.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$name => $wire,)*}
            }

            /// HTTP status where the answer is not a redirect.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {$(Self::$name => $status,)*}
            }
        }
    };
}

codes! {
    /// RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1.
    InvalidRequest = "invalid_request", 400;
    /// RFC 6749 section 5.2.
    InvalidClient = "invalid_client", 401;
    /// RFC 6749 section 5.2.
    InvalidGrant = "invalid_grant", 400;
    /// RFC 6749 sections 4.1.2.1 and 5.2.
    UnauthorizedClient = "unauthorized_client", 400;
    /// RFC 6749 section 5.2.
    UnsupportedGrantType = "unsupported_grant_type", 400;
    /// RFC 6749 sections 4.1.2.1 and 5.2.
    InvalidScope = "invalid_scope", 400;
    /// RFC 6749 section 4.1.2.1.
    AccessDenied = "access_denied", 403;
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type", 400;
    /// RFC 6749 section 4.1.2.1.
    ServerError = "server_error", 500;
    /// RFC 6749 section 4.1.2.1.
    TemporarilyUnavailable = "temporarily_unavailable", 503;
    /// RFC 6750 section 3.1.
    InvalidToken = "invalid_token", 401;
    /// RFC 6750 section 3.1.
    InsufficientScope = "insufficient_scope", 403;
    /// OpenID Connect Core Error Code `unmet_authentication_requirements` section 3.
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400;
    /// OpenID Connect Core section 3.1.2.6.
    InteractionRequired = "interaction_required", 400;
    /// OpenID Connect Core section 3.1.2.6.
    LoginRequired = "login_required", 400;
    /// OpenID Connect Core section 3.1.2.6.
    AccountSelectionRequired = "account_selection_required", 400;
    /// OpenID Connect Core section 3.1.2.6.
    ConsentRequired = "consent_required", 400;
    /// OpenID Connect Core section 3.1.2.6, RFC 9101 section 6.
    InvalidRequestUri = "invalid_request_uri", 400;
    /// OpenID Connect Core section 3.1.2.6, RFC 9101 section 6.
    InvalidRequestObject = "invalid_request_object", 400;
    /// OpenID Connect Core section 3.1.2.6.
    RequestNotSupported = "request_not_supported", 400;
    /// OpenID Connect Core section 3.1.2.6.
    RequestUriNotSupported = "request_uri_not_supported", 400;
    /// OpenID Connect Core section 3.1.2.6.
    RegistrationNotSupported = "registration_not_supported", 400;
    /// RFC 7591 section 3.2.2.
    InvalidRedirectUri = "invalid_redirect_uri", 400;
    /// RFC 7591 section 3.2.2.
    InvalidClientMetadata = "invalid_client_metadata", 400;
    /// RFC 7009 section 2.2.1.
    UnsupportedTokenType = "unsupported_token_type", 400;
    /// RFC 8707 section 2.
    InvalidTarget = "invalid_target", 400;
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;
    use super::OAuthError;

    #[test]
    fn rfc6749_5_2_description_has_only_its_characters() {
        for text in ["a\"b", "a\\b", "a\r\nSet-Cookie: x", "\u{e9}", "\0", &"x".repeat(1000)] {
            let error = OAuthError::invalid_request(text.to_owned());
            assert!(error.description().len() <= OAuthError::MAX_DESCRIPTION);
            let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(error.description().bytes().all(allowed), "{text:?}");
        }
    }

    #[test]
    fn a_long_description_is_cut() {
        let sent = |length| OAuthError::invalid_request("x".repeat(length)).description().len();
        assert_eq!((sent(199), sent(200), sent(201)), (199, 200, 200));
    }

    #[test]
    fn rfc6749_5_2_a_status_for_each() {
        assert_eq!(OAuthError::invalid_grant("No").status(), 400);
        assert_eq!(OAuthError::invalid_client("No").status(), 401);
        assert_eq!(OAuthError::temporarily_unavailable("No").status(), 503);
    }

    #[test]
    fn each_code_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn the_detail_is_never_shown() {
        let error = OAuthError::server_error("Something failed").detail("disk /dev/sda full");
        assert!(!error.to_string().contains("sda"));
        let body = serde_json::to_string(&error).unwrap();
        assert_eq!(body, r#"{"error":"server_error","error_description":"Something failed"}"#);
        assert_eq!(error.private_detail(), Some("disk /dev/sda full"));
    }
}
