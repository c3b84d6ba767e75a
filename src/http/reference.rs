//! The reference id of a request: on every page and in every log line, so that one leads to the other.

use std::fmt;

use actix_web::HttpMessage;
use actix_web::HttpRequest;

use crate::ambient::Entropy;
use crate::crypto::hash;

/// `req_` and 128 random bits. Not a secret.
#[derive(Debug, Clone)]
pub struct Reference(String);

impl Reference {
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(hash::random_id("req_", entropy))
    }

    /// The reference that the outermost layer gave to this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self("req_unknown".to_owned()))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
