//! From the words of a command line to an open provider: which configuration, which database, which master key.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::ambient::Clock;
use crate::ambient::Entropy;
use crate::ambient::OsEntropy;
use crate::ambient::SystemClock;
use crate::config::Config;
use crate::config::Loaded;
use crate::config::Sources;
use crate::crypto::seal::MasterKey;
use crate::flow::Signet;
use crate::flow::error::FlowError;
use crate::flow::open::Parts;
use crate::keys::VaultError;
use crate::keys::vault;
use crate::store::Options;
use crate::store::Store;
use crate::store::migrate::Progress;
use crate::store::migrate::migrate;
use crate::store::migrate::status;

use super::Failure;
use super::config::environment;
use super::dev_server;
use super::dev_server::DevServer;
use super::local_ca;
use super::tls_client::Trust;

/// Which installation a command works on. `--config FILE`, else ./signet.toml, else defaults and ./data/signet.db.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Selection {
    /// The file that was named.
    // Not clap's own `env`: with that, a variable meant for the real server would forbid --dev.
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help = "Configuration file; without it $SIGNET_CONFIG, ./signet.toml, or defaults"
    )]
    pub(super) config: Option<PathBuf>,
    /// The dev server that runs on --port (8080).
    #[arg(long, conflicts_with = "config", global = true)]
    pub(super) dev: bool,
    /// Port of the dev server; for healthcheck and setup-link also of a `serve --port`.
    #[arg(long, global = true)]
    pub(super) port: Option<u16>,
    /// The server was started with --https.
    #[arg(long, global = true)]
    pub(super) https: bool,
    #[arg(skip)]
    pub(super) folder: Option<(String, PathBuf, PathBuf)>,
}

impl Selection {
    /// The installation of a dev server.
    #[must_use]
    pub(super) fn of_dev_server(server: &DevServer) -> Self {
        Self {
            dev: true,
            port: Some(server.port),
            https: server.https,
            folder: Some((server.issuer(), server.database(), server.master_key())),
            config: None,
        }
    }
}

impl Selection {
    /// # Errors
    /// Exit code 2 for a port without `--dev`: it would be ignored.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.port.is_some() && !self.dev {
            return Err(Failure::usage(&"--port names a dev server: say --dev too"));
        }
        if self.https && !self.dev {
            return Err(Failure::usage(&"--https names a dev server: say --dev too"));
        }
        Ok(())
    }

    /// Whether somebody said which installation, rather than leaving it to what is lying about.
    #[must_use]
    pub(super) fn is_explicit(&self) -> bool {
        self.dev || self.named_file().is_some()
    }

    /// The port on which a dev server is looked for.
    #[must_use]
    pub(super) fn dev_port(&self) -> Option<u16> {
        self.port.or_else(|| self.https.then_some(dev_server::HTTPS_PORT))
    }

    fn named_file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| env::var_os("SIGNET_CONFIG").map(PathBuf::from))
    }
}

/// What a missing database or master key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// A server makes what is missing.
    Create,
    /// A command works on what a server has made.
    Refuse,
}

/// Reads the configuration of an installation.
///
/// # Errors
/// Exit code 78 with all faults; 69 when no dev server runs on the port.
pub(super) fn load(selection: &Selection) -> Result<Loaded, Failure> {
    let mut overrides = Vec::new();
    let (mut port, mut https) = (selection.port, selection.https);
    if selection.dev {
        let (issuer, database, master_key) = if let Some(folder) = &selection.folder {
            folder.clone()
        } else {
            let server = DevServer::find(selection.dev_port())?;
            (port, https) = (Some(server.port), server.https);
            (server.issuer(), server.database(), server.master_key())
        };
        overrides.push(("server.issuer".to_owned(), issuer));
        overrides.push(("server.tls.local_ca".to_owned(), https.to_string()));
        overrides.push(("database.url".to_owned(), format!("sqlite://{}", database.display())));
        overrides.push(("secrets.master_key_file".to_owned(), master_key.display().to_string()));
        // Nobody but this machine reaches it.
        overrides.push(("registration.mode".to_owned(), "open".to_owned()));
        overrides.push(("registration.per_address".to_owned(), "1000 per 1m".to_owned()));
    }
    if let Some(port) = port {
        if !selection.dev {
            let scheme = if https { "https" } else { "http" };
            overrides.push(("server.issuer".to_owned(), format!("{scheme}://localhost:{port}")));
        }
        overrides.push(("server.listen".to_owned(), on_loopback(port)));
        if let Some(admin) = port.checked_add(1) {
            overrides.push(("server.admin_listen".to_owned(), format!("127.0.0.1:{admin}")));
        }
    }
    let file = if selection.dev { None } else { selection.named_file().or_else(local_file) };
    let mut presets = Vec::new();
    if https && !selection.dev {
        // With the certificate of the configuration, if it has one.
        overrides.push(("server.tls.local_ca".to_owned(), "true".to_owned()));
        presets.push(("server.issuer".to_owned(), format!("https://localhost:{}", dev_server::HTTPS_PORT)));
        presets.push(("server.listen".to_owned(), on_loopback(dev_server::HTTPS_PORT)));
    }
    Ok(Config::load(&Sources { file, env: environment(), overrides, presets, dev: selection.dev })?)
}

fn on_loopback(port: u16) -> String {
    format!("127.0.0.1:{port},[::1]:{port}")
}

/// How a command recognises the server of this configuration, when that speaks https.
///
/// # Errors
/// Exit code 78 when its certificate, or that of the local authority, cannot be read.
pub(super) fn trust(config: &Config) -> Result<Option<Trust>, Failure> {
    let trust = match config.tls.files() {
        Some((certificate, _)) => Trust::exactly(certificate),
        None if config.tls.is_local() => Trust::authority(&local_ca::certificate_file()?),
        None => Ok(None),
    };
    trust.map_err(|fault| Failure::configuration(&fault))
}

fn local_file() -> Option<PathBuf> {
    let file = PathBuf::from("signet.toml");
    file.exists().then_some(file)
}

/// Opens the provider of an installation: migrations, master key, keys.
///
/// # Errors
/// [`Failure`] by kind: 69 for the database, 78 for the master key.
pub(super) async fn provider(
    config: Config,
    clock: Arc<dyn Clock>,
    dev: bool,
    missing: Missing,
) -> Result<Signet, Failure> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let store = store(&config, missing)?;
    let has_keys = !store.signing_keys().await?.is_empty();
    let master = master_key(&config, entropy.as_ref(), has_keys)?;
    let from = match &config.secrets.master_key {
        Some(_) => "secrets.master_key".to_owned(),
        None => config.secrets.master_key_file.display().to_string(),
    };
    let opened = Signet::open(Parts { config, store, master, clock, entropy, dev }).await;
    let signet = opened.map_err(|fault| match fault {
        FlowError::Vault(VaultError::WrongMasterKey) => Failure::configuration(&format!("{from}: {fault}")),
        other => other.into(),
    })?;
    signet.follow_database().await?;
    Ok(signet)
}

/// Opens the database of an installation.
///
/// # Errors
/// As [`provider`].
pub(super) fn store(config: &Config, missing: Missing) -> Result<Store, Failure> {
    let url = config.database.url.reveal().to_owned();
    if missing == Missing::Refuse
        && let Some(path) = config.database.url.sqlite_path()
        && !Path::new(path).exists()
    {
        return Err(Failure::unavailable(&format!(
            "there is no database at {path}; `signet serve` or `signet db migrate` makes one"
        )));
    }
    match missing {
        Missing::Create => drop(migrate(&url)?),
        // To look at a database must not change it: older servers may be working with it.
        Missing::Refuse => check_migrated(&url)?,
    }
    Ok(Store::open(&url, options(config))?)
}

/// Opens the installation that a command works on. It must be there, and of this version.
///
/// # Errors
/// As [`load`] and [`provider`].
pub(super) async fn existing(selection: &Selection) -> Result<Arc<Signet>, Failure> {
    selection.check()?;
    existing_on_port(selection).await
}

/// The same where a port means what it means to `serve`: the issuer is localhost with that port.
///
/// # Errors
/// As [`load`] and [`provider`].
pub(super) async fn existing_on_port(selection: &Selection) -> Result<Arc<Signet>, Failure> {
    let config = load(selection)?.config;
    let signet = provider(config, Arc::new(SystemClock::new()), selection.dev, Missing::Refuse).await?;
    signet.watch.audit.act_as("cli");
    Ok(Arc::new(signet))
}

fn check_migrated(url: &str) -> Result<(), Failure> {
    let pending = status(url)?.iter().filter(|migration| migration.progress == Progress::Pending).count();
    if pending == 0 {
        return Ok(());
    }
    Err(Failure::failed(&format!(
        "the database lacks {pending} migrations of this version; `signet db migrate` applies them"
    )))
}

/// How much of the database one process may use.
#[must_use]
pub(super) fn options(config: &Config) -> Options {
    Options { max_connections: usize::try_from(config.database.max_connections).unwrap_or(16), ..Options::default() }
}

/// The key from the configuration, or from its file. A new one is made only for a database that has no keys yet:
/// with a wrong or lost master key nothing is overwritten.
///
/// # Errors
/// Exit code 78.
pub(super) fn master_key(config: &Config, entropy: &dyn Entropy, has_keys: bool) -> Result<MasterKey, Failure> {
    if let Some(text) = &config.secrets.master_key {
        return MasterKey::from_base64(text.reveal())
            .map_err(|fault| Failure::configuration(&format!("secrets.master_key: {fault}")));
    }
    let file = &config.secrets.master_key_file;
    if has_keys {
        return vault::load(file).map_err(|fault| match fault {
            VaultError::Missing(_) => Failure::configuration(&format!(
                "{fault}, but the database has keys that are sealed under one: restore it from your backup or set \
                 SIGNET_SECRETS__MASTER_KEY_FILE"
            )),
            other => Failure::configuration(&other),
        });
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder)?;
    }
    Ok(vault::load_or_create(file, entropy).map_err(|fault| Failure::configuration(&fault))?.0)
}

/// Makes the folder of a SQLite database, readable for its owner only.
///
/// # Errors
/// When it cannot be made.
pub(super) fn create_data_folder(config: &Config) -> Result<(), Failure> {
    let Some(path) = config.database.url.sqlite_path() else { return Ok(()) };
    match Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => private_folder(folder),
        None => Ok(()),
    }
}

fn private_folder(folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|fault| Failure::failed(&format!("cannot make {}: {fault}", folder.display())))
}
