//! What each operation costs the server, beside a floor measured in the same run.
//!
//! ```text
//! cargo bench --bench load                          everything, some five minutes; rewrites docs/performance.md
//! cargo bench --bench load -- --no-write            only prints
//! cargo bench --bench load -- --seconds 2 --rounds 1
//! ```
//!
//! Servers run on core 0, this driver on core 1. What the figures mean is in docs/performance.md.

#![expect(clippy::cast_precision_loss, reason = "figures are rounded to a few digits")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock: it measures time")]

mod drive;
mod figures;
mod floor;
mod process;
mod report;
mod site;
mod steps;
mod wire;
mod writes;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

/// Whatever goes wrong ends the run: half a set of figures is none.
pub(crate) type Fault = Box<dyn std::error::Error>;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Length of one measurement.
    pub(crate) window: Duration,
    /// How often each is repeated; the median counts.
    pub(crate) rounds: usize,
    /// Keep-alive connections, each with one request under way.
    pub(crate) connections: usize,
    /// Starts of the server, from exec to ready.
    pub(crate) starts: usize,
    pub(crate) write: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [floor, sizes @ ..] = arguments.as_slice()
        && floor == floor::COMMAND
    {
        return finish(floor::run(sizes));
    }
    // `cargo test --all-targets` starts benchmarks too, without this flag; a test run has no minutes to give.
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("load: run it with `cargo bench --bench load`");
        return ExitCode::SUCCESS;
    }
    finish(plan(&arguments).and_then(run))
}

fn finish(outcome: Result<(), Fault>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("load: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn plan(arguments: &[String]) -> Result<Plan, Fault> {
    let mut plan = Plan { window: Duration::from_secs(4), rounds: 3, connections: 16, starts: 9, write: true };
    let mut rest = arguments.iter().filter(|argument| *argument != "--bench");
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<u16, Fault> {
            let value = rest.next().and_then(|value| value.parse::<u16>().ok()).filter(|value| *value > 0);
            value.ok_or_else(|| format!("{argument} wants a number").into())
        };
        match argument.as_str() {
            "--seconds" => plan.window = Duration::from_secs(number()?.min(60).into()),
            "--rounds" => plan.rounds = number()?.min(20).into(),
            "--connections" => plan.connections = number()?.min(256).into(),
            "--starts" => plan.starts = number()?.min(50).into(),
            "--no-write" => plan.write = false,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    Ok(plan)
}

fn run(plan: Plan) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(figures::take(plan))?;
    let text = report::markdown(&figures);
    println!("{text}");
    // Figures of an unoptimised build say nothing; they must not end up in the document.
    if cfg!(debug_assertions) {
        eprintln!("load: unoptimised build, docs/performance.md left as it is");
    } else if plan.write {
        report::put(&text)?;
        eprintln!("load: written to docs/performance.md");
    }
    Ok(())
}
