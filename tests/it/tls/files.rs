//! What cannot be used is named at the start, with the reason: exit code 78.

use std::fs;

use openssl::symm::Cipher;

use crate::support::https::Authority;
use crate::support::installation::run;
use crate::support::server::command;
use crate::support::server::free_port;

#[test]
fn a_start_without_a_usable_pair_names_file_and_reason() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name).display().to_string();
    authority.write_pair(folder.path(), "good", &["localhost"], 90);
    authority.write_pair(folder.path(), "other", &["localhost"], 90);
    fs::write(at("rubbish"), "rubbish").unwrap();
    let (_, key) = authority.issue(&["localhost"], 90);
    fs::write(at("locked.key"), key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"x").unwrap()).unwrap();
    for (certificate, key, names, says) in [
        ("nowhere.pem", "good.key", "nowhere.pem", "No such file"),
        ("good.pem", "nowhere.key", "nowhere.key", "No such file"),
        ("rubbish", "good.key", "rubbish", "no certificate in it"),
        ("good.key", "good.pem", "good.key", "no certificate in it"),
        ("good.pem", "rubbish", "rubbish", "no private key in it"),
        ("good.pem", "other.key", "other.key", "does not belong to the certificate in"),
        ("good.pem", "locked.key", "locked.key", "encrypted"),
    ] {
        let mut serve = command(folder.path());
        serve.envs([
            ("SIGNET_SERVER__ISSUER", "https://localhost:1"),
            ("SIGNET_SERVER__TLS__CERTIFICATE", &at(certificate)),
            ("SIGNET_SERVER__TLS__KEY", &at(key)),
        ]);
        let said = run(serve, &["serve"], "");
        assert_eq!(said.code, Some(78), "{certificate} {key}: {said:?}");
        assert!(said.err.contains(&at(names)) && said.err.contains(says), "{certificate} {key}: {said:?}");
        assert!(!folder.path().join("data").exists(), "nothing is made before the certificate is known to be good");
    }
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    for (toml, says) in [
        ("[server]\nissuer = 'https://a.test'\n[server.tls]\ncertificate = 'a'", "but server.tls.key is not"),
        ("[server]\nissuer = 'https://a.test'\n[server.tls]\nkey_file = 'a'", "but server.tls.certificate is not"),
        ("[server.tls]\ncertificate = 'a'\nkey = 'b'", "but server.issuer is http://localhost:8080"),
        ("[server.tls]\ncertificate = 'a'\nkey = 'b'\nkey_file = 'b'", "keep one of them"),
        ("[server.tls]\nclient_ca = 'a'", "of no use without"),
        ("[server]\nissuer = 'https://a.test'\n[server.tls]\nlocal_ca = true", "server.issuer is https://a.test"),
        (
            "[server]\nissuer = 'https://localhost:1'\nlisten = ['0.0.0.0:1']\n[server.tls]\nlocal_ca = true",
            "server.listen has 0.0.0.0:1",
        ),
        ("[server.tls]\ncertificat = 'a'", "did you mean server.tls.certificate?"),
        ("[server]\nissuer = 'https://a.test'\n[fixtures]\ndemo_user = true", "server.issuer is https://a.test"),
        (
            "[server]\nissuer = 'https://localhost:1'\nlisten = ['[::]:1']\n[fixtures]\ndemo_user = true",
            "server.listen has [::]:1",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("signet.toml"), toml).unwrap();
        let said = run(command(folder.path()), &["serve"], "");
        assert_eq!(said.code, Some(78), "{toml}: {said:?}");
        assert!(said.err.contains(says), "{toml}: {said:?}");
    }
}

#[test]
fn a_local_certificate_is_for_an_issuer_on_this_computer() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    fs::write(folder.path().join("signet.toml"), format!("[server]\nissuer = 'http://localhost:{port}'\n")).unwrap();
    let said = run(command(folder.path()), &["serve", "--https"], "");
    assert_eq!(said.code, Some(78), "{said:?}");
    assert!(said.err.contains("server.tls.local_ca makes the listener speak https, but server.issuer is http"));
    assert!(!folder.path().join("share").exists(), "no authority is made for nothing");
}
