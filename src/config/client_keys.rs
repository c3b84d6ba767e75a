//! Public keys of a `[[clients]]` table: in the table, in a file, or at an address. Whether they can be used is found out
//! where there is cryptography; here it is whether they are a set.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use serde_json::json;

use super::clients::Entry;
use super::input::Input;
use super::node::Node;
use super::value::Refusal;
use super::value::Value;
use super::value::parsed;
use crate::domain::client::ClientKeys;
use crate::domain::uri::WebUri;

/// A file longer than this is the wrong one.
const MAX_FILE: u64 = 64 * 1024;

/// A JWK Set as JSON text, RFC 7517 section 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwks(String);

impl Jwks {
    fn parse(text: &str) -> Option<Self> {
        let set: Json = serde_json::from_str(text).ok()?;
        set.get("keys")?.is_array().then(|| Self(text.to_owned()))
    }
}

impl Value for Jwks {
    fn expected() -> String {
        "a JWK Set as JSON text, {\"keys\": [...]}".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, Self::parse)
    }
    fn show(&self) -> Json {
        json!(self.0)
    }
}

impl Entry {
    /// Its keys; faults end up in `input`.
    pub(super) fn keys(&self, input: &mut Input) -> ClientKeys {
        let given = [self.jwks.is_some(), self.jwks_file.is_some(), self.jwks_uri.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            // "The jwks_uri and jwks parameters MUST NOT be used together." (OpenID Connect Registration section 2)
            let message = format!("{} has several of jwks, jwks_file and jwks_uri; keep one of them", self.id);
            input.fault("clients.jwks_uri", None, message);
        }
        let mut keys = ClientKeys { jwks: self.jwks.as_ref().map(|set| set.0.clone()), jwks_uri: None };
        if let Some(file) = &self.jwks_file {
            match read(file) {
                Ok(Jwks(set)) => keys.jwks = Some(set),
                Err(reason) => {
                    let message = format!("clients.jwks_file: cannot use {}: {reason}", file.display());
                    input.fault("clients.jwks_file", None, message);
                }
            }
        }
        if let Some(text) = &self.jwks_uri {
            match WebUri::register(text) {
                Ok(uri) => keys.jwks_uri = Some(uri),
                Err(error) => input.fault("clients.jwks_uri", None, format!("clients.jwks_uri: {text:?}: {error}")),
            }
        }
        keys
    }
}

fn read(file: &Path) -> Result<Jwks, String> {
    let length = fs::metadata(file).map_err(|error| error.to_string())?.len();
    if length > MAX_FILE {
        return Err(format!("it has more than {MAX_FILE} bytes"));
    }
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    Jwks::parse(&text).ok_or_else(|| format!("it is not {}", Jwks::expected()))
}
