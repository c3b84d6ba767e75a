//! Metadata: OpenID Connect Discovery section 3 and RFC 8414 section 2. Both documents have the same bytes.
//!
//! Only what works is told; a member that no code serves is a lie that some client will believe.

use serde::Serialize;

use super::authorize::ACR_VALUES;
use super::userinfo;
use crate::domain::client::AuthMethod;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::client::SubjectType;
use crate::domain::key::Algorithm;
use crate::domain::request::ResponseMode;

/// Where the endpoints are, below the issuer.
pub mod path {
    pub const AUTHORIZE: &str = "/authorize";
    pub const TOKEN: &str = "/token";
    pub const USERINFO: &str = "/userinfo";
    pub const END_SESSION: &str = "/end_session";
    pub const CHECK_SESSION: &str = "/check_session";
    pub const REVOKE: &str = "/revoke";
    pub const INTROSPECT: &str = "/introspect";
    pub const REGISTER: &str = "/register";
    pub const JWKS: &str = "/.well-known/jwks.json";
    pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    pub const OAUTH_AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
}

/// The URL of an endpoint.
#[must_use]
pub fn endpoint(issuer: &str, path: &str) -> String {
    format!("{}{path}", issuer.trim_end_matches('/'))
}

/// What the documents depend on: the configuration, never the request.
#[derive(Debug, Clone)]
pub struct Server {
    /// As configured; compared and repeated byte by byte.
    pub issuer: String,
    /// What ID tokens may be signed with. RS256 "MUST be included".
    pub id_token_algorithms: Vec<Algorithm>,
    /// Scope values of the operator's own, beside the standard ones.
    pub scopes: Vec<String>,
    /// Whether clients may register themselves.
    pub registration: bool,
    /// Languages of the pages, BCP 47.
    pub ui_locales: Vec<String>,
    /// Whether clients may have ID tokens in the answer of the authorization endpoint.
    pub front_channel: bool,
}

/// The document. Field names are those of the "OAuth Authorization Server Metadata" registry.
#[expect(clippy::struct_excessive_bools, reason = "as the registry has them")]
#[derive(Debug, Clone, Serialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: String,
    pub revocation_endpoint: String,
    pub introspection_endpoint: String,
    /// RFC 7591 section 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    pub jwks_uri: String,
    pub end_session_endpoint: String,
    pub check_session_iframe: String,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<&'static str>,
    pub response_modes_supported: Vec<&'static str>,
    pub grant_types_supported: Vec<&'static str>,
    pub acr_values_supported: Vec<&'static str>,
    pub subject_types_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    pub userinfo_signing_alg_values_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 9701 section 7.
    pub introspection_signing_alg_values_supported: Vec<&'static str>,
    pub claim_types_supported: Vec<&'static str>,
    pub claims_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ui_locales_supported: Vec<String>,
    pub prompt_values_supported: Vec<&'static str>,
    pub code_challenge_methods_supported: Vec<&'static str>,
    pub authorization_response_iss_parameter_supported: bool,
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
    pub frontchannel_logout_supported: bool,
    pub frontchannel_logout_session_supported: bool,
    pub claims_parameter_supported: bool,
    pub request_object_signing_alg_values_supported: Vec<&'static str>,
    pub request_parameter_supported: bool,
    /// Must be said: its default is true (OpenID Connect Discovery section 3).
    pub request_uri_parameter_supported: bool,
    pub require_request_uri_registration: bool,
}

/// Claims of ID tokens and access tokens that are no claims of the UserInfo endpoint.
const TOKEN_CLAIMS: [&str; 9] = ["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"];

/// How the registry calls what comes from the authorization endpoint alone; no request to the token endpoint has it.
pub(super) const IMPLICIT: &str = "implicit";

impl Metadata {
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let at = |path: &str| endpoint(&server.issuer, path);
        // What clients sign with is not what we sign with.
        let mut of_clients = algorithms(&Algorithm::ALL);
        of_clients.push(Algorithm::ED25519);
        Self {
            issuer: server.issuer.clone(),
            authorization_endpoint: at(path::AUTHORIZE),
            token_endpoint: at(path::TOKEN),
            userinfo_endpoint: at(path::USERINFO),
            revocation_endpoint: at(path::REVOKE),
            introspection_endpoint: at(path::INTROSPECT),
            registration_endpoint: server.registration.then(|| at(path::REGISTER)),
            jwks_uri: at(path::JWKS),
            end_session_endpoint: at(path::END_SESSION),
            check_session_iframe: at(path::CHECK_SESSION),
            scopes_supported: scopes(server),
            response_types_supported: ResponseType::ALL
                .into_iter()
                .filter(|kind| server.front_channel || !kind.is_front_channel())
                .map(ResponseType::as_str)
                .collect(),
            response_modes_supported: ResponseMode::ALL
                .into_iter()
                .filter(|mode| server.front_channel || *mode != ResponseMode::Fragment)
                .map(ResponseMode::as_str)
                .collect(),
            grant_types_supported: GrantType::ALL
                .map(GrantType::as_str)
                .into_iter()
                .chain(server.front_channel.then_some(IMPLICIT))
                .collect(),
            acr_values_supported: ACR_VALUES.into(),
            subject_types_supported: SubjectType::ALL.map(SubjectType::as_str).into(),
            id_token_signing_alg_values_supported: algorithms(&server.id_token_algorithms),
            userinfo_signing_alg_values_supported: algorithms(&server.id_token_algorithms),
            token_endpoint_auth_methods_supported: auth_methods(&[AuthMethod::None]),
            token_endpoint_auth_signing_alg_values_supported: of_clients.clone(),
            revocation_endpoint_auth_methods_supported: auth_methods(&[AuthMethod::None]),
            revocation_endpoint_auth_signing_alg_values_supported: of_clients.clone(),
            // "the protected resource [...] MUST also require some form of authorization to access this endpoint"
            // (RFC 7662 section 2.1).
            introspection_endpoint_auth_methods_supported: auth_methods(&[]),
            introspection_endpoint_auth_signing_alg_values_supported: of_clients,
            introspection_signing_alg_values_supported: algorithms(&server.id_token_algorithms),
            claim_types_supported: vec!["normal"],
            claims_supported: userinfo::CLAIMS
                .iter()
                .flat_map(|(_, names)| *names)
                .copied()
                .chain(TOKEN_CLAIMS)
                .collect(),
            ui_locales_supported: server.ui_locales.clone(),
            prompt_values_supported: vec!["none", "login", "consent", "select_account"],
            code_challenge_methods_supported: vec!["S256"],
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            frontchannel_logout_supported: true,
            frontchannel_logout_session_supported: true,
            claims_parameter_supported: true,
            request_object_signing_alg_values_supported: algorithms(&Algorithm::ALL),
            request_parameter_supported: true,
            request_uri_parameter_supported: true,
            require_request_uri_registration: true,
        }
    }
}

/// The ways to prove who is calling, and `also`.
fn auth_methods(also: &[AuthMethod]) -> Vec<&'static str> {
    let proofs = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::PrivateKeyJwt];
    proofs.iter().chain(also).map(|method| method.as_str()).collect()
}

fn scopes(server: &Server) -> Vec<String> {
    let standard = userinfo::CLAIMS.iter().map(|(value, _)| *value).chain(["offline_access"]);
    let mut scopes: Vec<String> = standard.map(str::to_owned).collect();
    for own in &server.scopes {
        if !scopes.contains(own) {
            scopes.push(own.clone());
        }
    }
    scopes
}

/// RS256 first: the default of clients that do not say (OpenID Connect Registration section 2).
fn algorithms(configured: &[Algorithm]) -> Vec<&'static str> {
    let mut sorted = configured.to_vec();
    sorted.sort_by_key(|algorithm| *algorithm != Algorithm::Rs256);
    sorted.dedup();
    sorted.into_iter().map(Algorithm::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::Metadata;
    use super::Server;
    use crate::domain::key::Algorithm;
    use serde_json::Value;

    fn document(issuer: &str) -> Value {
        document_of(issuer, false)
    }

    fn document_of(issuer: &str, registration: bool) -> Value {
        document_with(issuer, registration, false)
    }

    fn document_with(issuer: &str, registration: bool, front_channel: bool) -> Value {
        let server = Server {
            issuer: issuer.to_owned(),
            id_token_algorithms: Algorithm::ALL.into(),
            scopes: vec!["api:read".to_owned(), "openid".to_owned()],
            registration,
            ui_locales: vec!["en".to_owned(), "de".to_owned()],
            front_channel,
        };
        serde_json::to_value(Metadata::of(&server)).unwrap()
    }

    #[test]
    fn d_02_rs_11_the_issuer_is_repeated_byte_by_byte() {
        for issuer in ["https://op.test", "https://op.test/realm", "http://localhost:8080"] {
            let document = document(issuer);
            assert_eq!(document["issuer"], issuer);
            assert_eq!(document["token_endpoint"], format!("{issuer}/token"));
        }
    }

    #[test]
    fn d_05_d_15_required_members() {
        let document = document("https://op.test");
        let algorithms = serde_json::json!(["RS256", "ES256", "PS256", "EdDSA"]);
        assert_eq!(document["id_token_signing_alg_values_supported"], algorithms);
        assert_eq!(document["userinfo_signing_alg_values_supported"], algorithms);
        assert_eq!(document["request_object_signing_alg_values_supported"], algorithms, "d_13: RS256, and never none");
        for shown in ["request_parameter", "request_uri_parameter"] {
            assert_eq!(document[format!("{shown}_supported")], true);
        }
        assert_eq!(document["require_request_uri_registration"], true);
        let scopes = document["scopes_supported"].as_array().unwrap();
        assert_eq!(scopes.iter().filter(|scope| **scope == "openid").count(), 1);
        for (name, value) in document.as_object().unwrap() {
            if let Some(values) = value.as_array() {
                let unique: std::collections::HashSet<_> = values.iter().map(Value::to_string).collect();
                assert_eq!(unique.len(), values.len(), "{name}");
            }
        }
    }

    #[test]
    fn b_01_fc_01_sm_01_logout_is_told() {
        let document = document("https://op.test");
        assert_eq!(document["end_session_endpoint"], "https://op.test/end_session");
        assert_eq!(document["check_session_iframe"], "https://op.test/check_session");
        for channel in ["backchannel", "frontchannel"] {
            assert_eq!(document[format!("{channel}_logout_supported")], true);
            assert_eq!(document[format!("{channel}_logout_session_supported")], true);
        }
    }

    #[test]
    fn rm_13_the_front_channel_is_told_when_it_is_on() {
        let members = |on: bool| {
            let document = document_with("https://op.test", false, on);
            ["response_types", "response_modes", "grant_types"]
                .map(|name| document[format!("{name}_supported")].clone())
        };
        let [types, modes, grants] = members(true);
        assert_eq!(types, serde_json::json!(["code", "id_token", "id_token token"]));
        let has = |list: &Value, word: &str| list.as_array().unwrap().contains(&word.into());
        assert!(has(&modes, "fragment") && has(&modes, "query") && has(&grants, "implicit"));
        let [types, modes, grants] = members(false);
        assert_eq!(types, serde_json::json!(["code"]));
        assert!(!has(&modes, "fragment") && has(&modes, "query") && !has(&grants, "implicit"));
        assert!(has(&grants, "authorization_code"));
    }

    #[test]
    fn d_11_registration_is_told_when_it_is_on() {
        assert_eq!(document_of("https://op.test", true)["registration_endpoint"], "https://op.test/register");
        assert_eq!(
            document_of("https://op.test/realm", true)["registration_endpoint"],
            "https://op.test/realm/register"
        );
    }

    #[test]
    fn f2_12_the_methods_and_algorithms_of_clients() {
        let document = document("https://op.test");
        for endpoint in ["token", "revocation", "introspection"] {
            let methods = &document[format!("{endpoint}_endpoint_auth_methods_supported")];
            assert!(methods.as_array().unwrap().contains(&"private_key_jwt".into()), "{endpoint}");
            // "The value none MUST NOT be used." (OpenID Connect Discovery section 3)
            let algorithms = &document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
            assert_eq!(*algorithms, serde_json::json!(["RS256", "ES256", "PS256", "EdDSA", "Ed25519"]), "{endpoint}");
        }
    }

    #[test]
    fn rm_13_nothing_that_does_not_work() {
        let document = document("https://op.test");
        for absent in
            ["registration_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint"]
        {
            assert!(document.get(absent).is_none());
        }
    }
}
