//! One member of a registration at a time.

use std::fmt::Display;

use serde_json::Map;
use serde_json::Value as Json;

use crate::crypto::jwk_set::JwkSet;
use crate::domain::client::ApplicationType;
use crate::domain::client::Client;
use crate::domain::key::Algorithm;
use crate::domain::uri::RedirectUri;
use crate::domain::uri::WebUri;
use crate::protocol::error::OAuthError;

use super::Terms;

/// Elements of a list.
const MOST: usize = 50;
/// Bytes of a text.
const LONGEST: usize = RedirectUri::MAX_LENGTH;
/// Characters of a name or of a contact, as people read them.
pub(super) const LONGEST_SHOWN: usize = 200;

/// What would make answers unreadable to others than the client. It is not served, and nobody is to believe it is.
const ENCRYPTION: [&str; 8] = [
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
];

/// What only the server says of a client, RFC 7592 section 2.2.
const OF_THE_SERVER: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// `invalid_client_metadata` for one member.
pub(super) fn wrong(name: &str, why: impl Display) -> OAuthError {
    OAuthError::invalid_client_metadata(format!("{name}: {why}"))
}

/// Checks what a change must say of the client and what it must not: "The client MUST include its `client_id` field in the
/// request, and it MUST be the same as its currently issued client identifier", and "MUST NOT include the
/// `registration_access_token`, `registration_client_uri`, `client_secret_expires_at`, or `client_id_issued_at` fields"
/// (RFC 7592 section 2.2).
///
/// # Errors
/// `invalid_client_metadata`.
pub fn check_unchangeable(sent: &Map<String, Json>, client: &Client) -> Result<(), OAuthError> {
    if sent.get("client_id").and_then(Json::as_str) != Some(client.id.as_str()) {
        return Err(wrong("client_id", "must be that of the client"));
    }
    match OF_THE_SERVER.into_iter().find(|name| sent.contains_key(*name)) {
        Some(name) => Err(wrong(name, "is not for a client to say")),
        None => Ok(()),
    }
}

/// "If the client includes the `client_secret` field in the request, the value of this field MUST match the currently
/// issued client secret for that client." (RFC 7592 section 2.2) Whether it does, whoever has the hashes says.
///
/// # Errors
/// `invalid_client_metadata` when it is no text.
pub fn sent_secret(sent: &Map<String, Json>) -> Result<Option<&str>, OAuthError> {
    match sent.get("client_secret") {
        None => Ok(None),
        Some(Json::String(secret)) => Ok(Some(secret)),
        Some(_) => Err(wrong("client_secret", "is a text")),
    }
}

/// The members of one registration.
pub(super) struct Members<'a>(&'a Map<String, Json>);

impl<'a> Members<'a> {
    pub(super) fn of(sent: &'a Map<String, Json>) -> Result<Self, OAuthError> {
        match ENCRYPTION.into_iter().find(|name| sent.contains_key(*name)) {
            Some(name) => Err(wrong(name, "nothing is encrypted here")),
            None => Ok(Self(sent)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, OAuthError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::String(text)) if text.len() <= LONGEST => Ok(Some(text)),
            Some(Json::String(_)) => Err(wrong(name, "is too long")),
            Some(_) => Err(wrong(name, "is a text")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, OAuthError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let Json::Array(items) = value else { return Err(wrong(name, "is a list of texts")) };
        if items.len() > MOST {
            return Err(wrong(name, format!("has more than {MOST} elements")));
        }
        let text = |item: &'a Json| item.as_str().ok_or_else(|| wrong(name, "is a list of texts"));
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// False when absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, OAuthError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(name, "is true or false")),
        }
    }

    pub(super) fn one_of<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, OAuthError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let chosen = choices.iter().find(|(choice, _)| *choice == text).map(|(_, value)| *value);
        let names = || choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", ");
        chosen.map(Some).ok_or_else(|| wrong(name, format!("is one of {}", names())))
    }

    /// Never `none`, whatever is supported.
    pub(super) fn algorithm(&self, name: &str, supported: &[Algorithm]) -> Result<Option<Algorithm>, OAuthError> {
        let choices: Vec<(&str, Algorithm)> = supported.iter().map(|own| (own.as_str(), *own)).collect();
        self.one_of(name, &choices)
    }

    /// The same for what the client signs with: any algorithm, by any of its names.
    pub(super) fn algorithm_of_client(&self, name: &str) -> Result<Option<Algorithm>, OAuthError> {
        match self.text(name)?.and_then(Algorithm::parse_of_client) {
            Some(known) => Ok(Some(known)),
            None => self.algorithm(name, &Algorithm::ALL),
        }
    }

    /// What people are shown of a client, without what they would not see: characters that hide, that turn the direction
    /// of a line or that break it.
    pub(super) fn name(&self, name: &str) -> Result<Option<String>, OAuthError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let visible: String = text.chars().filter(|character| !is_hidden(*character)).collect();
        let shown = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        if shown.is_empty() || shown.chars().count() > LONGEST_SHOWN {
            return Err(wrong(name, format!("has 1 to {LONGEST_SHOWN} visible characters")));
        }
        Ok(Some(shown))
    }

    pub(super) fn contacts(&self) -> Result<Vec<String>, OAuthError> {
        const NAME: &str = "contacts";
        let texts = self.texts(NAME)?.unwrap_or_default();
        let bad = |text: &&str| text.is_empty() || text.chars().count() > LONGEST_SHOWN || text.chars().any(is_hidden);
        if texts.iter().any(bad) {
            return Err(wrong(NAME, format!("each has 1 to {LONGEST_SHOWN} visible characters")));
        }
        Ok(texts.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn redirect_uris(&self, application: ApplicationType) -> Result<Vec<RedirectUri>, OAuthError> {
        const NAME: &str = "redirect_uris";
        // Whatever is wrong with it, this is the code that says which member.
        let refused = |why: String| OAuthError::invalid_redirect_uri(format!("{NAME}: {why}"));
        let texts =
            self.texts(NAME).map_err(|error| OAuthError::invalid_redirect_uri(error.description().to_owned()))?;
        let register =
            |text: &str| RedirectUri::register(text, application).map_err(|fault| refused(fault.to_string()));
        texts.unwrap_or_default().into_iter().map(register).collect()
    }

    /// A JWK Set with public keys only, as text.
    pub(super) fn jwks(&self) -> Result<Option<String>, OAuthError> {
        const NAME: &str = "jwks";
        let Some(value) = self.0.get(NAME) else { return Ok(None) };
        let text = value.to_string();
        let set = JwkSet::parse(text.as_bytes()).map_err(|fault| wrong(NAME, fault))?;
        if set.is_empty() {
            return Err(wrong(NAME, "has no key that signatures can be checked with"));
        }
        Ok(Some(text))
    }

    /// Addresses by the rules of redirect URIs.
    pub(super) fn addresses(&self, name: &str, application: ApplicationType) -> Result<Vec<RedirectUri>, OAuthError> {
        let register = |text: &str| RedirectUri::register(text, application).map_err(|fault| wrong(name, fault));
        self.texts(name)?.unwrap_or_default().into_iter().map(register).collect()
    }

    /// One such address; nobody opens an application of a device through it.
    pub(super) fn address(&self, name: &str) -> Result<Option<RedirectUri>, OAuthError> {
        let register =
            |text: &str| RedirectUri::register(text, ApplicationType::Web).map_err(|fault| wrong(name, fault));
        self.text(name)?.map(register).transpose()
    }

    /// An address that a browser opens. Never fetched by this server.
    pub(super) fn web_uri(&self, name: &str) -> Result<Option<WebUri>, OAuthError> {
        let register = |text: &str| WebUri::register(text).map_err(|fault| wrong(name, fault));
        self.text(name)?.map(register).transpose()
    }

    /// An address that this server fetches.
    pub(super) fn fetched_uri(&self, name: &str, terms: &Terms) -> Result<Option<WebUri>, OAuthError> {
        self.text(name)?.map(|text| fetched(name, text, terms)).transpose()
    }

    pub(super) fn fetched_uris(&self, name: &str, terms: &Terms) -> Result<Vec<WebUri>, OAuthError> {
        self.texts(name)?.unwrap_or_default().into_iter().map(|text| fetched(name, text, terms)).collect()
    }
}

fn fetched(name: &str, text: &str, terms: &Terms) -> Result<WebUri, OAuthError> {
    let uri = WebUri::register(text).map_err(|fault| wrong(name, fault))?;
    if uri.is_https() || terms.fetches_from_loopback {
        return Ok(uri);
    }
    Err(wrong(name, "begins with https://"))
}

/// Control and format characters (Unicode categories Cc and Cf as far as they hide or turn text), and separators of
/// lines.
fn is_hidden(character: char) -> bool {
    character.is_control() && !character.is_whitespace()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffc}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
