//! Clients as they are shown: in a line each, or one with all it has.

use std::time::Duration;

use serde_json::Value as Json;
use serde_json::json;

use super::Record;
use crate::domain::client::Client;
use crate::domain::client::GrantType;

pub(super) fn row(client: &Client) -> Vec<Json> {
    vec![
        json!(client.id.as_str()),
        json!(client.name),
        json!(kind(client)),
        json!(grants(client)),
        json!(client.source),
        json!(client.disabled),
    ]
}

pub(super) fn details(client: &Client) -> Record {
    let seconds = |time: Option<Duration>| time.map_or(Json::Null, |time| json!(time.as_secs()));
    let methods: Vec<&str> = client.token_endpoint_auth_methods.iter().map(|method| method.as_str()).collect();
    let secrets: Vec<Json> = client
        .secrets
        .iter()
        .map(|secret| match secret.expires_at {
            Some(end) => json!(format!("{} until {end}", secret.created_at)),
            None => json!(secret.created_at.to_string()),
        })
        .collect();
    Record {
        fields: vec![
            ("client_id", json!(client.id.as_str())),
            ("name", json!(client.name)),
            ("kind", json!(kind(client))),
            ("application_type", json!(client.application_type)),
            ("token_endpoint_auth_methods", json!(methods)),
            ("token_endpoint_auth_signing_alg", json!(client.token_endpoint_auth_signing_alg)),
            ("secrets_made", json!(secrets)),
            ("jwks", client.keys.jwks.as_ref().map_or(Json::Null, |set| json!(set.trim()))),
            ("jwks_uri", json!(client.keys.jwks_uri)),
            ("request_object_signing_alg", json!(client.request_objects.request_object_signing_alg)),
            ("request_uris", json!(client.request_objects.request_uris)),
            ("require_signed_request_object", json!(client.request_objects.require_signed_request_object)),
            ("grant_types", json!(grants(client))),
            ("redirect_uris", json!(client.redirect_uris)),
            ("post_logout_redirect_uris", json!(client.post_logout_redirect_uris)),
            ("backchannel_logout_uri", json!(client.logout.backchannel_logout_uri)),
            ("frontchannel_logout_uri", json!(client.logout.frontchannel_logout_uri)),
            ("scope", json!(client.scope.to_string())),
            ("audiences", json!(client.audiences)),
            ("resources", json!(client.resources)),
            ("security_profile", json!(client.security_profile)),
            ("origins", json!(client.origins)),
            ("require_pkce", json!(client.pkce_required())),
            ("first_party", json!(client.first_party)),
            ("session_api", json!(client.session_api)),
            ("id_token_signed_response_alg", json!(client.id_token_signed_response_alg)),
            ("access_token_signed_response_alg", json!(client.access_token_signed_response_alg)),
            ("introspection_signed_response_alg", json!(client.introspection_signed_response_alg)),
            ("access_token_seconds", seconds(client.lifetimes.access_token)),
            ("id_token_seconds", seconds(client.lifetimes.id_token)),
            ("refresh_absolute_seconds", seconds(client.lifetimes.refresh_absolute)),
            ("refresh_idle_seconds", seconds(client.lifetimes.refresh_idle)),
            ("refresh_retry_window_seconds", seconds(client.lifetimes.refresh_retry_window)),
            ("disabled", json!(client.disabled)),
            ("source", json!(client.source)),
            ("created_at", json!(client.created_at.to_string())),
        ],
    }
}

pub(super) fn kind(client: &Client) -> &'static str {
    if client.is_public() {
        "public"
    } else if client.allows(GrantType::AuthorizationCode) {
        "confidential"
    } else {
        "service"
    }
}

fn grants(client: &Client) -> Vec<&'static str> {
    client.grant_types.iter().map(|grant| grant.as_str()).collect()
}
