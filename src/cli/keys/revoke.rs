//! `signet keys revoke`: says what breaks, for how long, and only then does it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::config::show_duration;
use crate::domain::key::KeyState;
use crate::flow::Signet;
use crate::flow::keys_by_hand::RevocationPlan;
use crate::flow::keys_by_hand::Revoked;
use crate::keys::readers::Habits;
use crate::keys::readers::READERS;
use crate::keys::readers::Until;

use super::Failure;
use super::console::Console;
use super::console::counted;
use super::key_id;
use super::output::Listing;
use super::output::OutputArgs;

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// Name of the key.
    kid: String,
    /// Sign with a key that was never published: readers must fetch the keys again and so lose the revoked one sooner.
    #[arg(long)]
    flush: bool,
    /// Why; kept with the key and in the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "revoked by hand")]
    reason: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// # Errors
/// Exit code 4 for an unknown key, 3 for one that was revoked before, 5 when nobody said yes.
pub(super) async fn run(signet: &Arc<Signet>, args: &Revoke, console: Console) -> Result<(), Failure> {
    let kid = key_id(&args.kid)?;
    let plan = signet.plan_revocation(&kid, &args.reason, args.flush).await?;
    console.list(&readers_table(&plan), args.output.output)?;
    console.confirm(&harm(signet, &plan).await?, kid.as_str(), args.yes)?;
    if signet.revoke_key(plan).await? == Revoked::Stale {
        return Err(Failure::failed(
            &"Nothing was changed: the keys changed in the meantime. Look at `signet keys list`, then try again",
        ));
    }
    console.wrote(&format!("Revoked {kid}. Running servers follow within a second."), &signet.config);
    Ok(())
}

/// Whether the key that signs afterwards is one that no reader has seen.
fn signs_unseen(plan: &RevocationPlan) -> bool {
    plan.change.create.iter().any(|(_, state)| *state == KeyState::Active)
}

async fn harm(signet: &Signet, plan: &RevocationPlan) -> Result<String, Failure> {
    let kid = &plan.change.kid;
    let now = signet.now();
    let mut text = match plan.tokens_end_at {
        Some(end) => format!(
            "Tokens signed by {kid} would have lived until {end} at most ({}). From now on userinfo and\n\
             everything else here refuses them.",
            minutes(end.since(now))
        ),
        None => format!("No token signed by {kid} can be alive."),
    };
    let tokens = signet.tokens_in_24_hours().await?.get(kid).copied().unwrap_or_default();
    let _ = write!(text, "\nIt signed {} in the last 24 hours.", counted(tokens, "token", "tokens"));
    text.push_str(" Refresh families stay: applications fetch new tokens, nobody is signed out.");
    let seen = signet.readers().await?;
    let worst = seen.iter().map(|reader| (Habits::of(&reader.agent).accepts_removed(reader.last_at, now), reader));
    if let Some((until, reader)) = worst.max_by_key(|(until, _)| *until).filter(|(until, _)| *until > Until::Now) {
        let _ = write!(
            text,
            "\nOf {} of the keys known here, {} of {} may go on accepting it longest: until {until}.",
            counted(i64::try_from(seen.len()).unwrap_or(i64::MAX), "reader", "readers"),
            reader.agent,
            reader.address,
        );
    }
    if signs_unseen(plan) {
        let worst = READERS.iter().filter_map(Habits::refuses_new_for).max().unwrap_or_default();
        let _ = write!(
            text,
            "\nThe price: a key that no reader has seen signs from now on. Readers refuse its tokens until they have fetched\n\
             the keys again: up to {}, and those that read the keys once until they are restarted.",
            minutes(worst)
        );
    } else if plan.flush {
        text.push_str("\n--flush changes nothing here: this key is not the one that signs.");
    } else if let Some(next) = &plan.change.activate {
        let _ = write!(text, "\n{next} signs from now on.");
    }
    Ok(text)
}

fn minutes(time: Duration) -> String {
    counted(i64::try_from(time.as_secs().div_ceil(60)).unwrap_or(i64::MAX), "minute", "minutes")
}

/// How long each kind of reader goes on accepting the key, and refuses one that it has not seen.
fn readers_table(plan: &RevocationPlan) -> Listing {
    let unseen = signs_unseen(plan);
    let rows = plan.readers.iter().map(|reader| {
        let refuses = match reader.refuses_new_for() {
            _ if !unseen => "0s".to_owned(),
            Some(time) => show_duration(time),
            None => "until restarted".to_owned(),
        };
        let accepts = match (reader.keeps, reader.rereads_after) {
            (Some(time), _) => show_duration(time),
            // It reads again because of an unknown kid, which forgets the old one.
            (None, Some(_)) if unseen => "until the first new token".to_owned(),
            (None, Some(_)) => "until it meets an unknown kid".to_owned(),
            (None, None) => "until restarted".to_owned(),
        };
        vec![json!(reader.name), json!(accepts), json!(refuses)]
    });
    Listing { columns: vec!["reader", "accepts_revoked_for", "refuses_new_for"], rows: rows.collect(), name: 0 }
}
