//! `signet tokens revoke`: tokens that must not be accepted any more.

use std::collections::HashSet;
use std::fmt;

use clap::Args;

use crate::cli::Failure;
use crate::cli::console::Console;
use crate::cli::console::counted;
use crate::cli::open;
use crate::cli::open::Selection;
use crate::domain::denial;
use crate::domain::denial::Denied;
use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::secret::Secret;
use crate::flow::Signet;
use crate::flow::revoke::Recognised;

#[derive(Args)]
pub(in crate::cli) struct Revoke {
    /// A refresh token, which ends its grant, or an access token, which ends alone. Better "-" for standard input,
    /// because others on this machine can read arguments.
    #[arg(value_parser = super::secret, required_unless_present_any = ["user", "client", "grant"], conflicts_with_all = ["user", "client", "grant"])]
    token: Option<Secret>,
    /// All grants of this user (e-mail address or id), with their access tokens.
    #[arg(long)]
    user: Option<String>,
    /// All grants to this client; with --user, that user's.
    #[arg(long)]
    client: Option<String>,
    /// One grant: the `grant_id` of an access token, as the audit trail has it.
    #[arg(long, conflicts_with_all = ["user", "client"])]
    grant: Option<String>,
    /// Let access tokens that are out live to their end, some minutes: end only what could bring new ones.
    #[arg(long)]
    refresh_only: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

impl fmt::Debug for Revoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoke")
            .field("user", &self.user)
            .field("client", &self.client)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

/// # Errors
/// Exit code 3 when nothing was left to end, 4 for an unknown user, client, grant or token, 5 without a yes.
pub(super) async fn run(args: &Revoke, selection: &Selection, console: Console) -> Result<(), Failure> {
    let token = args.token.as_ref().map(super::given).transpose()?;
    let signet = open::existing(selection).await?;
    if let Some(token) = token {
        return revoke_token(&signet, args, &token, console).await;
    }
    let (name, families) = chosen(&signet, args).await?;
    let now = signet.now();
    let reach = args.reach();
    let denied: HashSet<Denied> =
        signet.store.denials_since(0).await?.entries.into_iter().map(|one| one.denied).collect();
    let is_left = |family: &&Family| match &family.revoked {
        None => true,
        // It has ended, but its access tokens may be out and accepted.
        Some(ended) => {
            reach == Reach::Immediate
                && now < denial::outlasts(ended.at)
                && !denied.contains(&Denied::Grant(family.id.clone()))
        }
    };
    let left: Vec<&Family> = families.iter().filter(is_left).collect();
    if left.is_empty() {
        return Err(Failure::unchanged(&format!("{name} has no grant that is left to end")));
    }
    let has_refresh = |family: &&&Family| family.revoked.is_none() && family.current.is_some() && family.is_live(now);
    let count = counted(number(left.iter().filter(has_refresh).count()), "refresh family", "refresh families");
    console.confirm(&format!("Of {name} end: {count}. {}", after(reach)), &name, args.yes)?;
    for family in &left {
        let what = Denied::Grant(family.id.clone());
        let found = Recognised {
            client_id: family.client_id.clone(),
            sub: Some(family.user_id.clone()),
            what,
            expires_at: family.expires_at,
        };
        signet.revoke_recognised(&found, RevocationReason::Administrator, reach).await?;
    }
    signet.flush_audit().await?;
    let count = counted(number(left.len()), "grant", "grants");
    console.wrote(&format!("Ended {count} of {name}. Running servers know it within a second."), &signet.config);
    Ok(())
}

impl Revoke {
    const fn reach(&self) -> Reach {
        if self.refresh_only { Reach::RefreshOnly } else { Reach::Immediate }
    }
}

/// What was named, and its grants.
async fn chosen(signet: &Signet, args: &Revoke) -> Result<(String, Vec<Family>), Failure> {
    if let Some(id) = &args.grant {
        let unknown = || Failure::not_found(&format!("There is no grant {id:?}"));
        let id = FamilyId::new(id.as_str()).map_err(|_| unknown())?;
        let family = signet.store.family(id.clone()).await?.ok_or_else(unknown)?;
        return Ok((id.to_string(), vec![family]));
    }
    let client = match &args.client {
        None => None,
        Some(id) => {
            let unknown = || Failure::not_found(&format!("There is no client {id:?}"));
            let id = ClientId::new(id.as_str()).map_err(|_| unknown())?;
            Some(signet.store.client(id).await?.ok_or_else(unknown)?.id)
        }
    };
    match (&args.user, client) {
        (Some(user), client) => {
            let user = crate::cli::users::find(signet, user).await?;
            let families = signet.store.families_of_user(user.id).await?;
            let of_client = |family: &Family| client.as_ref().is_none_or(|client| family.client_id == *client);
            Ok((user.email.to_string(), families.into_iter().filter(of_client).collect()))
        }
        (None, Some(client)) => Ok((client.to_string(), signet.store.families_of_client(client).await?)),
        (None, None) => {
            Err(Failure::usage(&"Say which tokens: one by standard input (-), --user, --client or --grant"))
        }
    }
}

async fn revoke_token(signet: &Signet, args: &Revoke, token: &Secret, console: Console) -> Result<(), Failure> {
    let unknown = || Failure::not_found(&"This is no token of this installation, or it has expired");
    let found = signet.recognise(token.reveal()).await?.ok_or_else(unknown)?;
    let of = match &found.sub {
        Some(sub) => format!("{sub} at {}", found.client_id),
        None => found.client_id.to_string(),
    };
    let (name, harm) = match &found.what {
        Denied::Token(id) if args.refresh_only => {
            return Err(Failure::usage(&format!("{id} is an access token: --refresh-only would leave it as it is")));
        }
        Denied::Token(id) => (id.to_string(), format!("1 access token of {of} is refused at once. Its grant goes on.")),
        Denied::Grant(id) => (id.to_string(), format!("1 grant of {of} ends. {}", after(args.reach()))),
    };
    console.confirm(&harm, &name, args.yes)?;
    if !signet.revoke_recognised(&found, RevocationReason::Administrator, args.reach()).await? {
        return Err(Failure::unchanged(&format!("{name} was revoked already")));
    }
    signet.flush_audit().await?;
    console.wrote(&format!("Revoked {name}. Running servers know it within a second."), &signet.config);
    Ok(())
}

const fn after(reach: Reach) -> &'static str {
    match reach {
        Reach::Immediate => "Their access tokens are refused at once.",
        Reach::RefreshOnly => "Access tokens that are out live to their end, some minutes.",
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
