//! ID tokens that come back as hints.

use crate::crypto::jws;
use crate::protocol::id_token_hint::Hint;
use crate::protocol::id_token_hint::bad_hint;

use super::Signet;
use super::error::FlowError;

impl Signet {
    /// An ID token of ours, of whatever age: signed by any key that we have ever published and not revoked.
    ///
    /// # Errors
    /// [`FlowError::Refused`] when it is anything else; [`FlowError::Store`] and others when that cannot be known.
    pub(super) async fn read_hint(&self, token: &str) -> Result<Hint, FlowError> {
        let ring = self.fresh_ring().await?;
        let verified = ring.verify(token).map_err(|fault| bad_hint(fault.to_string()))?;
        // No other kind of token says who somebody was to a client.
        if verified.typ.as_deref() != Some(jws::typ::ID_TOKEN) {
            return Err(bad_hint("another kind of token").into());
        }
        Ok(Hint::read(&verified.claims, self.issuer())?)
    }
}
