//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange`, RFC 8693.

use crate::domain::ids::FamilyId;
use crate::protocol::access_token::Accept;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::token::exchange as rules;
use crate::protocol::token::exchange::ExchangeRequest;

use super::Signet;
use super::audit::Event;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::tokens::TokenResponse;
use super::userinfo::VerifiedToken;

impl Signet {
    /// A token for a service that acts for the person whose token it was called with. It belongs to the same grant, so
    /// what ends that one ends it too.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `unauthorized_client`, `invalid_request`, `invalid_target` or `invalid_scope`;
    /// [`FlowError::Store`].
    pub async fn exchange(&self, caller: &AuthenticatedClient, form: &Params) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        let request = ExchangeRequest::read(form, client)?;
        let own = rules::accepted_subjects(client);
        let subject = self.acceptable("subject_token", request.subject_token.reveal(), &own).await?;
        let actor = match &request.actor_token {
            Some(token) => {
                let own = rules::accepted_actors(client, self.issuer());
                Some(self.acceptable("actor_token", token.reveal(), &own).await?)
            }
            None => None,
        };
        let actor = actor.as_ref().map(|actor| &actor.claims);
        let exchange = rules::check(form, &request, client, &subject.claims, actor, self.issuer())?;
        let person = self.named_to(client, &subject).await?.ok_or_else(|| {
            rules::unacceptable("subject_token", &OAuthError::invalid_token("The person or the grant is gone"))
        })?;
        let event = subject.claims.grant_id.as_ref().map(|grant_id: &FamilyId| Event::TokenExchanged {
            client_id: client.id.clone(),
            sub: person.user_id.clone(),
            grant_id: grant_id.clone(),
            audience: exchange.audience.clone(),
        });
        let tokens = self.mint_exchanged(client, &subject.claims, &person, exchange, self.now()).await?;
        if let Some(event) = event {
            self.note(&event);
        }
        Ok(tokens)
    }

    async fn acceptable(&self, which: &str, token: &str, audiences: &[String]) -> Result<VerifiedToken, FlowError> {
        match self.check_access_token(token, Accept::Any(audiences)).await {
            Ok(verified) => Ok(verified),
            Err(FlowError::Refused(error)) => Err(rules::unacceptable(which, &error).into()),
            Err(other) => Err(other),
        }
    }
}
