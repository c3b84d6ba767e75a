//! `signet db migrate | status`.

use clap::Subcommand;
use serde_json::json;

use crate::store::migrate::Progress;
use crate::store::migrate::migrate;
use crate::store::migrate::status;

use super::Failure;
use super::console::Console;
use super::open;
use super::open::Selection;
use super::output::Listing;
use super::output::OutputArgs;

/// What `signet db` can do.
#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Bring the database up to this version, as `serve` does when it starts. Exit code 3 when there is nothing to do.
    Migrate(OutputArgs),
    /// How the database stands to this version. Changes nothing.
    Status(OutputArgs),
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
            console.list(&Listing { columns: vec!["migration", "state"], rows, name: 0 }, output.output)?;
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
