//! `signet config check | show | schema`.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::Subcommand;
use serde_json::Value as Json;
use serde_json::json;

use super::output;
use super::output::Listing;
use super::output::Output;
use crate::ambient::SystemClock;
use crate::config::Config;
use crate::config::ConfigErrors;
use crate::config::Fault;
use crate::config::Loaded;
use crate::config::Place;
use crate::config::Source;
use crate::config::Sources;
use crate::config::schema;
use crate::crypto::jwk_set::JwkSet;
use crate::crypto::seal::MasterKey;
use crate::http::tls::Tls;
use crate::keys::vault;
use crate::outbound::Outbound;
use crate::outbound::SystemResolver;

/// What `signet config` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Find every fault of file and environment in one run.
    Check {
        #[command(flatten)]
        from: ConfigArgs,
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print every value in force; secrets are masked.
    Show {
        #[command(flatten)]
        from: ConfigArgs,
        /// Say where each value comes from.
        #[arg(long)]
        sources: bool,
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print the JSON schema of the file, for editors.
    Schema,
}

/// Where the configuration is.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file; ./signet.toml when there is one.
    #[arg(long, value_name = "FILE", env = "SIGNET_CONFIG")]
    pub config: Option<PathBuf>,
    /// Judge as `serve --dev` does.
    #[arg(long)]
    pub dev: bool,
}

impl ConfigArgs {
    /// The file that was named, else `./signet.toml` when it exists, and `env` as it is.
    #[must_use]
    pub fn sources(&self, env: Vec<(String, String)>) -> Sources {
        let beside = || Path::new("signet.toml").exists().then(|| PathBuf::from("signet.toml"));
        Sources { file: self.config.clone().or_else(beside), env, dev: self.dev, ..Sources::default() }
    }
}

/// The environment of this process.
pub fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    };
    env::vars_os().map(text).collect()
}

/// Runs a verb with the environment of this process; gives the exit code. `terminal` says whether `out` is one.
pub fn run(command: &ConfigCommand, terminal: bool, out: &mut impl Write, err: &mut impl Write) -> u8 {
    run_in(command, environment(), terminal, out, err)
}

/// Runs a verb with an environment; gives the exit code.
pub fn run_in(
    command: &ConfigCommand,
    env: Vec<(String, String)>,
    terminal: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> u8 {
    let done = match command {
        ConfigCommand::Check { from, output } => check(&from.sources(env), *output, terminal, out, err),
        ConfigCommand::Show { from, sources, output } => {
            show(&from.sources(env), *sources, *output, terminal, out, err)
        }
        ConfigCommand::Schema => writeln!(out, "{:#}", schema()).map(|()| output::OK),
    };
    done.unwrap_or(output::FAILED)
}

/// Writes every fault, each with its line and a caret, and how many there are.
///
/// # Errors
/// What `err` reports.
pub fn report(errors: &ConfigErrors, err: &mut impl Write) -> io::Result<()> {
    for fault in &errors.faults {
        writeln!(err, "{fault}")?;
    }
    let count = errors.faults.len();
    writeln!(err, "{count} {}", if count == 1 { "fault" } else { "faults" })
}

fn check(
    sources: &Sources,
    output: Output,
    terminal: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    let loaded = Config::load(sources).and_then(|loaded| match unusable(&loaded.config) {
        faults if faults.is_empty() => Ok(loaded),
        faults => Err(ConfigErrors { faults }),
    });
    let (faults, warnings) = match &loaded {
        Ok(loaded) => ([].as_slice(), loaded.warnings.as_slice()),
        Err(errors) => (errors.faults.as_slice(), [].as_slice()),
    };
    if output == Output::Table {
        warnings.iter().try_for_each(|warning| writeln!(err, "warning: {warning}"))?;
        match &loaded {
            Ok(loaded) => writeln!(err, "{}: {}", name(sources), summary(loaded))?,
            Err(errors) => report(errors, err)?,
        }
    } else {
        let rows = faults.iter().map(|fault| row("fault", fault));
        let rows = rows.chain(warnings.iter().map(|warning| row("warning", warning))).collect();
        Listing { columns: vec!["place", "line", "column", "kind", "message"], rows, name: 0 }
            .write(output, terminal, out)?;
    }
    Ok(if loaded.is_ok() { output::OK } else { output::CONFIGURATION })
}

/// What is well said and yet would keep a server from starting: files and keys that it could not use.
fn unusable(config: &Config) -> Vec<Fault> {
    let fault = |message| Fault { place: Place::Whole, message, excerpt: None };
    let clock = Arc::new(SystemClock::new());
    let certificate = config.tls.files().and_then(|(certificate, key)| {
        let tls = Tls::from_files(certificate, key, config.tls.client_ca.as_deref(), clock);
        tls.err().map(|reason| format!("server.tls: {reason}"))
    });
    let outbound = Outbound::new(config, false, Arc::new(SystemResolver)).err().map(|reason| reason.to_string());
    let keys = config.clients.iter().filter_map(|own| {
        let reason = JwkSet::check(own.client.keys.jwks.as_deref()?).err()?;
        Some(format!("clients.jwks: the keys of client {} cannot be used: {reason}", own.client.id))
    });
    let file = &config.secrets.master_key_file;
    let master_key = match &config.secrets.master_key {
        Some(text) => MasterKey::from_base64(text.reveal()).err().map(|reason| format!("secrets.master_key: {reason}")),
        // The first start makes one.
        None if !file.exists() => None,
        None => vault::load(file).err().map(|reason| reason.to_string()),
    };
    certificate.into_iter().chain(outbound).chain(keys).chain(master_key).map(fault).collect()
}

fn show(
    sources: &Sources,
    with_sources: bool,
    output: Output,
    terminal: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    let loaded = match Config::load(sources) {
        Ok(loaded) => loaded,
        Err(errors) => return report(&errors, err).map(|()| output::CONFIGURATION),
    };
    if output == Output::Env {
        let set = loaded.config.show().into_iter().filter(|(_, value)| !value.is_null());
        for (path, value) in set {
            writeln!(out, "{}", output::env_line(&format!("SIGNET_{}", path.replace('.', "__")), &value))?;
        }
        return Ok(output::OK);
    }
    let mut listing = Listing { columns: vec!["key", "value"], ..Listing::default() };
    if with_sources {
        listing.columns.push("source");
    }
    for (path, origin, value) in values(&loaded) {
        let mut row = vec![json!(path), value];
        if with_sources {
            row.push(json!(source(&loaded.sources, &origin, sources)));
        }
        listing.rows.push(row);
    }
    listing.write(output, terminal, out)?;
    Ok(output::OK)
}

/// Path, the path under which its source is known, and value of everything that is set.
fn values(loaded: &Loaded) -> impl Iterator<Item = (String, String, Json)> {
    let keys = loaded.config.show().into_iter().map(|(path, value)| (path.to_owned(), path.to_owned(), value));
    let clients = loaded.config.clients.iter().flat_map(|client| {
        let origin = format!("clients.{}", client.client.id);
        client.shown.iter().map(move |(path, value)| {
            let name = path.rsplit('.').next().unwrap_or(path);
            (format!("{origin}.{name}"), origin.clone(), value.clone())
        })
    });
    keys.chain(clients).filter(|(_, _, value)| !value.is_null())
}

fn source(known: &BTreeMap<String, Source>, path: &str, sources: &Sources) -> String {
    match known.get(path) {
        None | Some(Source::Default) => "default".to_owned(),
        Some(Source::File { line, column }) => format!("{}:{line}:{column}", name(sources)),
        Some(Source::Env { name }) => name.clone(),
        Some(Source::SecretFile { path }) => path.display().to_string(),
        Some(Source::Flag) => "command line".to_owned(),
    }
}

fn name(sources: &Sources) -> String {
    sources.file.as_ref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string())
}

fn summary(loaded: &Loaded) -> String {
    let set = loaded.sources.values().filter(|source| **source != Source::Default).count();
    let values = if set == 1 { "value" } else { "values" };
    format!("{set} {values} set, no faults, warnings: {}", loaded.warnings.len())
}

fn row(kind: &str, fault: &Fault) -> Vec<Json> {
    let (place, at) = match &fault.place {
        Place::File { path, at } => (path.display().to_string(), *at),
        Place::Env { name } => (name.clone(), None),
        Place::Flag { path } => (path.clone(), None),
        Place::Whole => (String::new(), None),
    };
    vec![json!(place), json!(at.map(|at| at.line)), json!(at.map(|at| at.column)), json!(kind), json!(fault.message)]
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::ConfigArgs;
    use super::ConfigCommand;
    use super::run_in;
    use crate::cli::output::CONFIGURATION;
    use crate::cli::output::OK;
    use crate::cli::output::Output;
    use tempfile::TempDir;

    /// Exit code, stdout and stderr of a verb over a file, the folder left out.
    fn said(toml: &str, command: impl FnOnce(ConfigArgs) -> ConfigCommand) -> (u8, String, String) {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("signet.toml");
        std::fs::write(&file, toml).unwrap();
        let command = command(ConfigArgs { config: Some(file), dev: false });
        let env = vec![("SIGNET_UI__NAME".to_owned(), "It's".to_owned())];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run_in(&command, env, false, &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", folder.path().display()), "");
        (code, text(out), text(err))
    }

    const FAULTY: &str = "[server]\nlissten = 1\n[tokens]\ncode = \"2m\"\n";
    const SECRET: &str =
        "[database]\nurl = \"postgres://s:hunter2@db.test/x\"\n[[clients]]\nid = \"a\"\nsecret = \"hunter2\"\n";

    fn check(output: Output) -> impl FnOnce(ConfigArgs) -> ConfigCommand {
        move |from| ConfigCommand::Check { from, output }
    }

    fn show(output: Output) -> impl FnOnce(ConfigArgs) -> ConfigCommand {
        move |from| ConfigCommand::Show { from, sources: true, output }
    }

    #[test]
    fn check_prints_all_faults_and_exits_78() {
        let (code, out, err) = said(FAULTY, check(Output::Table));
        assert_eq!((code, out.as_str()), (CONFIGURATION, ""));
        let expected = "signet.toml:2:1: unknown key server.lissten; did you mean server.listen?\n\
                        2 | lissten\n  | ^^^^^^^\n\
                        signet.toml:4:8: tokens.code is \"2m\"; it must be from 1s to 1m\n\
                        4 | code = \"2m\"\n  |        ^^^^\n\
                        2 faults\n";
        assert_eq!(err, expected);
        let (code, out, _) = said(FAULTY, check(Output::Json));
        let faults: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, faults[1]["line"].as_u64(), faults[1]["column"].as_u64()), (CONFIGURATION, Some(4), Some(8)));
    }

    #[test]
    fn check_looks_at_the_master_key_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let named = format!("[secrets]\nmaster_key_file = \"{}\"\n", file.display());
        assert_eq!(said(&named, check(Output::Table)).0, OK, "the first start makes it");
        std::fs::write(&file, "short").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let (code, _, err) = said(&named, check(Output::Table));
        assert_eq!(code, CONFIGURATION, "{err}");
        assert!(err.contains("master.key"), "{err}");
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(said(&named, check(Output::Table)).0, CONFIGURATION, "others can read it");
    }

    #[test]
    fn check_says_what_is_set_and_unwise() {
        let (code, out, err) = said("[keys]\nrotate_every = \"never\"\n", check(Output::Table));
        assert_eq!((code, out.as_str()), (OK, ""));
        assert!(err.starts_with("warning: signet.toml:2:16: keys.rotate_every is \"never\""), "{err}");
        assert!(err.ends_with("signet.toml: 2 values set, no faults, warnings: 1\n"), "{err}");
    }

    #[test]
    fn show_says_where_values_come_from_and_masks_secrets() {
        for output in [Output::Table, Output::Json, Output::Jsonl, Output::Name, Output::Env] {
            let (code, out, _) = said(SECRET, show(output));
            assert_eq!(code, OK);
            assert!(!out.contains("hunter2"), "{out}");
        }
        let (_, out, _) = said(SECRET, show(Output::Table));
        let line = |key: &str| out.lines().find(|line| line.trim_start().starts_with(key)).unwrap_or("").to_owned();
        assert!(line("ui.name").ends_with("SIGNET_UI__NAME"), "{out}");
        assert!(line("database.url").contains("postgres://s:***@db.test/x"), "{out}");
        assert!(line("database.url").ends_with("signet.toml:2:7"), "{out}");
        assert!(line("clients.a.secret").contains("***"), "{out}");
        assert!(line("tokens.code").ends_with("default"), "{out}");
    }

    #[test]
    fn schema_is_json() {
        let (code, out, _) = said("", |_| ConfigCommand::Schema);
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, schema["additionalProperties"].as_bool()), (OK, Some(false)));
    }
}
