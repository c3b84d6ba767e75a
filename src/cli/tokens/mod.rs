//! `signet tokens inspect | get | revoke`. A token is never repeated: not in messages, not in the log.

mod get;
mod inspect;
mod revoke;
mod visitor;

use clap::Subcommand;

use crate::crypto::jws;
use crate::domain::secret::Secret;

use super::Failure;
use super::console::Console;
use super::console::read_line_of_stdin;
use super::open::Selection;

/// What `signet tokens` can do.
#[derive(Debug, Subcommand)]
pub(super) enum TokensCommand {
    /// Say what is in a token, and the one thing that is wrong with it. Exit code 0 when an API would accept it.
    Inspect(inspect::Inspect),
    /// Sign in to a dev server and print the access token.
    Get(get::Get),
    /// Revoke a token, or the grants of a user or client. Running servers know it within a second.
    Revoke(revoke::Revoke),
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &TokensCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    match command {
        TokensCommand::Inspect(args) => inspect::run(args, selection, console).await,
        TokensCommand::Get(args) => get::run(args, selection, console).await,
        TokensCommand::Revoke(args) => revoke::run(args, selection, console).await,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that clap asks for")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// The token itself, from standard input when `-` stands for it, without what often stands around it or, where it was
/// wrapped, in it. The page `/tools/jwt` takes the same away.
fn given(argument: &Secret) -> Result<Secret, Failure> {
    let text = if argument.reveal() == "-" { read_line_of_stdin(2 * jws::MAX_LENGTH)? } else { argument.clone() };
    let mut pieces: Vec<&str> = text.reveal().split_whitespace().collect();
    if pieces.first().is_some_and(|first| first.eq_ignore_ascii_case("Bearer")) {
        pieces.remove(0);
    }
    if pieces.is_empty() {
        return Err(Failure::usage(&"There is no token: what was given is empty"));
    }
    Ok(Secret::new(pieces.concat()))
}
