//! What each operation costs the server, beside a floor measured in the same run.
//!
//! ```text
//! ./bench                         builds the program as it is shipped, starts a PostgreSQL, rewrites docs/performance.md
//! ./bench --no-write              only prints
//! ./bench --people 1000000        once more with so many people, and ten times as many refresh families
//! ./bench --seconds 2 --rounds 1
//! ```
//!
//! Servers run on core 0, this driver on core 1. What the figures mean is in docs/performance.md.

#![expect(clippy::cast_precision_loss, reason = "figures are rounded to a few digits")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock: it measures time")]

mod crowd;
mod drive;
mod figures;
mod floor;
mod limits;
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
#[derive(Debug, Clone)]
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
    /// More people in the database for the second half; 0 for no second half.
    pub(crate) crowd: u64,
    pub(crate) postgres: Option<Postgres>,
}

/// A server with an empty database.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pub(crate) url: String,
    /// Its first process, whose CPU time and whose children's is its own.
    pub(crate) postmaster: u32,
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
        eprintln!("load: run it with `./bench`");
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
    let mut plan = Plan {
        window: Duration::from_secs(4),
        rounds: 3,
        connections: 16,
        starts: 9,
        write: true,
        crowd: 0,
        postgres: None,
    };
    let mut rest = arguments.iter().filter(|argument| *argument != "--bench");
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{argument} wants a value"));
        let number = |value: &String, most: u32| -> Result<u32, Fault> {
            let number = value.parse::<u32>().ok().filter(|number| *number > 0 && *number <= most);
            number.ok_or_else(|| format!("{argument} wants a number of at most {most}").into())
        };
        match argument.as_str() {
            "--seconds" => plan.window = Duration::from_secs(number(value()?, 60)?.into()),
            "--rounds" => plan.rounds = number(value()?, 20)?.try_into()?,
            "--connections" => plan.connections = number(value()?, 250)?.try_into()?,
            "--starts" => plan.starts = number(value()?, 50)?.try_into()?,
            "--people" => plan.crowd = number(value()?, 10_000_000)?.into(),
            "--postgres" => {
                let url = value()?.clone();
                plan.postgres = Some(Postgres { url, postmaster: number(value()?, u32::MAX)? });
            }
            "--no-write" => plan.write = false,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    Ok(plan)
}

fn run(plan: Plan) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let write = plan.write;
    let figures = runtime.block_on(figures::take(plan))?;
    let text = report::markdown(&figures);
    println!("{text}");
    // Figures of an unoptimised build say nothing; they must not end up in the document.
    if cfg!(debug_assertions) {
        eprintln!("load: unoptimised build, docs/performance.md left as it is");
    } else if write {
        report::put(&text)?;
        eprintln!("load: written to docs/performance.md");
    }
    Ok(())
}
