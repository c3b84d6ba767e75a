//! Registration: what a client is told of itself is what it is, and nobody gets more than the house gives.

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use signet::domain::client::Client;
use signet::domain::client::GrantType;
use signet::domain::client::ResponseType;
use signet::domain::ids::ClientId;
use signet::domain::key::Algorithm;
use signet::domain::scope::Scope;
use signet::domain::secret::Secret;
use signet::domain::time::Timestamp;
use signet::protocol::registration::Issued;
use signet::protocol::registration::Terms;
use signet::protocol::registration::answer;
use signet::protocol::registration::check_unchangeable;
use signet::protocol::registration::client;

/// What a client could say, for each member some of it good.
fn members() -> Vec<(&'static str, Vec<Value>)> {
    let key = json!({"kty": "EC", "crv": "P-256", "x": "WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis",
        "y": "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE"});
    let uri = |path: &str| json!(format!("https://c1.test/{path}"));
    let algorithms = || ["RS256", "ES256", "EdDSA", "PS256", "none"].map(Value::from).to_vec();
    vec![
        (
            "redirect_uris",
            vec![json!(["https://c1.test/cb"]), json!(["https://c1.test/cb", "https://b.test/cb"]), json!([])],
        ),
        ("application_type", vec![json!("web"), json!("native")]),
        ("response_types", vec![json!(["code"]), json!([]), json!(["id_token"]), json!(["code", "id_token token"])]),
        (
            "grant_types",
            vec![
                json!(["authorization_code"]),
                json!(["authorization_code", "refresh_token"]),
                json!(["implicit"]),
                json!(["authorization_code", "implicit"]),
                json!(["client_credentials"]),
                json!([]),
            ],
        ),
        (
            "token_endpoint_auth_method",
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"].map(Value::from).to_vec(),
        ),
        ("token_endpoint_auth_signing_alg", algorithms()),
        ("client_name", vec![json!("Shop"), json!(" Sh\u{200b}op \n of Ada"), json!("client_1"), json!("\u{200b}")]),
        ("scope", vec![json!("openid"), json!("openid admin email"), json!("admin")]),
        ("jwks", vec![json!({ "keys": [key] })]),
        ("jwks_uri", vec![uri("jwks")]),
        ("contacts", vec![json!(["ops@c1.test"]), json!([])]),
        ("logo_uri", vec![uri("logo.png")]),
        ("client_uri", vec![uri("")]),
        ("policy_uri", vec![uri("policy"), json!("javascript:alert(1)")]),
        ("tos_uri", vec![uri("tos")]),
        ("subject_type", vec![json!("public"), json!("pairwise")]),
        ("sector_identifier_uri", vec![uri("sector.json")]),
        ("id_token_signed_response_alg", algorithms()),
        ("userinfo_signed_response_alg", algorithms()),
        ("introspection_signed_response_alg", algorithms()),
        ("request_object_signing_alg", algorithms()),
        ("require_signed_request_object", vec![json!(true), json!(false)]),
        ("request_uris", vec![json!(["https://c1.test/r#1"]), json!([])]),
        ("post_logout_redirect_uris", vec![json!(["https://c1.test/out"]), json!([])]),
        ("backchannel_logout_uri", vec![uri("bc")]),
        ("backchannel_logout_session_required", vec![json!(true), json!(false)]),
        ("frontchannel_logout_uri", vec![uri("fc"), json!("https://b.test/fc")]),
        ("frontchannel_logout_session_required", vec![json!(true), json!(false)]),
        ("initiate_login_uri", vec![uri("login"), json!("http://127.0.0.1/login")]),
        // What nobody gives themselves.
        ("client_secret", vec![json!("mine")]),
        ("first_party", vec![json!(true)]),
        ("session_api", vec![json!(true)]),
        ("disabled", vec![json!(true)]),
        ("require_pkce", vec![json!(false)]),
        ("audiences", vec![json!(["https://rs.test"])]),
        ("resources", vec![json!(["https://rs.test"])]),
        ("client_id", vec![json!("client_2")]),
        ("security_profile", vec![json!("fapi2")]),
    ]
}

fn sent() -> impl Strategy<Value = Map<String, Value>> {
    let any_member = select(members()).prop_flat_map(|(name, values)| (Just(name.to_owned()), select(values)));
    let chosen = prop::collection::vec(any_member, 0..10);
    (any::<bool>(), chosen).prop_map(|(with_address, chosen)| {
        let address = with_address.then(|| ("redirect_uris".to_owned(), json!(["https://c1.test/cb"])));
        chosen.into_iter().chain(address).collect()
    })
}

fn terms() -> Terms {
    Terms {
        signing: vec![Algorithm::Rs256, Algorithm::Es256],
        response_types: ResponseType::ALL.into(),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials],
        scope: Scope::parse("openid profile email").unwrap(),
        default_scope: Scope::parse("openid profile").unwrap(),
        require_pkce: false,
        fetches_from_loopback: false,
    }
}

fn base() -> Client {
    Client::new(ClientId::new("client_1").unwrap(), Timestamp::from_seconds(7))
}

fn told(client: &Client) -> Map<String, Value> {
    let (token, secret) = (Secret::new("t"), Secret::new("s"));
    let secret = (!client.is_public()).then_some(&secret);
    let issued = Issued { token: &token, secret, address: "https://op.test/register/client_1" };
    serde_json::to_value(answer(client, &issued)).unwrap().as_object().unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// RFC 7592 section 2.2: a client that sends back what it was told changes nothing, however often.
    #[test]
    fn what_is_told_registers_again_the_same(sent in sent()) {
        let Ok(made) = client(&sent, &terms(), base()) else { return Ok(()) };
        let mut again = told(&made);
        prop_assert!(check_unchangeable(&again, &made).is_err());
        for of_the_server in
            ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
        {
            again.remove(of_the_server);
        }
        prop_assert!(check_unchangeable(&again, &made).is_ok());
        prop_assert_eq!(client(&again, &terms(), base()), Ok(made.clone()));
        prop_assert_eq!(client(&again, &terms(), made.clone()), Ok(made));
    }

    /// DR-04, DR-11: no member gives more than the terms, nor what only an administrator gives.
    #[test]
    fn nobody_gets_more_than_the_terms(sent in sent()) {
        let (terms, base) = (terms(), base());
        let Ok(made) = client(&sent, &terms, base.clone()) else { return Ok(()) };
        prop_assert!(!made.scope.is_empty() && made.scope.is_subset(&terms.scope));
        prop_assert!(made.grant_types.iter().all(|grant| terms.grant_types.contains(grant)));
        prop_assert!(terms.signing.contains(&made.id_token_signed_response_alg));
        prop_assert!(made.require_pkce == made.is_public() && (!made.is_public() || made.secrets.is_empty()));
        let given = |client: &Client| {
            (client.id.clone(), client.first_party, client.session_api, client.disabled, client.audiences.clone(),
                client.resources.clone(), client.security_profile, client.source, client.created_at)
        };
        prop_assert_eq!(given(&made), given(&base));
    }

    /// RFC 7591 section 2: members that nobody knows change nothing.
    #[test]
    fn unknown_members_change_nothing(
        sent in sent(), unknown in btree_map("x_[a-z]{1,6}|client_name#[a-z]{2}", select(vec![json!(1), json!({"a": []}), json!("b")]), 1..4),
    ) {
        let mut more = sent.clone();
        more.extend(unknown);
        let outcome = |sent| client(sent, &terms(), base()).map_err(|error| error.to_string());
        prop_assert_eq!(outcome(&more), outcome(&sent));
    }
}
