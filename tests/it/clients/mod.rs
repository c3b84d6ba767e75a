//! Independent relying parties of the Rust world against a running server, with no special casing.

mod http;
mod oauth2;
mod openidconnect;
mod rotation;

/// A redirect address of the demo clients; any port of localhost will do, and nothing needs to listen there.
const REDIRECT_URI: &str = "http://localhost:47110/callback";
/// The secret of the demo clients.
const SECRET: &str = "dev-secret-do-not-ship";

/// The value of a query parameter of the URL that the browser was sent back to.
fn parameter(url: &url::Url, name: &str) -> String {
    let found = url.query_pairs().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {}", url.path())).1.into_owned()
}
