//! A client that proves with a signature who it is: RFC 7523.

use crate::crypto::hash;
use crate::crypto::jws;
use crate::domain::client::Client;
use crate::protocol::client_assertion;
use crate::protocol::client_auth;

use super::Signet;
use super::error::FlowError;

impl Signet {
    /// Checks an assertion, and uses it up.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_client`; [`FlowError::Store`], and then it must be taken for used.
    pub(super) async fn spend_assertion(&self, client: &Client, assertion: &str) -> Result<(), FlowError> {
        let refused = |why: String| client_auth::refused(format!("assertion of client {}: {why}", client.id));
        let allowed = client_assertion::algorithms(client);
        let signed = self.verify_of_client(client, assertion, &allowed, jws::MAX_LENGTH).await;
        let signed = signed.map_err(|fault| refused(fault.to_string()))?;
        let once = client_assertion::check(&signed.header, &signed.claims, client, self.issuer(), self.now())
            .map_err(|fault| refused(fault.to_string()))?;
        // "The authorization server MAY ensure that JWTs are not replayed by maintaining the set of used "jti" values for
        // the length of time for which the JWT would be considered valid" (RFC 7523 section 3); "MUST only be used once"
        // (OpenID Connect Core section 9).
        if !self.store.spend_assertion(hash::assertion(&client.id, &once.id), once.until).await? {
            return Err(refused("its jti was used before".to_owned()).into());
        }
        Ok(())
    }
}
