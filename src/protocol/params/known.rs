//! Which parameters each endpoint understands, and how long each may be.

use super::LARGEST_OBJECT;
use super::MAX_VALUE;
use crate::crypto::jws;

/// A parameter that an endpoint understands.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub(super) name: &'static str,
    pub(super) max: usize,
    pub(super) repeatable: bool,
    pub(super) json: JsonType,
}

/// The type that a parameter has as a member of a request object: "Numerical values MUST be included as JSON
/// numbers" (RFC 9101 section 4), `claims` is an object (OpenID Connect Core section 6.1), all else is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    Text,
    Number,
    Object,
}

impl Known {
    /// A parameter of at most [`MAX_VALUE`] bytes that may be sent once.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, max: MAX_VALUE, repeatable: false, json: JsonType::Text }
    }

    /// With another limit, in bytes after decoding.
    #[must_use]
    pub const fn max(self, max: usize) -> Self {
        Self { max, ..self }
    }

    /// With another type as a member of a request object.
    #[must_use]
    pub const fn json(self, json: JsonType) -> Self {
        Self { json, ..self }
    }

    /// May be sent several times (only `resource`, RFC 8707 section 2, and `audience`, RFC 8693 section 2.1).
    #[must_use]
    pub const fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }
}

/// What the authorization endpoint understands, OpenID Connect Core section 3.1.2.1 and later.
pub const AUTHORIZE: &[Known] = &[
    Known::new("client_id").max(255),
    Known::new("redirect_uri").max(2000),
    Known::new("response_type").max(256),
    Known::new("response_mode").max(64),
    Known::new("scope").max(4096),
    Known::new("state").max(4096),
    Known::new("nonce").max(1024),
    Known::new("code_challenge").max(128),
    Known::new("code_challenge_method").max(16),
    Known::new("prompt").max(256),
    Known::new("max_age").max(32).json(JsonType::Number),
    Known::new("display").max(64),
    Known::new("ui_locales").max(256),
    Known::new("claims_locales").max(256),
    Known::new("login_hint").max(256),
    Known::new("id_token_hint"),
    Known::new("acr_values").max(1024),
    Known::new("claims").json(JsonType::Object),
    Known::new("request").max(LARGEST_OBJECT),
    Known::new("request_uri").max(2000),
    Known::new("registration").json(JsonType::Object),
    Known::new("resource").max(2000).repeatable(),
];

/// What the token endpoint understands.
pub const TOKEN: &[Known] = &[
    Known::new("grant_type").max(256),
    Known::new("client_id").max(255),
    Known::new("client_secret").max(1024),
    Known::new("client_assertion"),
    Known::new("client_assertion_type").max(256),
    Known::new("code").max(1024),
    Known::new("redirect_uri").max(2000),
    Known::new("code_verifier").max(1024),
    Known::new("refresh_token").max(1024),
    Known::new("scope").max(4096),
    Known::new("resource").max(2000).repeatable(),
    Known::new("audience").max(2000).repeatable(),
    Known::new("requested_token_type").max(256),
    Known::new("subject_token"),
    Known::new("subject_token_type").max(256),
    Known::new("actor_token"),
    Known::new("actor_token_type").max(256),
];

/// What the end-session endpoint understands, RP-Initiated Logout section 2; and what our own page sends there.
pub const END_SESSION: &[Known] = &[
    Known::new("id_token_hint"),
    Known::new("logout_hint").max(256),
    Known::new("client_id").max(255),
    Known::new("post_logout_redirect_uri").max(2000),
    Known::new("state").max(4096),
    Known::new("ui_locales").max(256),
    Known::new("csrf").max(128),
    Known::new("decision").max(32),
];

/// What the revocation and introspection endpoints understand, RFC 7009 section 2.1 and RFC 7662 section 2.1. A token is
/// at most as long as the longest that we would read anywhere.
pub const ABOUT_TOKEN: &[Known] = &[
    Known::new("token").max(jws::MAX_LENGTH),
    Known::new("token_type_hint").max(256),
    Known::new("client_id").max(255),
    Known::new("client_secret").max(1024),
    Known::new("client_assertion"),
    Known::new("client_assertion_type").max(256),
];

/// What endpoints understand that take an access token in the body, RFC 6750 section 2.2.
pub const BEARER: &[Known] = &[Known::new("access_token")];
