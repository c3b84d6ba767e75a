//! `signet db migrate | status | backup FILE | restore FILE | move --to URL`.

use std::path::Path;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::config::Config;
use crate::config::database::DatabaseUrl;
use crate::store::migrate::Progress;
use crate::store::migrate::migrate;
use crate::store::migrate::status;
use crate::store::transfer::Hold;
use crate::store::transfer::TransferError;
use crate::store::transfer::Transferred;
use crate::store::transfer::transfer;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::console::read_line_of_stdin;
use super::open;
use super::open::Selection;
use super::output::Listing;
use super::output::Output;
use super::output::OutputArgs;

/// What `signet db` can do.
#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Bring the database up to this version, as `serve` does when it starts. Exit code 3 when there is nothing to do.
    Migrate(OutputArgs),
    /// How the database stands to this version. Changes nothing.
    Status(OutputArgs),
    /// Copy everything into a new SQLite file, as it is at one moment. Servers go on meanwhile.
    Backup {
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Fill the database, which must be empty, from a file that `backup` made.
    Restore {
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Copy everything into another database, which must be empty: from SQLite to PostgreSQL or back. Nobody is logged
    /// out. Refuses while a server is working with this one.
    Move {
        /// "<postgres://user:password@host/name>" or "sqlite://" and a path; - reads it from standard input.
        #[arg(long, value_name = "URL")]
        to: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// # Errors
/// [`Failure`] with the exit code of its kind: 69 when the database does not answer.
pub(super) fn run(command: &DbCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    selection.check()?;
    let config = open::load(selection)?.config;
    let url = config.database.url.reveal();
    match command {
        DbCommand::Migrate(output) => {
            open::create_data_folder(&config)?;
            let applied = migrate(url)?.applied;
            let rows = applied.iter().map(|name| vec![json!(name), json!("applied")]).collect();
            if !applied.is_empty() || output.output != Output::Table {
                console.list(&Listing { columns: vec!["migration", "state"], rows, name: 0 }, output.output)?;
            }
            if applied.is_empty() {
                return Err(Failure::unchanged(&format!("Nothing to do: {} is up to date", config.database.url)));
            }
            console.wrote(&format!("Applied {} of this version.", migrations(applied.len())), &config);
            Ok(())
        }
        DbCommand::Status(output) => {
            let states = status(url)?;
            let rows = states.iter().map(|state| vec![json!(state.name), json!(word(state.progress))]).collect();
            console.list(&Listing { columns: vec!["migration", "state"], rows, name: 0 }, output.output)?;
            let pending = states.iter().filter(|state| state.progress == Progress::Pending).count();
            let newer = states.iter().filter(|state| state.progress == Progress::Unknown).count();
            if pending > 0 {
                console.say(&format!(
                    "{} to apply: `signet db migrate`, or the next start of a server.",
                    migrations(pending)
                ));
            }
            if newer > 0 {
                console.say(&format!("{} of a newer version.", migrations(newer)));
            }
            Ok(())
        }
        DbCommand::Backup { file, output } => {
            let copied = transfer(url, address(file)?.reveal(), Hold::Snapshot).map_err(|error| match error {
                TransferError::NotEmpty(_) => Failure::refused(&format!("{} is there already", file.display())),
                other => failure(other, &config.database.url),
            })?;
            list(&copied, console, output.output)?;
            console.say(&format!(
                "Copied {} of {} to {}. Without the master key ({}) its signing keys are of no use: keep that elsewhere.",
                rows(&copied),
                config.database.url,
                file.display(),
                place_of_master_key(&config)
            ));
            Ok(())
        }
        DbCommand::Restore { file, output } => {
            if !file.is_file() {
                return Err(Failure::not_found(&format!("there is no file {}", file.display())));
            }
            open::create_data_folder(&config)?;
            let copied = transfer(address(file)?.reveal(), url, Hold::Alone)
                .map_err(|error| failure(error, &config.database.url))?;
            list(&copied, console, output.output)?;
            console.wrote(
                &format!(
                    "Restored {} from {}. What happened after that backup never happened: whoever was logged out or \
                     disabled since is not, and whoever signed in since has to again.",
                    rows(&copied),
                    file.display()
                ),
                &config,
            );
            Ok(())
        }
        DbCommand::Move { to, output } => {
            let given = if to == "-" { read_line_of_stdin(LONGEST_URL)?.reveal().to_owned() } else { to.clone() };
            let Some(target) = DatabaseUrl::parse(&given) else {
                return Err(Failure::usage(&"--to is \"sqlite://path\" or \"postgres://user@host/name\""));
            };
            let moved = transfer(url, target.reveal(), Hold::Alone).map_err(|error| failure(error, &target))?;
            list(&moved, console, output.output)?;
            console.say(&format!(
                "Moved {} from {} to {target}, which has everything now. Set database.url to it and start the servers, with \
                 the master key that they have ({}). The old database is as it was: start no server on it again.",
                rows(&moved),
                config.database.url,
                place_of_master_key(&config)
            ));
            Ok(())
        }
    }
}

/// Longer than any address of a database.
const LONGEST_URL: usize = 8192;

/// A file as the address of a database.
fn address(file: &Path) -> Result<DatabaseUrl, Failure> {
    let path = file.to_str().and_then(|path| DatabaseUrl::parse(&format!("sqlite://{path}")));
    path.ok_or_else(|| Failure::usage(&"the name of the file is UTF-8, without ? and #"))
}

fn failure(error: TransferError, target: &DatabaseUrl) -> Failure {
    match error {
        TransferError::Store(error) => error.into(),
        refused @ TransferError::NotEmpty(_) => Failure::refused(&format!("{target}: {refused}; nothing was changed")),
        refused => Failure::refused(&format!("{refused}; nothing was changed")),
    }
}

fn list(transferred: &Transferred, console: Console, output: Output) -> Result<(), Failure> {
    let rows = transferred.0.iter().map(|(table, rows)| vec![json!(table), json!(rows)]).collect();
    console.list(&Listing { columns: vec!["table", "rows"], rows, name: 0 }, output)
}

fn rows(transferred: &Transferred) -> String {
    let all: usize = transferred.0.iter().map(|(_, rows)| rows).sum();
    counted(i64::try_from(all).unwrap_or(i64::MAX), "row", "rows")
}

fn place_of_master_key(config: &Config) -> String {
    match &config.secrets.master_key {
        Some(_) => "secrets.master_key".to_owned(),
        None => config.secrets.master_key_file.display().to_string(),
    }
}

fn word(progress: Progress) -> &'static str {
    match progress {
        Progress::Applied => "applied",
        Progress::Pending => "pending",
        Progress::Unknown => "unknown",
    }
}

fn migrations(number: usize) -> String {
    format!("{number} {}", if number == 1 { "migration" } else { "migrations" })
}
