//! What the token endpoint answers.

use std::fmt;

use serde::Serialize;

use crate::domain::scope::Scope;
use crate::domain::secret::Secret;

use super::mint::AccessToken;

/// A successful answer, RFC 6749 section 5.1 and OpenID Connect Core section 3.1.3.3. Does not show its tokens.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    /// RFC 8693 section 2.2.1; only at token exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    scope: Scope,
}

impl TokenResponse {
    #[must_use]
    pub fn new(access: AccessToken, scope: Scope) -> Self {
        Self {
            access_token: access.token,
            issued_token_type: None,
            token_type: "Bearer",
            expires_in: access.expires_in.as_secs(),
            refresh_token: None,
            id_token: None,
            scope,
        }
    }

    #[must_use]
    pub fn with_refresh_token(self, refresh_token: Option<String>) -> Self {
        Self { refresh_token, ..self }
    }

    /// What a page is told that keeps its refresh token in a cookie, and the refresh token.
    #[must_use]
    pub fn for_a_page(self) -> (Self, Option<Secret>) {
        let page = Self { refresh_token: None, id_token: None, scope: Scope::default(), ..self };
        (page, self.refresh_token.map(Secret::new))
    }

    /// As parameters of an authorization response, OpenID Connect Core section 3.2.2.5.
    #[must_use]
    pub fn into_parameters(self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("access_token", self.access_token),
            ("token_type", self.token_type.to_owned()),
            ("expires_in", self.expires_in.to_string()),
            ("scope", self.scope.to_string()),
        ];
        parameters.extend(self.id_token.map(|id_token| ("id_token", id_token)));
        parameters
    }

    #[must_use]
    pub fn with_issued_token_type(self, issued_token_type: &'static str) -> Self {
        Self { issued_token_type: Some(issued_token_type), ..self }
    }

    #[must_use]
    pub fn with_id_token(self, id_token: Option<String>) -> Self {
        Self { id_token, ..self }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}
