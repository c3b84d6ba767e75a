//! The configuration: one TOML file, then the environment, then flags, straight into types that cannot be wrong.
//!
//! ```text
//! file ─┐
//! env  ─┼─> input (what was given, where) ─> one `section!` per table ─> Config ─> rules (keys seen together)
//! flags ┘                                        │
//!                                                └─> document: config/signet.toml, JSON schema
//! ```
//!
//! Every fault is found in one run, with its place and what would be right. Secrets never appear in a message.

mod client_keys;
pub mod clients;
pub mod database;
pub mod denylist;
mod document;
mod fault;
pub mod fixtures;
pub mod gateway;
mod gather;
mod input;
mod key;
pub mod keys;
pub mod limits;
mod nearest;
mod node;
pub mod outbound;
pub mod passwords;
pub mod registration;
mod request_objects;
mod rules;
pub mod secrets;
pub mod server;
pub mod sessions;
pub mod telemetry;
#[cfg(test)]
mod tests;
mod text;
pub mod tls;
pub mod tokens;
pub mod ui;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value as Json;

pub use self::clients::ConfiguredClient;
pub use self::document::default_file;
pub use self::document::schema;
pub use self::fault::ConfigErrors;
pub use self::fault::Fault;
pub use self::fault::Place;
pub use self::fault::Position;
pub use self::input::Source;
pub use self::key::Key;
pub use self::key::Preset;
pub use self::key::Section;
pub use self::text::parse_duration;
pub use self::text::show_duration;
pub use self::value::Size;

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: server::Server,
    pub tls: tls::Tls,
    pub database: database::Database,
    pub denylist: denylist::Denylist,
    pub secrets: secrets::Secrets,
    pub keys: keys::Keys,
    pub tokens: tokens::Tokens,
    pub sessions: sessions::Sessions,
    pub passwords: passwords::Passwords,
    pub limits: limits::Limits,
    pub outbound: outbound::Outbound,
    pub gateway: gateway::Gateway,
    pub registration: registration::Registration,
    pub telemetry: telemetry::Telemetry,
    pub ui: ui::Ui,
    pub fixtures: fixtures::Fixtures,
    pub clients: Vec<ConfiguredClient>,
}

/// Where a configuration comes from. Nothing else is read: the caller passes the environment.
#[derive(Clone, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// Names and values; those without the prefix `SIGNET_` are ignored.
    pub env: Vec<(String, String)>,
    /// Paths and values from flags, as in `("server.issuer", "http://localhost:9000")`; stronger than all else.
    pub overrides: Vec<(String, String)>,
    /// Paths and values that take the place of defaults; weaker than all else.
    pub presets: Vec<(String, String)>,
    /// `serve --dev`: loopback only, but shorter key schedules allowed.
    pub dev: bool,
}

impl fmt::Debug for Sources {
    /// Values may be secrets, so only names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = self.env.iter().map(|(name, _)| name).filter(|name| name.starts_with("SIGNET_"));
        let flags = self.presets.iter().chain(&self.overrides).map(|(path, _)| path);
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("env", &ours.collect::<Vec<_>>())
            .field("flags", &flags.collect::<Vec<_>>())
            .field("dev", &self.dev)
            .finish_non_exhaustive()
    }
}

/// A checked configuration and where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// By path, as in `server.listen`; a client of the file as in `clients.grafana`.
    pub sources: BTreeMap<String, Source>,
    /// Allowed but unwise.
    pub warnings: Vec<Fault>,
}

/// Every table of the file except `[[clients]]`.
pub(crate) const SECTIONS: [Section; 16] = [
    server::Server::SECTION,
    tls::Tls::SECTION,
    database::Database::SECTION,
    denylist::Denylist::SECTION,
    secrets::Secrets::SECTION,
    keys::Keys::SECTION,
    tokens::Tokens::SECTION,
    sessions::Sessions::SECTION,
    passwords::Passwords::SECTION,
    limits::Limits::SECTION,
    outbound::Outbound::SECTION,
    gateway::Gateway::SECTION,
    registration::Registration::SECTION,
    telemetry::Telemetry::SECTION,
    ui::Ui::SECTION,
    fixtures::Fixtures::SECTION,
];

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every fault of file, environment and flags.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let (mut input, tables) = gather::gather(sources);
        match Self::read(&mut input, tables, sources.dev) {
            Some(config) if input.faults.is_empty() => {
                Ok(Loaded { config, sources: input.sources, warnings: input.warnings })
            }
            _ => {
                // Stable: faults of one place stay in the order in which they were found.
                input.faults.sort_by(|one, other| one.place.cmp(&other.place));
                Err(ConfigErrors { faults: input.faults })
            }
        }
    }

    /// Every key with its value as JSON, secrets masked, in the order of the file.
    #[must_use]
    pub fn show(&self) -> Vec<(&'static str, Json)> {
        let Self {
            server,
            tls,
            database,
            denylist,
            secrets,
            keys,
            tokens,
            sessions,
            passwords,
            limits,
            outbound,
            gateway,
            registration,
            telemetry,
            ui,
            fixtures,
            clients: _,
        } = self;
        [
            server.show(),
            tls.show(),
            database.show(),
            denylist.show(),
            secrets.show(),
            keys.show(),
            tokens.show(),
            sessions.show(),
            passwords.show(),
            limits.show(),
            outbound.show(),
            gateway.show(),
            registration.show(),
            telemetry.show(),
            ui.show(),
            fixtures.show(),
        ]
        .concat()
    }

    /// Reads every section before it gives up, so that every fault is found.
    fn read(input: &mut input::Input, tables: Vec<input::Input>, dev: bool) -> Option<Self> {
        let server = server::Server::read(input).inspect(|server| rules::server(server, dev, input));
        let tls = tls::Tls::read(input);
        let fixtures = fixtures::Fixtures::read(input);
        if let (Some(tls), Some(fixtures), Some(server)) = (&tls, &fixtures, &server) {
            rules::tls(tls, server, input);
            rules::fixtures(fixtures, server, input);
        }
        input.refuse_both("secrets.master_key", "secrets.master_key_file");
        let database = database::Database::read(input);
        let denylist = denylist::Denylist::read(input);
        let secrets = secrets::Secrets::read(input);
        let keys = keys::Keys::read(input).inspect(|keys| rules::keys(keys, dev, input));
        let tokens = tokens::Tokens::read(input).inspect(|tokens| rules::tokens(tokens, input));
        let sessions = sessions::Sessions::read(input).inspect(|sessions| rules::sessions(sessions, input));
        let passwords = passwords::Passwords::read(input);
        let limits = limits::Limits::read(input);
        let outbound = outbound::Outbound::read(input);
        let gateway = gateway::Gateway::read(input);
        if let (Some(gateway), Some(server)) = (&gateway, &server) {
            rules::gateway(gateway, server, input);
        }
        let registration =
            registration::Registration::read(input).inspect(|registration| rules::registration(registration, input));
        let telemetry = telemetry::Telemetry::read(input);
        let ui = ui::Ui::read(input);
        let clients = clients::read_all(input, tables);
        if let Some(keys) = &keys {
            rules::client_algorithms(keys, &clients, input);
        }
        if let (Some(keys), Some(server)) = (&keys, &server) {
            rules::rehearsal(keys, server, input);
        }
        if let (Some(keys), Some(tokens)) = (&keys, &tokens) {
            rules::retirement(keys, tokens, &clients, dev, input);
        }
        Some(Self {
            server: server?,
            tls: tls?,
            database: database?,
            denylist: denylist?,
            secrets: secrets?,
            keys: keys?,
            tokens: tokens?,
            sessions: sessions?,
            passwords: passwords?,
            limits: limits?,
            outbound: outbound?,
            gateway: gateway?,
            registration: registration?,
            telemetry: telemetry?,
            ui: ui?,
            fixtures: fixtures?,
            clients,
        })
    }
}
