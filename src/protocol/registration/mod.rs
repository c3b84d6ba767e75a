//! Client metadata: what an application says of itself when it registers, checked. RFC 7591 section 2 and OpenID Connect
//! Dynamic Client Registration section 2; a change (RFC 7592 section 2.2) passes the same checks.
//!
//! ```text
//! members   how one member is read: a text, a list, an address
//! mod       the ordered list of checks, from the members to a client
//! sector    the document behind sector_identifier_uri
//! answer    from a client back to members
//! ```
//!
//! "The authorization server MUST ignore any client metadata sent by the client that it does not understand" (RFC 7591
//! section 2): members that are not named here are neither kept nor echoed. A client never chooses its `client_id`.

mod answer;
mod members;
mod sector;
/// What is left of what people have granted when `before` becomes `after`.
///
/// In another sector people have other names (OpenID Connect Core section 8.1), and no change may tell a client both. What
/// people said yes to has a name, a face and an address: with another one of these they are asked again.
#[must_use]
pub fn remains(before: &Client, after: &Client) -> Remains {
    if before.sector() != after.sector() {
        return Remains::Nothing;
    }
    let hosts = |client: &Client| client.redirect_uris.iter().map(RedirectUri::host).collect::<BTreeSet<_>>();
    let same = hosts(after).is_subset(&hosts(before))
        && (&before.name, &before.presentation) == (&after.name, &after.presentation);
    if same { Remains::Everything } else { Remains::Grants }
}

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value as Json;
use url::Url;

use super::discovery::IMPLICIT;
use super::error::OAuthError;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientKeys;
use crate::domain::client::GrantType;
use crate::domain::client::LogoutChannels;
use crate::domain::client::Presentation;
use crate::domain::client::RequestObjects;
use crate::domain::client::ResponseType;
use crate::domain::client::SubjectType;
use crate::domain::client::Subjects;
use crate::domain::key::Algorithm;
use crate::domain::registration::Remains;
use crate::domain::scope::Scope;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;

pub use answer::Issued;
pub use answer::answer;
pub use members::check_unchangeable;
pub use members::sent_secret;
pub use sector::check_document;

use members::Members;
use members::wrong;

/// What a client can be given here: no more than discovery says, and no more than the operator wants.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Signatures of this server.
    pub signing: Vec<Algorithm>,
    pub response_types: Vec<ResponseType>,
    pub grant_types: Vec<GrantType>,
    pub scope: Scope,
    /// For a client that does not say.
    pub default_scope: Scope,
    /// Whether clients with a secret or a key have to send code challenges too.
    pub require_pkce: bool,
    /// Whether what this server fetches may be `http` on this machine.
    pub fetches_from_loopback: bool,
}

/// The client that `sent` describes. What it cannot say of itself (its name in requests, its secrets, what an
/// administrator gave it) is as in `base`.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 section 3.2.2) with the name of the member and why.
pub fn client(sent: &Map<String, Json>, terms: &Terms, base: Client) -> Result<Client, OAuthError> {
    let sent = Members::of(sent)?;
    let application_type = sent.one_of("application_type", APPLICATION_TYPES)?.unwrap_or_default();
    let response_types = response_types(&sent, terms)?;
    let grant_types = grant_types(&sent, terms, &response_types)?;
    let method = sent.one_of("token_endpoint_auth_method", METHODS)?.unwrap_or(AuthMethod::ClientSecretBasic);
    let public = method == AuthMethod::None;
    let signing = |name| sent.algorithm(name, &terms.signing);
    let client = Client {
        name: sent.name("client_name")?.unwrap_or_else(|| base.id.to_string()),
        application_type,
        token_endpoint_auth_methods: BTreeSet::from([method]),
        keys: keys(&sent, terms)?,
        token_endpoint_auth_signing_alg: sent.algorithm_of_client("token_endpoint_auth_signing_alg")?,
        redirect_uris: sent.redirect_uris(application_type)?,
        post_logout_redirect_uris: sent.addresses("post_logout_redirect_uris", application_type)?,
        grant_types,
        response_types,
        request_objects: RequestObjects {
            request_object_signing_alg: sent.algorithm_of_client("request_object_signing_alg")?,
            request_uris: sent.fetched_uris("request_uris", terms)?,
            require_signed_request_object: sent.flag("require_signed_request_object")?,
        },
        subjects: Subjects {
            subject_type: sent.one_of("subject_type", SUBJECT_TYPES)?.unwrap_or_default(),
            sector_identifier_uri: sent.fetched_uri("sector_identifier_uri", terms)?,
        },
        scope: scope(&sent, terms)?,
        id_token_signed_response_alg: signing("id_token_signed_response_alg")?.unwrap_or(Algorithm::Rs256),
        userinfo_signed_response_alg: signing("userinfo_signed_response_alg")?,
        introspection_signed_response_alg: signing("introspection_signed_response_alg")?,
        require_pkce: terms.require_pkce || public,
        logout: LogoutChannels {
            backchannel_logout_uri: sent.address("backchannel_logout_uri")?,
            backchannel_logout_session_required: sent.flag("backchannel_logout_session_required")?,
            frontchannel_logout_uri: sent.address("frontchannel_logout_uri")?,
            frontchannel_logout_session_required: sent.flag("frontchannel_logout_session_required")?,
        },
        presentation: Presentation {
            logo_uri: sent.web_uri("logo_uri")?,
            client_uri: sent.web_uri("client_uri")?,
            policy_uri: sent.web_uri("policy_uri")?,
            tos_uri: sent.web_uri("tos_uri")?,
        },
        contacts: sent.contacts()?,
        initiate_login_uri: sent.web_uri("initiate_login_uri")?,
        ..base
    };
    check_redirect_uris(&client)?;
    check_grants(&client)?;
    check_keys(&client)?;
    check_sector(&client)?;
    check_frontchannel(&client)?;
    check_login_initiation(&client)?;
    Ok(Client { origins: origins(&client), ..client })
}

const APPLICATION_TYPES: &[(&str, ApplicationType)] =
    &[("web", ApplicationType::Web), ("native", ApplicationType::Native)];
const METHODS: &[(&str, AuthMethod)] = &[
    ("client_secret_basic", AuthMethod::ClientSecretBasic),
    ("client_secret_post", AuthMethod::ClientSecretPost),
    ("private_key_jwt", AuthMethod::PrivateKeyJwt),
    ("none", AuthMethod::None),
];
const SUBJECT_TYPES: &[(&str, SubjectType)] = &[("public", SubjectType::Public), ("pairwise", SubjectType::Pairwise)];

/// "If omitted, the default is that the client will use only the "code" response type." (RFC 7591 section 2) A client
/// without any grant that begins at the authorization endpoint has none.
fn response_types(sent: &Members<'_>, terms: &Terms) -> Result<BTreeSet<ResponseType>, OAuthError> {
    let Some(texts) = sent.texts("response_types")? else {
        let begins = |grants: Vec<&str>| grants.contains(&GrantType::AuthorizationCode.as_str());
        let codes = sent.texts("grant_types")?.is_none_or(begins);
        return Ok(if codes { BTreeSet::from([ResponseType::Code]) } else { BTreeSet::new() });
    };
    let supported = |text: &&str| ResponseType::parse(text).filter(|kind| terms.response_types.contains(kind));
    texts
        .iter()
        .map(|text| supported(text).ok_or_else(|| wrong("response_types", format!("{text} is not supported here"))))
        .collect()
}

/// "A server supporting these fields SHOULD take steps to ensure that a client cannot register itself into an
/// inconsistent state" (RFC 7591 section 2.1).
fn grant_types(
    sent: &Members<'_>,
    terms: &Terms,
    response_types: &BTreeSet<ResponseType>,
) -> Result<BTreeSet<GrantType>, OAuthError> {
    const NAME: &str = "grant_types";
    let codes = response_types.contains(&ResponseType::Code);
    let implicit = response_types.iter().any(|kind| kind.is_front_channel());
    let Some(texts) = sent.texts(NAME)? else {
        return Ok(codes.then_some(GrantType::AuthorizationCode).into_iter().collect());
    };
    if texts.contains(&IMPLICIT) != implicit {
        return Err(wrong(NAME, "implicit belongs to the response types id_token and id_token token, and they to it"));
    }
    let mut grants = BTreeSet::new();
    for text in texts.into_iter().filter(|text| *text != IMPLICIT) {
        let grant = GrantType::parse(text).filter(|grant| terms.grant_types.contains(grant));
        grants.insert(grant.ok_or_else(|| wrong(NAME, format!("{text} is not supported here")))?);
    }
    if grants.contains(&GrantType::AuthorizationCode) != codes {
        return Err(wrong(NAME, "authorization_code belongs to the response type code, and that to it"));
    }
    Ok(grants)
}

/// Values that no such client may have are left out; the answer says what is left.
fn scope(sent: &Members<'_>, terms: &Terms) -> Result<Scope, OAuthError> {
    const NAME: &str = "scope";
    let Some(text) = sent.text(NAME)? else { return Ok(terms.default_scope.clone()) };
    let asked = Scope::parse(text).map_err(|fault| wrong(NAME, fault.to_string()))?;
    let granted = asked.intersection(&terms.scope);
    if granted.is_empty() {
        return Err(wrong(NAME, format!("a client that registers itself may have: {}", terms.scope)));
    }
    Ok(granted)
}

fn keys(sent: &Members<'_>, terms: &Terms) -> Result<ClientKeys, OAuthError> {
    let keys = ClientKeys { jwks: sent.jwks()?, jwks_uri: sent.fetched_uri("jwks_uri", terms)? };
    if keys.jwks.is_some() && keys.jwks_uri.is_some() {
        // "The jwks_uri and jwks parameters MUST NOT be used together." (OpenID Connect Registration section 2)
        return Err(wrong("jwks", "cannot be used together with jwks_uri"));
    }
    Ok(keys)
}

fn check_redirect_uris(client: &Client) -> Result<(), OAuthError> {
    let refused = |why: &str| OAuthError::invalid_redirect_uri(format!("redirect_uris: {why}"));
    if client.redirect_uris.is_empty() && !client.response_types.is_empty() {
        // "Clients using flows with redirection MUST register their redirection URI values." (RFC 7591 section 2)
        return Err(refused("at least one is needed"));
    }
    let implicit = client.response_types.iter().any(|kind| kind.is_front_channel());
    if implicit && client.application_type == ApplicationType::Web {
        // "Web Clients using the OAuth Implicit Grant Type MUST only register URLs using the https scheme as
        // redirect_uris; they MUST NOT use localhost as the hostname." (OpenID Connect Registration section 2)
        let allowed = |uri: &RedirectUri| {
            let url = Url::parse(uri.as_str()).ok();
            url.is_some_and(|url| url.scheme() == "https" && url.host_str() != Some("localhost"))
        };
        if !client.redirect_uris.iter().all(allowed) {
            return Err(refused("web applications without codes use https, and not localhost"));
        }
    }
    Ok(())
}

fn check_grants(client: &Client) -> Result<(), OAuthError> {
    const NAME: &str = "grant_types";
    if client.allows(GrantType::RefreshToken) && !client.allows(GrantType::AuthorizationCode) {
        return Err(wrong(NAME, "refresh_token comes with authorization_code only"));
    }
    if client.grant_types.is_empty() && client.response_types.is_empty() {
        return Err(wrong(NAME, "at least one is needed"));
    }
    // "The client credentials grant type MUST only be used by confidential clients." (RFC 6749 section 4.4)
    let needs_proof = [GrantType::ClientCredentials, GrantType::TokenExchange].into_iter().find(|g| client.allows(*g));
    match needs_proof {
        Some(grant) if client.is_public() => {
            Err(wrong(NAME, format!("{} needs another token_endpoint_auth_method than none", grant.as_str())))
        }
        _ => Ok(()),
    }
}

fn check_keys(client: &Client) -> Result<(), OAuthError> {
    let signs = client.token_endpoint_auth_methods.contains(&AuthMethod::PrivateKeyJwt);
    if client.keys.is_empty() && signs {
        return Err(wrong("token_endpoint_auth_method", "private_key_jwt needs jwks or jwks_uri"));
    }
    if client.keys.is_empty() && client.request_objects.require_signed_request_object {
        return Err(wrong("require_signed_request_object", "needs jwks or jwks_uri"));
    }
    if client.token_endpoint_auth_signing_alg.is_some() && !signs {
        return Err(wrong("token_endpoint_auth_signing_alg", "is for private_key_jwt"));
    }
    Ok(())
}

/// "If there are multiple hostnames in the registered `redirect_uris`, the Client MUST register a
/// `sector_identifier_uri`." (OpenID Connect Core section 8.1)
fn check_sector(client: &Client) -> Result<(), OAuthError> {
    if client.subjects.subject_type == SubjectType::Public || client.subjects.sector_identifier_uri.is_some() {
        return Ok(());
    }
    if client.sector_host().is_some() {
        return Ok(());
    }
    Err(wrong("subject_type", "pairwise with redirect_uris on several hosts, or on none, needs sector_identifier_uri"))
}

/// "The domain, port, and scheme of this URL MUST be the same as that of a registered Redirection URI value."
/// (OpenID Connect Front-Channel Logout section 2)
fn check_frontchannel(client: &Client) -> Result<(), OAuthError> {
    let Some(uri) = &client.logout.frontchannel_logout_uri else { return Ok(()) };
    let origin = |uri: &RedirectUri| Url::parse(uri.as_str()).ok().map(|url| url.origin().ascii_serialization());
    let own = origin(uri);
    if client.redirect_uris.iter().any(|redirect| origin(redirect) == own) {
        return Ok(());
    }
    Err(wrong("frontchannel_logout_uri", "scheme, host and port must be those of one of the redirect_uris"))
}

/// "URI using the https scheme that a third party can use to initiate a login by the RP" (OpenID Connect Registration
/// section 2): a browser is sent there from anywhere, so not to a loopback address either.
fn check_login_initiation(client: &Client) -> Result<(), OAuthError> {
    match &client.initiate_login_uri {
        Some(uri) if !uri.is_https() => Err(wrong("initiate_login_uri", "begins with https://")),
        _ => Ok(()),
    }
}

/// Pages of a public client read its answers from where it is sent back to.
fn origins(client: &Client) -> Vec<Origin> {
    if !client.is_public() {
        return Vec::new();
    }
    let origin = |uri: &RedirectUri| {
        let url = Url::parse(uri.as_str()).ok()?;
        Origin::register(&url.origin().ascii_serialization()).ok()
    };
    let mut origins: Vec<Origin> = client.redirect_uris.iter().filter_map(origin).collect();
    origins.dedup();
    origins
}
