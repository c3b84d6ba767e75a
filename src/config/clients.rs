//! `[[clients]]`: applications written in the file. They are read-only elsewhere.

mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;

use super::client_keys::Jwks;
use super::input::Input;
use super::key::section;
use super::tokens::DAY;
use super::tokens::MINUTE;
use super::tokens::SECOND;
use super::tokens::YEAR;
use super::value::Between;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientKeys;
use crate::domain::client::ClientSource;
use crate::domain::client::GrantType;
use crate::domain::client::Lifetimes;
use crate::domain::client::LogoutChannels;
use crate::domain::client::Presentation;
use crate::domain::client::ResponseType;
use crate::domain::client::SecurityProfile;
use crate::domain::client::SubjectType;
use crate::domain::client::Subjects;
use crate::domain::denial::LONGEST_ACCESS_TOKEN;
use crate::domain::ids::ClientId;
use crate::domain::ids::USER_PREFIX;
use crate::domain::key::Algorithm;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;
use crate::domain::uri::WebUri;

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
        /// Public keys of a client that signs instead of having a secret: a JWK Set as JSON text.
        jwks: Option<Jwks> = Example(r#"'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'"#);
        /// A file with them.
        jwks_file: Option<PathBuf> = Example(r#""/etc/signet/my-app.jwks.json""#);
        /// Where the client itself publishes them, so that it can change them.
        jwks_uri: Option<String> = Example(r#""https://app.example.com/jwks.json""#);
        /// The one algorithm that it signs with when it proves who it is. Any when absent.
        token_endpoint_auth_signing_alg: Option<Algorithm> = Example(r#""ES256""#);
        /// How the client proves who it is. When absent: with the secret in either place, else by a signature
        /// (`private_key_jwt`) when it has keys, else not at all.
        token_endpoint_auth_methods: Option<Vec<AuthMethod>> = Example(r#"["client_secret_basic"]"#);
        /// Where answers may go; compared byte by byte.
        redirect_uris: Vec<String> = Default("[]");
        /// Where people may go after signing out.
        post_logout_redirect_uris: Vec<String> = Default("[]");
        /// When absent: `authorization_code` and `refresh_token` with `redirect_uris`, else `refresh_token` with
        /// `session_api`, else `client_credentials`.
        grant_types: Option<Vec<GrantType>> = Example(r#"["authorization_code", "refresh_token"]"#);
        /// What it may ask the authorization endpoint for: "code"; "id_token" and "id_token token" count only with
        /// `tokens.front_channel`.
        response_types: Vec<ResponseType> = Default(r#"["code"]"#);
        /// "public": every application sees the same `sub` of a person. "pairwise": each sector sees one of its own.
        subject_type: SubjectType = Default(r#""public""#);
        /// Whose host is the sector of a pairwise application. When absent: the one host of its `redirect_uris`. It is not
        /// fetched for applications of this file.
        sector_identifier_uri: Option<WebUri> = Example(r#""https://example.com/redirect_uris.json""#);
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
        /// Signature of UserInfo answers, which are plain JSON when absent.
        userinfo_signed_response_alg: Option<Algorithm> = Example(r#""RS256""#);
        /// Signature of access tokens.
        access_token_signed_response_alg: Algorithm = Default(r#""ES256""#);
        /// The only signature that its request objects may have. Any that is advertised when absent.
        request_object_signing_alg: Option<Algorithm> = Example(r#""ES256""#);
        /// Where its request objects are, each with its fragment. No other `request_uri` is ever fetched.
        request_uris: Vec<String> = Default("[]");
        /// Refuse authorization requests that are not in a signed request object.
        require_signed_request_object: bool = Default("false");
        /// Refuse authorization requests without a code challenge. Always so for public clients.
        require_pkce: bool = Default("true");
        /// An application of your own: no consent page.
        first_party: bool = Default("false");
        /// Open the JSON session API (/auth/...) to it: its pages take passwords themselves. For your own applications
        /// without a secret; `origins` says where their pages are.
        session_api: bool = Default("false");
        /// Browser origins that may read answers of the token, userinfo and revocation endpoints.
        origins: Vec<Origin> = Default("[]");
        /// Its logo, shown on the sign-in and consent pages. Browsers load it, this server never does.
        logo_uri: Option<WebUri> = Example(r#""https://app.example.com/logo.png""#);
        /// Its home page.
        client_uri: Option<WebUri> = Example(r#""https://app.example.com""#);
        /// How it uses what it learns of people.
        policy_uri: Option<WebUri> = Example(r#""https://app.example.com/privacy""#);
        /// Its terms of service.
        tos_uri: Option<WebUri> = Example(r#""https://app.example.com/terms""#);
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
        let keys = self.keys(input);
        let request_objects = self.request_objects(input, &keys);
        let methods = self.methods(input, &keys);
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
        let response_types = self.response_types(input);
        let shown = self.show();
        let client = Client {
            name: self.name.unwrap_or_else(|| self.id.to_string()),
            application_type: self.application_type,
            token_endpoint_auth_methods: methods,
            keys,
            token_endpoint_auth_signing_alg: self.token_endpoint_auth_signing_alg,
            redirect_uris,
            post_logout_redirect_uris: post_logout,
            grant_types: grants,
            response_types,
            subjects: Subjects { subject_type: self.subject_type, sector_identifier_uri: self.sector_identifier_uri },
            request_objects,
            scope: self.scope,
            audiences: self.audiences,
            resources: self.resources,
            security_profile: self.security_profile,
            id_token_signed_response_alg: self.id_token_signed_response_alg,
            userinfo_signed_response_alg: self.userinfo_signed_response_alg,
            access_token_signed_response_alg: self.access_token_signed_response_alg,
            require_pkce: self.require_pkce,
            first_party: self.first_party,
            session_api: self.session_api,
            origins: self.origins,
            logout,
            introspection_signed_response_alg: self.introspection_signed_response_alg,
            presentation: Presentation {
                logo_uri: self.logo_uri,
                client_uri: self.client_uri,
                policy_uri: self.policy_uri,
                tos_uri: self.tos_uri,
            },
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
        if client.sector().is_some() && client.sector_host().is_none() {
            let message = format!(
                "{} is pairwise, but its redirect_uris have not one host: add sector_identifier_uri (OpenID Connect Core \
                 section 8.1)",
                client.id
            );
            input.fault("clients.subject_type", None, message);
        }
        (input.faults.len() == before).then_some(ConfiguredClient { client, secret: self.secret, shown })
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

    fn methods(&self, input: &mut Input, keys: &ClientKeys) -> BTreeSet<AuthMethod> {
        const PATH: &str = "clients.token_endpoint_auth_methods";
        let methods: BTreeSet<AuthMethod> = match (&self.token_endpoint_auth_methods, &self.secret) {
            (Some(methods), _) => methods.iter().copied().collect(),
            (None, Some(_)) => [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost].into(),
            (None, None) if !keys.is_empty() => [AuthMethod::PrivateKeyJwt].into(),
            (None, None) => [AuthMethod::None].into(),
        };
        let public = methods.contains(&AuthMethod::None);
        let signs = methods.contains(&AuthMethod::PrivateKeyJwt);
        let secretive =
            methods.iter().any(|method| matches!(method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost));
        if methods.is_empty() || (public && methods.len() > 1) {
            input.fault(PATH, None, format!("{PATH} must be \"none\" alone, or some of the others"));
        } else if public && self.secret.is_some() {
            input.fault(PATH, None, format!("{} is public (\"none\") but has a secret; remove one", self.id));
        } else if signs && keys.is_empty() {
            let message = format!("{} has private_key_jwt but no keys; add jwks, jwks_file or jwks_uri", self.id);
            input.fault(PATH, None, message);
        } else if !secretive && !public && self.secret.is_some() {
            input.fault(
                PATH,
                None,
                format!("{} has a secret, for which private_key_jwt has no use; remove it", self.id),
            );
        } else if signs
            && self.security_profile == SecurityProfile::Fapi2
            && self.token_endpoint_auth_signing_alg == Some(Algorithm::Rs256)
        {
            const ALG: &str = "clients.token_endpoint_auth_signing_alg";
            input.fault(ALG, None, format!("{} has security_profile \"fapi2\", which has no RS256", self.id));
        } else if secretive && self.secret.is_none() {
            let message = format!("{} proves who it is with a secret but has none; add secret or secret_file", self.id);
            input.fault(PATH, None, message);
        }
        methods
    }

    /// Without a code there is nothing that a code challenge or a bound token could protect, so who is held to these does
    /// not answer in the front channel.
    fn response_types(&self, input: &mut Input) -> BTreeSet<ResponseType> {
        const PATH: &str = "clients.response_types";
        let types: BTreeSet<ResponseType> = self.response_types.iter().copied().collect();
        let front_channel = types.iter().any(|kind| *kind != ResponseType::Code);
        if types.is_empty() {
            input.fault(PATH, None, format!("{PATH} must have at least one element"));
        } else if front_channel && self.security_profile == SecurityProfile::Fapi2 {
            input.fault(PATH, None, format!("{} has profile fapi2, so {PATH} must be [\"code\"]", self.id));
        } else if front_channel && self.redirect_uris.is_empty() {
            input.fault(PATH, None, format!("{} has {PATH} for ID tokens but no redirect_uris", self.id));
        }
        types
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
