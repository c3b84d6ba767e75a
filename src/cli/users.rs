//! `signet users create | list | show | set-password | disable | enable`.

use std::collections::BTreeSet;

use clap::Args;
use clap::Subcommand;
use serde_json::Value as Json;
use serde_json::json;

use crate::domain::ids::UserId;
use crate::domain::user::Email;
use crate::domain::user::Role;
use crate::domain::user::StandardClaims;
use crate::domain::user::User;
use crate::flow::Signet;
use crate::flow::users::LiveAccess;
use crate::flow::users::NewUser;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::open;
use super::open::Selection;
use super::output::Listing;
use super::output::OutputArgs;
use super::output::Record;

/// What `signet users` can do. A user is named by e-mail address or by id (`usr_...`).
#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Add a user. The password is asked for, or read from standard input.
    Create(Create),
    /// All users, by e-mail address.
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// One user, without the password.
    Show {
        user: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Set a password. Sessions and refresh families of the user end.
    SetPassword {
        user: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Nothing works for this user any more, at once.
    Disable {
        user: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// The user can sign in again.
    Enable { user: String },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    email: String,
    /// What the user may do, as applications see it; "admin" administers Signet. Any number of them.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Full name.
    #[arg(long)]
    name: Option<String>,
    /// The address is known to be the user's, and applications are told so.
    #[arg(long)]
    email_verified: bool,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &UsersCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    let signet = open::existing(selection).await?;
    match command {
        UsersCommand::Create(create) => create_user(&signet, create, console).await,
        UsersCommand::List(output) => list(&signet, *output, console).await,
        UsersCommand::Show { user, output } => {
            let user = find(&signet, user).await?;
            let live = signet.live_access(&user.id).await?;
            console.show(&details(&user, live), output.output)
        }
        UsersCommand::SetPassword { user, password_stdin } => {
            set_password(&signet, user, *password_stdin, console).await
        }
        UsersCommand::Disable { user, yes } => disable(&signet, user, *yes, console).await,
        UsersCommand::Enable { user } => enable(&signet, user, console).await,
    }
}

async fn create_user(signet: &Signet, create: &Create, console: Console) -> Result<(), Failure> {
    let email = Email::parse(&create.email).map_err(|fault| Failure::usage(&fault))?;
    let role = |text: &String| Role::parse(text).map_err(|fault| Failure::usage(&format!("--role {text:?}: {fault}")));
    let roles = create.roles.iter().map(role).collect::<Result<BTreeSet<_>, _>>()?;
    let taken = || Failure::failed(&format!("There is a user {email} already"));
    // Before anybody types a password for nothing.
    if signet.store.user_by_email(email.clone()).await?.is_some() {
        return Err(taken());
    }
    let password = console.new_password(create.password_stdin, &signet.config)?;
    let claims = StandardClaims {
        name: create.name.clone(),
        email_verified: create.email_verified,
        ..StandardClaims::default()
    };
    let new = NewUser { email: email.clone(), password: Some(password), roles, claims };
    let user = signet.create_user(new).await?.ok_or_else(taken)?;
    let fields =
        vec![("email", json!(user.email.as_str())), ("sub", json!(user.id.as_str())), ("roles", roles_of(&user))];
    console.show(&Record { fields }, create.output.output)?;
    console.wrote(&format!("Created user {email}."), &signet.config);
    Ok(())
}

async fn list(signet: &Signet, output: OutputArgs, console: Console) -> Result<(), Failure> {
    const PAGE: u32 = 500;
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = signet.store.users(after, PAGE).await?;
        rows.extend(page.iter().map(row));
        match page.into_iter().last() {
            Some(last) => after = Some(last.email),
            None => break,
        }
    }
    let columns = vec!["email", "sub", "name", "roles", "disabled", "created_at"];
    console.list(&Listing { columns, rows, name: 0 }, output.output)
}

async fn set_password(signet: &Signet, user: &str, stdin: bool, console: Console) -> Result<(), Failure> {
    let user = find(signet, user).await?;
    let live = signet.live_access(&user.id).await?;
    let password = console.new_password(stdin, &signet.config)?;
    if !signet.set_password(&user.id, password).await? {
        return Err(unknown(user.email.as_str()));
    }
    let text = format!("Set the password of {}. Ended: {}.", user.email, ending(live));
    console.wrote(&text, &signet.config);
    Ok(())
}

async fn disable(signet: &Signet, user: &str, yes: bool, console: Console) -> Result<(), Failure> {
    let user = find(signet, user).await?;
    if user.disabled {
        return Err(Failure::unchanged(&format!("{} is disabled already", user.email)));
    }
    let live = signet.live_access(&user.id).await?;
    let harm = format!("{} cannot sign in any more. At once end: {}.", user.email, ending(live));
    console.confirm(&harm, user.email.as_str(), yes)?;
    if !signet.set_user_disabled(&user.id, true).await? {
        return Err(unknown(user.email.as_str()));
    }
    let back = format!("Disabled {}. `signet users enable` allows it to sign in again.", user.email);
    console.wrote(&back, &signet.config);
    Ok(())
}

async fn enable(signet: &Signet, user: &str, console: Console) -> Result<(), Failure> {
    let user = find(signet, user).await?;
    if !user.disabled {
        return Err(Failure::unchanged(&format!("{} is not disabled", user.email)));
    }
    if !signet.set_user_disabled(&user.id, false).await? {
        return Err(unknown(user.email.as_str()));
    }
    console.wrote(&format!("Enabled {}. What ended before stays ended.", user.email), &signet.config);
    Ok(())
}

fn ending(live: LiveAccess) -> String {
    let sessions = counted(live.sessions, "browser session", "browser sessions");
    format!("{sessions}, {}", counted(live.families, "refresh family", "refresh families"))
}

pub(super) async fn find(signet: &Signet, named: &str) -> Result<User, Failure> {
    let found = match (Email::parse(named), UserId::new(named)) {
        (Ok(email), _) => signet.store.user_by_email(email).await?,
        (Err(_), Ok(id)) => signet.store.user(id).await?,
        (Err(_), Err(_)) => None,
    };
    found.ok_or_else(|| unknown(named))
}

fn unknown(named: &str) -> Failure {
    Failure::not_found(&format!("There is no user {named:?}"))
}

fn row(user: &User) -> Vec<Json> {
    vec![
        json!(user.email.as_str()),
        json!(user.id.as_str()),
        json!(user.claims.name),
        roles_of(user),
        json!(user.disabled),
        json!(user.created_at.to_string()),
    ]
}

fn details(user: &User, live: LiveAccess) -> Record {
    Record {
        fields: vec![
            ("email", json!(user.email.as_str())),
            ("sub", json!(user.id.as_str())),
            ("name", json!(user.claims.name)),
            ("preferred_username", json!(user.claims.preferred_username)),
            ("email_verified", json!(user.claims.email_verified)),
            ("roles", roles_of(user)),
            ("has_password", json!(user.password.is_some())),
            ("disabled", json!(user.disabled)),
            ("live_sessions", json!(live.sessions)),
            ("live_refresh_families", json!(live.families)),
            ("created_at", json!(user.created_at.to_string())),
            ("updated_at", json!(user.updated_at.to_string())),
        ],
    }
}

fn roles_of(user: &User) -> Json {
    json!(user.roles)
}
