//! `signet sessions list | revoke`.

use clap::Args;
use clap::Subcommand;
use serde_json::Value as Json;
use serde_json::json;

use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::flow::Signet;
use crate::flow::audit::Event;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::open;
use super::open::Selection;
use super::output::Listing;
use super::output::OutputArgs;
use super::users;

/// More than anybody reads; `--user` narrows it.
const MOST: i64 = 1000;

/// What `signet sessions` can do. A session is named by its `sid`, as in tokens and in the audit trail.
#[derive(Debug, Subcommand)]
pub(super) enum SessionsCommand {
    /// Browsers in which somebody is signed in, the most recently used first.
    #[command(visible_alias = "ls")]
    List {
        /// Only those of one user, by e-mail address or id.
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// End one session, or with --user everything: all sessions and refresh families of one user.
    Revoke(Revoke),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The `sid` of the session.
    session: Option<String>,
    /// Sign this user out everywhere.
    #[arg(long)]
    user: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    which: Which,
    /// "Refresh revocation": access tokens that are out live to their end. Without it the end is immediate.
    #[arg(long, conflicts_with = "user")]
    refresh_only: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &SessionsCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    let signet = open::existing(selection).await?;
    match command {
        SessionsCommand::List { user, output } => list(&signet, user.as_deref(), *output, console).await,
        SessionsCommand::Revoke(args) => match (&args.which.session, &args.which.user) {
            (Some(session), _) => revoke(&signet, session, args, console).await,
            (None, Some(user)) => revoke_all(&signet, user, args.yes, console).await,
            (None, None) => Err(Failure::usage(&"Name a session, or a user with --user")),
        },
    }
}

async fn list(signet: &Signet, user: Option<&str>, output: OutputArgs, console: Console) -> Result<(), Failure> {
    let user = match user {
        Some(named) => Some(users::find(signet, named).await?.id),
        None => None,
    };
    let mut rows = Vec::new();
    for (session, user) in signet.store.live_sessions(user, signet.now(), MOST).await? {
        let clients = signet.store.clients_of_session(session.id.clone()).await?;
        rows.push(row(&session, &user, json!(clients)));
    }
    let columns = vec!["sid", "user", "signed_in_at", "last_seen_at", "expires_at", "clients"];
    console.list(&Listing { columns, rows, name: 0 }, output.output)
}

fn row(session: &Session, user: &User, clients: Json) -> Vec<Json> {
    vec![
        json!(session.id.as_str()),
        json!(user.email.as_str()),
        json!(session.authentication.time.to_string()),
        json!(session.last_seen_at.to_string()),
        json!(session.expires_at.min(session.idle_expires_at).to_string()),
        clients,
    ]
}

async fn revoke(signet: &Signet, named: &str, args: &Revoke, console: Console) -> Result<(), Failure> {
    let unknown = || Failure::not_found(&format!("There is no session {named:?}"));
    let id = SessionId::new(named).map_err(|_| unknown())?;
    let (session, user) = signet.store.session_by_id(id).await?.ok_or_else(unknown)?;
    if !session.is_live(signet.now()) {
        return Err(Failure::unchanged(&format!("{named} has ended already")));
    }
    let clients = signet.store.clients_of_session(session.id.clone()).await?.len();
    let (reach, tokens) = match args.refresh_only {
        true => (Reach::RefreshOnly, "Access tokens live to their end"),
        false => (Reach::Immediate, "Access tokens are refused at once"),
    };
    let harm = format!(
        "{} is signed out of one browser, and of {} used in it. {tokens}; applications with offline_access keep it.",
        user.email,
        counted(i64::try_from(clients).unwrap_or(i64::MAX), "application", "applications"),
    );
    console.confirm(&harm, named, args.yes)?;
    if !signet.end_session(&session.id, reach).await? {
        return Err(Failure::unchanged(&format!("{named} has ended already")));
    }
    signet.record(&Event::SessionRevoked { sub: user.id, sid: session.id }).await;
    console.wrote(&format!("Ended {named}. {TOLD}"), &signet.config);
    Ok(())
}

async fn revoke_all(signet: &Signet, named: &str, yes: bool, console: Console) -> Result<(), Failure> {
    let user = users::find(signet, named).await?;
    let live = signet.live_access(&user.id).await?;
    if live.sessions == 0 && live.families == 0 {
        return Err(Failure::unchanged(&format!("{} is signed in nowhere", user.email)));
    }
    console.confirm(&format!("{}: at once end {}.", user.email, users::ending(live)), user.email.as_str(), yes)?;
    signet.sign_out_person(&user.id, None, RevocationReason::Administrator).await?;
    console.wrote(&format!("Signed {} out everywhere. {TOLD}", user.email), &signet.config);
    Ok(())
}

const TOLD: &str = "A running server tells the applications that want to know (back-channel logout).";
