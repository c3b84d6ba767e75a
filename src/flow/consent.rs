//! The answer to the consent page.

use crate::domain::consent::Consent;
use crate::domain::ids::RequestId;
use crate::domain::request::Consented;
use crate::protocol::error::OAuthError;
use crate::protocol::response::AuthorizationResponse;
use crate::protocol::response::ReturnTo;

use super::Signet;
use super::audit::Event;
use super::authorize::AttemptLookup;
use super::authorize::BrowserCookies;
use super::authorize::Next;
use super::authorize::browser_hash;
use super::error::FlowError;

/// What somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow { remember: bool },
    Deny,
}

impl Signet {
    /// Takes the answer and goes back to the dispatcher.
    ///
    /// # Errors
    /// [`FlowError::Store`]: then nothing was recorded.
    pub async fn consent(
        &self,
        id: &RequestId,
        decision: Decision,
        cookies: &BrowserCookies,
    ) -> Result<Next, FlowError> {
        let open = match self.open_attempt(id, cookies).await? {
            AttemptLookup::Open(open) => open,
            AttemptLookup::Restarted(next) => return Ok(next),
            AttemptLookup::Lost => return Ok(Next::Lost),
        };
        // Nobody is signed in any more: the dispatcher asks for a login, the answer counts for nothing.
        let Some((_, user)) = &open.signed_in else { return self.resume(id, cookies).await };
        let request = &open.attempt.request;
        match decision {
            Decision::Deny => {
                let (client_id, sub) = (request.client_id.clone(), user.id.clone());
                self.note(&Event::ConsentDenied { client_id, sub });
                let error = OAuthError::access_denied("The person did not allow it");
                if !self.store.finish_attempt(id.clone(), self.now()).await? {
                    return self.restart(id, cookies).await;
                }
                Ok(Next::Respond(AuthorizationResponse::failure(ReturnTo::from(request), &error, self.issuer())))
            }
            Decision::Allow { remember } => {
                let browser = browser_hash(cookies).ok_or(FlowError::Internal("an open attempt without a browser"))?;
                let consented = Consented { user_id: user.id.clone(), scope: request.asks_for() };
                self.store.record_consent_on_attempt(id.clone(), browser, consented, self.now()).await?;
                if remember {
                    let consent = Consent {
                        user_id: user.id.clone(),
                        client_id: request.client_id.clone(),
                        scope: request.asks_for(),
                        granted_at: self.now(),
                    };
                    self.store.remember_consent(consent).await?;
                }
                let (client_id, sub) = (request.client_id.clone(), user.id.clone());
                self.note(&Event::ConsentGranted { client_id, sub, remember });
                self.resume(id, cookies).await
            }
        }
    }

    /// "Continue as ...": the account has been chosen.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn select_account(&self, id: &RequestId, cookies: &BrowserCookies) -> Result<Next, FlowError> {
        if let Some(browser) = browser_hash(cookies) {
            self.store.select_account(id.clone(), browser, self.now()).await?;
        }
        self.resume(id, cookies).await
    }
}
