//! An installation of its own: folder, configuration, database, and the commands and servers that work on it.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::Value;
use signet::store::Store;
use tempfile::TempDir;

use super::database::Kind;
use super::database::options;
use super::postgres::Cluster;
use super::server::Server;
use super::server::command;
use super::server::free_port;

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// What it printed as JSON, after success.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        // ECMA-48: every command to a terminal begins with this character.
        assert!(!self.out.contains('\u{1b}') && !self.err.contains('\u{1b}'), "escape codes in a pipe: {self:?}");
        self
    }
}

/// Runs a command to its end; `input` is its whole standard input.
pub(crate) fn run(mut command: Command, args: &[&str], input: &str) -> Said {
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the signet program starts");
    // A command that does not read it has closed it, which is as good.
    drop(child.stdin.take().expect("standard input").write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder to work in; `./data/signet.db` or what its `signet.toml` says.
pub(crate) struct Installation {
    pub(crate) folder: TempDir,
    /// Where its servers listen, and their admin listener on the next one.
    pub(crate) port: u16,
    /// The address of its database.
    pub(crate) database: String,
}

impl Installation {
    /// Nothing there yet.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = format!("sqlite://{}", folder.path().join("data/signet.db").display());
        Self { folder, port: free_port(), database }
    }

    /// With a configuration file and a migrated database.
    pub(crate) fn with(toml: &str) -> Self {
        let installation = Self::empty();
        installation.configure(toml);
        installation
    }

    /// The same on a database of this kind and on free ports. `None` when the machine has no PostgreSQL to offer.
    pub(crate) fn on(kind: Kind, toml: &str) -> Option<Self> {
        let mut installation = Self::empty();
        let (port, admin) = (installation.port, installation.port + 1);
        if kind == Kind::Postgres {
            installation.database = Cluster::shared()?.database();
        }
        let database = &installation.database;
        installation.configure(&format!(
            "[server]\nissuer = \"http://localhost:{port}\"\nlisten = [\"127.0.0.1:{port}\"]\nadmin_listen = \"127.0.0.1:{admin}\"\n\
             [database]\nurl = \"{database}\"\n{toml}"
        ));
        Some(installation)
    }

    fn configure(&self, toml: &str) {
        // The least that Argon2 accepts here: these tests are not about its strength.
        let toml = format!("{toml}\n[passwords]\nmemory = \"8 MiB\"\niterations = 1\n");
        std::fs::write(self.folder.path().join("signet.toml"), toml).expect("a configuration file");
        let migrated = self.run(&["db", "migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated:?}");
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, "")
    }

    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Said {
        run(self.command(), args, input)
    }

    pub(crate) fn command(&self) -> Command {
        command(self.folder.path())
    }

    /// Starts `signet serve` here and waits until it is ready.
    pub(crate) async fn serve(&self) -> Server {
        Server::installed(self.folder.path(), self.port).await
    }

    /// Statements past all rules of ours.
    pub(crate) fn sql(&self, statements: &str) {
        if let Some(file) = self.database.strip_prefix("sqlite://") {
            let mut database = diesel::SqliteConnection::establish(file).expect("the database");
            database.batch_execute("PRAGMA busy_timeout = 60000").expect("patience with a server");
            return database.batch_execute(statements).expect("it is done");
        }
        let name = self.database.split(['/', '?']).nth(3).expect("the name of a database");
        Cluster::shared().expect("it was there before").psql(name, statements);
    }

    /// The database itself, past all servers.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.database, options()).expect("the database")
    }
}
