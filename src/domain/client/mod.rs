//! Clients: applications that send people here to sign in, and services that ask for tokens of their own.

mod credential;
mod metadata;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::domain::ids::ClientId;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;
use crate::domain::uri::WebUri;

pub use credential::AuthMethod;
pub use credential::ClientKeys;
pub use credential::ClientSecret;
pub use credential::ClientSecretHash;
pub use metadata::LogoutChannels;
pub use metadata::Presentation;
pub use metadata::RequestObjects;
pub use metadata::ResponseType;
pub use metadata::SubjectType;
pub use metadata::Subjects;

/// A registered client. Kept as one JSON document, so a new field needs a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a yes or no of the registration, independent of the others")]
pub struct Client {
    /// `client_id`, RFC 6749 section 2.2.
    pub id: ClientId,
    /// `client_name`, shown on the login and consent pages.
    pub name: String,
    #[serde(default)]
    pub application_type: ApplicationType,
    /// How the client may prove who it is at the token endpoint. Public clients have exactly `{None}`.
    pub token_endpoint_auth_methods: BTreeSet<AuthMethod>,
    /// Any of these is accepted; several live side by side while a secret is being changed.
    #[serde(default)]
    pub secrets: Vec<ClientSecret>,
    /// With which it signs assertions and request objects.
    #[serde(default, flatten)]
    pub keys: ClientKeys,
    /// "The Client MUST authenticate with this algorithm." Any that is advertised when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<Algorithm>,
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub grant_types: BTreeSet<GrantType>,
    /// What it may ask the authorization endpoint for; what the configuration turns off is refused all the same.
    #[serde(default = "code_only")]
    pub response_types: BTreeSet<ResponseType>,
    #[serde(default, flatten)]
    pub request_objects: RequestObjects,
    #[serde(default, flatten)]
    pub subjects: Subjects,
    /// The scope values that this client may ask for.
    #[serde(default)]
    pub scope: Scope,
    /// What its access tokens may be meant for (`aud`); the first is the default. Empty: the issuer itself.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// What it is itself, as a resource server: tokens for these audiences it may introspect (RFC 7662 section 2.1).
    #[serde(default)]
    pub resources: Vec<String>,
    /// How strictly it is held: `fapi2` binds tokens to keys and does not rotate refresh tokens.
    #[serde(default)]
    pub security_profile: SecurityProfile,
    #[serde(default = "rs256")]
    pub id_token_signed_response_alg: Algorithm,
    /// UserInfo answers are signed with it, and plain JSON when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    #[serde(default = "es256")]
    pub access_token_signed_response_alg: Algorithm,
    /// Whether an authorization request without a code challenge is refused. Always so for public clients.
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// An application of the operator's own: no consent page.
    #[serde(default)]
    pub first_party: bool,
    /// Whether the JSON session API (`/auth/...`) is open to it; see [`Client::may_use_session_api`].
    #[serde(default)]
    pub session_api: bool,
    /// Browser origins that may read answers of the token, userinfo and revocation endpoints.
    #[serde(default)]
    pub origins: Vec<Origin>,
    /// How it learns that somebody has signed out.
    #[serde(default, flatten)]
    pub logout: LogoutChannels,
    /// Signs answers of the introspection endpoint when the caller asks for signed ones. "The default, if omitted, is
    /// RS256" (RFC 9701 section 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<Algorithm>,
    #[serde(default, flatten)]
    pub presentation: Presentation,
    /// How to reach the people responsible for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Where others may send a browser that is to sign in at this client (OpenID Connect Core section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<WebUri>,
    #[serde(default)]
    pub lifetimes: Lifetimes,
    /// A disabled client is treated as an unknown one everywhere.
    #[serde(default)]
    pub disabled: bool,
    pub created_at: Timestamp,
    #[serde(default)]
    pub source: ClientSource,
}

fn rs256() -> Algorithm {
    Algorithm::Rs256
}

fn es256() -> Algorithm {
    Algorithm::Es256
}

fn code_only() -> BTreeSet<ResponseType> {
    [ResponseType::Code].into()
}

fn yes() -> bool {
    true
}

impl Client {
    /// A client that may do nothing yet; whoever makes one writes down what differs from this.
    #[must_use]
    pub fn new(id: ClientId, created_at: Timestamp) -> Self {
        Self {
            name: id.to_string(),
            id,
            application_type: ApplicationType::Web,
            token_endpoint_auth_methods: BTreeSet::new(),
            secrets: Vec::new(),
            keys: ClientKeys::default(),
            token_endpoint_auth_signing_alg: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: BTreeSet::new(),
            response_types: code_only(),
            request_objects: RequestObjects::default(),
            subjects: Subjects::default(),
            scope: Scope::default(),
            audiences: Vec::new(),
            resources: Vec::new(),
            security_profile: SecurityProfile::default(),
            id_token_signed_response_alg: rs256(),
            userinfo_signed_response_alg: None,
            access_token_signed_response_alg: es256(),
            require_pkce: yes(),
            first_party: false,
            session_api: false,
            origins: Vec::new(),
            logout: LogoutChannels::default(),
            introspection_signed_response_alg: None,
            presentation: Presentation::default(),
            contacts: Vec::new(),
            initiate_login_uri: None,
            lifetimes: Lifetimes::default(),
            disabled: false,
            created_at,
            source: ClientSource::Database,
        }
    }

    /// RFC 6749 section 2.1: a client without a credential of its own.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_methods.contains(&AuthMethod::None)
    }

    /// Whether an authorization request of this client must carry a code challenge (RFC 7636, RFC 9700 section 2.1.1).
    #[must_use]
    pub fn pkce_required(&self) -> bool {
        self.require_pkce || self.is_public()
    }

    #[must_use]
    pub fn allows(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// The sector within which people are named to this client; nothing when all clients see the same names.
    #[must_use]
    pub fn sector(&self) -> Option<String> {
        match self.subjects.subject_type {
            SubjectType::Public => None,
            // Registration demands a host. A client that has lost it is a sector of its own rather than everybody's.
            SubjectType::Pairwise => Some(self.sector_host().unwrap_or_else(|| format!("client:{}", self.id))),
        }
    }

    /// The host of the `sector_identifier_uri`; without one "the Sector Identifier used for pairwise identifier calculation is
    /// the host component of the registered `redirect_uri`" (OpenID Connect Core section 8.1). Nothing when these have no host or several: "If there are multiple hostnames in the registered
    /// `redirect_uris`, the Client MUST register a `sector_identifier_uri`."
    #[must_use]
    pub fn sector_host(&self) -> Option<String> {
        if let Some(uri) = &self.subjects.sector_identifier_uri {
            return uri.host();
        }
        let hosts: Option<BTreeSet<String>> = self.redirect_uris.iter().map(RedirectUri::host).collect();
        let mut hosts = hosts?.into_iter();
        hosts.next().filter(|_| hosts.next().is_none())
    }

    /// Whether its pages may take passwords themselves and keep their refresh token in our cookie. Only pages do: a
    /// client with a secret has a server, which would have to prove who it is.
    #[must_use]
    pub fn may_use_session_api(&self) -> bool {
        self.session_api && self.is_public() && !self.disabled
    }

    /// Whether a response may be sent to `presented`.
    #[must_use]
    pub fn redirects_to(&self, presented: &str) -> bool {
        self.redirect_uris.iter().any(|uri| uri.matches(presented, self.application_type))
    }

    /// Whether a browser may be sent to `presented` after signing out. A native app may use any port of a loopback
    /// address, as for its redirect URIs.
    #[must_use]
    pub fn returns_to_after_logout(&self, presented: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|uri| uri.matches(presented, self.application_type))
    }

    /// Whether a page of the origin `presented` may read our answers.
    #[must_use]
    pub fn trusts_origin(&self, presented: &str) -> bool {
        self.origins.iter().any(|origin| origin.matches(presented, self.application_type))
    }
}

/// OpenID Connect Registration section 2, `application_type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    #[default]
    Web,
    Native,
}

/// How strictly a client is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityProfile {
    /// OpenID Connect Core with the best current practice of RFC 9700.
    #[default]
    Oidc,
    /// FAPI 2.0 Security Profile: no rotation of refresh tokens (section 5.3.2.1).
    Fapi2,
}

impl SecurityProfile {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Fapi2 => "fapi2",
        }
    }
}

/// RFC 6749 section 1.3 and its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

impl GrantType {
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::TokenExchange];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// Reads the wire form; compares case (RFC 6749 section 1.3 has no other spelling).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// Lifetimes of what is issued to one client, in seconds; what is absent comes from the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Duration>,
    /// From login to the end of the refresh family, whatever happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_absolute: Option<Duration>,
    /// From the last refresh to the end of the refresh family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_idle: Option<Duration>,
    /// How long a public client may present the same refresh token again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_retry_window: Option<Duration>,
}

/// Who may change a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSource {
    /// Written in the configuration file; read-only elsewhere.
    Configuration,
    #[default]
    Database,
    /// Registered itself (RFC 7591): nobody here has looked at what it says of itself.
    Registration,
}
