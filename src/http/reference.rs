//! The reference id of a request: on every page and in every log line, so that one leads to the other.

use std::fmt;

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;

use crate::ambient::Entropy;
use crate::crypto::hash;

/// `req_` and 128 random bits. Not a secret. Kept as the header value that every answer carries: clones share it.
#[derive(Debug, Clone)]
pub struct Reference(HeaderValue);

impl Reference {
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        // Letters and digits, so always a header value.
        HeaderValue::from_maybe_shared(Bytes::from(hash::random_id("req_", entropy)))
            .map_or_else(|_| Self::unknown(), Self)
    }

    const fn unknown() -> Self {
        Self(HeaderValue::from_static("req_unknown"))
    }

    /// The reference that the outermost layer gave to this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(Self::unknown)
    }

    #[must_use]
    pub const fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}
