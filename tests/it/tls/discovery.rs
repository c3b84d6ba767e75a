//! D-01 to D-19: discovery as the Config plan reads it, over https.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::Stage;
use crate::support::raw::request;
use crate::support::tls::body;
use crate::support::tls::exchange;

const DISCOVERY: &str = "/.well-known/openid-configuration";

struct Plan {
    stage: Stage,
    document: Value,
    /// Head of the answer, in lower case.
    head: String,
}

impl Plan {
    async fn read() -> Self {
        let stage = Stage::new().await;
        let answer = get(&stage, DISCOVERY);
        let head = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        let document = serde_json::from_str(body(&answer)).unwrap();
        Self { stage, document, head }
    }

    fn list(&self, name: &str) -> Vec<&str> {
        let list = self.document[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
        list.iter().map(|value| value.as_str().unwrap_or_else(|| panic!("{name} has {value}"))).collect()
    }

    fn url(&self, name: &str) -> Url {
        Url::parse(self.document[name].as_str().unwrap_or_else(|| panic!("no {name}"))).unwrap()
    }
}

fn get(stage: &Stage, path: &str) -> String {
    let mut stream = stage.client().connect(&stage.app.base).unwrap();
    exchange(&mut stream, &request("GET", path, "", ""))
}

#[tokio::test]
async fn d_01_oidcc_discovery_endpoint_verification_an_answer_of_json() {
    let plan = Plan::read().await;
    assert!(plan.head.starts_with("http/1.1 200 "), "{}", plan.head);
    assert!(plan.head.contains("\r\ncontent-type: application/json"), "{}", plan.head);
}

#[tokio::test]
async fn d_02_d_03_the_issuer_is_the_address_before_the_well_known_part() {
    let plan = Plan::read().await;
    let asked = plan.stage.app.url(DISCOVERY);
    let issuer = plan.document["issuer"].as_str().unwrap();
    assert_eq!(asked.as_str().strip_suffix(DISCOVERY), Some(issuer));
    let url = Url::parse(issuer).unwrap();
    assert_eq!((url.scheme(), url.host_str()), ("https", Some("localhost")));
    assert!(url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
}

#[tokio::test]
async fn d_04_the_static_plan_finds_the_code_flow() {
    let plan = Plan::read().await;
    assert!(plan.list("response_types_supported").contains(&"code"));
    assert!(plan.list("grant_types_supported").contains(&"authorization_code"));
}

#[tokio::test]
async fn d_05_every_member_is_known_and_of_its_type() {
    let plan = Plan::read().await;
    for (name, value) in plan.document.as_object().unwrap() {
        let kind = KNOWN.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(kind, _)| *kind);
        match kind.unwrap_or_else(|| panic!("the suite does not know {name}")) {
            Kind::Address => drop(plan.url(name)),
            Kind::List => drop(plan.list(name)),
            Kind::Truth => assert!(value.is_boolean(), "{name}"),
        }
    }
}

#[tokio::test]
async fn d_06_subject_types() {
    let plan = Plan::read().await;
    let types = plan.list("subject_types_supported");
    assert!(!types.is_empty() && types.iter().all(|kind| ["public", "pairwise"].contains(kind)), "{types:?}");
}

#[tokio::test]
async fn d_07_d_08_signatures() {
    let plan = Plan::read().await;
    assert!(plan.list("id_token_signing_alg_values_supported").contains(&"RS256"));
    for name in ["id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported"] {
        if plan.document.get(name).is_none() {
            continue;
        }
        let known = ["RS256", "PS256", "ES256", "EdDSA"];
        assert!(plan.list(name).iter().all(|algorithm| known.contains(algorithm)), "{name}");
    }
}

#[tokio::test]
async fn d_09_d_10_d_11_endpoints_are_https() {
    let plan = Plan::read().await;
    for (name, _) in plan.document.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint")) {
        assert_eq!(plan.url(name).scheme(), "https", "{name}");
    }
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint"] {
        assert_eq!(plan.url(name).origin(), plan.stage.app.base.origin(), "{name}");
    }
    assert_eq!(plan.url("check_session_iframe").scheme(), "https");
}

#[tokio::test]
async fn d_12_the_keys_are_there_and_public() {
    let plan = Plan::read().await;
    let uri = plan.url("jwks_uri");
    assert_eq!(uri.scheme(), "https");
    let answer = get(&plan.stage, uri.path());
    let keys: Value = serde_json::from_str(body(&answer)).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let kids: BTreeSet<&str> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
    assert!(!keys.is_empty() && kids.len() == keys.len(), "{keys:?}");
    for key in keys {
        assert!(["RSA", "EC", "OKP"].contains(&key["kty"].as_str().unwrap()), "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}

#[tokio::test]
async fn d_13_signed_requests_may_use_rs256_if_any() {
    let plan = Plan::read().await;
    if plan.document.get("request_object_signing_alg_values_supported").is_some() {
        let algorithms = plan.list("request_object_signing_alg_values_supported");
        assert!(algorithms.contains(&"RS256") && !algorithms.contains(&"none"), "{algorithms:?}");
    }
}

#[tokio::test]
async fn d_14_d_15_claims_and_scopes() {
    let plan = Plan::read().await;
    assert!(plan.list("claims_supported").contains(&"sub"));
    let scopes = plan.list("scopes_supported");
    assert!(scopes.contains(&"openid"));
    // RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
    let token = |scope: &&str| {
        let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        !scope.is_empty() && scope.bytes().all(allowed)
    };
    assert!(scopes.iter().all(token), "{scopes:?}");
}

#[tokio::test]
async fn d_16_languages_are_written_as_registered() {
    let plan = Plan::read().await;
    assert_eq!(plan.list("ui_locales_supported").into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["de", "en"]));
    assert!(plan.document.get("claims_locales_supported").is_none());
}

#[tokio::test]
async fn d_17_d_18_challenges_and_parameters() {
    let plan = Plan::read().await;
    assert_eq!(plan.list("code_challenge_methods_supported"), ["S256"]);
    // The default of the second is true, so that it has to be said (OpenID Connect Discovery section 3).
    for name in ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"] {
        assert!(plan.document[name].is_boolean(), "{name}");
    }
}

#[tokio::test]
async fn d_19_ways_of_authentication_that_the_plans_use() {
    let plan = Plan::read().await;
    let methods = plan.list("token_endpoint_auth_methods_supported");
    for method in ["client_secret_basic", "client_secret_post"] {
        assert!(methods.contains(&method), "{method}");
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Address,
    List,
    Truth,
}

/// What OpenID Connect Discovery, RFC 8414 and their companions define.
const KNOWN: [(Kind, &[&str]); 3] = [
    (
        Kind::Address,
        &[
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "revocation_endpoint",
            "introspection_endpoint",
            "registration_endpoint",
            "end_session_endpoint",
            "check_session_iframe",
            "pushed_authorization_request_endpoint",
            "jwks_uri",
            "op_policy_uri",
            "op_tos_uri",
            "service_documentation",
        ],
    ),
    (
        Kind::List,
        &[
            "scopes_supported",
            "response_types_supported",
            "response_modes_supported",
            "grant_types_supported",
            "acr_values_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "userinfo_signing_alg_values_supported",
            "request_object_signing_alg_values_supported",
            "token_endpoint_auth_methods_supported",
            "token_endpoint_auth_signing_alg_values_supported",
            "revocation_endpoint_auth_methods_supported",
            "revocation_endpoint_auth_signing_alg_values_supported",
            "introspection_endpoint_auth_methods_supported",
            "introspection_endpoint_auth_signing_alg_values_supported",
            "introspection_signing_alg_values_supported",
            "display_values_supported",
            "claim_types_supported",
            "claims_supported",
            "ui_locales_supported",
            "prompt_values_supported",
            "code_challenge_methods_supported",
        ],
    ),
    (
        Kind::Truth,
        &[
            "authorization_response_iss_parameter_supported",
            "backchannel_logout_supported",
            "backchannel_logout_session_supported",
            "frontchannel_logout_supported",
            "frontchannel_logout_session_supported",
            "claims_parameter_supported",
            "request_parameter_supported",
            "request_uri_parameter_supported",
            "require_request_uri_registration",
        ],
    ),
];
