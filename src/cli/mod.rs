//! The `signet` command: one file per noun. Data goes to stdout, prose to stderr.

mod audit;
mod background;
mod certificate;
mod clients;
mod completions;
pub mod config;
mod console;
mod db;
mod dev_server;
mod failure;
mod healthcheck;
mod http;
mod keys;
mod local_ca;
mod log;
mod log_line;
mod open;
pub mod output;
mod proxy_config;
mod ready;
mod registration_tokens;
pub mod serve;
mod sessions;
mod setup_link;
mod stop;
mod tls_client;
mod tokens;
mod trust;
mod users;

use std::ffi::OsString;
use std::io;
use std::io::IsTerminal;
use std::io::Write;

use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;

pub use failure::Failure;

use console::Console;
use open::Selection;

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
    /// Ask whether the server is ready to answer.
    Healthcheck {
        #[command(flatten)]
        selection: Selection,
    },
    /// Signing keys.
    Keys {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Applications.
    Clients {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: clients::ClientsCommand,
    },
    /// Tokens with which applications register themselves.
    RegistrationTokens {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: registration_tokens::RegistrationTokensCommand,
    },
    /// People who sign in.
    Users {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: users::UsersCommand,
    },
    /// Look into tokens.
    Tokens {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: tokens::TokensCommand,
    },
    /// Browsers in which people are signed in.
    Sessions {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: sessions::SessionsCommand,
    },
    /// What has happened.
    Audit {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// The database.
    Db {
        #[command(flatten)]
        selection: Selection,
        #[command(subcommand)]
        command: db::DbCommand,
    },
    /// Make a link with which the first administrator chooses a password.
    SetupLink {
        #[command(flatten)]
        selection: Selection,
    },
    /// Print a configuration for a reverse proxy that lets in whom Signet knows.
    ProxyConfig {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        options: Box<proxy_config::Options>,
    },
    /// Make this computer believe the certificates of `serve --https`.
    Trust(trust::Trust),
    /// Print a script that completes commands in a shell.
    Completions(completions::Completions),
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
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::ProxyConfig { selection, options } => proxy_config::run(&options, &selection),
        Command::Trust(args) => trust::run(&args, Console::of_process()),
        administrative => administer(&administrative),
    };
    match outcome {
        Ok(()) => output::OK,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", failure.message.trim_end());
            failure.code
        }
    }
}

/// Verbs that work on an installation, from outside of any server.
fn administer(command: &Command) -> Result<(), Failure> {
    log::start_quiet();
    let console = Console::of_process();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Healthcheck { selection } => Box::pin(healthcheck::run(selection, console)).await,
            Command::Keys { selection, command } => Box::pin(keys::run(command, selection, console)).await,
            Command::Clients { selection, command } => Box::pin(clients::run(command, selection, console)).await,
            Command::RegistrationTokens { selection, command } => {
                Box::pin(registration_tokens::run(command, selection, console)).await
            }
            Command::Users { selection, command } => Box::pin(users::run(command, selection, console)).await,
            Command::Tokens { selection, command } => Box::pin(tokens::run(command, selection, console)).await,
            Command::Sessions { selection, command } => Box::pin(sessions::run(command, selection, console)).await,
            Command::Audit { selection, command } => Box::pin(audit::run(command, selection, console)).await,
            Command::Db { selection, command } => db::run(command, selection, console),
            Command::SetupLink { selection } => Box::pin(setup_link::run(selection, console)).await,
            Command::Serve(_)
            | Command::Config(_)
            | Command::Completions(_)
            | Command::Trust(_)
            | Command::ProxyConfig { .. } => Ok(()),
        }
    })
}
