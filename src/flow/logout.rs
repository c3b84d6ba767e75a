//! Signing out on request: RP-Initiated Logout 1.0, and everywhere at once.

use std::sync::Arc;

use crate::crypto::hash;
use crate::domain::client::Client;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::protocol::error::OAuthError;
use crate::protocol::id_token_hint::Hint;
use crate::protocol::logout as rules;
use crate::protocol::params::Params;

use super::Signet;
use super::audit;
use super::audit::Event;
use super::authorize::BrowserCookies;
use super::error::FlowError;

/// What a request to sign out leads to.
#[derive(Debug)]
pub enum Logout {
    /// Nothing of it is followed: an error page. Nobody is signed out.
    Page(OAuthError),
    /// The request does not prove that it comes from where this person is signed in.
    Ask { user: Box<User>, way: Way },
    /// Nobody is signed in here any more.
    Done { frames: Vec<String>, way: Way },
}

/// Where a request came from, and where it goes on to.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// The client's name.
    pub app: Option<String>,
    /// Where the browser goes afterwards.
    pub back: Option<String>,
    pub ui_locales: Vec<String>,
}

impl Signet {
    /// A request to end the session of this browser; `confirmed` when the person has been asked.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether the session has ended is not known.
    pub async fn logout(
        &self,
        params: &Params,
        cookies: &BrowserCookies,
        confirmed: bool,
    ) -> Result<Logout, FlowError> {
        let (hint, client, way) = match self.understand_logout(params).await {
            Ok(understood) => understood,
            Err(FlowError::Refused(error)) => return Ok(Logout::Page(error)),
            Err(other) => return Err(other),
        };
        // Whoever has no session here has nothing to end and is not asked: the cookie may have been lost, or this is
        // the second time.
        let Some((session, user)) = self.signed_in(cookies).await? else {
            return Ok(Logout::Done { frames: Vec::new(), way });
        };
        let spared = hint.zip(client).is_some_and(|(hint, client)| {
            let (sub, sid) = (self.subject(&client, &session.user_id), self.session_name(&client, &session.id));
            rules::spares_the_question(&hint, &sub, &sid)
        });
        if !confirmed && !spared {
            return Ok(Logout::Ask { user: Box::new(user), way });
        }
        let frames = self.sign_out_of(&session).await?;
        Ok(Logout::Done { frames, way })
    }

    /// The client is the one that the hint was issued to, or the one that is named.
    async fn understand_logout(&self, params: &Params) -> Result<(Option<Hint>, Option<Arc<Client>>, Way), FlowError> {
        let hint = match params.get("id_token_hint").map_err(OAuthError::from)? {
            Some(token) => Some(self.read_hint(token).await?),
            None => None,
        };
        let named = rules::client_id(params, hint.as_ref())?;
        let client = match &named {
            Some(id) => self.client(id).await?,
            None => None,
        };
        if let Some(client) = &client {
            audit::names_client(&client.id);
        }
        let request = rules::validate(params, hint, named.is_some(), client.as_deref())?;
        let app = client.as_ref().map(|client| client.name.clone());
        Ok((request.hint, client, Way { app, back: request.back, ui_locales: request.ui_locales }))
    }

    /// Ends one session, as far as `sessions.logout` says, and gives the frames that tell its clients in the browser.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether it has ended is not known.
    pub async fn sign_out_of(&self, session: &Session) -> Result<Vec<String>, FlowError> {
        let frames = self.frames_of(&session.id).await?;
        if self.end_session(&session.id, self.config.sessions.logout).await? {
            self.note(&Event::SignedOut { sub: session.user_id.clone(), sid: session.id.clone() });
        }
        Ok(frames)
    }

    /// Front-Channel Logout section 2: what a page loads to tell the clients of a session.
    async fn frames_of(&self, session: &SessionId) -> Result<Vec<String>, FlowError> {
        let mut frames = Vec::new();
        for id in self.store.clients_of_session(session.clone()).await? {
            let client = self.client(&id).await?.filter(|client| !client.disabled);
            let tell = |client: &Client| {
                rules::frontchannel_uri(client, self.issuer(), self.session_name(client, session).as_str())
            };
            frames.extend(client.as_deref().and_then(tell));
        }
        Ok(frames)
    }

    /// Signs a person out everywhere: every session, every family, offline ones too, and every access token. Gives the
    /// frames of `session`, that of the browser in which they ask for it.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether all has ended is not known.
    pub async fn sign_out_person(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        reason: RevocationReason,
    ) -> Result<Vec<String>, FlowError> {
        let frames = match session {
            Some(session) => self.frames_of(session).await?,
            None => Vec::new(),
        };
        self.sign_out_everywhere(user, reason, Reach::Immediate).await?;
        self.record(&Event::SignedOutEverywhere { sub: user.clone() }).await;
        Ok(frames)
    }

    /// Takes back what a person has allowed one application. False when it had nothing.
    ///
    /// # Errors
    /// [`FlowError::Store`]: whether it still has it is not known.
    pub async fn remove_access(&self, user: &UserId, client: &ClientId) -> Result<bool, FlowError> {
        let removed = self.store.remove_access(user.clone(), client.clone(), self.now()).await?;
        self.learn_denials().await?;
        if removed {
            self.record(&Event::AccessRemoved { sub: user.clone(), client_id: client.clone() }).await;
        }
        Ok(removed)
    }

    /// The browser's state of Session Management section 3.2: another one after each login and logout, and nothing
    /// that tells who is signed in.
    #[must_use]
    pub fn browser_state(&self, session: &SessionId) -> String {
        hash::base64url(&self.secrets.browser_state.mac(session.as_str().as_bytes()))
    }

    /// The same when somebody has signed out: it tells the frame "signed out" from "this browser shows me no cookies".
    /// Another one each time and of the same form as of a session, so that no page can ask whether it is this.
    #[must_use]
    pub fn signed_out_state(&self) -> String {
        hash::s256(&hash::random_id("", self.entropy.as_ref()))
    }
}
