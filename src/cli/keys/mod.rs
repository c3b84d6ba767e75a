//! `signet keys`: one file per verb.

mod consumers;
mod files;
mod list;
mod pause;
mod reseal;
mod revoke;
mod rotate;

use clap::Subcommand;

use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

use super::Failure;
use super::console;
use super::console::Console;
use super::open;
use super::open::Selection;
use super::output;
use super::output::OutputArgs;

/// What `signet keys` can do.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// All signing keys: what they do now, and what the schedule has in mind for them.
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Let the next key sign. The old one goes on verifying; no token becomes invalid.
    Rotate(rotate::Rotate),
    /// Refuse a key from now on, because somebody else may have it. Nobody is signed out.
    Revoke(revoke::Revoke),
    /// Let the schedule plan no rotation for a while.
    Pause(pause::Pause),
    /// End a pause.
    Resume,
    /// Print public keys: the JWKS, or one key.
    Export(files::Export),
    /// Take in a private key that was made elsewhere, as the next one of its algorithm.
    Import(files::Import),
    /// Seal all private keys under a new master key. Servers must be restarted with it at once.
    Reseal(reseal::Reseal),
    /// Who reads the published keys, and whether a rotation now would trouble them.
    Consumers(OutputArgs),
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &KeysCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    // The master key changes, so there is no provider to open yet.
    if let KeysCommand::Reseal(args) = command {
        return Box::pin(reseal::run(args, selection, console)).await;
    }
    let signet = open::existing(selection).await?;
    match command {
        KeysCommand::List(output) => list::run(&signet, *output, console).await,
        KeysCommand::Rotate(args) => rotate::run(&signet, args, console).await,
        KeysCommand::Revoke(args) => revoke::run(&signet, args, console).await,
        KeysCommand::Pause(args) => pause::run(&signet, args, console).await,
        KeysCommand::Resume => pause::resume(&signet, console).await,
        KeysCommand::Export(args) => files::export(&signet, args, console).await,
        KeysCommand::Import(args) => files::import(&signet, args, console).await,
        KeysCommand::Consumers(output) => consumers::run(&signet, *output, console).await,
        KeysCommand::Reseal(_) => Ok(()),
    }
}

/// What cannot be the name of a key is the name of none.
fn key_id(text: &str) -> Result<KeyId, Failure> {
    KeyId::new(text).map_err(|_| Failure::not_found(&format!("there is no signing key {text}")))
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        format!("one of {}", known.join(", "))
    })
}
