//! `grant_type=client_credentials`, RFC 6749 section 4.4. No database on this path, but once
//! for a client that registered itself.

use crate::protocol::params::Params;
use crate::protocol::token::client_credentials as rules;

use super::Signet;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::tokens::TokenResponse;

impl Signet {
    /// A token for the client itself. "A refresh token SHOULD NOT be included" (RFC 6749 section 4.4.3), and there
    /// is no ID token: nobody has signed in.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `unauthorized_client`, `invalid_scope` or `invalid_target`.
    pub async fn client_credentials(
        &self,
        caller: &AuthenticatedClient,
        form: &Params,
    ) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        let granted = rules::check(form, client, self.issuer())?;
        self.note_in_use(client).await?;
        self.mint_for_service(client, granted.scope, &granted.audience, self.now()).await
    }
}
