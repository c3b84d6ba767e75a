//! The configuration as an operator meets it: files on disk, an environment, faults with their places.

mod clients;
mod faults;
mod rules;
mod secrets;
mod sources;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
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
