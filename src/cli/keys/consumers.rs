//! `signet keys consumers`.

use serde_json::json;

use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::flow::Signet;
use crate::flow::readers;
use crate::flow::readers::Verdict;
use crate::keys::readers::Habits;
use crate::keys::readers::Until;
use crate::store::reader::Reader;

use super::Failure;
use super::console::Console;
use super::output::Listing;
use super::output::OutputArgs;

/// Prints who has read the JWKS, the latest first.
///
/// # Errors
/// [`Failure`] when the database does not answer.
pub(super) async fn run(signet: &Signet, output: OutputArgs, console: Console) -> Result<(), Failure> {
    let now = signet.now();
    let keys = signet.store.signing_keys().await?;
    let next: Vec<_> = keys.iter().filter(|key| key.state == KeyState::Next).collect();
    let all = signet.readers().await?;
    let rows = all.iter().map(|reader| {
        let unseen: Vec<&str> = keys
            .iter()
            .filter(|key| key.state.is_published() && !readers::has_seen(reader, key))
            .map(|key| key.kid.as_str())
            .collect();
        let fails = next.iter().map(|next| readers::would_fail(reader, next, now)).max().unwrap_or(Until::Now);
        vec![
            json!(reader.agent),
            json!(reader.address),
            json!(Habits::of(&reader.agent).name),
            json!(reader.fetches),
            json!(reader.first_at.to_string()),
            json!(reader.last_at.to_string()),
            json!(next.iter().all(|next| readers::has_seen(reader, next))),
            json!(unseen),
            if fails == Until::Now { json!(null) } else { json!(fails.to_string()) },
        ]
    });
    let columns = vec![
        "agent",
        "address",
        "kind",
        "fetches",
        "first_fetch",
        "last_fetch",
        "seen_next",
        "unseen",
        "rotation_now_fails_until",
    ];
    console.list(&Listing { columns, rows: rows.collect(), name: 0 }, output.output)?;
    for next in next {
        console.say(&judge(&all, next, now).0);
    }
    Ok(())
}

/// What a rotation to `next` would mean to the readers, in words, and whether it is safe.
#[must_use]
pub(super) fn judge(all: &[Reader], next: &SigningKey, now: Timestamp) -> (String, bool) {
    let kid = &next.kid;
    match readers::verdict(all, next, now) {
        Verdict::Safe => (format!("{kid}: signing now would be safe for every reader known here."), true),
        Verdict::WouldFail { reader, until } => (
            format!("{kid}: if it signed now, {} of {} would fail until {until}.", reader.agent, reader.address),
            false,
        ),
    }
}
