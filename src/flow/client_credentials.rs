//! `grant_type=client_credentials`, RFC 6749 section 4.4. No database on this path.

use crate::protocol::token::TokenResponse;
use crate::protocol::token::client_credentials as rules;
use crate::protocol::token::client_credentials::ClientCredentialsRequest;

use super::Signet;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::mint::Subject;

impl Signet {
    /// A token for the client itself. "A refresh token SHOULD NOT be included" (RFC 6749 section 4.4.3), and there
    /// is no ID token: nobody has signed in.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `unauthorized_client`, `invalid_scope` or `invalid_target`.
    pub fn client_credentials(
        &self,
        caller: &AuthenticatedClient,
        request: &ClientCredentialsRequest<'_>,
    ) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        let granted = rules::check(request, client)?;
        let now = self.now();
        let access = self.access_token(client, &Subject::Service, &granted.scope, &granted.audience, now)?;
        Ok(TokenResponse {
            access_token: access.token,
            token_type: "Bearer",
            expires_in: access.expires_in.as_secs(),
            refresh_token: None,
            id_token: None,
            scope: granted.scope,
        })
    }
}
