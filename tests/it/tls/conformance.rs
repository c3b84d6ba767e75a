//! `config/conformance.toml`: the server that the conformance suite is run against.

use std::fs;
use std::path::Path;

use serde_json::Value;
use signet::domain::ids::UserId;

use crate::support::app::App;
use crate::support::raw::request;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::free_port;
use crate::support::tls::Client;
use crate::support::tls::body;
use crate::support::tls::exchange;
use crate::support::tls::status;

#[tokio::test]
async fn c_60_c_61_d_04_it_serves_from_nothing() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let toml = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/conformance.toml");
    // The same file on ports that are free here.
    let issuer = format!("https://localhost:{port}");
    let settings = [
        ("SIGNET_SERVER__ISSUER", issuer.clone()),
        ("SIGNET_SERVER__LISTEN", format!("127.0.0.1:{port}")),
        ("SIGNET_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", port + 1)),
        ("SIGNET_PASSWORDS__MEMORY", "8 MiB".to_owned()),
        ("SIGNET_PASSWORDS__ITERATIONS", "1".to_owned()),
        ("SIGNET_CONFIG", toml.display().to_string()),
    ];
    let mut serve = command(folder.path());
    serve.arg("serve").envs(settings.clone());
    let server = Server::https(serve, folder.path(), port).await;
    let authority = folder.path().join("share/signet/ca/ca.pem");
    let mut stream = Client::trusting(&authority).connect(&server.base).unwrap();
    let answer = exchange(&mut stream, &request("GET", "/.well-known/openid-configuration", "", ""));
    assert_eq!(status(&answer), 200, "{answer}");
    let document: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(document["issuer"], issuer);
    assert_eq!(document["registration_endpoint"], format!("{issuer}/register"));
    // D-04, as the plan Dynamic reads it.
    for response_type in ["code", "id_token", "id_token token"] {
        assert!(document["response_types_supported"].as_array().unwrap().contains(&Value::from(response_type)));
    }
    for grant in ["authorization_code", "implicit"] {
        assert!(document["grant_types_supported"].as_array().unwrap().contains(&Value::from(grant)), "{grant}");
    }

    let asked = |args: &[&str]| {
        let mut command = command(folder.path());
        command.envs(settings.clone());
        crate::support::installation::run(command, args, "").json()
    };
    for (id, method) in [
        ("conformance-1", "client_secret_basic"),
        ("conformance-2", "client_secret_basic"),
        ("conformance-post", "client_secret_post"),
        ("conformance-back", "/backchannel_logout"),
        ("conformance-front", "/frontchannel_logout"),
    ] {
        let client = asked(&["clients", "show", id, "-o", "json"]);
        let text = client.to_string();
        for part in ["/callback", "/post_logout_redirect", "offline_access", "refresh_token", method] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let ada = asked(&["users", "show", "ada@example.test", "-o", "json"]);
    assert_eq!((&ada["disabled"], &ada["roles"]), (&Value::from(false), &serde_json::json!([])));
    // Signing in: the page is there for a request without a code challenge.
    let query = "client_id=conformance-1&response_type=code&scope=openid&state=x\
                 &redirect_uri=https%3A%2F%2Flocalhost%3A8443%2Ftest%2Fa%2Fsignet%2Fcallback";
    let mut stream = Client::trusting(&authority).connect(&server.base).unwrap();
    let answer = exchange(&mut stream, &request("GET", &format!("/authorize?{query}"), "", ""));
    assert_eq!(status(&answer), 303, "{answer}");
    assert!(!answer.contains("error="), "{answer}");
    let warned = "fixtures.demo_user is true";
    assert!(server.start_box().contains(warned), "{}", server.start_box());
    assert!(fs::read_dir(folder.path().join("data/conformance")).unwrap().count() > 0);
}

#[tokio::test]
async fn c_60_the_demo_user_has_every_standard_claim_and_leaves_with_the_fixture() {
    let app = App::start_empty_as_serve(&[("fixtures.demo_user", "true")]).await;
    app.signet.apply_fixtures().await.unwrap();
    let id = UserId::new("usr_fixture_ada").unwrap();
    let ada = app.signet.store.user(id.clone()).await.unwrap().unwrap();
    assert!(ada.password.is_some() && !ada.disabled && ada.roles.is_empty());
    let claims = &ada.claims;
    for (name, claim) in [
        ("name", &claims.name),
        ("given_name", &claims.given_name),
        ("family_name", &claims.family_name),
        ("middle_name", &claims.middle_name),
        ("nickname", &claims.nickname),
        ("preferred_username", &claims.preferred_username),
        ("profile", &claims.profile),
        ("picture", &claims.picture),
        ("website", &claims.website),
        ("gender", &claims.gender),
        ("birthdate", &claims.birthdate),
        ("zoneinfo", &claims.zoneinfo),
        ("locale", &claims.locale),
        ("phone_number", &claims.phone_number),
    ] {
        assert!(claim.is_some(), "{name}");
    }
    assert!(claims.email_verified && claims.phone_number_verified);
    let address = claims.address.as_ref().unwrap();
    for part in [
        &address.formatted,
        &address.street_address,
        &address.locality,
        &address.region,
        &address.postal_code,
        &address.country,
    ] {
        assert!(part.is_some());
    }

    // The same database without the fixture: nobody signs in as her. With it again, somebody does.
    let public = app.another_node_with(&[("fixtures.demo_user", "false")]).await;
    public.signet.apply_fixtures().await.unwrap();
    assert!(public.signet.store.user(id.clone()).await.unwrap().unwrap().disabled);
    public.signet.apply_fixtures().await.unwrap();
    app.signet.apply_fixtures().await.unwrap();
    assert!(!app.signet.store.user(id).await.unwrap().unwrap().disabled);
}

#[tokio::test]
async fn somebody_who_merely_has_her_name_is_left_alone() {
    // The demo data have an ada of their own.
    let app = App::start_as_serve(&[]).await;
    let before = app.ada().await;
    app.signet.apply_fixtures().await.unwrap();
    assert_eq!(app.ada().await, before);
    let wanted = app.another_node_with(&[("fixtures.demo_user", "true")]).await;
    wanted.signet.apply_fixtures().await.unwrap();
    assert_eq!(wanted.ada().await, before, "her password stays her own");
}
