//! `signet keys rotate`.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::config::show_duration;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::flow::Signet;
use crate::flow::error::FlowError;
use crate::flow::keys_by_hand::RotationPlan;
use crate::keys::schedule;
use crate::keys::schedule::Action;
use crate::keys::schedule::Refused;

use super::Failure;
use super::algorithm;
use super::console::Console;
use super::consumers;
use super::output::Listing;
use super::output::OutputArgs;

#[derive(Debug, Args)]
pub(in crate::cli) struct Rotate {
    /// Only this algorithm; otherwise all that are configured.
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    alg: Option<Algorithm>,
    /// Even when the next key was published so lately that some verifiers may not have seen it. That is the insistence:
    /// it asks nothing, and needs no --yes.
    #[arg(long)]
    now: bool,
    /// Accepted as everywhere; a rotation never asks.
    #[arg(short, long)]
    yes: bool,
    /// Print what would be done. Exit code 5 when it would not be safe yet.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// # Errors
/// Exit code 4 for an algorithm that is not configured, 5 when it would not be safe yet.
pub(super) async fn run(signet: &Arc<Signet>, rotate: &Rotate, console: Console) -> Result<(), Failure> {
    let algorithms = match rotate.alg {
        Some(one) if !signet.config.keys.algorithms.contains(&one) => {
            return Err(Failure::not_found(&format!("{one} is not one of keys.algorithms")));
        }
        Some(one) => vec![one],
        None => signet.config.keys.algorithms.clone(),
    };
    // All or nothing: who rotates two algorithms does not want to be left with one.
    let mut unsafe_yet = Vec::new();
    let mut plan = Vec::new();
    for algorithm in &algorithms {
        match signet.plan_rotation(*algorithm, true).await {
            Err(FlowError::RotationRefused(refused @ Refused::NoNext(_))) => {
                return Err(Failure::refused(&format!("{refused}; a running server makes one within a minute")));
            }
            Err(FlowError::RotationRefused(refused)) => return Err(Failure::refused(&refused.to_string())),
            planned => {
                let planned = planned?;
                unsafe_yet.extend(planned.unsafe_yet.as_ref().map(|refused| too_young(refused, &planned)));
                plan.extend(planned.actions);
            }
        }
    }
    let safe = unsafe_yet.is_empty();
    if rotate.dry_run {
        console.list(&planned(&plan), rotate.output.output)?;
        let readers_agree = ask_readers(signet, &plan, console).await?;
        return match (safe, readers_agree) {
            (true, true) => Ok(()),
            (true, false) => Err(Failure::refused(&"Nothing was changed.")),
            (false, _) => Err(Failure::refused(&explain(&unsafe_yet, "Nothing was changed."))),
        };
    }
    if !safe && !rotate.now {
        return Err(Failure::refused(&explain(&unsafe_yet, MEANING_OF_NOW)));
    }
    ask_readers(signet, &plan, console).await?;
    signet.carry_out(plan.clone()).await?;
    // All nodes switch at the planned instant; then it can be written down.
    tokio::time::sleep(schedule::LEAD_UNPLANNED + Duration::from_millis(50)).await;
    for algorithm in algorithms {
        signet.settle_keys(algorithm).await?;
    }
    check_result(signet, &plan).await?;
    console.list(&planned(&plan), rotate.output.output)?;
    if !safe {
        console.say(&explain(
            &unsafe_yet,
            "--now was said: a verifier that read the keys before refuses new tokens until it reads them again.",
        ));
    }
    console.wrote(&"Rotated. Running servers follow within a second.", &signet.config);
    Ok(())
}

/// Says for each key of the plan what those who read the JWKS here would make of it; whether none would fail.
async fn ask_readers(signet: &Signet, plan: &[Action], console: Console) -> Result<bool, Failure> {
    let (keys, readers, now) = (signet.store.signing_keys().await?, signet.readers().await?, signet.now());
    let mut all_safe = true;
    for action in plan {
        let Action::Plan { kid, .. } = action else { continue };
        let Some(next) = keys.iter().find(|key| key.kid == *kid) else { continue };
        let (words, safe) = consumers::judge(&readers, next, now);
        console.say(&words);
        all_safe &= safe;
    }
    Ok(all_safe)
}

const MEANING_OF_NOW: &str = "Nothing was changed. With --now it signs at once: those refuse new tokens for so long at \
    most. Old tokens stay valid either way.";

/// How young the key is, and for how long which kinds of readers may refuse what it signs.
fn too_young(refused: &Refused, plan: &RotationPlan) -> String {
    let mut text = format!("{refused}. It is published since {}.", show_rounded(plan.published_for));
    for reader in &plan.unaware {
        let time = reader.refuses_new_for().map_or("until it is restarted".to_owned(), show_duration);
        let _ = write!(text, "\n  {}: {time}", reader.name);
    }
    text
}

fn show_rounded(time: Duration) -> String {
    let unit = match time.as_secs() {
        3600.. => 3600,
        60.. => 60,
        _ => 1,
    };
    show_duration(Duration::from_secs(time.as_secs() / unit * unit))
}

fn explain(refused: &[String], then: &str) -> String {
    format!("{}\n{then}", refused.join("\n"))
}

/// A node that was faster makes a plan stale; then nothing was done by it.
async fn check_result(signet: &Signet, plan: &[Action]) -> Result<(), Failure> {
    let keys = signet.store.signing_keys().await?;
    let signs = |kid: &KeyId| keys.iter().any(|key| key.kid == *kid && key.state == KeyState::Active);
    let missed = plan.iter().find_map(|action| match action {
        Action::Plan { kid, .. } if !signs(kid) => Some(kid),
        _ => None,
    });
    match missed {
        None => Ok(()),
        Some(kid) => Err(Failure::failed(&format!(
            "{kid} does not sign: another node changed the keys at the same time. Look at `signet keys list`, then try again"
        ))),
    }
}

/// A plan, one step in each row.
fn planned(plan: &[Action]) -> Listing {
    let mut rows = Vec::new();
    for action in plan {
        let Action::Plan { kid, retire, at, leaves_at } = action else { continue };
        rows.push(vec![json!("sign"), json!(kid.as_str()), json!(at.to_string())]);
        if let Some(old) = retire {
            rows.push(vec![json!("retire"), json!(old.as_str()), json!(at.to_string())]);
            rows.push(vec![json!("leave_jwks"), json!(old.as_str()), json!(leaves_at.to_string())]);
        }
    }
    Listing { columns: vec!["step", "kid", "at"], rows, name: 1 }
}
