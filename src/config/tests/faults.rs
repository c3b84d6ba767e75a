//! What is wrong, and where it stands.

use super::Machine;
use crate::config::Config;
use crate::config::Sources;

#[test]
fn sp_06_all_faults_in_one_run_with_line_column_and_suggestion() {
    let machine = Machine::with(
        "[server]\nlissten = [\"127.0.0.1:1\"]\nissuer = \"http://id.example.test\"\n\n[tokens]\n  code = \"2m\"\n",
    )
    .env("SIGNET_SERVER_LISTEN", "127.0.0.1:80")
    .env("SIGNET_SERVER__WORKERS", "two");
    insta::assert_snapshot!(machine.faults().join("\n"), @r#"
    signet.toml:2:1: unknown key server.lissten; did you mean server.listen?
    2 | lissten
      | ^^^^^^^
    signet.toml:3:10: server.issuer is "http://id.example.test"; it must be https (plain http is for localhost, 127.0.0.1 and [::1] only)
    3 | issuer = "http://id.example.test"
      |          ^^^^^^^^^^^^^^^^^^^^^^^^
    signet.toml:6:10: tokens.code is "2m"; it must be from 1s to 1m
    6 |   code = "2m"
      |          ^^^^
    environment: SIGNET_SERVER_LISTEN: unknown name; did you mean SIGNET_SERVER__LISTEN?
    environment: SIGNET_SERVER__WORKERS: server.workers is "two"; it must be a whole number, 0 or more
    "#);
}

#[test]
fn wrong_types_are_named_where_they_stand() {
    let machine = Machine::with(
        "[server]\nworkers = \"two\"\nlisten = [\"127.0.0.1:8080\",\n  \"nowhere\"]\ntrusted_proxies = \"x\"\n\n\
         [limits]\nbody = 65536\n[ui]\nname = 1.5\n[passwords]\nmemory = \"1 MiB\"\n",
    );
    insta::assert_snapshot!(machine.faults().join("\n"), @r#"
    signet.toml:2:11: server.workers is "two"; it must be a whole number, 0 or more
    2 | workers = "two"
      |           ^^^^^
    signet.toml:4:3: server.listen is "nowhere"; it must be an address and a port such as "127.0.0.1:8080" or "[::1]:8080"
    4 |   "nowhere"]
      |   ^^^^^^^^^
    signet.toml:5:19: server.trusted_proxies is "x"; it must be a list; each element is an address or a block such as "10.0.0.0/8" or "fd00::/8", with no bits set beyond the prefix
    5 | trusted_proxies = "x"
      |                   ^^^
    signet.toml:8:8: limits.body is 65536; it must be a size such as "64 KiB" (B, KiB, MiB, GiB)
    8 | body = 65536
      |        ^^^^^
    signet.toml:10:8: ui.name is a fraction; it must be text
    10 | name = 1.5
       |        ^^^
    signet.toml:12:10: passwords.memory is "1 MiB"; it must be from 8 MiB to 256 MiB
    12 | memory = "1 MiB"
       |          ^^^^^^^
    "#);
}

#[test]
fn unknown_names_get_the_nearest_right_one() {
    for (toml, expected) in [
        ("issuer = 'https://a.test'", "unknown key issuer; did you mean server.issuer?"),
        ("[server]\njwks_max_age = '5m'", "unknown key server.jwks_max_age; did you mean keys.jwks_max_age?"),
        ("[servr]\nissuer = 'https://a.test'", "unknown section [servr]; did you mean [server]?"),
        ("[[client]]\nid = 'a'", "unknown section [client]; did you mean [clients]?"),
        ("[server]\nzzzzzz = 1", "unknown key server.zzzzzz"),
        ("[[clients]]\nid = 'a'\nsecret = 'x'\nredirect_uri = 'x'", "did you mean clients.redirect_uris?"),
        ("server = 3", "server must be a table: [server]"),
        ("[server.listen]\na = 1", "server.listen is a table; it must be a list"),
    ] {
        let faults = Machine::with(toml).faults().join("\n");
        assert!(faults.contains(expected), "{toml}\n{faults}");
    }
}

#[test]
fn one_look_finds_every_fault_of_a_client_and_of_an_issuer() {
    let toml = "[server]\nissuer = \"http://id.example.test/a?b\"\n[[clients]]\nid = \"a b\"\n\
                redirect_uris = [\"https://a.test/#x\"]\n";
    let faults = Machine::with(toml).faults().join("\n");
    for expected in ["clients.id is", "clients.redirect_uris: ", "https (plain", "without a path", "without a query"] {
        assert!(faults.contains(expected), "{expected}\n{faults}");
    }
    let machine = Machine::with("[[clients]]\nredirect_uris = [\"https://a.test/#x\"]\n");
    assert_eq!(machine.faults().len(), 2, "{:?}", machine.faults());
}

#[test]
fn a_far_guess_is_no_help() {
    let fault = Machine::with("[server]\nfrobnicate = 1\n").fault();
    assert!(!fault.contains("did you mean"), "{fault}");
}

#[test]
fn not_toml_says_where() {
    let fault = Machine::with("[server]\nworkers = = 1\n").fault();
    assert!(fault.starts_with("signet.toml:2:"), "{fault}");
    let twice = Machine::with("[server]\nworkers = 1\nworkers = 2\n").fault();
    assert!(twice.starts_with("signet.toml:3:1: not TOML: duplicate key"), "{twice}");
}

#[test]
fn a_file_that_is_not_there_is_a_fault() {
    let sources = Sources { file: Some("/nonexistent/signet.toml".into()), ..Sources::default() };
    let errors = Config::load(&sources).unwrap_err();
    assert_eq!(errors.to_string(), "/nonexistent/signet.toml: there is no such file\n");
}
