//! What `serve --dev` starts with: two users and three clients, their names fixed. And the one user whom tests of the
//! protocol want.

use std::collections::BTreeSet;

use crate::crypto::hash;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSecret;
use crate::domain::client::GrantType;
use crate::domain::ids::ClientId;
use crate::domain::ids::UserId;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;
use crate::domain::user::Address;
use crate::domain::user::Email;
use crate::domain::user::Role;
use crate::domain::user::StandardClaims;
use crate::domain::user::User;

use super::Signet;
use super::error::FlowError;
use super::users::NewUser;

pub const USER: &str = "ada@example.test";
/// Her id when she is a fixture: that she was made for tests must never be in doubt.
const FIXTURE: &str = "usr_fixture_ada";
pub const OTHER_USER: &str = "bob@example.test";
pub const PASSWORD: &str = "correct-horse-battery";
pub const WEB_CLIENT: &str = "demo-web";
pub const SPA_CLIENT: &str = "demo-spa";
pub const SERVICE_CLIENT: &str = "demo-service";
pub const CLIENT_SECRET: &str = "dev-secret-do-not-ship";
/// What an API of one's own may ask for, so that 403 can be tried.
const API_SCOPE: &str = "orders:read orders:write";
const SCOPE: &str = "openid profile email address phone offline_access orders:read orders:write";
const LOOPBACK: [&str; 3] = ["http://localhost", "http://127.0.0.1", "http://[::1]"];

impl Signet {
    /// The audience of the demo resource server.
    #[must_use]
    pub fn demo_api(&self) -> String {
        api_of(self.issuer())
    }

    /// Writes users and clients. For an empty database.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn create_demo_data(&self) -> Result<(), FlowError> {
        let now = self.now();
        for client in [self.web(now)?, self.spa(now)?, self.service(now)?] {
            self.store.create_client(client).await?;
        }
        self.create_user(person(USER, "admin", ada())?).await?;
        self.create_user(person(OTHER_USER, "editor", bob())?).await?;
        Ok(())
    }

    /// The demo user of `fixtures.demo_user`: there and enabled with it, disabled without it. A database that tests were
    /// run on may end up behind a public address, and everybody knows her password.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn apply_fixtures(&self) -> Result<(), FlowError> {
        let wanted = self.config.fixtures.demo_user;
        let id = UserId::new(FIXTURE).map_err(|_| FlowError::Internal("a demo user is not valid"))?;
        match self.store.user(id.clone()).await? {
            Some(user) if user.disabled == wanted => {
                self.set_user_disabled(&id, !wanted).await?;
                if !wanted {
                    tracing::warn!(event = "demo_user_disabled", user = USER, "she is for fixtures.demo_user only");
                }
            }
            None if wanted => {
                let ada = NewUser { roles: BTreeSet::new(), ..person(USER, "demo", ada())? };
                let ada = User { id, ..self.new_user(ada).await? };
                if self.add_user(ada).await?.is_none() {
                    tracing::warn!(
                        event = "demo_user_taken",
                        user = USER,
                        "the database has another user of this name"
                    );
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn web(&self, now: Timestamp) -> Result<Client, FlowError> {
        Ok(Client {
            token_endpoint_auth_methods: BTreeSet::from([AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]),
            secrets: vec![secret(now)],
            ..self.interactive(WEB_CLIENT, "Demo web app", now)?
        })
    }

    fn spa(&self, now: Timestamp) -> Result<Client, FlowError> {
        let own = Some(self.issuer()).filter(|issuer| issuer.starts_with("https:"));
        let origins = LOOPBACK.into_iter().chain(own).map(Origin::register).collect::<Result<_, _>>();
        Ok(Client {
            token_endpoint_auth_methods: BTreeSet::from([AuthMethod::None]),
            session_api: true,
            origins: origins.map_err(|_| FlowError::Internal("a demo origin is not valid"))?,
            ..self.interactive(SPA_CLIENT, "Demo single-page app", now)?
        })
    }

    fn service(&self, now: Timestamp) -> Result<Client, FlowError> {
        Ok(Client {
            token_endpoint_auth_methods: BTreeSet::from([AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]),
            secrets: vec![secret(now)],
            application_type: ApplicationType::Web,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: BTreeSet::from([GrantType::ClientCredentials]),
            scope: Scope::parse(API_SCOPE).map_err(|_| FlowError::Internal("the demo scope is not valid"))?,
            ..self.interactive(SERVICE_CLIENT, "Demo service", now)?
        })
    }

    /// A native application, so that any port of this computer works with the exact path `/callback`.
    fn interactive(&self, id: &str, name: &str, now: Timestamp) -> Result<Client, FlowError> {
        let everywhere = |path: &str| {
            let uri = |origin: &str| RedirectUri::register(&format!("{origin}{path}"), ApplicationType::Native);
            // Under https the playground is at no plain loopback address.
            let own = Some(self.issuer()).filter(|issuer| issuer.starts_with("https:"));
            let uris = LOOPBACK.into_iter().chain(own).map(uri).collect::<Result<Vec<_>, _>>();
            uris.map_err(|_| FlowError::Internal("a demo redirect URI is not valid"))
        };
        let id = ClientId::new(id).map_err(|_| FlowError::Internal("a demo name is not valid"))?;
        Ok(Client {
            name: name.to_owned(),
            application_type: ApplicationType::Native,
            redirect_uris: everywhere("/callback")?,
            post_logout_redirect_uris: everywhere("/")?,
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            scope: Scope::parse(SCOPE).map_err(|_| FlowError::Internal("the demo scope is not valid"))?,
            audiences: vec![self.demo_api()],
            ..Client::new(id, now)
        })
    }
}

pub(super) fn api_of(issuer: &str) -> String {
    format!("{issuer}/demo-api")
}

fn secret(now: Timestamp) -> ClientSecret {
    ClientSecret { hash: hash::client_secret_hash(CLIENT_SECRET), created_at: now, expires_at: None }
}

fn person(email: &str, role: &str, claims: StandardClaims) -> Result<NewUser, FlowError> {
    let wrong = FlowError::Internal("a demo user is not valid");
    let (Ok(email), Ok(role)) = (Email::parse(email), Role::parse(role)) else { return Err(wrong) };
    Ok(NewUser { email, password: Some(Secret::new(PASSWORD)), roles: BTreeSet::from([role]), claims })
}

fn ada() -> StandardClaims {
    let text = |value: &str| Some(value.to_owned());
    StandardClaims {
        name: text("Ada Example"),
        given_name: text("Ada"),
        family_name: text("Example"),
        middle_name: text("Augusta"),
        nickname: text("ada"),
        preferred_username: text("ada"),
        profile: text("https://example.test/ada"),
        picture: text("https://example.test/ada.png"),
        website: text("https://ada.example.test"),
        gender: text("female"),
        birthdate: text("1990-12-10"),
        zoneinfo: text("Europe/London"),
        locale: text("en-GB"),
        email_verified: true,
        phone_number: text("+44 20 7946 0000"),
        phone_number_verified: true,
        address: Some(Address {
            formatted: text("1 Example Square\nLondon\nSW1A 1AA\nUnited Kingdom"),
            street_address: text("1 Example Square"),
            locality: text("London"),
            region: text("Greater London"),
            postal_code: text("SW1A 1AA"),
            country: text("GB"),
        }),
    }
}

fn bob() -> StandardClaims {
    StandardClaims {
        name: Some("Bob Example".to_owned()),
        preferred_username: Some("bob".to_owned()),
        email_verified: true,
        ..StandardClaims::default()
    }
}
