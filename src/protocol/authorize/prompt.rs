//! Which pages the client wants shown, OpenID Connect Core section 3.1.2.1.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::request::Prompt;

/// A repeated value is one value; an unknown one is refused, because what it asks for would silently not happen.
pub(super) fn check(params: &Params) -> Result<Prompt, OAuthError> {
    let mut prompt = Prompt::default();
    let Some(text) = params.get("prompt")? else { return Ok(prompt) };
    for value in text.split(' ') {
        match value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(OAuthError::invalid_request("prompt is none, or of login, consent, select_account")),
        }
    }
    // "If this parameter contains none with any other value, an error is returned."
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(OAuthError::invalid_request("prompt has none together with other values"));
    }
    Ok(prompt)
}
