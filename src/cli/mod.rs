//! The `signet` command: one file per noun. Data goes to stdout, prose to stderr.

mod background;
pub mod config;
mod dev_server;
mod failure;
mod log;
mod log_line;
mod open;
pub mod output;
pub mod serve;

use std::ffi::OsString;
use std::io;
use std::io::IsTerminal;
use std::io::Write;

use clap::Parser;
use clap::Subcommand;

pub use failure::Failure;

/// Signet, an OpenID Connect provider.
#[derive(Debug, Parser)]
#[command(name = "signet", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// Runs the command line and says with which code to exit.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(help) => {
            let _ = help.print();
            return if help.use_stderr() { output::USAGE } else { output::OK };
        }
    };
    let terminal = io::stdout().is_terminal();
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Config(command) => {
            return config::run(&command, terminal, &mut io::stdout(), &mut io::stderr());
        }
    };
    match outcome {
        Ok(()) => output::OK,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", failure.message.trim_end());
            failure.code
        }
    }
}
