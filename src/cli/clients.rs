//! `signet clients create | list | show | delete | rotate-secret`.

mod show;
mod slug;

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use serde_json::json;

use crate::crypto::jwk_set::JwkSet;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientKeys;
use crate::domain::client::ClientSource;
use crate::domain::client::LogoutChannels;
use crate::domain::ids::ClientId;
use crate::domain::ids::USER_PREFIX;
use crate::domain::scope::Scope;
use crate::domain::uri::Origin;
use crate::domain::uri::RedirectUri;
use crate::domain::uri::WebUri;
use crate::flow::Signet;
use crate::flow::clients_by_hand::Kind;
use crate::flow::clients_by_hand::NewClient;
use crate::flow::clients_by_hand::OVERLAP;
use crate::outbound::Limits;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::open;
use super::open::Selection;
use super::output;
use super::output::Listing;
use super::output::Output;
use super::output::OutputArgs;
use super::output::Record;
use show::details;
use show::kind;
use show::row;
use slug::slug;

/// What `signet clients` can do.
#[derive(Debug, Subcommand)]
pub(super) enum ClientsCommand {
    /// Register an application. Its secret is printed once.
    Create(Box<Create>),
    /// All applications.
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// One application, without its secrets.
    Show {
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make another secret. The old one works for 24 hours more.
    RotateSecret {
        id: String,
        /// The old secret ends at once.
        #[arg(long)]
        now: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Delete an application and end what was issued to it.
    #[command(visible_alias = "rm")]
    Delete {
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Create {
    /// Shown to people on the sign-in and consent pages.
    name: String,
    /// What the application calls itself in requests; made of the name when absent.
    #[arg(long)]
    id: Option<String>,
    /// Where answers may go; compared byte by byte. Any number of them.
    #[arg(long = "redirect", value_name = "URI", conflicts_with = "service")]
    #[arg(required_unless_present_any = ["service", "session_api"])]
    redirects: Vec<String>,
    /// Where people may be sent after signing out. Any number of them.
    #[arg(long = "post-logout-redirect", value_name = "URI", conflicts_with = "service")]
    post_logout_redirects: Vec<String>,
    /// Where it is told that a session has ended, from server to server.
    #[arg(long, value_name = "URI", conflicts_with = "service")]
    backchannel_logout: Option<String>,
    /// What a browser loads in a frame when somebody signs out.
    #[arg(long, value_name = "URI", conflicts_with = "service")]
    frontchannel_logout: Option<String>,
    /// Has no secret: runs in a browser or on a device.
    #[arg(long)]
    public: bool,
    /// Speaks for itself, with client credentials; nobody signs in.
    #[arg(long, conflicts_with_all = ["public", "native", "origins", "first_party", "no_pkce"])]
    service: bool,
    /// File with its public keys, a JWK Set: it signs with them instead of having a secret.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jwks_uri", "public"])]
    jwks: Option<PathBuf>,
    /// Where it publishes them itself, so that it can change them.
    #[arg(long, value_name = "URI", conflicts_with = "public")]
    jwks_uri: Option<String>,
    /// Runs on a device: any port of a loopback redirect, and schemes of its own.
    #[arg(long)]
    native: bool,
    /// Scope values that it may ask for, separated by spaces.
    #[arg(long, help = format!("Scope values that it may ask for, separated by spaces [default: {SCOPE}; none for a service]"))]
    scope: Option<String>,
    /// What its access tokens may be meant for; the first one is the default. Any number; none: the issuer itself.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// What it is itself, as a resource server: tokens that are meant for it have this `aud`. Any number of them.
    #[arg(long = "resource", value_name = "AUDIENCE")]
    resources: Vec<String>,
    /// May exchange tokens that it was called with, to act for the same person elsewhere.
    #[arg(long, requires = "service")]
    exchange: bool,
    /// Browser origin that may read our answers. Any number of them.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// An application of your own: no consent page.
    #[arg(long)]
    first_party: bool,
    /// Open the session API to it: its own pages, at these origins, take passwords.
    #[arg(long, requires = "public", requires = "origins", conflicts_with = "service")]
    session_api: bool,
    /// Accept authorization requests without a code challenge. Only with a secret.
    #[arg(long, conflicts_with = "public")]
    no_pkce: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What an application where people sign in may ask for, unless somebody says otherwise.
const SCOPE: &str = "openid profile email offline_access";

/// # Errors
/// [`Failure`] with the exit code of its kind.
pub(super) async fn run(command: &ClientsCommand, selection: &Selection, console: Console) -> Result<(), Failure> {
    let new = match command {
        ClientsCommand::Create(create) => Some(create.client()?),
        _ => None,
    };
    let signet = open::existing(selection).await?;
    match command {
        ClientsCommand::Create(create) => match new {
            Some(new) => create_client(&signet, new, create.output, console).await,
            None => Ok(()),
        },
        ClientsCommand::List(output) => {
            let clients = signet.store.clients().await?;
            let rows = clients.iter().map(row).collect();
            let columns = vec!["client_id", "name", "kind", "grant_types", "source", "disabled"];
            console.list(&Listing { columns, rows, name: 0 }, output.output)
        }
        ClientsCommand::Show { id, output } => {
            let client = find(&signet, id).await?;
            console.show(&details(&client), output.output)
        }
        ClientsCommand::RotateSecret { id, now, yes, output } => {
            let overlap = if *now { Duration::ZERO } else { OVERLAP };
            rotate_secret(&signet, id, overlap, *yes, *output, console).await
        }
        ClientsCommand::Delete { id, yes } => delete(&signet, id, *yes, console).await,
    }
}

impl Create {
    fn client(&self) -> Result<NewClient, Failure> {
        let kind = match (self.service, self.public) {
            (true, _) => Kind::Service,
            (false, true) => Kind::Public,
            (false, false) => Kind::Confidential { require_pkce: !self.no_pkce },
        };
        let keys = self.keys()?;
        if kind != Kind::Public && keys.is_empty() {
            check_secret_shows(self.output)?;
        }
        let application_type = if self.native { ApplicationType::Native } else { ApplicationType::Web };
        let uri = |flag: &str, text: &String| {
            RedirectUri::register(text, application_type)
                .map_err(|fault| Failure::usage(&format!("--{flag} {text}: {fault}")))
        };
        let one = |flag: &str, text: &Option<String>| text.as_ref().map(|text| uri(flag, text)).transpose();
        let several = |flag: &str, texts: &[String]| texts.iter().map(|text| uri(flag, text)).collect::<Result<_, _>>();
        let origin = |text: &String| {
            Origin::register(text).map_err(|fault| Failure::usage(&format!("--origin {text}: {fault}")))
        };
        let scope = match (&self.scope, kind) {
            (Some(text), _) => text,
            (None, Kind::Service) => "",
            (None, _) => SCOPE,
        };
        Ok(NewClient {
            id: self.client_id()?,
            name: name(&self.name)?,
            kind,
            keys,
            application_type,
            redirect_uris: several("redirect", &self.redirects)?,
            post_logout_redirect_uris: several("post-logout-redirect", &self.post_logout_redirects)?,
            // Both channels name the session: whoever does not need it may overlook it.
            logout: LogoutChannels {
                backchannel_logout_uri: one("backchannel-logout", &self.backchannel_logout)?,
                backchannel_logout_session_required: self.backchannel_logout.is_some(),
                frontchannel_logout_uri: one("frontchannel-logout", &self.frontchannel_logout)?,
                frontchannel_logout_session_required: self.frontchannel_logout.is_some(),
            },
            scope: Scope::parse(scope).map_err(|fault| Failure::usage(&format!("--scope: {fault}")))?,
            audiences: self.audiences.iter().map(|text| audience("--audience", text)).collect::<Result<_, _>>()?,
            resources: self.resources.iter().map(|text| audience("--resource", text)).collect::<Result<_, _>>()?,
            exchange: self.exchange,
            origins: self.origins.iter().map(origin).collect::<Result<_, _>>()?,
            first_party: self.first_party,
            session_api: self.session_api,
        })
    }

    fn keys(&self) -> Result<ClientKeys, Failure> {
        let set = |file: &PathBuf| {
            let cannot = |reason: &dyn Display| Failure::usage(&format!("--jwks {}: {reason}", file.display()));
            let text = fs::read_to_string(file).map_err(|error| cannot(&error))?;
            JwkSet::check(&text).map_err(|fault| cannot(&fault))?;
            Ok::<_, Failure>(text)
        };
        let uri = |text: &String| {
            WebUri::register(text).map_err(|fault| Failure::usage(&format!("--jwks-uri {text}: {fault}")))
        };
        Ok(ClientKeys {
            jwks: self.jwks.as_ref().map(set).transpose()?,
            jwks_uri: self.jwks_uri.as_ref().map(uri).transpose()?,
        })
    }

    fn client_id(&self) -> Result<ClientId, Failure> {
        if let Some(id) = &self.id {
            let id = ClientId::new(id.as_str()).map_err(|fault| Failure::usage(&format!("--id: {fault}")))?;
            if id.could_be_a_person() {
                return Err(Failure::usage(&format!("--id: {USER_PREFIX} is how the names of people begin")));
            }
            return Ok(id);
        }
        let id = slug(&self.name);
        ClientId::new(id).map_err(|_| Failure::usage(&"The name has no letters to make an id of: give --id"))
    }
}

/// People read it on pages and in terminals: it must not hide or turn around what stands beside it.
fn name(text: &str) -> Result<String, Failure> {
    if text.chars().any(output::commands) {
        return Err(Failure::usage(&"A name has no control characters, and none that turn text around"));
    }
    Ok(text.to_owned())
}

fn audience(flag: &str, text: &str) -> Result<String, Failure> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(&format!("{flag} is printable ASCII without spaces")));
    }
    Ok(text.to_owned())
}

/// The secret is shown once, so it must be shown.
fn check_secret_shows(output: OutputArgs) -> Result<(), Failure> {
    if output.output == Output::Name {
        return Err(Failure::usage(&"-o name would not show the secret, and it is shown only once"));
    }
    Ok(())
}

async fn create_client(signet: &Signet, new: NewClient, output: OutputArgs, console: Console) -> Result<(), Failure> {
    let id = new.id.clone();
    let Some((client, secret)) = signet.create_client(new).await? else {
        return Err(Failure::failed(&format!("There is a client {id} already; choose another --id")));
    };
    let mut fields = vec![("client_id", json!(client.id.as_str()))];
    if let Some(secret) = &secret {
        fields.push(("client_secret", json!(secret.reveal())));
    }
    fields.push(("issuer", json!(signet.issuer())));
    console.show(&Record { fields }, output.output)?;
    let once =
        if secret.is_some() { ". The secret is shown only now; keep it where others cannot read it." } else { "." };
    console.wrote(&format!("Created client {id} ({}){once}", kind(&client)), &signet.config);
    if let Some(uri) = &client.logout.backchannel_logout_uri
        && let Err(fault) = signet.outbound.check(uri.as_str(), Limits::FETCH).await
    {
        let why = fault.detail();
        console.say(&format!("warning: {} will not be told of sign-outs: {why} (docs/logout.md)", uri.as_str()));
    }
    Ok(())
}

async fn rotate_secret(
    signet: &Signet,
    id: &str,
    overlap: Duration,
    yes: bool,
    output: OutputArgs,
    console: Console,
) -> Result<(), Failure> {
    check_secret_shows(output)?;
    let client = find(signet, id).await?;
    check_ours(&client)?;
    if client.is_public() {
        return Err(Failure::refused(&format!("{id} is public: it has no secret")));
    }
    if client.token_endpoint_auth_methods == [AuthMethod::PrivateKeyJwt].into() {
        return Err(Failure::refused(&format!("{id} has no secret: it signs with keys of its own")));
    }
    if overlap.is_zero() {
        let secrets = counted(i64::try_from(client.secrets.len()).unwrap_or(i64::MAX), "secret", "secrets");
        let harm = format!("{id} has {secrets}; whatever uses it cannot get tokens until it has the new one.");
        console.confirm(&harm, id, yes)?;
    }
    let Some(secret) = signet.rotate_client_secret(&client.id, overlap).await? else { return Err(unknown(id)) };
    let fields = vec![("client_id", json!(id)), ("client_secret", json!(secret.reveal()))];
    console.show(&Record { fields }, output.output)?;
    let old = if overlap.is_zero() { "The old one has ended." } else { "The old one works for 24 hours more." };
    console.wrote(&format!("Made a secret for {id}; it is shown only now. {old}"), &signet.config);
    Ok(())
}

async fn delete(signet: &Signet, id: &str, yes: bool, console: Console) -> Result<(), Failure> {
    let client = find(signet, id).await?;
    check_ours(&client)?;
    let families = signet.store.live_families_of_client(client.id.clone(), signet.now()).await?;
    let harm = format!(
        "{id} ({}): nobody can sign in through it any more, and {} without warning. Access tokens are refused here \
         within a second; an API that asks nobody takes them for {} minutes at most.",
        client.name,
        counted(families, "live refresh family ends", "live refresh families end"),
        longest_token(signet, &client).as_secs().div_ceil(60),
    );
    console.confirm(&harm, id, yes)?;
    if !signet.delete_client(&client.id).await? {
        return Err(unknown(id));
    }
    console.wrote(&format!("Deleted client {id}."), &signet.config);
    Ok(())
}

fn longest_token(signet: &Signet, client: &Client) -> Duration {
    client.lifetimes.access_token.unwrap_or(signet.config.tokens.access_token)
}

fn check_ours(client: &Client) -> Result<(), Failure> {
    match client.source {
        ClientSource::Database | ClientSource::Registration => Ok(()),
        ClientSource::Configuration => Err(Failure::refused(&format!(
            "{} stands in the configuration file: change it there, then restart the server",
            client.id
        ))),
    }
}

async fn find(signet: &Signet, id: &str) -> Result<Client, Failure> {
    let known = ClientId::new(id).map_err(|_| unknown(id))?;
    signet.store.client(known).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Failure {
    Failure::not_found(&format!("There is no client {id:?}"))
}
