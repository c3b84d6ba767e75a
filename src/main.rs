//! The `signet` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(signet::cli::run(std::env::args_os()))
}
