//! The configuration as an operator meets it: files on disk, an environment, faults with their places.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::Config;
use super::ConfigErrors;
use super::Loaded;
use super::SECTIONS;
use super::Source;
use super::Sources;
use super::clients::Entry;
use super::default_file;
use super::key::Preset;
use super::keys::RotateEvery;
use super::limits::Rate;
use super::schema;
use crate::domain::client::AuthMethod;
use crate::domain::client::ClientSource;
use crate::domain::client::GrantType;
use crate::domain::key::Algorithm;

/// A folder with a `signet.toml`, an environment and flags.
struct Machine {
    folder: TempDir,
    sources: Sources,
}

impl Machine {
    fn with(toml: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("signet.toml");
        fs::write(&file, toml).unwrap();
        Self { folder, sources: Sources { file: Some(file), ..Sources::default() } }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, path: &str, value: &str) -> Self {
        self.sources.overrides.push((path.to_owned(), value.to_owned()));
        self
    }

    fn dev(mut self) -> Self {
        self.sources.dev = true;
        self
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> Result<Loaded, ConfigErrors> {
        Config::load(&self.sources)
    }

    #[track_caller]
    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Every fault as text, the folder left out.
    #[track_caller]
    fn faults(&self) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        let errors = self.load().expect_err("faults");
        errors.faults.iter().map(|fault| fault.to_string().replace(&folder, "")).collect()
    }

    #[track_caller]
    fn fault(&self) -> String {
        let mut faults = self.faults();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        faults.remove(0)
    }
}

#[test]
fn nothing_has_to_be_given() {
    let Loaded { config, sources, warnings } = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.server.issuer.as_str(), "http://localhost:8080");
    assert_eq!(config.server.listen.len(), 2);
    assert_eq!(config.database.url.reveal(), "sqlite://./data/signet.db");
    assert_eq!(config.secrets.master_key_file, PathBuf::from("keys/master.key"));
    assert_eq!(config.keys.rotate_every, RotateEvery::Every(Duration::from_hours(90 * 24)));
    assert_eq!(config.passwords.memory.bytes(), 19 * 1024 * 1024);
    assert_eq!(config.limits.login_per_account, Rate { limit: 10, window: Duration::from_mins(15) });
    assert!(config.clients.is_empty());
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(sources.values().all(|source| *source == Source::Default));
}

#[test]
fn the_file_in_the_repository_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/signet.toml");
    if std::env::var_os("SIGNET_TEST_BLESS").is_some() {
        fs::write(path, default_file()).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(kept == default_file(), "config/signet.toml is old: run this test with SIGNET_TEST_BLESS=1");
    Config::load(&Sources { file: Some(path.into()), ..Sources::default() }).unwrap();
}

#[test]
fn every_key_is_documented_and_its_example_is_accepted() {
    let mut toml = String::new();
    for section in &SECTIONS {
        let _ = writeln!(toml, "[{}]", section.name);
        for key in section.keys {
            assert!(key.doc.iter().any(|line| line.trim().len() > 3), "{} has no documentation", key.path);
            // Both master keys together are a fault by design, and the example is not a key. A cookie's domain is
            // looked at beside the issuer.
            // A certificate wants an https issuer.
            let beside_others = ["secrets.master_key", "gateway.cookie_domain"].contains(&key.path)
                || section.name == "server.tls" && matches!(key.preset, Preset::Example(_));
            if !beside_others {
                let _ = writeln!(toml, "{} = {}", key.name, key.preset.toml());
            }
        }
    }
    toml.push_str("[[clients]]\n");
    for key in Entry::SECTION.keys {
        assert!(!key.doc.is_empty(), "{} has no documentation", key.path);
        // Keys stand in one place.
        if ["jwks_file", "jwks_uri"].contains(&key.name) {
            continue;
        }
        let toml_text = if key.name == "redirect_uris" { r#"["https://a.test/cb"]"# } else { key.preset.toml() };
        let _ = writeln!(toml, "{} = {toml_text}", key.name);
    }
    let loaded = Machine::with(&toml).loaded();
    let defaults = Config::load(&Sources::default()).unwrap().config.show();
    for (path, value) in loaded.config.show() {
        let key = SECTIONS.iter().flat_map(|section| section.keys).find(|key| key.path == path).unwrap();
        if matches!(key.preset, Preset::Default(_)) {
            assert!(defaults.contains(&(path, value)), "{path} reads its default differently");
        }
    }
}

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
fn a_gateway_that_no_cookie_reaches_is_refused() {
    let issuer = "[server]\nissuer = \"https://id.example.test\"\n[gateway]\n";
    let faults =
        |gateway: &str| Machine::with(&format!("{issuer}{gateway}")).load().err().map(|faults| faults.to_string());
    assert_eq!(faults("hosts = [\"https://id.example.test:8443\"]"), None);
    assert_eq!(faults("hosts = [\"https://app.example.test\"]\ncookie_domain = \"example.test\""), None);
    for (bad, says) in [
        ("hosts = [\"https://app.example.test\"]", "no cookie of ours would reach it"),
        ("hosts = [\"https://app.example.org\"]\ncookie_domain = \"example.test\"", "no cookie of ours would reach it"),
        ("hosts = [\"https://app.example.test/x\"]", "without a path"),
        ("cookie_domain = \"example.org\"", "browsers would refuse its cookie"),
        ("cookie_domain = \"test\"", "at least one dot"),
    ] {
        assert!(faults(bad).is_some_and(|text| text.contains(says)), "{bad}: {:?}", faults(bad));
    }
}

#[test]
fn the_schema_knows_every_key() {
    let schema = schema();
    for section in &SECTIONS {
        for key in section.keys {
            // A table within a table is a property of the outer one.
            let table = section.name.split('.').fold(&schema, |outer, name| &outer["properties"][name]);
            let property = &table["properties"][key.name];
            assert!(property["description"].is_string(), "{}", key.path);
            assert_eq!(property["default"].is_null(), !matches!(key.preset, Preset::Default(_)), "{}", key.path);
        }
    }
    assert_eq!(schema["properties"]["clients"]["items"]["required"], serde_json::json!(["id"]));
    assert!(schema["properties"]["database"]["properties"]["url_file"].is_object());
}

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
fn a_localhost_issuer_of_a_flag_is_no_warning() {
    let issuer = "http://localhost:9000";
    assert_eq!(Machine::with("").flag("server.issuer", issuer).loaded().warnings, []);
    let written = Machine::with("").env("SIGNET_SERVER__ISSUER", issuer).loaded().warnings;
    let expected = "environment: SIGNET_SERVER__ISSUER: server.issuer is http://localhost:9000: only applications on this \
                    machine can use it";
    assert_eq!(written.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
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

#[test]
fn dev_never_leaves_the_machine() {
    let fault = Machine::with("").flag("server.listen", "0.0.0.0:8080").dev().fault();
    assert!(fault.contains("serve --dev listens on 127.0.0.1 and [::1] only"), "{fault}");
    let fault = Machine::with("[server]\nadmin_listen = \"192.0.2.1:81\"").dev().fault();
    assert!(fault.contains("serve --dev is for loopback only"), "{fault}");
}

#[test]
fn ru_17_sp_06_plain_http_never_leaves_the_machine() {
    let fault = Machine::with("[server]\nlisten = [\"0.0.0.0:8080\"]").fault();
    assert!(fault.starts_with("signet.toml:2:11: server.listen has 0.0.0.0:8080, which other machines may reach"));
    Machine::with("[server]\nissuer = \"https://id.test\"\nlisten = [\"0.0.0.0:8080\"]").loaded();
    let local = Machine::with("[server]\nissuer = \"http://localhost:8080\"").loaded();
    assert!(local.warnings[0].message.contains("only applications on this machine"));
}

#[test]
fn key_schedules_that_would_surprise_a_verifier_are_refused() {
    for (toml, expected) in [
        ("algorithms = ['ES256']", "keys.algorithms lacks \"RS256\""),
        ("algorithms = ['RS256', 'RS256']", "keys.algorithms has RS256 twice"),
        (
            "algorithms = ['RS256', 'HS256']",
            "keys.algorithms is \"HS256\"; it must be one of \"ES256\" \"RS256\" \"PS256\" \"EdDSA\"",
        ),
        ("rotate_every = '23h'\npublish_ahead = '2h'", "keys.rotate_every must be at least 24h"),
        ("publish_ahead = '59m'", "keys.publish_ahead must be at least 1h"),
        ("rotate_every = '7d'", "keys.publish_ahead is longer than keys.rotate_every"),
        ("publish_ahead = '1h'\njwks_max_age = '2h'", "keys.jwks_max_age is longer than keys.publish_ahead"),
        ("retire_for = '1h'", "keys.retire_for is shorter than the longest token"),
        ("retire_for = '1h'", "at least 1h5m"),
        ("retire_for = '24h'\n[tokens]\nid_token = '24h'", "at least 1d5m"),
        ("window = 'Tue-Thu 09:00-16:00'", "keys.window is \"Tue-Thu 09:00-16:00\"; it must be days"),
        ("window = 'Tue 09:00-16:00 Europe/Atlantis'", "a time zone such as"),
        ("jitter = 6", "keys.jitter is 6; it must be from 0 to 5"),
    ] {
        let fault = Machine::with(&format!("[keys]\n{toml}\n")).fault();
        assert!(fault.contains(expected), "{toml}\n{fault}");
    }
    let all = "[keys]\nalgorithms = ['EdDSA', 'PS256', 'RS256']\n[[clients]]\nid = 'a'\nredirect_uris = ['https://a.test/']\n";
    let fault = Machine::with(all).fault();
    assert!(
        fault.contains("keys.algorithms lacks ES256, the access_token_signed_response_alg of the client a"),
        "{fault}"
    );
    let with = format!("{all}access_token_signed_response_alg = 'EdDSA'\nid_token_signed_response_alg = 'PS256'\n");
    let loaded = Machine::with(&with).loaded();
    assert_eq!(loaded.config.clients[0].client.access_token_signed_response_alg, Algorithm::EdDsa);
    assert_eq!(loaded.config.keys.algorithms, [Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256]);
    Machine::with("[keys]\nrotate_every = '10m'\npublish_ahead = '1m'").dev().loaded();
    let short =
        "[keys]\nrehearsal = true\nrotate_every = '9s'\npublish_ahead = '4s'\nretire_for = '1h'\njwks_max_age = '1s'\n";
    let warnings = Machine::with(short).loaded().warnings;
    assert!(warnings.iter().any(|warning| warning.message.contains("keys.rehearsal is true")), "{warnings:?}");
    let fault = Machine::with(&format!("{short}[server]\nissuer = 'https://id.example.test'\n")).fault();
    assert!(fault.contains("keys.rehearsal is true, but server.issuer is https://id.example.test"), "{fault}");
    let fault = Machine::with(&short.replace("retire_for = '1h'", "retire_for = '59m'")).fault();
    assert!(fault.contains("It must be at least 1h,"), "{fault}");
    let unwise = Machine::with("[keys]\nrotate_every = 'never'\npublish_ahead = '2h'").loaded();
    assert_eq!(unwise.warnings.len(), 2, "{:?}", unwise.warnings);
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
