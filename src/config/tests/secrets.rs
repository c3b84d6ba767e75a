//! Secrets come from files of their own and are never shown.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::Machine;
use crate::config::Loaded;
use crate::config::Source;

#[test]
fn a_secret_may_be_in_a_file_of_its_own() {
    for ending in ["", "\n", "\r\n"] {
        let machine = Machine::with("");
        let path = machine.file("url", &format!("postgres://s:hunter2@db.test/signet{ending}"));
        let machine = machine.env("SIGNET_DATABASE__URL_FILE", path.to_str().unwrap());
        let Loaded { config, sources, .. } = machine.loaded();
        assert_eq!(config.database.url.reveal(), "postgres://s:hunter2@db.test/signet");
        assert_eq!(sources["database.url"], Source::SecretFile { path });
    }
    let machine = Machine::with("[database]\nurl_file = \"/nonexistent/url\"\n");
    assert!(machine.fault().starts_with("signet.toml:2:12: database.url_file: cannot read /nonexistent/url: "));
}

/// What has no end, and what waits for a writer, must not keep the server from starting or saying why it does not.
#[test]
fn a_secret_is_read_from_a_file_that_ends() {
    let of = |path: &Path| Machine::with("").env("SIGNET_DATABASE__URL_FILE", path.to_str().unwrap()).fault();
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
        let fault = of(path);
        assert!(fault.ends_with(&format!("cannot read {}: it is not a file", path.display())), "{fault}");
    }
    let url = |length: usize| format!("sqlite://{}", "a".repeat(length - "sqlite://".len()));
    let machine = Machine::with("");
    let path = machine.file("url", &url(64 * 1024));
    let loaded = machine.env("SIGNET_DATABASE__URL_FILE", path.to_str().unwrap()).loaded();
    assert_eq!(loaded.config.database.url.reveal().len(), 64 * 1024);
    let long = folder.path().join("long");
    fs::write(&long, url(64 * 1024 + 1)).unwrap();
    assert!(of(&long).ends_with("it has more than 65536 bytes"));
}

#[test]
fn a_secret_given_twice_is_a_fault() {
    let machine = Machine::with("").env("SIGNET_DATABASE__URL", "sqlite://a.db");
    let path = machine.file("url", "sqlite://b.db");
    let fault = machine.env("SIGNET_DATABASE__URL_FILE", path.to_str().unwrap()).fault();
    let expected = "environment: SIGNET_DATABASE__URL_FILE: database.url and database.url_file are both set; \
                    keep one of them";
    assert_eq!(fault, expected);
    let key = "A".repeat(43);
    let fault = Machine::with(&format!("[secrets]\nmaster_key = \"{key}\"\nmaster_key_file = \"m\"\n")).fault();
    assert!(fault.starts_with("signet.toml:3:19: secrets.master_key and secrets.master_key_file are both set"));
    // The environment may replace what the file says, in either form.
    let machine = Machine::with("[database]\nurl = \"sqlite://a.db\"\n");
    let path = machine.file("url", "sqlite://b.db\n");
    let loaded = machine.env("SIGNET_DATABASE__URL_FILE", path.to_str().unwrap()).loaded();
    assert_eq!(loaded.config.database.url.reveal(), "sqlite://b.db");
}

#[test]
fn no_secret_is_ever_shown() {
    let secret = "hunter2hunter2hunter2";
    let good = Machine::with(&format!(
        "[database]\nurl = \"postgres://s:{secret}@db.test/x\"\n[secrets]\nmaster_key = \"{secret}{secret}A\"\n\
         [[clients]]\nid = \"a\"\nsecret = \"{secret}\"\n"
    ))
    .loaded();
    let shown = format!("{good:?} {:?}", good.config.show());
    let machine = Machine::with("").env("SIGNET_DATABASE__URL", secret);
    assert!(!format!("{:?}", machine.sources).contains(secret));
    assert!(!shown.contains(secret), "{shown}");
    for bad in [
        format!("[database]\nurl = \"mysql://s:{secret}@db.test/x\""),
        format!("[database]\nurll = \"postgres://s:{secret}@db.test/x\""),
        format!("[secrets]\nmastr_key = \"{secret}\""),
        format!("[secrets]\nmaster_key = \"{secret}\" x"),
        format!("secrets = \"{secret}\""),
        format!("clients = [\"{secret}\"]"),
        format!("[[clients]]\nid = \"a\"\nredirect_uris = [\"https://a.test\"]\nsecrets = \"{secret}\""),
        format!("clients = [{{ id = \"a b\", secret = \"{secret}\" }}]"),
        format!("[[clients]]\nid = \"a\"\nsecret = [\"{secret}\"]"),
    ] {
        let faults = Machine::with(&bad).faults().join("\n");
        assert!(!faults.contains(secret), "{bad}\n{faults}");
    }
}
