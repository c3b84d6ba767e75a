//! Request objects: found, fetched, checked, and only then believed. What is in them is in no log.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::OnceCell;

use crate::domain::client::Client;
use crate::domain::uri::WebUri;
use crate::outbound::Limits;
use crate::outbound::Outbound;
use crate::protocol::authorize::AuthorizeFailure;
use crate::protocol::authorize::request_object;
use crate::protocol::authorize::request_object::Place;
use crate::protocol::error::ErrorCode;
use crate::protocol::error::OAuthError;
use crate::protocol::params::LARGEST_OBJECT;
use crate::protocol::params::Params;

use super::Signet;

/// How long a fetched object, or the failure to fetch it, is kept: anybody can send browsers here with a registered
/// `request_uri`, and its server must not be asked once for each.
const KEPT: Duration = Duration::from_secs(10);
const MOST: u64 = 256;
/// RFC 9101 section 5.2.3, and what OpenID Connect Core section 6.2 left open.
const ACCEPT: [&str; 2] = ["application/oauth-authz-req+jwt", "application/jwt"];

type Outcome = Result<Arc<str>, OAuthError>;

/// Objects that were fetched a moment ago. Several who want the same one wait for one fetch.
#[derive(Clone)]
pub struct Fetched(Cache<String, Arc<OnceCell<Outcome>>>);

impl Default for Fetched {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched").field("objects", &self.0.entry_count()).finish()
    }
}

impl Signet {
    /// The parameters of the request object of an authorization request; `None` when it has none.
    pub(super) async fn signed_request(
        &self,
        params: &Params,
        client: Option<&Client>,
    ) -> Result<Option<Params>, AuthorizeFailure> {
        let front_channel = self.config.tokens.front_channel;
        let Some((client, place)) = request_object::carried(params, client, front_channel)? else { return Ok(None) };
        let opened = self.open_request(params, client, place).await;
        opened.map(Some).map_err(|error| request_object::refused(params, client, error, front_channel))
    }

    async fn open_request(&self, params: &Params, client: &Client, place: Place<'_>) -> Result<Params, OAuthError> {
        let compact = match place {
            Place::Value(object) => Cow::Borrowed(object),
            Place::Reference(uri) => Cow::Owned(self.fetch_request(uri).await?.to_string()),
        };
        let unsigned = request_object::read(&compact, params, client, self.issuer(), self.now())?;
        let allowed = request_object::algorithms(client);
        self.verify_of_client(client, &compact, &allowed, LARGEST_OBJECT).await.map_err(|fault| {
            request_object::invalid("The signature of the request object is not this client's")
                .detail(fault.to_string())
        })?;
        Ok(unsigned.signed())
    }

    async fn fetch_request(&self, uri: &WebUri) -> Outcome {
        let cell = self.request_objects.0.get_with_by_ref(uri.as_str(), Arc::default);
        let (outbound, uri) = (self.outbound.clone(), uri.clone());
        // Goes on when this browser hangs up: others wait for it, and nobody asks again so soon.
        let fetched = tokio::spawn(async move { cell.get_or_init(|| fetch(&outbound, &uri)).await.clone() });
        fetched.await.unwrap_or_else(|_| Err(unfetched("not finished")))
    }
}

async fn fetch(outbound: &Outbound, uri: &WebUri) -> Outcome {
    // The fragment says which content is meant; it stays here.
    let limits = Limits { size: LARGEST_OBJECT, ..Limits::FETCH };
    let bytes = outbound.fetch(uri.as_str(), &ACCEPT, limits).await.map_err(|fault| unfetched(fault.detail()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unfetched("not text"))?;
    Ok(Arc::from(text.trim_ascii_end()))
}

/// RFC 9101 section 6; `why` is for the log.
fn unfetched(why: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequestUri, "No request object could be fetched from request_uri").detail(why)
}
