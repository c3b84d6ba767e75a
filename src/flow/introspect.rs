//! Token introspection, RFC 7662. For an access token all is in memory; only a refresh token is a row.

use std::fmt;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use crate::domain::client::AuthMethod;
use crate::domain::key::Algorithm;
use crate::domain::secret::Secret;
use crate::protocol::access_token::Accept;
use crate::protocol::error::OAuthError;
use crate::protocol::introspection;
use crate::protocol::introspection::Signed;
use crate::protocol::params::Params;
use crate::protocol::token::refresh::Generation;

use super::Signet;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::refresh;

impl Signet {
    /// What the caller may know about a token. An access token is told to the resource servers that it is meant for, a
    /// refresh token to its own client; to everybody else neither is active, as if it were invented.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_client` for a public client, `invalid_request` without a token;
    /// [`FlowError::Store`]: a database that does not answer never means that a token is good, nor that it is bad.
    pub async fn introspect(
        &self,
        caller: &AuthenticatedClient,
        form: &Params,
    ) -> Result<Map<String, Value>, FlowError> {
        // "To prevent token scanning attacks, the endpoint MUST also require some form of authorization to access this
        // endpoint" (RFC 7662 section 2.1): whoever only gives a name has proved nothing.
        if !caller.is_confidential() {
            let detail = format!("client {} only gives its name ({})", caller.client().id, AuthMethod::None.as_str());
            return Err(OAuthError::invalid_client("Client authentication failed").detail(detail).into());
        }
        let token = introspection::token(form)?;
        if refresh::looks_like_one(token) {
            return self.introspect_refresh_token(caller, token).await;
        }
        let own = introspection::audiences_of(caller.client());
        match self.check_access_token(token, Accept::Any(&own)).await {
            Ok(token) => Ok(introspection::access_token(token.payload)),
            Err(FlowError::Refused(why)) => Ok(self.inactive(caller, &why)),
            Err(failure) => Err(failure),
        }
    }

    async fn introspect_refresh_token(
        &self,
        caller: &AuthenticatedClient,
        token: &str,
    ) -> Result<Map<String, Value>, FlowError> {
        match self.family_behind(&Secret::new(token)).await? {
            Some((family, Some(user), Generation::Current))
                if family.client_id == caller.client().id && family.is_live(self.now()) && !user.disabled =>
            {
                let sub = self.subject(caller.client(), &user.id);
                Ok(introspection::refresh_token(&family, &sub, self.issuer()))
            }
            _ => Ok(self.inactive(caller, &"not the current refresh token of this client, or it has ended")),
        }
    }

    /// The caller is told nothing; whoever tries things out on their own machine finds the reason in the log.
    fn inactive(&self, caller: &AuthenticatedClient, why: &dyn fmt::Display) -> Map<String, Value> {
        let client_id = &caller.client().id;
        if self.dev {
            tracing::info!(event = "introspected_inactive", %client_id, %why);
        } else {
            tracing::debug!(event = "introspected_inactive", %client_id, %why);
        }
        introspection::inactive()
    }

    /// The same answer as a signed token, RFC 9701.
    ///
    /// # Errors
    /// [`FlowError::NoKey`] when no key of the caller's algorithm is active; [`FlowError::Store`] when nobody knows any
    /// more which key signs.
    pub async fn sign_introspection(
        &self,
        caller: &AuthenticatedClient,
        answer: &Map<String, Value>,
    ) -> Result<String, FlowError> {
        let client = caller.client();
        let algorithm = client.introspection_signed_response_alg.unwrap_or(Algorithm::Rs256);
        // It is read at once; nobody keeps it.
        let pen = self.pen(&[(algorithm, Duration::ZERO)]).await?;
        let claims = Signed::new(self.issuer(), client, answer, self.now());
        self.sign(&pen, algorithm, introspection::TYPE, &claims)
    }
}
