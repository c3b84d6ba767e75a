//! `signet clients`

use serde_json::Value;
use serde_json::json;
use url::Url;

use super::Installation;
use super::run;
use crate::support::browser::Browser;
use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::nouns;
use crate::support::server::Server;

#[test]
fn a_secret_is_shown_once() {
    let installation = Installation::with("");
    let made = installation.run(&["clients", "create", "My shop!", "--redirect", "https://shop.test/cb", "-o", "json"]);
    let (shown, err) = (made.json(), made.err);
    assert_eq!(shown["client_id"], "my-shop");
    let secret = shown["client_secret"].as_str().unwrap();
    assert!(secret.starts_with("sgs_") && !err.contains(secret), "{err}");
    assert!(err.contains("signet.db"), "prose names the database: {err}");
    let again = installation.run(&["clients", "create", "My shop", "--redirect", "https://shop.test/cb"]).ends_with(1);
    assert!(again.out.is_empty());
    for output in ["table", "json", "env"] {
        let shown = installation.run(&["clients", "show", "my-shop", "-o", output]).ends_with(0);
        assert!(!shown.out.contains(secret), "{shown:?}");
    }
    let shown = installation.run(&["clients", "show", "my-shop", "-o", "json"]).json();
    assert_eq!(shown["scope"], "email offline_access openid profile");
    assert_eq!(shown["grant_types"], serde_json::json!(["authorization_code", "refresh_token"]));
    assert_eq!(shown["require_pkce"], true);
    installation.run(&["clients", "show", "shop"]).ends_with(4);
}

#[test]
fn a_name_commands_no_terminal() {
    let installation = Installation::with("");
    for name in ["Shop\u{1b}[2J", "Shop\r\nBank", "Shop\u{9b}2J", "Bank\u{202e}moc", "Shop\u{7f}"] {
        let said = installation.run(&["clients", "create", name, "--redirect", "https://shop.test/cb"]).ends_with(2);
        assert!(said.err.starts_with("A name has no control characters"), "{said:?}");
    }
    assert_eq!(installation.run(&["clients", "list", "-o", "json"]).json(), json!([]));
}

#[test]
fn an_address_that_will_never_hear_of_a_sign_out_is_said() {
    let installation = Installation::with("[outbound]\nallow = [\"127.0.0.1:9443\"]");
    let create = |id: &str, uri: &str| {
        let all = ["clients", "create", id, "--redirect", "https://shop.test/cb", "--backchannel-logout", uri];
        installation.run(&all).ends_with(0).err
    };
    for (number, (uri, why)) in [
        ("http://127.0.0.1/bye", "https only"),
        ("https://192.0.2.1/bye", "an address that is not public"),
        ("https://127.0.0.1:9444/bye", "another port than 443"),
    ]
    .into_iter()
    .enumerate()
    {
        let said = create(&format!("shop-{number}"), uri);
        let warning = said.lines().find(|line| line.starts_with("warning: ")).unwrap_or_else(|| panic!("{said}"));
        assert!(warning.contains(uri) && warning.contains(why), "{warning}");
    }
    for (number, uri) in ["https://127.0.0.1:9443/bye", "https://8.8.8.8/bye"].into_iter().enumerate() {
        assert!(!create(&format!("good-{number}"), uri).contains("warning"), "{uri}");
    }
}

#[test]
fn show_leaves_out_no_key_of_the_configuration() {
    let installation = Installation::with("");
    installation.run(&["clients", "create", "Shop", "--redirect", "https://shop.test/cb"]).ends_with(0);
    let shown = installation.run(&["clients", "show", "shop", "-o", "json"]).json();
    for key in ["introspection_signed_response_alg", "refresh_retry_window_seconds"] {
        assert_eq!(shown.get(key), Some(&Value::Null), "{shown}");
    }
}

#[test]
fn flags_become_the_registration() {
    let installation = Installation::with("");
    let create = |args: &[&str]| {
        let mut all = vec!["clients", "create"];
        all.extend(args);
        all.extend(["-o", "json"]);
        installation.run(&all).json()
    };
    let public = create(&["Desk", "--public", "--native", "--redirect", "http://127.0.0.1/cb", "--first-party"]);
    assert_eq!(public.get("client_secret"), None);
    create(&[
        "Old",
        "--no-pkce",
        "--redirect",
        "https://old.test/cb",
        "--audience",
        "https://api.test",
        "--scope",
        "openid",
    ]);
    create(&["Robot", "--service", "--id", "robot-7", "--scope", "orders:read"]);
    create(&[
        "Gate",
        "--service",
        "--exchange",
        "--resource",
        "https://gate.test",
        "--audience",
        "https://orders.test",
    ]);
    let page = ["Page", "--public", "--session-api", "--origin", "https://page.test"];
    assert_eq!(create(&page).get("client_secret"), None);
    for wrong in [&["X", "--session-api", "--origin", "https://x.test"][..], &["X", "--public", "--session-api"]] {
        installation.run(&[&["clients", "create"], wrong].concat()).ends_with(2);
    }
    let show = |id: &str| installation.run(&["clients", "show", id, "-o", "json"]).json();
    let page = show("page");
    assert_eq!((&page["session_api"], &page["grant_types"]), (&json!(true), &json!(["refresh_token"])));
    let desk = show("desk");
    assert_eq!((&desk["kind"], &desk["application_type"]), (&Value::from("public"), &Value::from("native")));
    assert_eq!((&desk["first_party"], &desk["require_pkce"]), (&Value::from(true), &Value::from(true)));
    let old = show("old");
    assert_eq!((&old["require_pkce"], &old["audiences"][0]), (&Value::from(false), &Value::from("https://api.test")));
    let robot = show("robot-7");
    assert_eq!((&robot["kind"], &robot["scope"]), (&Value::from("service"), &Value::from("orders:read")));
    assert_eq!(robot["grant_types"], serde_json::json!(["client_credentials"]));
    let gate = show("gate");
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    assert_eq!(gate["grant_types"], serde_json::json!(["client_credentials", exchange]));
    assert_eq!(gate["resources"], serde_json::json!(["https://gate.test"]));
}

#[test]
fn a_client_with_keys_has_no_secret() {
    let installation = Installation::with("");
    let folder = tempfile::tempdir().unwrap();
    let set = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let good = set("good", &format!("{{\"keys\":[{key}]}}\n"));
    let create = |name: &str, flags: &[&str]| {
        installation.run(&[&["clients", "create", name, "--redirect", "https://a.test/cb"], flags].concat())
    };
    let shown = create("By value", &["--jwks", &good, "-o", "json"]).json();
    assert_eq!((&shown["client_id"], shown.get("client_secret")), (&json!("by-value"), None));
    create("By address", &["--jwks-uri", "https://a.test/jwks", "-o", "name"]).ends_with(0);
    let show = |id: &str| installation.run(&["clients", "show", id, "-o", "json"]).json();
    let (by_value, by_address) = (show("by-value"), show("by-address"));
    for client in [&by_value, &by_address] {
        assert_eq!(client["token_endpoint_auth_methods"], json!(["private_key_jwt"]));
        assert_eq!((&client["kind"], &client["secrets_made"]), (&json!("confidential"), &json!([])));
    }
    assert!(by_value["jwks"].as_str().unwrap().contains(key));
    assert_eq!(by_address["jwks_uri"], "https://a.test/jwks");
    installation.run(&["clients", "rotate-secret", "by-value"]).ends_with(5);

    let private = set("private", &format!("{{\"keys\":[{}]}}", key.replace("\"x\"", "\"d\":\"AA\",\"x\"")));
    let (single, empty) = (set("single", key), set("empty", r#"{"keys":[]}"#));
    for (file, why) in [
        (&private, "a private key"),
        (&single, "not a JSON object with an array"),
        (&empty, "no key that"),
        (&"/nowhere".to_owned(), "No such file"),
    ] {
        let refused = create("Wrong", &["--jwks", file]).ends_with(2);
        assert!(refused.err.contains(why) && !refused.err.contains("AA"), "{refused:?}");
    }
    create("Wrong", &["--jwks", &good, "--jwks-uri", "https://a.test/jwks"]).ends_with(2);
    create("Wrong", &["--jwks", &good, "--public"]).ends_with(2);
    create("Wrong", &["--jwks-uri", "http://a.test/jwks"]).ends_with(2);
    installation.run(&["clients", "show", "wrong"]).ends_with(4);
}

#[test]
fn deleting_counts_what_breaks_and_never_hangs() {
    let installation = Installation::with("");
    installation.run(&["clients", "create", "shop", "--redirect", "https://shop.test/cb"]).ends_with(0);
    let refused = installation.run(&["clients", "delete", "shop"]).ends_with(5);
    assert!(refused.err.contains("0 live refresh families"), "{refused:?}");
    installation.run_with(&["clients", "delete", "shop"], "shop\n").ends_with(5);
    installation.run(&["clients", "show", "shop"]).ends_with(0);
    installation.run(&["clients", "delete", "shop", "--yes"]).ends_with(0);
    installation.run(&["clients", "delete", "shop", "--yes"]).ends_with(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_live_refresh_families_are_counted() {
    let database = Database::new(Kind::Sqlite).unwrap();
    nouns::furnish_with_family(&database.store).await;
    let count = async |now| database.store.live_families_of_client(nouns::client_id("demo-web"), now).await.unwrap();
    assert_eq!(count(nouns::NOON).await, 1);
    assert_eq!(count(nouns::later(3600)).await, 0, "it has been idle for too long");
    let sessions = async |now| database.store.live_sessions_of_user(nouns::user_id("ada"), now).await.unwrap();
    assert_eq!((sessions(nouns::NOON).await, sessions(nouns::later(3600)).await), (1, 0));
}

#[tokio::test]
async fn a_client_of_the_configuration_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let toml = format!(
        "[server]\nissuer = \"http://localhost:{port}\"\nlisten = [\"127.0.0.1:{port}\"]\n[[clients]]\nid = \"shop\"\n\
         redirect_uris = [\"https://shop.test/cb\"]\n"
    );
    std::fs::write(folder.path().join("signet.toml"), toml).unwrap();
    let mut server = crate::support::server::command(folder.path());
    let log = folder.path().join("log");
    let mut child = server.arg("serve").stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let here = |args: &[&str]| run(crate::support::server::command(folder.path()), args, "");
    let mut ready = here(&["healthcheck"]);
    for _ in 0..300 {
        if ready.code == Some(0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        ready = here(&["healthcheck"]);
    }
    let deleted = here(&["clients", "delete", "shop", "--yes"]);
    let rotated = here(&["clients", "rotate-secret", "shop"]);
    let link = here(&["setup-link"]);
    child.kill().unwrap();
    child.wait().unwrap();
    ready.ends_with(0);
    // No terminal: nothing but JSON, and never the link that makes an administrator.
    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap_or_else(|| panic!("{name}: {log}"));
    assert!(named("config_warning")["message"].as_str().unwrap().contains("only applications on this machine"));
    let started = named("started");
    assert_eq!(started["issuer"], format!("http://localhost:{port}"));
    assert!(started["setup"].as_str().unwrap().contains("signet setup-link"), "{started}");
    assert!(!log.contains("sgl_"), "{log}");
    assert!(deleted.ends_with(5).err.contains("configuration file"));
    rotated.ends_with(5);
    let link = link.ends_with(0);
    assert!(link.out.starts_with(&format!("http://localhost:{port}/setup/sgl_")), "{link:?}");
}

#[tokio::test]
async fn a_running_server_knows_new_clients_and_secrets_at_once() {
    let server = Server::dev().await;
    let here = |args: &[&str]| super::here(&server, args, "");
    let made = here(&["clients", "create", "Robot", "--service", "-o", "json"]).json();
    let first = made["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(status(&server, "robot", &first).await, 200);
    let made = here(&["clients", "rotate-secret", "robot", "-o", "json"]).json();
    let second = made["client_secret"].as_str().unwrap().to_owned();
    wait().await;
    assert_eq!((status(&server, "robot", &first).await, status(&server, "robot", &second).await), (200, 200));
    here(&["clients", "rotate-secret", "robot", "--now"]).ends_with(5);
    here(&["clients", "rotate-secret", "robot", "--now", "--yes"]).ends_with(0);
    wait().await;
    assert_eq!((status(&server, "robot", &first).await, status(&server, "robot", &second).await), (401, 401));
    here(&["clients", "rotate-secret", "demo-spa"]).ends_with(5);
    // SC-06: a service's `sub` is its own name.
    here(&["clients", "create", "X", "--id", "usr_ykpEr1zkp82rD5nKssXNLh", "--service"]).ends_with(2);

    // Somebody signs in at the web client, with a refresh token; deleting the client ends it and says so.
    let granted = here(&["tokens", "get", "-o", "json"]).json();
    let refused = here(&["clients", "delete", "demo-web"]).ends_with(5);
    assert!(refused.err.contains("1 live refresh family ends"), "{refused:?}");
    here(&["clients", "delete", "demo-web", "--yes"]).ends_with(0);
    wait().await;
    let token = granted["access_token"].as_str().unwrap();
    let told = super::here(&server, &["tokens", "inspect", "-"], token).ends_with(1);
    assert!(told.err.contains("demo-web"), "{told:?}");
    let url = server.url("/authorize?client_id=demo-web&redirect_uri=http://localhost/callback&response_type=code");
    assert_eq!(Browser::new().open(&url).await.status, 400);
}

/// Its tokens have no grant by which they could be denied.
#[tokio::test]
async fn a_client_that_takes_the_name_of_a_deleted_one_does_not_revive_its_tokens() {
    let server = Server::dev().await;
    let here = |args: &[&str]| super::here(&server, args, "");
    let secret = |made: &Value| made["client_secret"].as_str().unwrap().to_owned();
    let robot = ["clients", "create", "Robot", "--service", "--audience", "https://api.test", "-o", "json"];
    let first = secret(&here(&robot).json());
    let api = ["clients", "create", "Api", "--service", "--resource", "https://api.test", "-o", "json"];
    let api = secret(&here(&api).json());
    let issued = |answer: Value| answer["access_token"].as_str().unwrap().to_owned();
    let old = issued(asked(&server, "/token", "robot", &first, &[("grant_type", "client_credentials")]).await);
    let is_active =
        async |token: &str| asked(&server, "/introspect", "api", &api, &[("token", token)]).await["active"].clone();
    assert_eq!(is_active(&old).await, true);
    here(&["clients", "delete", "robot", "--yes"]).ends_with(0);
    wait().await;
    assert_eq!(is_active(&old).await, false);
    let second = secret(&here(&robot).json());
    wait().await;
    assert_eq!(is_active(&old).await, false);
    let told = super::here(&server, &["tokens", "inspect", "-"], &old).ends_with(1);
    assert!(told.err.contains("robot"), "{told:?}");
    let new = issued(asked(&server, "/token", "robot", &second, &[("grant_type", "client_credentials")]).await);
    assert_eq!(is_active(&new).await, true);
}

async fn asked(server: &Server, path: &str, id: &str, secret: &str, form: &[(&str, &str)]) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.post(server.url(path)).basic_auth(id, Some(secret)).form(form).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Running servers ask twice a second what has changed.
async fn wait() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

async fn status(server: &Server, id: &str, secret: &str) -> u16 {
    let url: Url = server.url("/token");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = [("grant_type", "client_credentials")];
    let answer = http.post(url).basic_auth(id, Some(secret)).form(&form).send().await.unwrap();
    answer.status().as_u16()
}
