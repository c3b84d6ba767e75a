//! Single claims that a client asks for, OpenID Connect Core section 5.5.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

use super::scope::Scope;

/// The `claims` parameter, as far as it can be answered: claims that we know and that the client may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Names of claims wanted from the UserInfo endpoint.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub userinfo: BTreeSet<String>,
    /// Names of claims wanted in the ID token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<String>,
    /// The scope values that would give all of these: what the person is asked about.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
}

impl ClaimsRequest {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }
}
