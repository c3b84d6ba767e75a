//! What people see of themselves here: who they are, where they are signed in, and which applications have access.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::claims::ClaimsRequest;
use crate::domain::client::ApplicationType;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::request::AuthorizationRequest;
use crate::domain::request::Prompt;
use crate::domain::request::ResponseMode;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::uri::RedirectUri;
use crate::domain::user::User;

use super::Signet;
use super::authorize::BrowserCookies;
use super::authorize::Next;
use super::error::FlowError;

/// The name under which this provider's own pages sign people in. A colon keeps it apart from every name that
/// `clients create` makes.
const OWN: &str = "urn:signet:account";

/// How long after typing the password somebody may end sessions without typing it again: "users are able to view and
/// (having authenticated again with at least one factor) terminate any or all currently active sessions" (OWASP ASVS
/// 5.0, 7.5.2).
pub const FRESH_FOR: Duration = Duration::from_mins(15);

/// More than anybody looks through.
const MOST_SESSIONS: i64 = 100;

/// All that the account page shows.
#[derive(Debug)]
pub struct Overview {
    pub sessions: Vec<OpenSession>,
    pub applications: Vec<Application>,
}

/// One browser in which somebody is signed in.
#[derive(Debug)]
pub struct OpenSession {
    pub session: Session,
    /// Names of the applications it was used for.
    pub applications: Vec<String>,
}

/// An application that can do something in somebody's name, or may ask for it without a consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub client_id: ClientId,
    pub name: String,
    pub scope: Scope,
    pub since: Timestamp,
}

impl Signet {
    /// The client by which this provider's own pages sign people in. It has no credentials, so nobody else can use it.
    pub(super) fn own_client(&self, id: &ClientId) -> Option<Arc<Client>> {
        if id.as_str() != OWN {
            return None;
        }
        let mut client = Client::new(id.clone(), Timestamp::EPOCH);
        client.name.clone_from(&self.config.ui.name);
        client.redirect_uris = vec![RedirectUri::register(&self.account_address(), ApplicationType::Web).ok()?];
        client.grant_types = [GrantType::AuthorizationCode].into();
        client.first_party = true;
        client.require_pkce = false;
        Some(Arc::new(client))
    }

    /// Whether somebody signs in here not for an application but for our own pages.
    #[must_use]
    pub fn is_own(&self, client: &Client) -> bool {
        client.id.as_str() == OWN
    }

    fn account_address(&self) -> String {
        format!("{}/account", self.issuer().trim_end_matches('/'))
    }

    /// Asks for a sign-in that leads to the account page; with `fresh`, for one that is not older.
    ///
    /// # Errors
    /// As [`Signet::authorize`].
    pub async fn sign_in_for_account(
        &self,
        cookies: &BrowserCookies,
        fresh: Option<Duration>,
    ) -> Result<Next, FlowError> {
        let request = AuthorizationRequest {
            client_id: ClientId::new(OWN).map_err(|_| FlowError::Internal("an unusable id"))?,
            redirect_uri: self.account_address(),
            response_type: ResponseType::Code,
            response_mode: ResponseMode::Query,
            scope: Scope::default(),
            state: None,
            nonce: None,
            code_challenge: None,
            prompt: Prompt::default(),
            max_age: fresh.map(|fresh| fresh.as_secs()),
            login_hint: None,
            ui_locales: Vec::new(),
            claims: ClaimsRequest::default(),
            subject: None,
            resources: Vec::new(),
        };
        self.start(request, cookies).await
    }

    /// Whether a session's sign-in is recent enough to end sessions and take back access.
    #[must_use]
    pub fn is_fresh(&self, session: &Session) -> bool {
        self.now().since(session.authentication.time) <= FRESH_FOR
    }

    /// A live session of this user and no other.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn own_session(&self, user: &User, id: &SessionId) -> Result<Option<Session>, FlowError> {
        let found = self.store.session_by_id(id.clone()).await?;
        let live = |(session, owner): &(Session, User)| owner.id == user.id && session.is_live(self.now());
        Ok(found.filter(live).map(|(session, _)| session))
    }

    /// What the account page of a user shows.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn overview(&self, user: &User) -> Result<Overview, FlowError> {
        let now = self.now();
        let mut sessions = Vec::new();
        for (session, _) in self.store.live_sessions(Some(user.id.clone()), now, MOST_SESSIONS).await? {
            let mut applications = Vec::new();
            for id in self.store.clients_of_session(session.id.clone()).await? {
                applications.extend(self.client(&id).await?.map(|client| client.name.clone()));
            }
            sessions.push(OpenSession { session, applications });
        }
        Ok(Overview { sessions, applications: self.applications_of(user, now).await? })
    }

    async fn applications_of(&self, user: &User, now: Timestamp) -> Result<Vec<Application>, FlowError> {
        let mut found: BTreeMap<ClientId, (Scope, Timestamp)> = BTreeMap::new();
        let consents = self.store.consents_of_user(user.id.clone()).await?;
        let consents = consents.into_iter().map(|consent| (consent.client_id, consent.scope, consent.granted_at));
        let families = self.store.families_of_user(user.id.clone()).await?;
        let live = families.into_iter().filter(|family| family.is_live(now));
        for (client, scope, since) in
            consents.chain(live.map(|family| (family.client_id, family.scope, family.created_at)))
        {
            let known = found.entry(client).or_insert_with(|| (Scope::default(), since));
            *known = (known.0.union(&scope), known.1.min(since));
        }
        let mut applications = Vec::new();
        for (client_id, (scope, since)) in found {
            let Some(client) = self.client(&client_id).await? else { continue };
            applications.push(Application { client_id, name: client.name.clone(), scope, since });
        }
        Ok(applications)
    }
}
