//! Authorization requests that have passed every check, and the attempts to answer them.

use serde::Deserialize;
use serde::Serialize;

use super::claims::ClaimsRequest;
use super::client::ResponseType;
use super::ids::ClientId;
use super::ids::RequestId;
use super::ids::Subject;
use super::ids::UserId;
use super::scope::Scope;
use super::secret::SecretHash;
use super::time::Timestamp;

/// A checked authorization request, OpenID Connect Core section 3.1.2.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: ClientId,
    /// As presented; the client's registration has a URI that it matches.
    pub redirect_uri: String,
    #[serde(default = "code")]
    pub response_type: ResponseType,
    pub response_mode: ResponseMode,
    pub scope: Scope,
    /// RFC 8707 section 2.1. Empty: the client named none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<CodeChallenge>,
    #[serde(default)]
    pub prompt: Prompt,
    /// Seconds, OpenID Connect Core section 3.1.2.1.
    pub max_age: Option<u64>,
    pub login_hint: Option<String>,
    #[serde(default)]
    pub ui_locales: Vec<String>,
    /// Single claims, OpenID Connect Core section 5.5.
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
    /// The only person whose sign-in the client can use, as this client names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

const fn code() -> ResponseType {
    ResponseType::Code
}

impl AuthorizationRequest {
    /// What the person is asked about: the scope, and that which would give the claims asked for one by one.
    #[must_use]
    pub fn asks_for(&self) -> Scope {
        self.scope.union(&self.claims.scope)
    }
}

/// OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, OAuth 2.0 Form Post Response Mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    #[default]
    Query,
    FormPost,
    /// Only for response types that have tokens in the answer.
    Fragment,
}

impl ResponseMode {
    pub const ALL: [Self; 3] = [Self::Query, Self::FormPost, Self::Fragment];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::Fragment => "fragment",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Which prompts the client asked for, OpenID Connect Core section 3.1.2.1.
#[expect(clippy::struct_excessive_bools, reason = "a set of four named values")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
    pub select_account: bool,
}

/// A code challenge of method S256, RFC 7636 section 4.2: 43 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge(String);

/// Why a text is not a code challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code challenge of method S256 has 43 characters of base64url")]
pub struct InvalidCodeChallenge;

impl CodeChallenge {
    /// # Errors
    /// [`InvalidCodeChallenge`] for another length or another alphabet.
    pub fn parse(text: &str) -> Result<Self, InvalidCodeChallenge> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() != 43 || !text.bytes().all(allowed) {
            return Err(InvalidCodeChallenge);
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = InvalidCodeChallenge;
    fn try_from(text: String) -> Result<Self, InvalidCodeChallenge> {
        Self::parse(&text)
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.0
    }
}

/// One attempt of one browser tab to answer an authorization request. Kept a while past its end, so that a page
/// left open overnight can start again for the right application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: RequestId,
    /// Hash of the browser cookie: another browser cannot go on with this attempt.
    pub browser: SecretHash,
    pub request: AuthorizationRequest,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// What has just been allowed, and by whom.
    pub consented: Option<Consented>,
    /// Whether the person has chosen the account, for `prompt=select_account`.
    pub account_selected: bool,
    /// When it was answered. An answered attempt never issues again.
    pub finished_at: Option<Timestamp>,
}

/// What one person has allowed during an attempt. Another person may sign in before the attempt is answered; then it
/// counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consented {
    pub user_id: UserId,
    pub scope: Scope,
}

impl Attempt {
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.finished_at.is_none() && now < self.expires_at
    }
}
