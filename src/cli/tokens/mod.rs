//! `signet tokens inspect | get`. A token is never repeated: not in messages, not in the log.

mod get;
mod inspect;
mod visitor;

use clap::Subcommand;

use super::Failure;
use super::console::Console;
use super::open::Selection;

/// What `signet tokens` can do.
#[derive(Debug, Subcommand)]
pub(super) enum TokensCommand {
    /// Say what is in a token, and the one thing that is wrong with it. Exit code 0 when an API would accept it.
    Inspect(inspect::Inspect),
    /// Sign in to a dev server and print the access token.
    Get(get::Get),
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &TokensCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    match command {
        TokensCommand::Inspect(args) => inspect::run(args, selection, console).await,
        TokensCommand::Get(args) => get::run(args, selection, console).await,
    }
}
