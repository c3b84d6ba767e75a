//! The rules of the protocols: pure functions of values and `now`. No async, no store, no keys, no HTTP types.
//!
//! ```text
//! bytes -> params ─┬─> authorize::{request_object, validate} -> AuthorizationRequest -> authorize::next_step -> response
//!                  ├─> client_auth (client_assertion) -> token::{code, refresh, client_credentials} -> access_token, id_token
//!                  ├─> bearer -> access_token::verify -> userinfo
//!                  └─> gateway: what a reverse proxy asks, and what its application is told
//! ```
//!
//! Every failure is an [`error::OAuthError`]; who answers decides how it is rendered.

pub mod access_token;
pub mod authorize;
pub mod bearer;
pub mod client_assertion;
pub mod client_auth;
pub mod discovery;
pub mod error;
pub mod gateway;
pub mod id_token;
pub mod id_token_hint;
pub mod introspection;
pub mod logout;
pub mod params;
pub mod registration;
pub mod response;
pub mod session_state;
pub mod token;
pub mod userinfo;

#[cfg(test)]
pub(crate) mod fixtures;
