//! Signed authorization requests of a `[[clients]]` table.

use super::clients::Entry;
use super::input::Input;
use crate::domain::client::ClientKeys;
use crate::domain::client::RequestObjects;
use crate::domain::uri::WebUri;

impl Entry {
    /// Its request objects; faults end up in `input`.
    pub(super) fn request_objects(&self, input: &mut Input, keys: &ClientKeys) -> RequestObjects {
        const PATH: &str = "clients.request_uris";
        let mut request_uris = Vec::new();
        for (index, text) in self.request_uris.iter().enumerate() {
            match WebUri::register(text) {
                Ok(uri) => request_uris.push(uri),
                Err(error) => input.fault(PATH, Some(index), format!("{PATH}: {text:?}: {error}")),
            }
        }
        let signs = self.require_signed_request_object || !self.request_uris.is_empty();
        let keyless = keys.is_empty() && self.jwks_file.is_none() && self.jwks_uri.is_none();
        if keyless && (signs || self.request_object_signing_alg.is_some()) {
            let message = format!("{} sends request objects but has no keys; add jwks, jwks_file or jwks_uri", self.id);
            input.fault("clients.request_object_signing_alg", None, message);
        }
        RequestObjects {
            request_object_signing_alg: self.request_object_signing_alg,
            request_uris,
            require_signed_request_object: self.require_signed_request_object,
        }
    }
}
