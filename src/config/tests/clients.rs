//! Clients of the configuration file.

use std::time::Duration;

use super::Machine;
use crate::config::Source;
use crate::domain::client::AuthMethod;
use crate::domain::client::ClientSource;
use crate::domain::client::GrantType;
use crate::domain::key::Algorithm;

#[test]
fn what_a_registered_client_gets_unasked_is_what_it_could_ask_for() {
    let read = |toml: &str| Machine::with(&format!("[registration]\n{toml}")).load();
    assert!(read("scope = \"openid email\"\ndefault_scope = \"openid\"\n").is_ok());
    let faults = read("scope = \"openid email\"\ndefault_scope = \"openid admin\"\n").unwrap_err().to_string();
    assert!(faults.contains("registration.default_scope has admin"), "{faults}");
    assert!(read("mode = \"everybody\"\n").unwrap_err().to_string().contains("\"open\""));
    assert!(read("grant_types = []\n").is_err());
}

#[test]
fn clients_become_domain_clients() {
    let machine = Machine::with("");
    let secret_file = machine.file("grafana.secret", "sgs_0123456789abcdef\n");
    let toml = format!(
        "[[clients]]\nid = \"grafana\"\nname = \"Grafana\"\nsecret_file = {secret_file:?}\n\
         redirect_uris = [\"https://grafana.test/login\"]\naccess_token = \"5m\"\n\
         request_object_signing_alg = \"PS256\"\nrequest_uris = [\"https://grafana.test/r#1\"]\n\
         jwks_uri = \"https://grafana.test/jwks\"\n\n\
         [[clients]]\nid = \"app\"\napplication_type = \"native\"\nredirect_uris = [\"http://127.0.0.1/cb\"]\n\n\
         [[clients]]\nid = \"batch\"\nsecret = \"0123456789abcdef\"\nscope = \"jobs\"\n"
    );
    let loaded = Machine::with(&toml).loaded();
    let [grafana, app, batch] = loaded.config.clients.as_slice() else { panic!("three clients") };
    assert_eq!(grafana.secret.as_ref().unwrap().reveal(), "sgs_0123456789abcdef");
    assert_eq!(grafana.client.source, ClientSource::Configuration);
    assert_eq!(grafana.client.lifetimes.access_token, Some(Duration::from_mins(5)));
    assert!(grafana.client.allows(GrantType::RefreshToken) && !grafana.client.is_public());
    assert_eq!(grafana.client.request_objects.request_object_signing_alg, Some(Algorithm::Ps256));
    assert_eq!(grafana.client.request_objects.request_uris[0].as_str(), "https://grafana.test/r#1");
    assert!(app.client.is_public() && app.client.redirects_to("http://127.0.0.1:4711/cb"));
    assert_eq!(app.client.name, "app");
    assert!(batch.client.allows(GrantType::ClientCredentials));
    assert!(batch.client.token_endpoint_auth_methods.contains(&AuthMethod::ClientSecretBasic));
    assert_eq!(loaded.sources["clients.app"], Source::File { line: 12, column: 6 });
}

#[test]
fn a_client_with_keys_signs_instead_of_having_a_secret() {
    let machine = Machine::with("");
    let set = r#"{"keys": [{"kty": "OKP"}]}"#;
    let file = machine.file("app.jwks", &format!("{set}\n"));
    let toml = format!(
        "[[clients]]\nid = 'a'\njwks = '{set}'\ntoken_endpoint_auth_signing_alg = 'PS256'\n\n\
         [[clients]]\nid = 'b'\njwks_file = {file:?}\n\n\
         [[clients]]\nid = 'c'\njwks_uri = 'https://c.test/jwks'\nredirect_uris = ['https://c.test/cb']\n\n\
         [[clients]]\nid = 'd'\njwks = '{set}'\nsecret = '0123456789abcdef'\n"
    );
    let loaded = Machine::with(&toml).loaded();
    let [a, b, c, d] = loaded.config.clients.as_slice() else { panic!("four clients") };
    for signs in [a, b, c] {
        assert_eq!(signs.client.token_endpoint_auth_methods, [AuthMethod::PrivateKeyJwt].into());
        assert!(!signs.client.is_public());
    }
    assert_eq!(a.client.keys.jwks.as_deref(), Some(set));
    assert_eq!(a.client.token_endpoint_auth_signing_alg, Some(Algorithm::Ps256));
    assert_eq!(b.client.keys.jwks.as_deref().map(str::trim), Some(set));
    assert_eq!(c.client.keys.jwks_uri.as_ref().unwrap().as_str(), "https://c.test/jwks");
    assert!(a.client.allows(GrantType::ClientCredentials) && c.client.allows(GrantType::RefreshToken));
    // Its keys are for request objects.
    assert!(!d.client.token_endpoint_auth_methods.contains(&AuthMethod::PrivateKeyJwt));

    let signs = "token_endpoint_auth_methods = ['private_key_jwt']";
    let wrong_file = machine.file("wrong.jwks", "-----BEGIN PUBLIC KEY-----");
    for (toml, expected) in [
        (signs.to_owned(), "has private_key_jwt but no keys"),
        (format!("{signs}\njwks = '{set}'\nsecret = '0123456789abcdef'"), "private_key_jwt has no use"),
        (format!("jwks = '{set}'\njwks_uri = 'https://a.test/'"), "keep one of them"),
        (format!("jwks = '{set}'\njwks_file = {file:?}"), "keep one of them"),
        ("jwks = '[]'".to_owned(), "it must be a JWK Set as JSON text"),
        ("jwks_uri = 'http://a.test/jwks'".to_owned(), "clients.jwks_uri"),
        (format!("jwks_file = {wrong_file:?}"), "it is not a JWK Set"),
        ("jwks_file = '/nowhere/jwks'".to_owned(), "cannot use /nowhere/jwks"),
        (
            format!("jwks = '{set}'\nsecurity_profile = 'fapi2'\ntoken_endpoint_auth_signing_alg = 'RS256'"),
            "which has no RS256",
        ),
    ] {
        let faults = Machine::with(&format!("[[clients]]\nid = 'a'\n{toml}\n")).faults().join("\n");
        assert!(faults.contains(expected), "{toml}\n{faults}");
    }
}

#[test]
fn a_client_secret_may_come_from_the_environment() {
    let file = "[[clients]]\nid = \"my-app\"\nredirect_uris = [\"https://a.test/\"]\n";
    let machine = Machine::with(file).env("SIGNET_CLIENTS__MY_APP__SECRET", "0123456789abcdef");
    assert_eq!(machine.loaded().config.clients[0].secret.as_ref().unwrap().reveal(), "0123456789abcdef");
    let machine = Machine::with(file);
    let path = machine.file("secret", "fedcba9876543210\n");
    let machine = machine.env("SIGNET_CLIENTS__MY_APP__SECRET_FILE", path.to_str().unwrap());
    assert_eq!(machine.loaded().config.clients[0].secret.as_ref().unwrap().reveal(), "fedcba9876543210");
    let fault = Machine::with(file).env("SIGNET_CLIENTS__MYAPP__SECRET", "0123456789abcdef").fault();
    assert!(fault.ends_with("did you mean SIGNET_CLIENTS__MY_APP__SECRET?"), "{fault}");
}

#[test]
fn ru_17_clients_are_checked_like_any_registration() {
    for (toml, expected) in [
        ("name = 'x'\nredirect_uris = ['https://a.test/']", "signet.toml:1:1: clients.id is required"),
        (
            "id = 'a'\nredirect_uris = ['https://a.test/', 'http://c1.test/cb']",
            "signet.toml:3:37: clients.redirect_uris",
        ),
        ("id = 'a'\nredirect_uris = ['https://*.test/']", "wildcards do not exist"),
        ("id = 'a'\nsecret = 'x'\nrequest_uris = ['http://a.test/r']", "signet.toml:4:17: clients.request_uris"),
        ("id = 'a'\nsecret = 'x'\nrequest_object_signing_alg = 'none'", "it must be one of"),
        ("id = 'a'\nsecret = 'x'\nrequire_signed_request_object = true", "but has no keys"),
        ("id = 'a'", "a service needs a secret, an app needs redirect_uris"),
        (
            "id = 'a'\nsecret = 'x'\ntoken_endpoint_auth_methods = ['none']\nredirect_uris = ['https://a.test/']",
            "has a secret",
        ),
        (
            "id = 'a'\ntoken_endpoint_auth_methods = ['client_secret_post']\nredirect_uris = ['https://a.test/']",
            "but has none",
        ),
        ("id = 'a'\ngrant_types = ['authorization_code']", "but no redirect_uris"),
        ("id = 'a'\nsecret = 'x'\ngrant_types = ['password']", "it must be one of"),
        ("id = 'a'\nsecret = 'x'\naccess_token = '2h'", "from 1s to 1h"),
        ("id = 'a'\nsecret = 'x'\n[[clients]]\nid = 'a'\nsecret = 'y'", "clients.id is \"a\" a second time"),
        ("id = 'a'\nsecret = 'x'\nsecret_file = 'y'", "are both set"),
    ] {
        let faults = Machine::with(&format!("[[clients]]\n{toml}\n")).faults().join("\n");
        assert!(faults.contains(expected), "{toml}\n{faults}");
    }
}

#[test]
fn core_8_1_a_pairwise_client_has_one_sector() {
    let client = |uris: &str, more: &str| {
        format!("[[clients]]\nid = 'a'\nsecret = '0123456789abcdef'\nredirect_uris = [{uris}]\n{more}\n")
    };
    let two = "'https://a.test/cb', 'https://b.test/cb'";
    for (uris, more, sector) in [
        ("'https://a.test/cb', 'https://a.test:8443/x'", "subject_type = 'pairwise'", Some("a.test")),
        (two, "subject_type = 'pairwise'\nsector_identifier_uri = 'https://s.test/u.json'", Some("s.test")),
        (two, "", None),
    ] {
        let loaded = Machine::with(&client(uris, more)).loaded();
        assert_eq!(loaded.config.clients[0].client.sector().as_deref(), sector, "{more}");
    }
    let fault = Machine::with(&client(two, "subject_type = 'pairwise'")).fault();
    assert!(fault.contains("sector_identifier_uri"), "{fault}");
}

#[test]
fn rm_05_tokens_in_the_answer_are_for_whom_they_can_be() {
    let client = |more: &str| format!("[[clients]]\nid = 'a'\nsecret = '0123456789abcdef'\n{more}\n");
    let uris = "redirect_uris = ['https://a.test/cb']\nresponse_types = ['code', 'id_token token']\n";
    let loaded = Machine::with(&client(uris)).loaded();
    assert!(!loaded.config.tokens.front_channel, "off unless somebody says so");
    assert_eq!(loaded.config.clients[0].client.response_types.len(), 2);
    for (more, expected) in [
        (format!("{uris}security_profile = 'fapi2'"), "fapi2"),
        ("grant_types = ['client_credentials']\nresponse_types = ['id_token']".to_owned(), "no redirect_uris"),
        ("redirect_uris = ['https://a.test/cb']\nresponse_types = []".to_owned(), "at least one"),
        ("redirect_uris = ['https://a.test/cb']\nresponse_types = ['token']".to_owned(), "response_types"),
    ] {
        let faults = Machine::with(&client(&more)).faults().join("\n");
        assert!(faults.contains(expected), "{more}\n{faults}");
    }
}
