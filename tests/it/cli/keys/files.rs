//! `signet keys export | import | reseal`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use signet::ambient::OsEntropy;
use signet::crypto::jwk;
use signet::crypto::pem;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

use super::Installation;
use super::here;
use super::jwks;
use super::kid;
use super::serve_once;
use crate::support::server::Server;

/// A key of another installation, as PEM.
pub(super) fn foreign(algorithm: Algorithm) -> String {
    let key = jwk::generate(algorithm, &KeyId::new("foreign").unwrap(), &OsEntropy).unwrap();
    pem::private(&key.private_pkcs8).to_string()
}

#[tokio::test]
async fn an_imported_key_signs_after_a_rotation() {
    let server = Server::dev().await;
    let before = here(&server, &["keys", "list", "-o", "json"], "").json();
    let next = kid(&before, "ES256", "next");
    let text = foreign(Algorithm::Es256);
    let import = |alg: &str, text: &str| here(&server, &["keys", "import", "-", "--alg", alg], text);
    import("RS256", &text).ends_with(1);
    import("ES256", &text[..100]).ends_with(1);
    import("ES256", &"x".repeat(70_000)).ends_with(1);
    import("EdDSA", &foreign(Algorithm::EdDsa)).ends_with(5);
    import("HS256", &text).ends_with(2);
    here(&server, &["keys", "import", "no-such-file", "--alg", "ES256"], "").ends_with(1);
    let after = here(&server, &["keys", "list", "-o", "json"], "").json();
    assert_eq!(kid(&after, "ES256", "next"), next, "a refused import changes nothing");

    let done = import("ES256", &text).ends_with(0);
    let imported = done.out.trim().to_owned();
    assert!(done.err.contains(&next) && !done.err.contains("PRIVATE"), "{done:?}");
    import("ES256", &text).ends_with(5);
    here(&server, &["keys", "rotate", "--now", "--alg", "ES256"], "").ends_with(0);
    let after = here(&server, &["keys", "list", "-o", "json"], "").json();
    assert_eq!(kid(&after, "ES256", "active"), imported);
    tokio::time::sleep(super::NOTICE).await;
    let token = here(&server, &["tokens", "get"], "").ends_with(0).out;
    let seen = here(&server, &["tokens", "inspect", "-"], &token).ends_with(0).out;
    assert!(seen.contains(&format!("kid {imported} (active)")), "{seen}");
}

#[tokio::test]
async fn public_keys_go_anywhere_and_private_ones_to_a_terminal() {
    let server = Server::dev().await;
    let list = here(&server, &["keys", "list", "-o", "json"], "").json();
    let active = kid(&list, "RS256", "active");
    let set: Value = here(&server, &["keys", "export"], "").json();
    let kids: Vec<&str> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids, jwks(&server).await);
    let one: Value = here(&server, &["keys", "export", &active], "").json();
    assert!(one["kid"] == active.as_str() && one["kty"] == "RSA" && one.get("d").is_none(), "{one}");
    let pem = here(&server, &["keys", "export", &active, "--pem"], "").ends_with(0).out;
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    let refused = here(&server, &["keys", "export", &active, "--private"], "").ends_with(5);
    assert_eq!(refused.out, "");
    here(&server, &["keys", "export", "nobody"], "").ends_with(4);
    here(&server, &["keys", "export", "--pem"], "").ends_with(2);
    here(&server, &["keys", "export", "--private"], "").ends_with(2);
    here(&server, &["keys", "reseal", "--new-key-file", "k", "--yes"], "").ends_with(5);
}

#[tokio::test]
async fn another_master_key() {
    let installation = Installation::with("");
    serve_once(&installation).await.expect("a first start");
    let folder = installation.folder.path();
    let before = installation.run(&["keys", "list", "-o", "json"]).json();
    let reseal = ["keys", "reseal", "--new-key-file", "new.key"];
    let told = installation.run(&reseal).ends_with(5);
    assert!(told.err.contains("Stop all servers") && told.err.contains("private keys"), "{told:?}");
    assert!(!folder.join("new.key").exists(), "nothing was said, nothing is made");

    let done = installation.run(&[&reseal[..], &["--yes"]].concat()).ends_with(0);
    assert!(done.err.contains("new.key"), "{done:?}");
    assert_eq!(fs::metadata(folder.join("new.key")).unwrap().permissions().mode() & 0o777, 0o600);
    // As after a crash between the two files: what is left to do is said again.
    let again = installation.run(&[&reseal[..], &["--yes"]].concat()).ends_with(3);
    assert!(again.err.contains("move new.key"), "{again:?}");
    // The old key opens nothing and overwrites nothing.
    installation.run(&["keys", "list"]).ends_with(78);
    installation.run(&["serve", "--port", &super::free_port().to_string()]).ends_with(78);
    installation.run(&["keys", "reseal", "--new-key-file", "third.key", "--yes"]).ends_with(78);
    assert!(!folder.join("third.key").exists());

    let master = ["keys/master.key", "data/keys/master.key"].map(|path| folder.join(path));
    let master = master.iter().find(|path| path.exists()).unwrap();
    fs::rename(folder.join("new.key"), master).unwrap();
    assert_eq!(installation.run(&["keys", "list", "-o", "json"]).json(), before);
    serve_once(&installation).await.expect("a start with the new master key");
    let same = master.to_str().unwrap();
    installation.run(&["keys", "reseal", "--new-key-file", same, "--yes"]).ends_with(5);
    let trail = installation.run(&["audit", "tail", "-o", "jsonl"]).ends_with(0).out;
    assert!(trail.contains("keys_resealed"), "{trail}");
}

#[tokio::test]
async fn an_interrupted_reseal_goes_on_with_the_file_that_is_there() {
    let installation = Installation::with("");
    serve_once(&installation).await.expect("a first start");
    let new = installation.folder.path().join("new.key");
    signet::keys::vault::create_new(&new, &OsEntropy).unwrap();
    let written = fs::read(&new).unwrap();
    installation.run(&["keys", "reseal", "--new-key-file", "new.key", "--yes"]).ends_with(0);
    assert_eq!(fs::read(&new).unwrap(), written);
    fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
    installation.run(&["keys", "reseal", "--new-key-file", "new.key", "--yes"]).ends_with(78);
}
