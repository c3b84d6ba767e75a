//! `[[clients]]`: applications written in the file. They are read-only elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;
use serde_json::json;

use super::input::Input;
use super::key::section;
use super::node::Node;
use super::tokens::DAY;
use super::tokens::MINUTE;
use super::tokens::SECOND;
use super::tokens::YEAR;
use super::value::Between;
use super::value::Refusal;
use super::value::Value;
use super::value::choice;
use super::value::parsed;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSource;
use crate::domain::client::GrantType;
use crate::domain::client::Lifetimes;
use crate::domain::client::LogoutChannels;
use crate::domain::client::SecurityProfile;
use crate::domain::denial::LONGEST_ACCESS_TOKEN;
use crate::domain::ids::ClientId;
use crate::domain::ids::USER_PREFIX;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;

section! {
    /// Applications. One [[clients]] table each; those made with `signet clients create` live in the database instead.
    Entry in "clients" {
        /// `client_id`: how the application names itself.
        id: ClientId = Required(r#""grafana""#);
        /// Shown to people on the sign-in and consent pages. The id when absent.
        name: Option<String> = Example(r#""Grafana""#);
        /// "web", or "native" for apps on a device; native ones may use any port of a loopback redirect.
        application_type: ApplicationType = Default(r#""web""#);
        /// The secret of a confidential client; absent for public ones. `secret_file` reads it from a file, and so does
        /// the environment: `SIGNET_CLIENTS__MY_APP__SECRET` or `..._FILE` for the client my-app.
        secret: Option<Secret> = Example(r#""<at least 32 random characters>""#);
        /// How the client proves who it is. When absent: with the secret in either place, or not at all without one.
        token_endpoint_auth_methods: Option<Vec<AuthMethod>> = Example(r#"["client_secret_basic"]"#);
        /// Where answers may go; compared byte by byte.
        redirect_uris: Vec<String> = Default("[]");
        /// Where people may go after signing out.
        post_logout_redirect_uris: Vec<String> = Default("[]");
        /// When absent: `authorization_code` and `refresh_token` with `redirect_uris`, else `refresh_token` with
        /// `session_api`, else `client_credentials`.
        grant_types: Option<Vec<GrantType>> = Example(r#"["authorization_code", "refresh_token"]"#);
        /// Scope values that it may ask for, separated by spaces.
        scope: Scope = Default(r#""openid profile email offline_access""#);
        /// What its access tokens may be meant for; the first is the default. Empty: the issuer itself.
        audiences: Vec<String> = Default("[]");
        /// What it is itself, as a resource server: it may introspect tokens for these audiences, and exchange them when it
        /// has the grant.
        resources: Vec<String> = Default("[]");
        /// "oidc", or "fapi2": refresh tokens are not rotated. Not for public clients.
        security_profile: SecurityProfile = Default(r#""oidc""#);
        /// Signature of ID tokens.
        id_token_signed_response_alg: Algorithm = Default(r#""RS256""#);
        /// Signature of access tokens.
        access_token_signed_response_alg: Algorithm = Default(r#""ES256""#);
        /// Refuse authorization requests without a code challenge. Always so for public clients.
        require_pkce: bool = Default("true");
        /// An application of your own: no consent page.
        first_party: bool = Default("false");
        /// Open the JSON session API (/auth/...) to it: its pages take passwords themselves. For your own applications
        /// without a secret; `origins` says where their pages are.
        session_api: bool = Default("false");
        /// Browser origins that may read answers of the token, userinfo and revocation endpoints.
        origins: Vec<Origin> = Default("[]");
        /// Where a logout token is posted when somebody signs out (back-channel logout).
        backchannel_logout_uri: Option<String> = Example(r#""https://app.example.com/backchannel_logout""#);
        /// Whether that token must name the session.
        backchannel_logout_session_required: bool = Default("false");
        /// What the browser loads in a frame when somebody signs out (front-channel logout).
        frontchannel_logout_uri: Option<String> = Example(r#""https://app.example.com/frontchannel_logout""#);
        /// Whether `iss` and `sid` are added to it.
        frontchannel_logout_session_required: bool = Default("false");
        /// Signature of introspection answers, when the client asks for signed ones. RS256 when absent.
        introspection_signed_response_alg: Option<Algorithm> = Example(r#""ES256""#);
        /// Instead of `tokens.access_token`.
        access_token: Option<Duration> = Example(r#""5m""#), Between(SECOND, LONGEST_ACCESS_TOKEN);
        /// Instead of `tokens.id_token`.
        id_token: Option<Duration> = Example(r#""5m""#), Between(SECOND, DAY);
        /// Instead of `tokens.refresh_absolute`.
        refresh_absolute: Option<Duration> = Example(r#""7d""#), Between(MINUTE, YEAR);
        /// Instead of `tokens.refresh_idle`.
        refresh_idle: Option<Duration> = Example(r#""1d""#), Between(MINUTE, YEAR);
        /// Instead of `tokens.refresh_retry_window`.
        refresh_retry_window: Option<Duration> = Example(r#""0s""#), Between(Duration::ZERO, Duration::from_mins(10));
        /// Treat it as an unknown client.
        disabled: bool = Default("false");
    }
}

/// A client of the file. Its secret still has to be hashed before it becomes one of `client.secrets`.
#[derive(Debug, Clone)]
pub struct ConfiguredClient {
    pub client: Client,
    pub secret: Option<Secret>,
    /// Its keys as `config show` prints them, the secret masked.
    pub shown: Vec<(&'static str, Json)>,
}

/// Reads every `[[clients]]` table; faults and warnings end up in `input`.
pub(super) fn read_all(input: &mut Input, tables: Vec<Input>) -> Vec<ConfiguredClient> {
    let mut clients: Vec<ConfiguredClient> = Vec::new();
    for mut table in tables {
        let client = match Entry::read(&mut table) {
            Some(entry) => entry.client(&mut table),
            None => {
                uris_beside_other_faults(&mut table);
                None
            }
        };
        if let Some(client) = client {
            let id = client.client.id.clone();
            if clients.iter().any(|earlier| earlier.client.id == id) {
                table.fault("clients.id", None, format!("clients.id is {:?} a second time", id.as_str()));
            } else {
                if let Some(source) = table.sources.remove("clients.id") {
                    input.sources.insert(format!("clients.{id}"), source);
                }
                clients.push(client);
            }
        }
        input.faults.append(&mut table.faults);
        input.warnings.append(&mut table.warnings);
    }
    clients
}

/// A secret shorter than this can be guessed.
const MIN_SECRET: usize = 16;

impl Entry {
    /// Checks what shows only when the keys are seen together, and makes the client of them.
    pub(super) fn client(self, input: &mut Input) -> Option<ConfiguredClient> {
        let before = input.faults.len();
        let redirect_uris = uris(input, "clients.redirect_uris", &self.redirect_uris, self.application_type);
        let post_logout =
            uris(input, "clients.post_logout_redirect_uris", &self.post_logout_redirect_uris, self.application_type);
        let logout = self.logout(input);
        let methods = self.methods(input);
        let grants = self.grants(input, methods.contains(&AuthMethod::None));
        if self.session_api && !(methods.contains(&AuthMethod::None) && grants.contains(&GrantType::RefreshToken)) {
            let message =
                format!("{} has session_api, which is for clients without a secret, with refresh_token", self.id);
            input.fault("clients.session_api", None, message);
        }
        if self.secret.as_ref().is_some_and(|secret| secret.reveal().len() < MIN_SECRET) {
            input.warn("clients.secret", format!("the secret of {} has fewer than {MIN_SECRET} characters", self.id));
        }
        if self.id.could_be_a_person() {
            let message = format!("clients.id {:?}: {USER_PREFIX} is how the names of people begin", self.id.as_str());
            input.fault("clients.id", None, message);
        }
        if input.faults.len() > before {
            return None;
        }
        let shown = self.show();
        let client = Client {
            name: self.name.unwrap_or_else(|| self.id.to_string()),
            application_type: self.application_type,
            token_endpoint_auth_methods: methods,
            redirect_uris,
            post_logout_redirect_uris: post_logout,
            grant_types: grants,
            scope: self.scope,
            audiences: self.audiences,
            resources: self.resources,
            security_profile: self.security_profile,
            id_token_signed_response_alg: self.id_token_signed_response_alg,
            access_token_signed_response_alg: self.access_token_signed_response_alg,
            require_pkce: self.require_pkce,
            first_party: self.first_party,
            session_api: self.session_api,
            origins: self.origins,
            logout,
            introspection_signed_response_alg: self.introspection_signed_response_alg,
            lifetimes: Lifetimes {
                access_token: self.access_token,
                id_token: self.id_token,
                refresh_absolute: self.refresh_absolute,
                refresh_idle: self.refresh_idle,
                refresh_retry_window: self.refresh_retry_window,
            },
            disabled: self.disabled,
            source: ClientSource::Configuration,
            ..Client::new(self.id, Timestamp::EPOCH)
        };
        Some(ConfiguredClient { client, secret: self.secret, shown })
    }

    fn logout(&self, input: &mut Input) -> LogoutChannels {
        let mut uri =
            |path: &str, text: &Option<String>| uris(input, path, text.as_slice(), self.application_type).pop();
        LogoutChannels {
            backchannel_logout_uri: uri("clients.backchannel_logout_uri", &self.backchannel_logout_uri),
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            frontchannel_logout_uri: uri("clients.frontchannel_logout_uri", &self.frontchannel_logout_uri),
            frontchannel_logout_session_required: self.frontchannel_logout_session_required,
        }
    }

    fn methods(&self, input: &mut Input) -> BTreeSet<AuthMethod> {
        const PATH: &str = "clients.token_endpoint_auth_methods";
        let methods: BTreeSet<AuthMethod> = match (&self.token_endpoint_auth_methods, &self.secret) {
            (Some(methods), _) => methods.iter().copied().collect(),
            (None, Some(_)) => [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost].into(),
            (None, None) => [AuthMethod::None].into(),
        };
        let public = methods.contains(&AuthMethod::None);
        if methods.is_empty() || (public && methods.len() > 1) {
            input.fault(PATH, None, format!("{PATH} must be \"none\" alone, or one or both of the others"));
        } else if public && self.secret.is_some() {
            input.fault(PATH, None, format!("{} is public (\"none\") but has a secret; remove one", self.id));
        } else if !public && self.secret.is_none() {
            let message = format!("{} proves who it is with a secret but has none; add secret or secret_file", self.id);
            input.fault(PATH, None, message);
        }
        methods
    }

    fn grants(&self, input: &mut Input, public: bool) -> BTreeSet<GrantType> {
        const PATH: &str = "clients.grant_types";
        let grants: BTreeSet<GrantType> = match &self.grant_types {
            Some(grants) => grants.iter().copied().collect(),
            None if self.redirect_uris.is_empty() && self.session_api => [GrantType::RefreshToken].into(),
            None if self.redirect_uris.is_empty() => [GrantType::ClientCredentials].into(),
            None => [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        };
        if grants.is_empty() {
            input.fault(PATH, None, format!("{PATH} must have at least one element"));
        }
        if grants.contains(&GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            input.fault(PATH, None, format!("{} has grant authorization_code but no redirect_uris", self.id));
        }
        if grants.contains(&GrantType::ClientCredentials) && public {
            // RFC 6749 section 4.4: "MUST only be used by confidential clients".
            let message = format!(
                "{} has neither redirect_uris nor a secret: a service needs a secret, an app needs redirect_uris",
                self.id
            );
            let explicit = format!("{} is public, so it cannot have grant client_credentials", self.id);
            input.fault(PATH, None, if self.grant_types.is_some() { explicit } else { message });
        }
        if grants.contains(&GrantType::TokenExchange) && public {
            input.fault(PATH, None, format!("{} is public, so it cannot exchange tokens", self.id));
        }
        // Who does not prove to be the client must not keep one token for ever.
        if self.security_profile == SecurityProfile::Fapi2 && public {
            const PROFILE: &str = "clients.security_profile";
            input.fault(PROFILE, None, format!("{} is public, so it cannot have {PROFILE} = \"fapi2\"", self.id));
        }
        grants
    }
}

/// The addresses are what most often is wrong: they are looked at also when another key of the table is.
fn uris_beside_other_faults(input: &mut Input) {
    let application = input.peek("clients.application_type").unwrap_or(ApplicationType::Web);
    for path in ["clients.redirect_uris", "clients.post_logout_redirect_uris"] {
        let texts: Vec<String> = input.peek(path).unwrap_or_default();
        uris(input, path, &texts, application);
    }
}

fn uris(input: &mut Input, path: &str, texts: &[String], application: ApplicationType) -> Vec<RedirectUri> {
    let mut uris = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match RedirectUri::register(text, application) {
            Ok(uri) => uris.push(uri),
            Err(error) => input.fault(path, Some(index), format!("{path}: {text:?}: {error}")),
        }
    }
    uris
}

choice!(ApplicationType: "web" => ApplicationType::Web, "native" => ApplicationType::Native);
choice!(SecurityProfile: "oidc" => SecurityProfile::Oidc, "fapi2" => SecurityProfile::Fapi2);
choice!(AuthMethod:
    "none" => AuthMethod::None,
    "client_secret_basic" => AuthMethod::ClientSecretBasic,
    "client_secret_post" => AuthMethod::ClientSecretPost,
    "private_key_jwt" => AuthMethod::PrivateKeyJwt,
);
choice!(GrantType:
    "authorization_code" => GrantType::AuthorizationCode,
    "refresh_token" => GrantType::RefreshToken,
    "client_credentials" => GrantType::ClientCredentials,
    "urn:ietf:params:oauth:grant-type:token-exchange" => GrantType::TokenExchange,
);

impl Value for ClientId {
    fn expected() -> String {
        "1 to 255 characters of printable ASCII without spaces, quotes and backslashes".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::new(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.as_str())
    }
}

impl Value for Scope {
    fn expected() -> String {
        "scope values separated by single spaces (RFC 6749 section 3.3)".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::parse(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.to_string())
    }
}

impl Value for Origin {
    fn expected() -> String {
        "https://host[:port], or http:// on a loopback host, without a path".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::register(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.as_str())
    }
}
