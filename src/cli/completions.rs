//! `signet completions SHELL`.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For `source <(signet completions bash)` and the like.
    shell: Shell,
}

/// # Errors
/// When stdout cannot be written to.
pub(super) fn run(args: &Completions, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "signet", &mut script);
    match std::io::stdout().lock().write_all(&script) {
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
