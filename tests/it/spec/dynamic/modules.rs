//! The modules of the Dynamic plan (and two of the third-party-initiated login plan) that are about what a client
//! registers, named as the conformance suite names them.

use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value as Json;
use serde_json::json;
use signet::domain::key::Algorithm;
use url::Url;

use super::Registrar;
use super::registered;
use super::text;
use super::with;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::client_key::ClientKey;
use crate::support::client_key::assertion_claims;
use crate::support::database::block_on;
use crate::support::https::Answer as Served;
use crate::support::https::Authority;
use crate::support::https::Receiver;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::VERIFIER;
use crate::support::party::opened;

/// An application's own https server, and a provider that may reach it.
struct Sector {
    receiver: Receiver,
    here: Registrar,
    _folder: tempfile::TempDir,
}

impl Sector {
    async fn with(served: Served) -> Self {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        authority.write(&folder.path().join("ca.pem"));
        let receiver = Receiver::start(&authority, served);
        let allow = format!("[\"{}\"]", receiver.authority());
        let ca = folder.path().join("ca.pem").display().to_string();
        let here = Registrar::with(&[("outbound.allow", &allow), ("outbound.ca_file", &ca)]).await;
        Self { receiver, here, _folder: folder }
    }

    fn pairwise(&self) -> Json {
        with(json!({"subject_type": "pairwise", "sector_identifier_uri": self.receiver.url("/redirect_uris.json")}))
    }
}

fn document(content: &Json) -> Served {
    let body = content.to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    Served::Raw([head.into_bytes(), body.into_bytes()].concat())
}

#[test]
fn oidcc_registration_sector_uri() {
    block_on(async {
        let sector = Sector::with(document(&json!(["https://other.test/cb", REDIRECT_URI]))).await;
        let own = registered(&sector.here.post(&sector.pairwise()).await);
        assert_eq!(own["sector_identifier_uri"], sector.receiver.url("/redirect_uris.json"));
        let received = sector.receiver.received();
        assert_eq!(received.len(), 1);
        assert!(received[0].head.starts_with("GET /redirect_uris.json HTTP/1.1"), "{}", received[0].head);
        sector.here.party(&own).sign_in("openid").await;
        assert_eq!(sector.receiver.received().len(), 1, "checked at registration, never again");
    });
}

#[test]
fn oidcc_registration_sector_bad() {
    block_on(async {
        let sector = Sector::with(document(&json!(["https://other.test/cb"]))).await;
        let answer = sector.here.post(&sector.pairwise()).await;
        answer.refused("invalid_client_metadata");
        assert!(text(&answer.json(), "error_description").contains(REDIRECT_URI), "{answer:?}");
        for served in [
            document(&json!([REDIRECT_URI, 7])),
            document(&json!({"redirect_uris": [REDIRECT_URI]})),
            Served::Status(302),
            Served::Status(404),
            Served::Status(204),
            Served::Raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\n[]".to_vec()),
        ] {
            sector.receiver.answer_with(served);
            sector.here.post(&sector.pairwise()).await.refused("invalid_client_metadata");
        }
        // DR-08: "changed later" is a change of the registration, which looks again.
        sector.receiver.answer_with(document(&json!([REDIRECT_URI])));
        let own = registered(&sector.here.post(&sector.pairwise()).await);
        let mut sent = super::changeable(&own);
        sent["redirect_uris"] = json!([REDIRECT_URI, "https://other.test/cb"]);
        sector.here.put(&own, &sent).await.refused("invalid_client_metadata");
    });
}

#[test]
fn dr_08_sf_06_a_sector_is_not_asked_for_where_it_must_not_be() {
    block_on(async {
        let here = Registrar::open().await;
        for uri in ["https://169.254.169.254/latest", "https://10.0.0.1/x", "http://c1.test/x", "file:///etc/passwd"] {
            let sent = with(json!({"subject_type": "pairwise", "sector_identifier_uri": uri}));
            let answer = here.post(&sent).await;
            answer.refused("invalid_client_metadata");
        }
    });
}

#[test]
fn oidcc_redirect_uri_regfrag() {
    block_on(async {
        let here = Registrar::open().await;
        let sent = with(json!({"redirect_uris": [format!("{REDIRECT_URI}#foobar")]}));
        here.post(&sent).await.refused("invalid_redirect_uri");
    });
}

/// Opens the authorization endpoint with this redirect URI, or with none.
async fn opened_with(party: &Party, redirect_uri: Option<&str>) -> Page {
    let mut browser = Browser::new();
    browser.open(&url_with(party, redirect_uri)).await
}

fn url_with(party: &Party, redirect_uri: Option<&str>) -> Url {
    let mut url = party.authorization_url("openid");
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "redirect_uri")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(redirect_uri.map(|uri| ("redirect_uri", uri)));
    url
}

#[track_caller]
fn is_error_page(page: &Page) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.location().is_none() && page.text.contains("id=\"error-title\""), "{}", page.text);
}

#[test]
fn oidcc_ensure_redirect_uri_in_authorization_request() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"redirect_uris": [REDIRECT_URI, "https://example.org/redirect"]})).await;
        is_error_page(&opened_with(&here.party(&own), None).await);
    });
}

#[test]
fn oidcc_redirect_uri_query_ok() {
    block_on(async {
        let here = Registrar::open().await;
        let uri = format!("{REDIRECT_URI}?bar=foo");
        let own = here.register(json!({"redirect_uris": [uri]})).await;
        let party = here.party(&own);
        let arrived = Browser::new().authorize(&url_with(&party, Some(&uri)), REDIRECT_URI, ADA).await;
        assert!(arrived.query_pairs().any(|pair| pair == ("bar".into(), "foo".into())), "{arrived}");
        let code = arrived.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = Form::new(&[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &uri)]);
        party.token(form.and("code_verifier", VERIFIER)).await.tokens();
    });
}

#[test]
fn oidcc_redirect_uri_query_mismatch_and_oidcc_redirect_uri_query_added() {
    block_on(async {
        let here = Registrar::open().await;
        for (registered, sent) in [("?bar=foo", "?foo=bar"), ("", "?foo=bar"), ("?bar=foo", "")] {
            let own = here.register(json!({"redirect_uris": [format!("{REDIRECT_URI}{registered}")]})).await;
            is_error_page(&opened_with(&here.party(&own), Some(&format!("{REDIRECT_URI}{sent}"))).await);
        }
    });
}

#[test]
fn oidcc_idtoken_rs256() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"id_token_signed_response_alg": "RS256"})).await;
        assert_eq!(own["id_token_signed_response_alg"], "RS256");
        let tokens = here.party(&own).sign_in("openid").await;
        let (header, _) = opened(tokens.id_token());
        assert_eq!((header["alg"].as_str(), header["kid"].is_string()), (Some("RS256"), true));
    });
}

#[test]
fn oidcc_server_client_secret_post() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"token_endpoint_auth_method": "client_secret_post"})).await;
        let party = here.party(&own);
        let code = party.code(&mut Browser::new(), "openid").await;
        // RFC 6749 section 2.3: only the method that it has registered.
        party.redeem(&code).await.unknown_client(true);
        let code = party.code(&mut Browser::new(), "openid").await;
        let form = Party::code_form(&code).and("client_id", text(&own, "client_id"));
        let form = form.and("client_secret", text(&own, "client_secret"));
        Answer::to(party.raw(form.encoded())).await.tokens();
    });
}

#[test]
fn oidcc_server_dy_01_a_key_without_a_name() {
    block_on(async {
        let here = Registrar::open().await;
        let key = ClientKey::new(Algorithm::Rs256, "unsaid");
        let sent = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.nameless()]}});
        let own = here.register(sent.clone()).await;
        assert_eq!(own["jwks"], sent["jwks"]);
        assert!(own.get("client_secret").is_none());
        let party = here.party(&own);
        let code = party.code(&mut Browser::new(), "openid").await;
        // C-22: as the plan sends it, with the token endpoint as audience.
        let now = here.app.signet.now().seconds();
        let claims = assertion_claims(text(&own, "client_id"), here.app.url("/token").as_str(), now);
        let assertion = key.sign(r#"{"alg":"RS256"}"#, &claims.to_string());
        let form = Party::code_form(&code)
            .and("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .and("client_assertion", &assertion);
        Answer::to(party.raw(form.encoded())).await.tokens();
    });
}

#[test]
fn response_types_without_a_code_are_registered_where_they_are_on() {
    block_on(async {
        let sent = with(json!({"response_types": ["id_token"], "grant_types": ["implicit"],
            "redirect_uris": ["https://c1.test/cb"]}));
        Registrar::open().await.post(&sent).await.refused("invalid_client_metadata");
        let here = Registrar::with(&[("tokens.front_channel", "true")]).await;
        let own = registered(&here.post(&sent).await);
        assert_eq!((&own["response_types"], &own["grant_types"]), (&sent["response_types"], &sent["grant_types"]));
    });
}

#[test]
fn oidcc_refresh_token_rt_01_rt_02_rt_03_rt_04_rt_05_rt_06_rt_07() {
    block_on(async {
        let here = Registrar::open().await;
        let grants = json!({"grant_types": ["authorization_code", "refresh_token"]});
        let (one, two) = (here.register(grants.clone()).await, here.register(grants).await);
        let (one, two) = (here.party(&one), here.party(&two));
        let first = one.sign_in("openid offline_access").await;
        let second = two.sign_in("openid offline_access").await;
        here.app.wait(2);
        let answer = one.refresh(first.refresh()).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json()["token_type"], "Bearer");
        assert!(answer.json()["expires_in"].as_i64().is_some_and(|seconds| (1..=31_536_000).contains(&seconds)));
        let next = answer.tokens();
        assert_eq!(one.userinfo(next.access()).await.status, StatusCode::OK);
        let (before, after) = (opened(first.id_token()).1, opened(next.id_token()).1);
        for name in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(before[name], after[name], "{name}");
        }
        assert_ne!(before["iat"], after["iat"]);
        one.refresh(second.refresh()).await.refused("invalid_grant");
        two.refresh(second.refresh()).await.tokens();
        // Without the grant there is no refresh token.
        let plain = here.party(&here.register(json!({})).await);
        assert!(plain.sign_in("openid offline_access").await.0.get("refresh_token").is_none());
    });
}

#[test]
fn oidcc_registration_logo_uri_and_oidcc_registration_policy_uri_and_oidcc_registration_tos_uri_sf_12() {
    block_on(async {
        let sector = Sector::with(Served::Status(200)).await;
        let uris = ["logo_uri", "policy_uri", "tos_uri", "client_uri"];
        let mut sent = with(json!({}));
        for name in uris {
            sent[name] = json!(sector.receiver.url(&format!("/{name}")));
        }
        let own = registered(&sector.here.post(&sent).await);
        for name in uris {
            assert_eq!(own[name], sent[name]);
        }
        sector.here.party(&own).sign_in("openid").await;
        assert_eq!(sector.receiver.connections(), 0, "this server never looks at them");
    });
}

#[test]
fn t_01_oidcc_3rd_party_init_login() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"initiate_login_uri": "https://c1.test/login"})).await;
        assert_eq!(own["initiate_login_uri"], "https://c1.test/login");
        let read = here.manage(Method::GET, &own).await;
        assert_eq!((read.status, &read.json()["initiate_login_uri"]), (StatusCode::OK, &own["initiate_login_uri"]));
    });
}

#[test]
fn t_02_oidcc_3rd_party_init_login_nohttps() {
    block_on(async {
        let here = Registrar::open().await;
        for uri in ["http://c1.test/login", "http://localhost/login", "http://127.0.0.1:8080/login"] {
            here.post(&with(json!({ "initiate_login_uri": uri }))).await.refused("invalid_client_metadata");
        }
    });
}

#[test]
fn b_02_fc_02_logout_channels_are_registered() {
    block_on(async {
        let here = Registrar::open().await;
        let sent = json!({
            "post_logout_redirect_uris": ["http://localhost:47110/post_logout_redirect"],
            "backchannel_logout_uri": "https://c1.test/backchannel_logout", "backchannel_logout_session_required": true,
            "frontchannel_logout_uri": "http://localhost:47110/frontchannel_logout",
            "frontchannel_logout_session_required": true,
        });
        let own = here.register(sent.clone()).await;
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(own[name], *value, "{name}");
        }
        let tokens = here.party(&own).sign_in("openid").await;
        assert!(opened(tokens.id_token()).1["sid"].is_string());
    });
}
