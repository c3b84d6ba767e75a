//! What a client is told of its registration, RFC 7591 section 3.2.1 and RFC 7592 section 3.

use serde::Serialize;
use serde_json::Value as Json;

use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::LogoutChannels;
use crate::domain::client::Presentation;
use crate::domain::client::ResponseType;
use crate::domain::client::Subjects;
use crate::domain::key::Algorithm;
use crate::domain::secret::Secret;
use crate::domain::uri::RedirectUri;
use crate::domain::uri::WebUri;
use crate::protocol::discovery::IMPLICIT;

/// What is known only when it is made or shown by the client itself: nothing but hashes of it is kept.
#[derive(Debug)]
pub struct Issued<'a> {
    /// `registration_access_token`
    pub token: &'a Secret,
    /// `client_secret`, when one was made just now.
    pub secret: Option<&'a Secret>,
    /// `registration_client_uri`
    pub address: &'a str,
}

/// "all registered metadata about this client, including any fields provisioned by the authorization server itself"
/// (RFC 7591 section 3.2.1).
#[must_use]
pub fn answer<'a>(client: &'a Client, issued: &Issued<'a>) -> impl Serialize + 'a {
    let implicit = client.response_types.iter().any(|kind| kind.is_front_channel()).then_some(IMPLICIT);
    let objects = &client.request_objects;
    Answer {
        client_id: client.id.as_str(),
        client_secret: issued.secret.map(Secret::reveal),
        // "REQUIRED if "client_secret" is issued. [...] 0 if it will not expire."
        client_secret_expires_at: issued.secret.map(|_| 0),
        client_id_issued_at: client.created_at.seconds(),
        registration_access_token: issued.token.reveal(),
        registration_client_uri: issued.address,
        client_name: Some(client.name.as_str()).filter(|name| *name != client.id.as_str()),
        application_type: client.application_type,
        redirect_uris: &client.redirect_uris,
        response_types: client.response_types.iter().copied().map(ResponseType::as_str).collect(),
        grant_types: client.grant_types.iter().map(|grant| grant.as_str()).chain(implicit).collect(),
        token_endpoint_auth_method: client.token_endpoint_auth_methods.first().copied(),
        token_endpoint_auth_signing_alg: client.token_endpoint_auth_signing_alg,
        jwks: client.keys.jwks.as_ref().and_then(|text| serde_json::from_str(text).ok()),
        jwks_uri: client.keys.jwks_uri.as_ref(),
        scope: client.scope.to_string(),
        contacts: &client.contacts,
        presentation: &client.presentation,
        subjects: &client.subjects,
        id_token_signed_response_alg: client.id_token_signed_response_alg,
        userinfo_signed_response_alg: client.userinfo_signed_response_alg,
        introspection_signed_response_alg: client.introspection_signed_response_alg,
        request_object_signing_alg: objects.request_object_signing_alg,
        require_signed_request_object: objects.require_signed_request_object,
        request_uris: &objects.request_uris,
        post_logout_redirect_uris: &client.post_logout_redirect_uris,
        logout: &client.logout,
        initiate_login_uri: client.initiate_login_uri.as_ref(),
    }
}

/// No `Debug`: there are secrets in it.
#[derive(Serialize)]
struct Answer<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    client_id_issued_at: i64,
    registration_access_token: &'a str,
    registration_client_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<&'a str>,
    application_type: ApplicationType,
    #[serde(skip_serializing_if = "<[RedirectUri]>::is_empty")]
    redirect_uris: &'a [RedirectUri],
    response_types: Vec<&'static str>,
    grant_types: Vec<&'static str>,
    token_endpoint_auth_method: Option<AuthMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_signing_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a WebUri>,
    scope: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    contacts: &'a [String],
    #[serde(flatten)]
    presentation: &'a Presentation,
    #[serde(flatten)]
    subjects: &'a Subjects,
    id_token_signed_response_alg: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_signed_response_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_signed_response_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_object_signing_alg: Option<Algorithm>,
    require_signed_request_object: bool,
    #[serde(skip_serializing_if = "<[WebUri]>::is_empty")]
    request_uris: &'a [WebUri],
    #[serde(skip_serializing_if = "<[RedirectUri]>::is_empty")]
    post_logout_redirect_uris: &'a [RedirectUri],
    #[serde(flatten)]
    logout: &'a LogoutChannels,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiate_login_uri: Option<&'a WebUri>,
}
