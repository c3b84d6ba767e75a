//! `signet keys pause | resume`.

use std::time::Duration;

use clap::Args;

use crate::config::parse_duration;
use crate::domain::time::Timestamp;
use crate::flow::Signet;

use super::Failure;
use super::console::Console;

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Pause {
    /// Until this instant, as in 2026-12-24T18:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// For so long, as in 14d or 12h.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
}

/// # Errors
/// Exit code 2 for an instant that is over, 3 when it is paused until then already.
pub(super) async fn run(signet: &Signet, args: &Pause, console: Console) -> Result<(), Failure> {
    let now = signet.now();
    let until = args.until.unwrap_or_else(|| now.plus(args.duration.unwrap_or_default()));
    if until <= now {
        return Err(Failure::usage(&format!("{until} is over: nothing would be paused")));
    }
    if signet.keys_paused_until().await? == Some(until) {
        return Err(Failure::unchanged(&format!("The schedule is paused until {until} already")));
    }
    let planned = signet.pause_keys(until).await?;
    for (kid, at) in planned {
        if at > now {
            console.say(&format!("{kid} was planned before and will sign from {at} all the same."));
        }
    }
    console.wrote(
        &format!("Paused: no rotation is planned before {until}. `keys rotate` and `keys revoke` work as ever."),
        &signet.config,
    );
    Ok(())
}

/// # Errors
/// Exit code 3 when nothing is paused.
pub(super) async fn resume(signet: &Signet, console: Console) -> Result<(), Failure> {
    if signet.keys_paused_until().await?.is_none() {
        return Err(Failure::unchanged(&"The schedule is not paused"));
    }
    signet.resume_keys().await?;
    console.wrote(&"Resumed: the schedule plans rotations again.", &signet.config);
    Ok(())
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "an instant with an offset, as in 2026-12-24T18:00:00Z".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a duration above zero, as in 14d, 12h or 1h30m".to_owned())
}
