//! The file, then the environment, then flags.

use super::Machine;
use crate::config::Loaded;
use crate::config::Source;

#[test]
fn a_localhost_issuer_of_a_flag_is_no_warning() {
    let issuer = "http://localhost:9000";
    assert_eq!(Machine::with("").flag("server.issuer", issuer).loaded().warnings, []);
    let written = Machine::with("").env("SIGNET_SERVER__ISSUER", issuer).loaded().warnings;
    let expected = "environment: SIGNET_SERVER__ISSUER: server.issuer is http://localhost:9000: only applications on this \
                    machine can use it";
    assert_eq!(written.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn file_then_environment_then_flags() {
    let machine = Machine::with("[server]\nissuer = \"https://file.test\"\nworkers = 3\n\n[ui]\nname = \"File\"\n")
        .env("SIGNET_SERVER__ISSUER", "https://env.test")
        .env("SIGNET_UI__NAME", "Env")
        .flag("ui.name", "Flag");
    let Loaded { config, sources, .. } = machine.loaded();
    assert_eq!((config.server.issuer.as_str(), config.server.workers), ("https://env.test", 3));
    assert_eq!(config.ui.name, "Flag");
    assert_eq!(sources["server.workers"], Source::File { line: 3, column: 11 });
    assert_eq!(sources["server.issuer"], Source::Env { name: "SIGNET_SERVER__ISSUER".to_owned() });
    assert_eq!(sources["ui.name"], Source::Flag);
    assert_eq!(sources["ui.default_locale"], Source::Default);
}

#[test]
fn an_overridden_value_is_checked_all_the_same() {
    let fault = Machine::with("[server]\nworkers = -1\n").env("SIGNET_SERVER__WORKERS", "2").fault();
    assert!(fault.starts_with("signet.toml:2:11: server.workers is -1"), "{fault}");
}

#[test]
fn lists_in_the_environment_are_json_or_commas() {
    for text in ["127.0.0.1:1, [::1]:1", r#"["127.0.0.1:1","[::1]:1"]"#] {
        let listen = Machine::with("").env("SIGNET_SERVER__LISTEN", text).loaded().config.server.listen;
        assert_eq!(listen, ["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()], "{text}");
    }
    let one = Machine::with("").env("SIGNET_SERVER__LISTEN", "[::1]:7").loaded().config.server.listen;
    assert_eq!(one, ["[::1]:7".parse().unwrap()]);
    let none = Machine::with("").env("SIGNET_SERVER__TRUSTED_PROXIES", "").loaded();
    assert!(none.config.server.trusted_proxies.is_empty());
}

#[test]
fn names_of_others_in_the_environment_are_left_alone() {
    Machine::with("")
        .env("PATH", "/bin")
        .env("SIGNET_CONFIG", "signet.toml")
        .env("SIGNET_TEST_DATABASE", "x")
        .env("SIGNET_SERVICE_HOST", "10.0.0.1")
        .env("SIGNET_PORT", "tcp://10.0.0.1:80")
        .env("SIGNET_PORT_80_TCP_ADDR", "10.0.0.1")
        .loaded();
    for (name, nearest) in [
        ("SIGNET_ISSUER", "SIGNET_SERVER__ISSUER"),
        ("SIGNET_server__issuer", "SIGNET_SERVER__ISSUER"),
        ("SIGNET_DATABASE__URLFILE", "SIGNET_DATABASE__URL_FILE"),
    ] {
        let fault = Machine::with("").env(name, "x").fault();
        assert_eq!(fault, format!("environment: {name}: unknown name; did you mean {nearest}?"));
    }
}
