//! `signet keys reseal`: another master key. Its file is written before anything is sealed under it, so that an
//! interruption at any point is mended by running the command again.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::ambient::Entropy;
use crate::ambient::OsEntropy;
use crate::ambient::SystemClock;
use crate::config::Config;
use crate::crypto::seal::MasterKey;
use crate::flow::Signet;
use crate::flow::audit::Event;
use crate::flow::key_files;
use crate::flow::open::Parts;
use crate::keys::Vault;
use crate::keys::VaultError;
use crate::keys::handle::STALE_AFTER;
use crate::keys::vault;
use crate::store::Store;
use crate::store::custody::CANARY;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::open;
use super::open::Missing;
use super::open::Selection;

#[derive(Debug, Args)]
pub(in crate::cli) struct Reseal {
    /// Where the new master key is: made there, with mode 0600, unless it is there already.
    #[arg(long, value_name = "FILE")]
    new_key_file: PathBuf,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// # Errors
/// Exit code 78 for a master key that is not the one of the database, 3 when all is under the new key already, 5 when
/// nobody said yes.
pub(super) async fn run(args: &Reseal, selection: &Selection, console: Console) -> Result<(), Failure> {
    selection.check()?;
    if selection.dev {
        return Err(Failure::refused(
            &"A dev server is running, and its master key goes with it: there is nothing to reseal",
        ));
    }
    let config = open::load(selection)?.config;
    let store = open::store(&config, Missing::Refuse)?;
    let kept = store.instance_value(CANARY).await?.unwrap_or_default();
    let entropy = OsEntropy;
    let wrong = |fault: VaultError| Failure::configuration(&fault);
    let existing = match vault::load(&args.new_key_file) {
        Ok(new) => Some(new),
        Err(VaultError::Missing(_)) => None,
        Err(fault) => return Err(wrong(fault)),
    };
    let swap = swap(args, &config);
    let old = open::master_key(&config, &entropy, true)?;
    let old_opens = Vault::new(&old).check_canary(&kept);
    if let (Err(_), Some(new)) = (&old_opens, &existing)
        && Vault::new(new).check_canary(&kept).is_ok()
    {
        return Err(Failure::unchanged(&format!("All keys are under the new master key already. {swap}")));
    }
    // Before anything is written: with a wrong key nothing is.
    old_opens.map_err(wrong)?;
    let sealed = store.signing_keys().await?.iter().filter(|key| key.sealed_private.is_some()).count();
    let sealed = counted(i64::try_from(sealed).unwrap_or(i64::MAX), "private key", "private keys");
    let harm = format!(
        "{sealed} will be sealed under the master key in {}. Stop all servers first, or restart them with it at once: one\n\
         that goes on issues tokens for {} seconds at most, then answers 503, and can make no key under the old one. Forms that\n\
         are open in browsers have to be loaded again. Nobody is signed out.",
        args.new_key_file.display(),
        STALE_AFTER.as_secs()
    );
    console.confirm(&harm, "reseal", args.yes)?;
    let new = match existing {
        Some(new) => new,
        None => vault::create_new(&args.new_key_file, &entropy).map_err(wrong)?,
    };
    match key_files::reseal(&store, &old, &new, &entropy).await? {
        key_files::Reseal::Already => Err(Failure::unchanged(&format!("Another command was faster. {swap}"))),
        key_files::Reseal::Done(keys) => {
            console.wrote(&format!("Sealed {sealed} anew. {swap}"), &config);
            record(config, store, new, keys, console).await;
            Ok(())
        }
    }
}

/// What is left for the operator to do.
fn swap(args: &Reseal, config: &Config) -> String {
    let new = args.new_key_file.display();
    if config.secrets.master_key.is_some() {
        return format!("Before a server starts, put the text of {new} in the place of secrets.master_key.");
    }
    let old = config.secrets.master_key_file.display();
    format!(
        "Put a copy of {old} with the backups it belongs to. Then, before a server starts, move {new} to {old}, or set \
         secrets.master_key_file to it."
    )
}

/// The audit trail is written with the new key: that it opens is worth knowing.
async fn record(config: Config, store: Store, master: MasterKey, keys: usize, console: Console) {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let parts = Parts { config, store, master, clock: Arc::new(SystemClock::new()), entropy, dev: false };
    match Signet::open(parts).await {
        Ok(signet) => {
            signet.watch.audit.act_as("cli");
            signet.record(&Event::KeysResealed { keys }).await;
        }
        Err(fault) => console.say(&format!("It is not in the audit trail: {fault}")),
    }
}
