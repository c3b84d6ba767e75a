//! Who is calling an application behind a reverse proxy, `/forward-auth`.
//!
//! An access token is checked as every resource server does it: in memory. A session is looked up, and believed for
//! [`BELIEVED_FOR`]; that is how soon somebody who has signed out is refused on every node.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use url::Url;

use crate::config::Config;
use crate::crypto::hash;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::request::AuthorizationRequest;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretHash;
use crate::domain::secret::SecretKind;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::uri::RedirectUri;
use crate::domain::user::Role;
use crate::domain::user::User;
use crate::protocol::access_token::Accept;
use crate::protocol::access_token::AccessToken;
use crate::protocol::gateway::Asked;
use crate::protocol::gateway::Identity;
use crate::protocol::gateway::NoWayBack;
use crate::protocol::gateway::Profile;
use crate::protocol::gateway::ReturnAddress;

use super::Signet;
use super::authorize::BrowserCookies;
use super::error::FlowError;

/// How long a session or a profile that was read is believed without another look. What is promised is one second.
const BELIEVED_FOR: Duration = Duration::from_millis(500);
const MOST_REMEMBERED: u64 = 10_000;

/// The name under which people sign in on their way to an application behind a gateway. It has no secret, so that no
/// code of it is ever redeemed.
const CLIENT_ID: &str = "signet:gateway";
/// Where they come back to.
pub const PATH: &str = "/gateway";

/// What is remembered for forward authentication.
#[derive(Debug)]
pub struct Gateway {
    audiences: Vec<String>,
    client: Option<Arc<Client>>,
    sessions: Cache<Shown, Arc<Person>>,
    profiles: Cache<FamilyId, Option<Arc<Profile>>>,
}

/// By what a session was recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shown {
    Cookie(SecretHash),
    Session(SessionId),
}

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Person {
    pub id: UserId,
    pub roles: Vec<Role>,
    pub profile: Profile,
}

/// Who is calling.
#[derive(Debug)]
pub enum Visitor {
    Token { token: Box<AccessToken>, profile: Option<Arc<Profile>> },
    Person(Arc<Person>),
}

impl Visitor {
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        match self {
            Self::Token { token, profile } => Identity {
                subject: token.subject.as_str(),
                roles: &token.roles,
                profile: profile.as_deref(),
                scope: Some(&token.scope),
            },
            Self::Person(person) => Identity {
                subject: person.id.as_str(),
                roles: &person.roles,
                profile: Some(&person.profile),
                scope: None,
            },
        }
    }

    /// What the token was granted; nothing for a session.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Token { token, .. } => Some(&token.scope),
            Self::Person(_) => None,
        }
    }
}

impl Gateway {
    /// # Errors
    /// [`FlowError::Internal`] when the issuer makes no redirect URI, which its own rules exclude.
    pub fn new(config: &Config, dev: bool) -> Result<Self, FlowError> {
        let issuer = config.server.issuer.as_str();
        let mut audiences = config.gateway.audiences.clone();
        if dev {
            audiences.push(super::dev::api_of(issuer));
        }
        let signs_in = dev || !config.gateway.hosts.is_empty();
        Ok(Self {
            audiences,
            client: if signs_in { Some(Arc::new(client(issuer)?)) } else { None },
            sessions: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(BELIEVED_FOR).build(),
            profiles: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(BELIEVED_FOR).build(),
        })
    }

    /// The next look at any session is at the database: one was ended here.
    pub fn forget_sessions(&self) {
        self.sessions.invalidate_all();
    }

    /// The client of this name, when it is the gateway's own.
    #[must_use]
    pub fn client(&self, id: &ClientId) -> Option<&Arc<Client>> {
        self.client.as_ref().filter(|own| own.id == *id)
    }
}

/// The application that signing in for a gateway is for, as the rest of the house knows applications. It is in no
/// database.
fn client(issuer: &str) -> Result<Client, FlowError> {
    let broken = || FlowError::Internal("the gateway's own client is not valid");
    let redirect = RedirectUri::register(&format!("{issuer}{PATH}"), ApplicationType::Web).map_err(|_| broken())?;
    Ok(Client {
        name: "Gateway".to_owned(),
        token_endpoint_auth_methods: [AuthMethod::ClientSecretBasic].into(),
        redirect_uris: vec![redirect],
        grant_types: [GrantType::AuthorizationCode].into(),
        scope: Scope::parse("openid").map_err(|_| broken())?,
        require_pkce: false,
        first_party: true,
        ..Client::new(ClientId::new(CLIENT_ID).map_err(|_| broken())?, Timestamp::EPOCH)
    })
}

impl Signet {
    /// Who shows this access token.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_token` and the reason; an audience that is not configured accepts nothing.
    pub async fn gateway_token(&self, token: &Secret, asked: &Asked) -> Result<Visitor, FlowError> {
        let live = self.gateway_check(token, asked).await?;
        let profile = match asked.family.needs_profile() {
            true => self.profile(&live).await?,
            false => None,
        };
        Ok(Visitor::Token { token: Box::new(live), profile })
    }

    async fn gateway_check(&self, token: &Secret, asked: &Asked) -> Result<AccessToken, FlowError> {
        let configured = self.gateway.audiences.as_slice();
        let accepted = match &asked.audience {
            None => configured,
            Some(audience) => {
                configured.iter().find(|own| *own == audience).map_or(&[] as &[String], std::slice::from_ref)
            }
        };
        Ok(self.check_access_token(token.reveal(), Accept::Any(accepted)).await?.claims)
    }

    /// What the database knows of the person behind a token; nothing of somebody who is disabled or gone.
    async fn profile(&self, token: &AccessToken) -> Result<Option<Arc<Profile>>, FlowError> {
        let Some(grant) = &token.grant_id else { return Ok(None) };
        if let Some(known) = self.gateway.profiles.get(grant) {
            return Ok(known);
        }
        let user = self.behind(token).await?.map(|(_, user)| user).filter(|user| !user.disabled);
        let profile = user.map(|user| Arc::new(profile_of(&user)));
        self.gateway.profiles.insert(grant.clone(), profile.clone());
        Ok(profile)
    }

    /// Who is signed in in this browser: by our own cookie, where the application is on our host, or by the
    /// gateway's. Their session stays alive by it.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn gateway_session(
        &self,
        cookies: &BrowserCookies,
        gateway_cookie: Option<&str>,
    ) -> Result<Option<Arc<Person>>, FlowError> {
        if let Some(secret) = &cookies.session {
            let shown = Shown::Cookie(hash::secret_hash(SecretKind::Session, secret.reveal()));
            if let Some(person) = self.gateway.sessions.get(&shown) {
                return Ok(Some(person));
            }
            if let Some((_, user)) = self.signed_in(cookies).await? {
                return Ok(Some(self.remember(shown, &user)));
            }
        }
        let Some(id) = gateway_cookie.and_then(|value| self.session_of_gateway_cookie(value)) else { return Ok(None) };
        let shown = Shown::Session(id.clone());
        if let Some(person) = self.gateway.sessions.get(&shown) {
            return Ok(Some(person));
        }
        let now = self.now();
        let Some((session, user)) = self.store.session_by_id(id).await? else { return Ok(None) };
        if !session.is_live(now) || user.disabled {
            return Ok(None);
        }
        self.keep_alive(&session, now).await?;
        Ok(Some(self.remember(shown, &user)))
    }

    fn remember(&self, shown: Shown, user: &User) -> Arc<Person> {
        let roles = user.roles.iter().cloned().collect();
        let person = Arc::new(Person { id: user.id.clone(), roles, profile: profile_of(user) });
        self.gateway.sessions.insert(shown, Arc::clone(&person));
        person
    }

    /// The value of the gateway's cookie for a session, and how long it is good: `session.end.mac`. It opens nothing
    /// here, so that an application that sees it cannot sign in anywhere in the person's name.
    #[must_use]
    pub fn gateway_cookie(&self, session: &Session) -> (String, Duration) {
        let now = self.now();
        let end = session.expires_at.min(now.plus(self.config.gateway.cookie_lifetime));
        let body = format!("{}.{}", session.id, end.seconds());
        let mac = self.gateway_mac(&body);
        (format!("{body}.{mac}"), end.since(now))
    }

    fn session_of_gateway_cookie(&self, value: &str) -> Option<SessionId> {
        let (body, mac) = value.rsplit_once('.')?;
        if !hash::constant_time_eq(self.gateway_mac(body).as_bytes(), mac.as_bytes()) {
            return None;
        }
        let (id, end) = body.rsplit_once('.')?;
        let end = Timestamp::from_seconds(end.parse().ok()?);
        SessionId::new(id).ok().filter(|_| self.now() < end)
    }

    fn gateway_mac(&self, body: &str) -> String {
        hash::base64url(&self.secrets.gateway.mac(body.as_bytes()))
    }

    /// An address that a browser may be sent back to after sign-in.
    ///
    /// # Errors
    /// [`NoWayBack`].
    pub fn return_address(&self, text: &str) -> Result<ReturnAddress, NoWayBack> {
        ReturnAddress::parse(text, |url| self.is_behind_gateway(url))
    }

    fn is_behind_gateway(&self, url: &Url) -> bool {
        let origin = url.origin().ascii_serialization();
        let listed = self.config.gateway.hosts.iter().any(|host| host.as_str() == origin);
        // Cookies do not know ports, and in dev mode everything on this host is the developer's own.
        let own = |issuer: Url| issuer.host() == url.host() && issuer.scheme() == url.scheme();
        listed || (self.dev && Url::parse(self.issuer()).is_ok_and(own))
    }

    /// The authorization request with which somebody signs in on the way to `back`, as a query.
    #[must_use]
    pub fn gateway_request(&self, back: &ReturnAddress) -> Option<String> {
        let client = self.gateway.client.as_ref()?;
        let redirect = client.redirect_uris.first()?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", client.id.as_str())
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("scope", "openid")
            .append_pair("state", back.as_str());
        Some(query.finish())
    }

    /// The application behind the gateway that an attempt is for; nothing for other attempts.
    #[must_use]
    pub fn gateway_destination(&self, request: &AuthorizationRequest) -> Option<ReturnAddress> {
        self.gateway.client(&request.client_id)?;
        self.return_address(request.state.as_deref()?).ok()
    }
}

fn profile_of(user: &User) -> Profile {
    let email = user.claims.email_verified.then(|| user.email.as_str());
    Profile::new(user.claims.name.as_deref(), user.claims.preferred_username.as_deref(), email)
}
