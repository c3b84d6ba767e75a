//! `signet registration-tokens create | list | revoke`.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use serde_json::Value as Json;
use serde_json::json;

use crate::config::parse_duration;
use crate::config::registration::Mode;
use crate::domain::registration::InitialToken;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::flow::Signet;
use crate::flow::registration_tokens::NewInitialToken;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::open;
use super::open::Selection;
use super::output::Listing;
use super::output::Output;
use super::output::OutputArgs;
use super::output::Record;

/// What `signet registration-tokens` can do. With such a token (the "initial access token" of RFC 7591) an application
/// registers itself.
#[derive(Debug, Subcommand)]
pub(super) enum RegistrationTokensCommand {
    /// Make a token. It is printed once.
    Create(Create),
    /// All tokens, without their values.
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Take a token away. Applications that were registered with it stay.
    Revoke {
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// How many applications may be registered with it (default: `registration.clients_per_token`).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    clients: Option<u32>,
    /// For how long it works, as in 7d or 12h.
    #[arg(long = "for", value_name = "DURATION", default_value = "7d", value_parser = lifetime)]
    lifetime: Duration,
    /// What its applications may ask for, separated by spaces (default: `registration.scope`).
    #[arg(long)]
    scope: Option<String>,
    /// Who it is for; shown in the list.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(
    command: &RegistrationTokensCommand,
    selection: &Selection,
    console: Console,
) -> Result<(), Failure> {
    let new = match command {
        RegistrationTokensCommand::Create(create) => Some(create.token()?),
        _ => None,
    };
    let signet = open::existing(selection).await?;
    match (command, new) {
        (RegistrationTokensCommand::Create(args), Some(new)) => create(&signet, new, args.output, console).await,
        (RegistrationTokensCommand::List(output), _) => {
            let now = signet.now();
            let rows = signet.store.initial_tokens().await?.iter().map(|token| row(token, now)).collect();
            let columns = vec!["id", "note", "registered", "clients", "scope", "created_at", "expires_at", "good"];
            console.list(&Listing { columns, rows, name: 0 }, output.output)
        }
        (RegistrationTokensCommand::Revoke { id, yes }, _) => revoke(&signet, id, *yes, console).await,
        (RegistrationTokensCommand::Create(_), None) => Ok(()),
    }
}

impl Create {
    fn token(&self) -> Result<NewInitialToken, Failure> {
        if self.output.output == Output::Name {
            return Err(Failure::usage(&"-o name would not show the token, and it is shown only once"));
        }
        let scope = self.scope.as_deref().map(Scope::parse).transpose();
        let scope = scope.map_err(|fault| Failure::usage(&format!("--scope: {fault}")))?;
        if self.note.len() > 200 || self.note.chars().any(char::is_control) {
            return Err(Failure::usage(&"--note is one line of at most 200 bytes"));
        }
        Ok(NewInitialToken { clients: self.clients, lifetime: self.lifetime, scope, note: self.note.clone() })
    }
}

async fn create(signet: &Signet, new: NewInitialToken, output: OutputArgs, console: Console) -> Result<(), Failure> {
    let registrable = &signet.config.registration.scope;
    if let Some(scope) = new.scope.as_ref().filter(|scope| !scope.is_subset(registrable)) {
        let more = scope.without_any(&registrable.iter().collect::<Vec<_>>());
        return Err(Failure::refused(&format!("registration.scope lacks {more}: no application could have it")));
    }
    let (token, secret) = signet.create_initial_token(new).await?;
    let fields = vec![
        ("id", json!(token.id.as_str())),
        ("initial_access_token", json!(secret.reveal())),
        ("clients", json!(token.clients)),
        ("expires_at", json!(token.expires_at.to_string())),
        ("registration_endpoint", json!(signet.registration_endpoint())),
    ];
    console.show(&Record { fields }, output.output)?;
    let many = counted(token.clients, "application", "applications");
    let once = format!("Made {}, for {many}. The token is shown only now.", token.id);
    console.wrote(&once, &signet.config);
    if signet.registration_mode() == Mode::Off {
        console.say(&"registration.mode is \"off\": nothing can be registered until it is \"token\".");
    }
    Ok(())
}

async fn revoke(signet: &Signet, named: &str, yes: bool, console: Console) -> Result<(), Failure> {
    let unknown = || Failure::not_found(&format!("There is no registration token {named:?}"));
    let tokens = signet.store.initial_tokens().await?;
    let token = tokens.iter().find(|token| token.id.as_str() == named).ok_or_else(unknown)?;
    let left = if token.is_good(signet.now()) { token.clients - token.registered } else { 0 };
    let harm = format!(
        "{} can no longer be registered with {named}; {} with it before stay as they are.",
        counted(left, "more application", "more applications"),
        counted(token.registered, "application that was registered", "applications that were registered"),
    );
    console.confirm(&harm, named, yes)?;
    if !signet.revoke_initial_token(&token.id).await? {
        return Err(unknown());
    }
    console.wrote(&format!("Revoked {named}."), &signet.config);
    Ok(())
}

fn row(token: &InitialToken, now: Timestamp) -> Vec<Json> {
    vec![
        json!(token.id.as_str()),
        json!(token.note),
        json!(token.registered),
        json!(token.clients),
        json!(token.scope.as_ref().map(ToString::to_string)),
        json!(token.created_at.to_string()),
        json!(token.expires_at.to_string()),
        json!(token.is_good(now)),
    ]
}

fn lifetime(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(366 * 24);
    parse_duration(text)
        .filter(|time| !time.is_zero() && *time <= LONGEST)
        .ok_or_else(|| "a duration above zero and of at most a year, as in 7d, 12h or 1h30m".to_owned())
}
