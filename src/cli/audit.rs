//! `signet audit tail`.

use clap::Args;
use clap::Subcommand;
use serde_json::Value as Json;
use serde_json::json;

use crate::store::audit::Recorded;

use super::Failure;
use super::console::Console;
use super::open;
use super::open::Selection;
use super::output::Listing;
use super::output::OutputArgs;

/// What `signet audit` can do.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// The newest entries, oldest first. A server writes those of sign-ins every second.
    Tail(Tail),
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    /// How many entries.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    lines: u32,
    #[command(flatten)]
    output: OutputArgs,
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &AuditCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    let AuditCommand::Tail(tail) = command;
    let signet = open::existing(selection).await?;
    let rows = signet.store.newest_audit(tail.lines).await?.into_iter().map(row).collect();
    let columns = vec!["id", "at", "event", "actor", "client_id", "sub", "kid", "address", "reference", "detail"];
    console.list(&Listing { columns, rows, name: 0 }, tail.output.output)
}

fn row(recorded: Recorded) -> Vec<Json> {
    let Recorded { id, entry } = recorded;
    let detail = serde_json::from_str(&entry.detail).unwrap_or(Json::Null);
    let detail = if detail == json!({}) { Json::Null } else { detail };
    vec![
        json!(id),
        json!(entry.at.to_string()),
        json!(entry.event),
        json!(entry.actor),
        json!(entry.client_id),
        json!(entry.sub),
        json!(entry.kid),
        json!(entry.address),
        json!(entry.reference),
        detail,
    ]
}
