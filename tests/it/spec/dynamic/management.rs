//! `/register/{client_id}`, RFC 7592.

use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value as Json;
use serde_json::json;
use signet::domain::ids::ClientId;
use signet::domain::registration::Remains;
use signet::domain::uri::RedirectUri;
use signet::store::registration::ExchangeToken;
use tokio::task::JoinSet;

use super::Registrar;
use super::changeable;
use super::text;
use super::with;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::party::REDIRECT_URI;
use crate::support::postgres::left_out;

#[test]
fn c_74_a_registration_is_read() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"client_uri": "https://c1.test/"})).await;
        let answer = here.manage(Method::GET, &own).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
        let mut expected = own.clone();
        // Only its hash is known any more.
        for name in ["client_secret", "client_secret_expires_at"] {
            expected.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(answer.json(), expected);
        assert_eq!(here.manage(Method::GET, &own).await.status, StatusCode::OK, "as often as it likes");
    });
}

#[test]
fn rfc7592_2_2_a_change_replaces_everything() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"client_uri": "https://c1.test/", "contacts": ["a@c1.test"]})).await;
        let mut sent = changeable(&own);
        sent["client_name"] = json!("Another name");
        sent.as_object_mut().unwrap().remove("contacts");
        let changed = here.put(&own, &sent).await;
        assert_eq!((changed.status, changed.header("cache-control")), (StatusCode::OK, "no-store"));
        let changed = changed.json();
        assert_eq!(
            (&changed["client_name"], &changed["client_uri"]),
            (&json!("Another name"), &json!("https://c1.test/"))
        );
        assert!(changed.get("contacts").is_none() && changed.get("client_secret").is_none());
        assert_eq!(changed["client_id"], own["client_id"]);
        // The secret goes on working, the token does not.
        let mut with_secret = changed.clone();
        with_secret["client_secret"] = own["client_secret"].clone();
        here.party(&with_secret).sign_in("openid").await;
        assert_ne!(changed["registration_access_token"], own["registration_access_token"]);
        here.manage(Method::GET, &own).await.unauthorized();
        assert_eq!(here.manage(Method::GET, &changed).await.status, StatusCode::OK);
        // Other nodes know it too.
        assert_eq!(here.app.client(text(&own, "client_id")).await.name, "Another name");
    });
}

#[test]
fn rfc7592_2_2_what_a_change_must_say_and_must_not() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({})).await;
        let good = changeable(&own);
        let edited = |name: &str, value: Json| {
            let mut sent = good.clone();
            sent[name] = value;
            sent
        };
        let mut nameless = good.clone();
        nameless.as_object_mut().unwrap().remove("client_id");
        for (sent, error) in [
            (nameless, "invalid_client_metadata"),
            (edited("client_id", json!("demo-web")), "invalid_client_metadata"),
            (edited("client_secret", json!("another one")), "invalid_client_metadata"),
            (edited("client_secret", json!(7)), "invalid_client_metadata"),
            (edited("registration_access_token", own["registration_access_token"].clone()), "invalid_client_metadata"),
            (edited("client_secret_expires_at", json!(0)), "invalid_client_metadata"),
            // DR-03: policy on update is policy on create.
            (edited("grant_types", json!(["authorization_code", "client_credentials"])), "invalid_client_metadata"),
            (edited("id_token_signed_response_alg", json!("none")), "invalid_client_metadata"),
            (edited("redirect_uris", json!(["http://c1.test/cb"])), "invalid_redirect_uri"),
            (edited("redirect_uris", json!([])), "invalid_redirect_uri"),
        ] {
            here.put(&own, &sent).await.refused(error);
        }
        assert_eq!(here.put(&own, &good).await.status, StatusCode::OK, "none of that cost the token");
    });
}

#[test]
fn a_change_of_method_gives_and_takes_the_secret() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({"token_endpoint_auth_method": "none"})).await;
        let mut sent = changeable(&own);
        sent["token_endpoint_auth_method"] = json!("client_secret_post");
        let confidential = here.put(&own, &sent).await.json();
        assert_eq!(confidential["client_secret_expires_at"], 0);
        let mut sent = changeable(&confidential);
        sent["token_endpoint_auth_method"] = json!("none");
        let public = here.put(&confidential, &sent).await.json();
        assert!(public.get("client_secret").is_none());
        assert!(here.app.client(text(&own, "client_id")).await.secrets.is_empty());
        here.party(&public).sign_in("openid").await;
    });
}

#[test]
fn dr_02_a_token_is_good_for_its_own_client_and_never_for_a_disabled_one() {
    block_on(async {
        let here = Registrar::open().await;
        let (own, other) = (here.register(json!({})).await, here.register(json!({})).await);
        let mut foreign = own.clone();
        foreign["registration_access_token"] = other["registration_access_token"].clone();
        let mut demo = own.clone();
        demo["registration_client_uri"] = json!(here.app.url("/register/demo-web"));
        let mut nobody = own.clone();
        nobody["registration_client_uri"] = json!(here.app.url("/register/usr_nobody"));
        for wrong in [&foreign, &demo, &nobody] {
            for method in [Method::GET, Method::DELETE] {
                here.manage(method, wrong).await.unauthorized();
            }
            here.put(wrong, &changeable(&own)).await.unauthorized();
        }
        let bare = here.http.get(text(&own, "registration_client_uri"));
        assert_eq!(Answer::to(bare).await.status, StatusCode::UNAUTHORIZED);

        let mut client = here.app.client(text(&own, "client_id")).await;
        client.disabled = true;
        here.app.signet.store.replace_client(client).await.unwrap();
        let mut sent = changeable(&own);
        sent["disabled"] = json!(false);
        here.put(&own, &sent).await.refused_with(403, "access_denied");
        for method in [Method::GET, Method::DELETE] {
            here.manage(method, &own).await.refused_with(403, "access_denied");
        }
        assert!(here.app.client(text(&own, "client_id")).await.disabled);
    });
}

#[test]
fn dr_02_one_of_many_changes_at_once_has_the_token() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        block_on(async {
            let Some(here) = Registrar::on(kind, &[]).await else { return left_out() };
            let own = here.register(json!({})).await;
            let (address, token) = super::own_address(&own);
            let mut changes = JoinSet::new();
            for number in 0..16 {
                let mut sent = changeable(&own);
                sent["client_name"] = json!(format!("name {number}"));
                let request = here.http.put(address).bearer_auth(token).json(&sent);
                changes.spawn(async move { Answer::to(request).await });
            }
            let answers = changes.join_all().await;
            let good: Vec<Json> =
                answers.iter().filter(|answer| answer.status == StatusCode::OK).map(Answer::json).collect();
            let [good] = good.as_slice() else { panic!("one: {answers:?}") };
            assert_eq!(here.manage(Method::GET, good).await.json()["client_name"], good["client_name"]);
        });
    }
}

#[test]
fn c_73_everything_dies_with_a_client_that_deletes_itself() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        block_on(async {
            let Some(here) = Registrar::on(kind, &[]).await else { return left_out() };
            let grants = json!({"grant_types": ["authorization_code", "refresh_token"]});
            let own = here.register(grants).await;
            let party = here.party(&own);
            let mut browser = Browser::new();
            let tokens = party.redeem(&party.code(&mut browser, "openid offline_access").await).await.tokens();
            let unused = party.code(&mut browser, "openid").await;
            assert_eq!(party.userinfo(tokens.access()).await.status, StatusCode::OK);
            let sessions = here.app.signet.store.live_sessions(None, here.app.signet.now(), 10).await.unwrap();
            let session = sessions[0].0.id.clone();
            let id = ClientId::new(text(&own, "client_id")).unwrap();
            assert_eq!(here.app.signet.store.clients_of_session(session.clone()).await.unwrap(), [id]);

            let gone = here.manage(Method::DELETE, &own).await;
            assert_eq!((gone.status, gone.text.as_str()), (StatusCode::NO_CONTENT, ""));
            party.userinfo(tokens.access()).await.unauthorized();
            party.refresh(tokens.refresh()).await.unknown_client(true);
            party.redeem(&unused).await.unknown_client(true);
            assert!(here.app.signet.store.clients_of_session(session).await.unwrap().is_empty());
            for method in [Method::GET, Method::DELETE] {
                here.manage(method, &own).await.unauthorized();
            }
            let page = browser.open(&party.authorization_url("openid")).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST);
        });
    }
}

#[test]
fn an_administrator_is_not_overruled_by_a_change_that_began_before() {
    block_on(async {
        let here = Registrar::open().await;
        let own = here.register(json!({})).await;
        let id = ClientId::new(text(&own, "client_id")).unwrap();
        let store = &here.app.signet.store;
        let seen = store.registered_client(id.clone()).await.unwrap().unwrap();
        let mut disabled = seen.client.clone();
        disabled.disabled = true;
        store.replace_client(disabled).await.unwrap();
        let mut renamed = seen.client.clone();
        renamed.redirect_uris =
            vec![RedirectUri::register("https://c1.test/new", signet::domain::client::ApplicationType::Web).unwrap()];
        let token = seen.registration.token;
        let tokens = ExchangeToken { old: token, new: token };
        let now = here.app.signet.now();
        let outcome = store.update_registration(renamed, seen.document, tokens, Remains::Everything, now).await;
        assert_eq!(outcome, Ok(signet::store::registration::UpdateRegistration::Changed));
        assert!(store.client(id).await.unwrap().unwrap().disabled);
    });
}

/// In another sector people have other names; who changes into one never learns them for the people it has.
#[test]
fn dr_04_dr_08_another_sector_ends_what_was_granted() {
    for moved in [json!({"redirect_uris": ["https://other.test/cb"]}), json!({"subject_type": "public"})] {
        block_on(async {
            let here = Registrar::open().await;
            let grants = json!(["authorization_code", "refresh_token"]);
            let own = here.register(json!({"grant_types": grants, "subject_type": "pairwise"})).await;
            let party = here.party(&own);
            let tokens = party.sign_in("openid offline_access").await;
            let code = party.code(&mut Browser::new(), "openid").await;
            let mut sent = changeable(&own);
            for (name, value) in moved.as_object().unwrap() {
                sent[name] = value.clone();
            }
            assert_eq!(here.put(&own, &sent).await.status, StatusCode::OK);
            party.refresh(tokens.refresh()).await.refused("invalid_grant");
            party.redeem(&code).await.refused("invalid_grant");
            assert_eq!(party.userinfo(tokens.access()).await.status, StatusCode::UNAUTHORIZED);
        });
    }
}

/// What people agreed to has a name and an address.
#[test]
fn dr_09_with_another_name_or_address_people_are_asked_again() {
    block_on(async {
        let here = Registrar::open().await;
        let grants = json!(["authorization_code", "refresh_token"]);
        let mut own = here.register(json!({"grant_types": grants})).await;
        let mut browser = Browser::new();
        let party = here.party(&own);
        let tokens = party.redeem(&party.code(&mut browser, "openid").await).await.tokens();
        for (change, asked) in [
            (json!({"contacts": ["a@c1.test"]}), false),
            (json!({"client_name": "Another name"}), true),
            (json!({"redirect_uris": [REDIRECT_URI, "https://evil.test/steal"]}), true),
            (json!({"logo_uri": "https://c1.test/logo.png"}), true),
        ] {
            let secret = own["client_secret"].clone();
            let mut sent = changeable(&own);
            for (name, value) in change.as_object().unwrap() {
                sent[name] = value.clone();
            }
            own = here.put(&own, &sent).await.json();
            own["client_secret"] = secret;
            let mut silent = party.authorization_url("openid");
            silent.query_pairs_mut().append_pair("prompt", "none");
            let answer = browser.open(&silent).await.location().expect("a redirect");
            let refused = answer.query_pairs().any(|(name, value)| name == "error" && value == "consent_required");
            assert_eq!(refused, asked, "{change}: {answer}");
            if asked {
                party.code(&mut browser, "openid").await;
            }
        }
        assert_eq!(party.userinfo(tokens.access()).await.status, StatusCode::OK, "tokens go on");
    });
}

#[test]
fn methods_that_do_not_exist() {
    block_on(async {
        let here = Registrar::open().await;
        for (path, method, allow) in [
            ("/register", Method::GET, "POST"),
            ("/register", Method::PUT, "POST"),
            ("/register/client_1", Method::POST, "GET, PUT, DELETE"),
            ("/register/client_1", Method::PATCH, "GET, PUT, DELETE"),
        ] {
            let answer = Answer::to(here.http.request(method, here.app.url(path)).json(&with(json!({})))).await;
            assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, allow));
        }
    });
}
