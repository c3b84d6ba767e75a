//! The authorization endpoint: check, then let the one dispatcher decide.

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::code::Code;
use crate::domain::ids::RequestId;
use crate::domain::ids::SessionId;
use crate::domain::request::Attempt;
use crate::domain::request::AuthorizationRequest;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretHash;
use crate::domain::secret::SecretKind;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::protocol::authorize;
use crate::protocol::authorize::AuthorizeFailure;
use crate::protocol::authorize::Step;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::response::AuthorizationResponse;
use crate::protocol::response::ReturnTo;
use crate::protocol::session_state;
use crate::store::code::IssueCode;

use super::Signet;
use super::audit;
use super::error::FlowError;
use super::session::AtClient;

/// What a browser has shown of itself.
#[derive(Debug, Default)]
pub struct BrowserCookies {
    pub session: Option<Secret>,
    pub browser: Option<Secret>,
    /// The address prefix that it speaks from.
    pub from: String,
}

/// How an authorization request goes on.
#[derive(Debug)]
pub enum Next {
    /// Cannot go back to the client: an error page.
    Page(OAuthError),
    /// Back to the client.
    Respond(AuthorizationResponse),
    /// Something has to be asked; `new_browser` is the value of a browser cookie to set, `again`
    /// whether an attempt that had ended was begun anew.
    Ask { question: Question, attempt: RequestId, new_browser: Option<Secret>, again: bool },
    /// Signed in for our own pages: on to the account page.
    Account,
    /// Nothing is known of this attempt any more.
    Lost,
}

impl Next {
    /// The same, said to somebody who had come further already.
    fn again(self) -> Self {
        match self {
            Self::Ask { question, attempt, new_browser, .. } => {
                Self::Ask { question, attempt, new_browser, again: true }
            }
            other => other,
        }
    }
}

/// What has to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    Login,
    SelectAccount,
    Consent,
}

/// An open attempt of this browser, with all that its page shows.
#[derive(Debug)]
pub struct OpenAttempt {
    pub attempt: Attempt,
    pub client: std::sync::Arc<Client>,
    pub signed_in: Option<(Session, User)>,
}

/// What became of an attempt that a page refers to.
#[derive(Debug)]
pub enum AttemptLookup {
    Open(Box<OpenAttempt>),
    /// Expired, answered or of another browser: goes on as this new attempt.
    Restarted(Next),
    Lost,
}

impl Signet {
    /// A new authorization request, OpenID Connect Core section 3.1.2.
    ///
    /// # Errors
    /// [`FlowError::Store`]; [`FlowError::Throttled`] when too much was begun from one address; everything wrong with the request itself is a [`Next`].
    pub async fn authorize(&self, params: &Params, cookies: &BrowserCookies) -> Result<Next, FlowError> {
        let client = match authorize::client_id(params) {
            Ok(id) => self.client(&id).await?,
            Err(_) => None,
        };
        if let Some(client) = &client {
            audit::names_client(&client.id);
        }
        match self.checked(params, client.as_deref()).await {
            Ok(request) => self.start(request, cookies).await,
            Err(NotBegun::Flow(failure)) => Err(failure),
            Err(NotBegun::Failure(AuthorizeFailure::Page(error))) => Ok(Next::Page(error)),
            Err(NotBegun::Failure(AuthorizeFailure::Redirect { to, error })) => {
                tracing::info!(
                    event = "authorization_refused",
                    reference = audit::reference(),
                    client_id = client.as_ref().map(|client| client.id.as_str()),
                    error = error.code.as_str(),
                    description = error.description(),
                    detail = error.private_detail(),
                );
                Ok(Next::Respond(AuthorizationResponse::failure(to, &error, self.issuer())))
            }
        }
    }

    /// The request that was sent, in a request object or in the parameters themselves.
    async fn checked(&self, params: &Params, client: Option<&Client>) -> Result<AuthorizationRequest, NotBegun> {
        let signed = self.signed_request(params, client).await?;
        let params = signed.as_ref().unwrap_or(params);
        let request = authorize::validate(params, client, self.config.tokens.front_channel)?;
        note_dropped(params, &request);
        let (Ok(Some(token)), Some(client)) = (params.get("id_token_hint"), client) else { return Ok(request) };
        let to = ReturnTo::from(&request);
        let told = |error| AuthorizeFailure::Redirect { to, error };
        match self.read_hint(token).await {
            Ok(hint) => Ok(authorize::with_hint(request, &hint, client).map_err(told)?),
            Err(FlowError::Refused(error)) => Err(told(error).into()),
            Err(other) => Err(other.into()),
        }
    }

    /// Goes on with an attempt after one of its steps.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn resume(&self, id: &RequestId, cookies: &BrowserCookies) -> Result<Next, FlowError> {
        match self.open_attempt(id, cookies).await? {
            AttemptLookup::Open(open) => {
                let OpenAttempt { attempt, client, signed_in } = *open;
                let request = attempt.request.clone();
                let consent = match &signed_in {
                    Some((_, user)) => self.store.consent(user.id.clone(), client.id.clone()).await?,
                    None => None,
                };
                match self.dispatch(request, &client, Some(attempt), (signed_in, consent), cookies).await? {
                    Next::Lost => self.restart(id, cookies).await,
                    next => Ok(next),
                }
            }
            AttemptLookup::Restarted(next) => Ok(next),
            AttemptLookup::Lost => Ok(Next::Lost),
        }
    }

    /// An attempt that was open a moment ago and is not any more: a double click or another tab has answered it, or
    /// its time has just run out. It goes on as every other one that is no longer open.
    pub(super) async fn restart(&self, id: &RequestId, cookies: &BrowserCookies) -> Result<Next, FlowError> {
        match self.open_attempt(id, cookies).await? {
            AttemptLookup::Restarted(next) => Ok(next),
            AttemptLookup::Open(_) | AttemptLookup::Lost => Ok(Next::Lost),
        }
    }

    /// The attempt that a page belongs to. One that has expired, has been answered or was begun in another browser
    /// starts again from its own authorization request, so that no page is ever a dead end.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn open_attempt(&self, id: &RequestId, cookies: &BrowserCookies) -> Result<AttemptLookup, FlowError> {
        let Some(attempt) = self.store.attempt(id.clone()).await? else { return Ok(AttemptLookup::Lost) };
        let Some(client) = self.client(&attempt.request.client_id).await? else { return Ok(AttemptLookup::Lost) };
        // The registration may have changed since the attempt began (a redirect URI removed, the client disabled).
        if client.disabled || !client.redirects_to(&attempt.request.redirect_uri) {
            return Ok(AttemptLookup::Lost);
        }
        let of_this_browser = browser_hash(cookies) == Some(attempt.browser);
        if !of_this_browser || !attempt.is_open(self.now()) {
            let next = self.start(attempt.request, cookies).await?;
            return Ok(AttemptLookup::Restarted(next.again()));
        }
        let signed_in = self.signed_in(cookies).await?;
        Ok(AttemptLookup::Open(Box::new(OpenAttempt { attempt, client, signed_in })))
    }

    pub(super) async fn start(
        &self,
        request: AuthorizationRequest,
        cookies: &BrowserCookies,
    ) -> Result<Next, FlowError> {
        let client = self.client(&request.client_id).await?.ok_or(FlowError::Internal("the client has vanished"))?;
        let signed_in = self.signed_in_at(&client.id, cookies).await?;
        self.dispatch(request, &client, None, signed_in, cookies).await
    }

    /// The one place that decides what comes next. Steps never lead to one another, they come back here.
    async fn dispatch(
        &self,
        request: AuthorizationRequest,
        client: &Client,
        attempt: Option<Attempt>,
        (signed_in, consent): AtClient,
        cookies: &BrowserCookies,
    ) -> Result<Next, FlowError> {
        let consent = consent.filter(|_| !client.first_party);
        let session = signed_in.as_ref().map(|(session, _)| session);
        let subject = session.map(|session| self.subject(client, &session.user_id));
        let (subject, now) = (subject.as_ref(), self.now());
        let step = authorize::next_step(&request, attempt.as_ref(), session, subject, consent.as_ref(), client, now);
        let question = match step {
            Step::Login(_) => Question::Login,
            Step::SelectAccount => Question::SelectAccount,
            Step::Consent { .. } => Question::Consent,
            Step::Page(error) => return Ok(Next::Page(error)),
            // Whoever looked the attempt up found it open a moment ago.
            Step::Restart => return Ok(Next::Lost),
            Step::Refuse(error) => {
                let to = ReturnTo::from(&request);
                return Ok(Next::Respond(AuthorizationResponse::failure(to, &error, self.issuer())));
            }
            Step::Issue { .. } if self.is_own(client) => return Ok(Next::Account),
            Step::Issue { scope } => {
                let (session, user) = signed_in.ok_or(FlowError::Internal("issued to nobody"))?;
                // The client or the configuration may have changed since the request was checked.
                if let Err(error) =
                    authorize::permitted(request.response_type, client, self.config.tokens.front_channel)
                {
                    let to = ReturnTo::from(&request);
                    return Ok(Next::Respond(AuthorizationResponse::failure(to, &error, self.issuer())));
                }
                let request = AuthorizationRequest { scope, ..request };
                self.note_in_use(client).await?;
                return self.issue(request, client, attempt.map(|attempt| attempt.id), session, &user).await;
            }
        };
        match attempt {
            Some(attempt) => Ok(Next::Ask { question, attempt: attempt.id, new_browser: None, again: false }),
            None => self.begin_attempt(request, question, cookies).await,
        }
    }

    async fn begin_attempt(
        &self,
        request: AuthorizationRequest,
        question: Question,
        cookies: &BrowserCookies,
    ) -> Result<Next, FlowError> {
        let now = self.now();
        if !self.begun.take(&cookies.from, now) {
            tracing::warn!(event = "attempts_throttled", address = cookies.from);
            return Err(FlowError::Throttled { retry_after: self.config.limits.attempts_per_address.window });
        }
        let (browser, new_browser) = match browser_hash(cookies) {
            Some(hash) => (hash, None),
            None => {
                let (secret, hash) = hash::new_secret(SecretKind::Browser, self.entropy.as_ref());
                (hash, Some(secret))
            }
        };
        let id = RequestId::new(hash::random_id("auth_", self.entropy.as_ref()))
            .map_err(|_| FlowError::Internal("made an unusable id"))?;
        let attempt = Attempt {
            id: id.clone(),
            browser,
            request,
            created_at: now,
            expires_at: now.plus(self.config.sessions.attempt),
            consented: None,
            account_selected: false,
            finished_at: None,
        };
        self.store.begin_attempt(attempt, self.config.limits.attempts_per_browser).await?;
        Ok(Next::Ask { question, attempt: id, new_browser, again: false })
    }

    async fn issue(
        &self,
        request: AuthorizationRequest,
        client: &Client,
        attempt: Option<RequestId>,
        session: Session,
        user: &User,
    ) -> Result<Next, FlowError> {
        let now = self.now();
        let (secret, hash) = hash::new_secret(SecretKind::Code, self.entropy.as_ref());
        let code = Code {
            hash,
            client_id: request.client_id.clone(),
            user_id: user.id.clone(),
            session_id: session.id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            scope: request.scope.clone(),
            resources: request.resources.clone(),
            nonce: request.nonce.clone(),
            claims: request.claims.clone(),
            code_challenge: request.code_challenge.clone(),
            authentication: session.authentication,
            issued_at: now,
            expires_at: now.plus(self.config.tokens.code),
            redeemed: None,
        };
        let (to, state) = (ReturnTo::from(&request), self.session_state(&request, &session.id));
        // The same attempt was answered in the meantime, by a double click or another tab.
        if self.store.issue_code(code.clone(), attempt, now).await? == IssueCode::AttemptGone {
            return Ok(Next::Lost);
        }
        tracing::info!(event = "code_issued", client_id = %request.client_id, sub = %user.id);
        let response = if request.response_type.is_front_channel() {
            match self.redeem_here(&code, client, user, request.response_type).await? {
                Some(tokens) => AuthorizationResponse::tokens(to, tokens, self.issuer()),
                None => return Ok(Next::Lost),
            }
        } else {
            AuthorizationResponse::success(to, secret.reveal(), self.issuer())
        };
        Ok(Next::Respond(response.with_session_state(state)))
    }

    fn session_state(&self, request: &AuthorizationRequest, session: &SessionId) -> Option<String> {
        if !request.scope.contains("openid") {
            return None;
        }
        let salt = hash::random_id("", self.entropy.as_ref());
        let state = self.browser_state(session);
        session_state::session_state(request.client_id.as_str(), &request.redirect_uri, &state, &salt)
    }
}

/// Why there is no request to answer.
#[derive(Debug)]
enum NotBegun {
    Failure(AuthorizeFailure),
    Flow(FlowError),
}

impl From<AuthorizeFailure> for NotBegun {
    fn from(failure: AuthorizeFailure) -> Self {
        Self::Failure(failure)
    }
}

impl From<FlowError> for NotBegun {
    fn from(failure: FlowError) -> Self {
        Self::Flow(failure)
    }
}

/// An application that asks for what it may not have still gets the rest; this line says why something is missing.
fn note_dropped(params: &Params, request: &AuthorizationRequest) {
    let asked = params.get("scope").ok().flatten().and_then(|text| Scope::parse(text).ok()).unwrap_or_default();
    let dropped = asked.without_any(&request.scope.iter().collect::<Vec<_>>());
    if !dropped.is_empty() {
        tracing::info!(event = "scope_dropped", client_id = %request.client_id, dropped = %dropped);
    }
}

pub(super) fn browser_hash(cookies: &BrowserCookies) -> Option<SecretHash> {
    cookies.browser.as_ref().map(|secret| hash::secret_hash(SecretKind::Browser, secret.reveal()))
}
