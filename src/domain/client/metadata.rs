//! What a client's registration says beside who it is and what it may do, OpenID Connect Registration section 2.

use serde::Deserialize;
use serde::Serialize;

use crate::domain::key::Algorithm;
use crate::domain::uri::RedirectUri;
use crate::domain::uri::WebUri;

/// OpenID Connect Back-Channel Logout section 2.2 and Front-Channel Logout section 2.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutChannels {
    /// Where a logout token is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<RedirectUri>,
    /// Whether the logout token must name the session (`sid`).
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// What the browser loads in a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<RedirectUri>,
    /// Whether `iss` and `sid` are added to it.
    #[serde(default)]
    pub frontchannel_logout_session_required: bool,
}

/// Signed authorization requests, OpenID Connect Core section 6 and RFC 9101.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestObjects {
    /// "All Request Objects from this Client MUST be rejected, if not signed with this algorithm." Any that is
    /// advertised when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<Algorithm>,
    /// The only values of `request_uri` that are fetched, each with its fragment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<WebUri>,
    /// Whether a request without a request object is refused (RFC 9101 section 10.5).
    #[serde(default)]
    pub require_signed_request_object: bool,
}

/// OpenID Connect Core section 8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// Every client sees the same `sub` of a person.
    #[default]
    Public,
    /// Each sector sees one of its own, so that sectors cannot compare what they know.
    Pairwise,
}

impl SubjectType {
    pub const ALL: [Self; 2] = [Self::Public, Self::Pairwise];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise => "pairwise",
        }
    }
}

/// How people are named to a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subjects {
    #[serde(default)]
    pub subject_type: SubjectType,
    /// The document that says which redirect URIs are of one sector; it was fetched and checked at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<WebUri>,
}

/// What people are shown of a client. Their browser loads it, this server never does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<WebUri>,
    /// Its home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<WebUri>,
    /// How it uses what it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<WebUri>,
    /// Its terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<WebUri>,
}

/// OAuth 2.0 Multiple Response Type Encoding Practices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResponseType {
    #[serde(rename = "code")]
    Code,
    #[serde(rename = "id_token")]
    IdToken,
    #[serde(rename = "id_token token")]
    IdTokenToken,
}

impl ResponseType {
    pub const ALL: [Self; 3] = [Self::Code, Self::IdToken, Self::IdTokenToken];

    /// Whether the answer itself has tokens in it.
    #[must_use]
    pub const fn is_front_channel(self) -> bool {
        !matches!(self, Self::Code)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::IdTokenToken => "id_token token",
        }
    }

    /// Reads the wire form, in which "the order of values does not matter" (RFC 6749 section 3.1.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        let sorted = words.join(" ");
        Self::ALL.into_iter().find(|kind| kind.as_str() == sorted)
    }
}
