//! `signet tokens inspect`: what an API would say to a token.

use std::fmt;
use std::io;
use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use serde_json::Value as Json;
use serde_json::json;

use crate::ambient::Clock;
use crate::ambient::SystemClock;
use crate::cli::Failure;
use crate::cli::console::Console;
use crate::cli::open;
use crate::cli::open::Selection;
use crate::cli::output::Output;
use crate::cli::output::OutputArgs;
use crate::cli::output::Record;
use crate::cli::output::clean;
use crate::cli::output::plain;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::flow::inspect;
use crate::flow::inspect::Expected;
use crate::flow::inspect::Fault;
use crate::flow::inspect::Inspection;
use crate::flow::inspect::Signature;

#[derive(Args)]
pub(in crate::cli) struct Inspect {
    /// The token; better "-" for standard input, because others on this machine can read arguments.
    #[arg(value_parser = super::secret)]
    token: Option<Secret>,
    /// What the API calls itself; otherwise any audience will do.
    #[arg(long)]
    audience: Option<String>,
    /// Whom the API trusts; otherwise the issuer of this installation.
    #[arg(long)]
    issuer: Option<String>,
    /// What the API wants the token to be good for; otherwise nothing.
    #[arg(long, value_parser = Scope::parse)]
    scope: Option<Scope>,
    #[command(flatten)]
    output: OutputArgs,
}

impl fmt::Debug for Inspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspect")
            .field("audience", &self.audience)
            .field("issuer", &self.issuer)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// # Errors
/// Exit code 1 when the token is not good, and as `open::existing` for an installation that was named.
pub(super) async fn run(args: &Inspect, selection: &Selection, console: Console) -> Result<(), Failure> {
    let token = token(args)?;
    let expected = Expected {
        issuer: args.issuer.clone(),
        audience: args.audience.clone(),
        scope: args.scope.clone().unwrap_or_default(),
    };
    let (seen, now) = match open::existing(selection).await {
        Ok(signet) => (signet.inspect_token(token.reveal(), &expected).await?, signet.now()),
        // Nobody said which installation, and there is none: then the token alone has to do.
        Err(failure) if !selection.is_explicit() && failure.code == crate::cli::output::UNAVAILABLE => {
            let now = Timestamp::from_micros(SystemClock::new().unix_micros());
            (inspect::unverified(token.reveal(), &expected, now), now)
        }
        Err(failure) => return Err(failure),
    };
    match args.output.output {
        Output::Table => console.print(&report(&seen, &expected, now))?,
        other => console.show(&record(&seen), other)?,
    }
    match &seen.fault {
        None => Ok(()),
        Some(Fault::Unchecked) => Err(Failure::failed(
            &"Nobody knows what an API answers: no installation was found. --dev or --config FILE names one.",
        )),
        Some(fault) => Err(Failure::failed(&verdict(&seen, fault))),
    }
}

fn verdict(seen: &Inspection, reason: &impl fmt::Display) -> String {
    // It repeats what stands in the token.
    let reason = clean(&reason.to_string());
    match seen.status() {
        Some(status) => format!("An API answers {status}: {reason}"),
        None => format!("Nobody knows what an API answers: {reason}"),
    }
}

fn token(args: &Inspect) -> Result<Secret, Failure> {
    match &args.token {
        Some(token) => super::given(token),
        None if io::stdin().is_terminal() => {
            Err(Failure::usage(&"Give the token by standard input: signet tokens get --dev | signet tokens inspect -"))
        }
        None => super::given(&Secret::new("-")),
    }
}

fn record(seen: &Inspection) -> Record {
    let signature = match seen.signature {
        Signature::Valid(_) => "valid",
        Signature::Invalid => "invalid",
        Signature::Unchecked => "unchecked",
    };
    Record {
        fields: vec![
            ("accepted", json!(seen.fault.is_none())),
            ("status", json!(seen.status())),
            ("problem", json!(seen.fault.as_ref().map(Fault::code))),
            ("message", json!(seen.fault.as_ref().map(ToString::to_string))),
            ("signature", json!(signature)),
            ("header", Json::Object(seen.header.clone())),
            ("claims", Json::Object(seen.claims.clone())),
        ],
    }
}

/// What a person wants to know, one line for each.
fn report(seen: &Inspection, expected: &Expected, now: Timestamp) -> String {
    let mut lines = Vec::new();
    if !seen.header.is_empty() {
        let header = |name: &str| seen.header.get(name).map(plain).unwrap_or_default();
        lines.push((TYPE.to_owned(), kind(&header("typ"))));
        let (mark, state) = match seen.signature {
            Signature::Valid(state) => (GOOD, format!(" ({})", state.as_str())),
            Signature::Invalid => (BAD, String::new()),
            Signature::Unchecked => ("?", " (not checked)".to_owned()),
        };
        lines.push((SIGNATURE.to_owned(), format!("{mark} {}, kid {}{state}", header("alg"), header("kid"))));
    }
    let order = ["iss", "sub", "aud", "client_id", "scope", "iat", "nbf", "exp", "auth_time"];
    let rest = seen.claims.keys().map(String::as_str).filter(|name| !order.contains(name));
    for name in order.into_iter().chain(rest) {
        if let Some(value) = seen.claims.get(name) {
            lines.push((name_of_claim(name), claim(name, value, seen, expected, now)));
        }
    }
    let verdict = match &seen.fault {
        None if expected.audience.is_none() => {
            format!("{GOOD} {}", verdict(seen, &"it is good, if the audience is the API's own"))
        }
        None => format!("{GOOD} {}", verdict(seen, &"it is good")),
        Some(fault) => format!("{BAD} {}", verdict(seen, fault)),
    };
    lines.push((VERDICT.to_owned(), verdict));
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

/// The names of our own lines.
const TYPE: &str = "type";
const SIGNATURE: &str = "signature";
const VERDICT: &str = "verdict";

/// Longer names of claims are cut, in characters.
const LONGEST_NAME: usize = 48;

/// Whoever made the token chose the name. It is quoted when it could pass for a line of ours, or for none.
fn name_of_claim(name: &str) -> String {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/#".contains(&byte);
    let own = [TYPE, SIGNATURE, VERDICT].contains(&name);
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(usual) && !own {
        return name.to_owned();
    }
    let quoted = format!("{name:?}");
    match quoted.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}\u{2026}", quoted.get(..end).unwrap_or_default()),
        None => quoted,
    }
}

const GOOD: &str = "\u{2713}";
const BAD: &str = "\u{2717}";

fn kind(typ: &str) -> String {
    match typ {
        "at+jwt" | "application/at+jwt" => format!("access token ({typ})"),
        "JWT" => format!("ID token ({typ})"),
        "logout+jwt" => format!("logout token ({typ})"),
        "" => "unknown (no typ)".to_owned(),
        other => format!("unknown ({other})"),
    }
}

fn claim(name: &str, value: &Json, seen: &Inspection, expected: &Expected, now: Timestamp) -> String {
    let shown = match value {
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => plain(other),
    };
    let wrong = |code: &str| seen.fault.as_ref().is_some_and(|fault| fault.code() == code);
    let checked = matches!(seen.signature, Signature::Valid(_));
    match name {
        "iss" if wrong("issuer") => format!("{shown}  {BAD}"),
        "iss" if checked => format!("{shown}  {GOOD}"),
        "aud" if wrong("audience") => format!("{shown}  {BAD}"),
        "aud" if expected.audience.is_none() => format!("{shown}  (not compared: say --audience)"),
        "sub" => match &seen.email {
            Some(email) => format!("{shown}  {email}"),
            None => shown,
        },
        "iat" | "nbf" | "exp" | "auth_time" => match value.as_i64() {
            Some(seconds) => moment(Timestamp::from_seconds(seconds), now),
            None => shown,
        },
        _ => shown,
    }
}

/// `2026-11-22T12:00:00Z (in 4 min 58 s)`
fn moment(time: Timestamp, now: Timestamp) -> String {
    // Both to the second, as the claims are.
    let now = Timestamp::from_seconds(now.seconds());
    if time > now {
        format!("{time} (in {})", words(time.since(now)))
    } else {
        format!("{time} ({} ago)", words(now.since(time)))
    }
}

/// The two largest units.
fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<String> = units
        .iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::moment;
    use super::words;
    use crate::domain::time::Timestamp;
    use std::time::Duration;

    #[test]
    fn times_are_said_in_words() {
        let said = |seconds| words(Duration::from_secs(seconds));
        let expected = ["0 s", "59 s", "4 min 58 s", "1 h", "2 d 1 h"];
        assert_eq!([0, 59, 298, 3_600, 176_460].map(said), expected);
        let now = Timestamp::from_micros(1_795_348_800_900_000);
        assert_eq!(moment(Timestamp::from_seconds(1_795_348_798), now), "2026-11-22T11:59:58Z (2 s ago)");
        assert_eq!(moment(Timestamp::from_seconds(1_795_348_860), now), "2026-11-22T12:01:00Z (in 1 min)");
    }
}
