//! What the properties share.

use std::fmt::Write;

use signet::domain::client::Client;
use signet::protocol::authorize::AuthorizeFailure;
use signet::protocol::authorize::validate;
use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::Params;

pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client as its JSON document, so that defaults are those of a registration.
pub(crate) fn client(redirect_uri: &str, public: bool, require_pkce: bool) -> Client {
    let method = if public { "none" } else { "client_secret_basic" };
    serde_json::from_value(serde_json::json!({
        "id": "c1",
        "name": "C1",
        "application_type": "native",
        "token_endpoint_auth_methods": [method],
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid email",
        "require_pkce": require_pkce,
        "created_at": 0,
    }))
    .unwrap()
}

/// Every byte escaped: what any sender may do.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        write!(out, "%{byte:02X}").unwrap();
        out
    })
}

pub(crate) fn ask(
    client: &Client,
    pairs: &[(&str, &str)],
) -> Result<signet::domain::request::AuthorizationRequest, AuthorizeFailure> {
    let query = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
    validate(&Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap(), Some(client), false)
}
