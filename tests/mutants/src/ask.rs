//! Asks the tests about one mutant after the other.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::Mutant;

/// Histories of keys and of thieves take seconds: they are asked where they matter. The tests of the rules are quick and find
/// nearly all; the properties are asked about what is left.
const RULES: [&[&str]; 2] = [&["protocol::"], &["--skip", "protocol::", "--skip", "theft::", "--skip", "schedule::"]];
const SCHEDULE: [&[&str]; 2] = [&["keys::"], &["--skip", "keys::", "schedule::"]];

/// How long a test run may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(240);

/// Whether each was noticed. OUT/outcomes has them all.
pub(crate) fn all<'a>(program: &str, mutants: impl Iterator<Item = &'a Mutant>, out: &str) -> bool {
    for tests in RULES.into_iter().chain(SCHEDULE) {
        assert!(passes(program, tests, 0), "the tests fail as it is: {tests:?}");
    }
    let mut outcomes = File::create(format!("{out}/outcomes")).unwrap();
    let mut all = true;
    for mutant in mutants {
        let tests = if mutant.file.contains("schedule") { SCHEDULE } else { RULES };
        let missed = tests.into_iter().all(|tests| passes(program, tests, mutant.number));
        let line = format!("{}: {}", if missed { "NOT NOTICED" } else { "noticed" }, mutant.name);
        writeln!(outcomes, "{line}").unwrap();
        if missed {
            println!("{line}");
        }
        all &= !missed;
    }
    all
}

fn passes(program: &str, tests: &[&str], broken: usize) -> bool {
    let mut command = Command::new(program);
    command.arg("--quiet").args(tests).env("BROKEN", broken.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().unwrap();
    let begun = Instant::now();
    loop {
        match run.try_wait().unwrap() {
            Some(status) => return status.success(),
            None if begun.elapsed() > PATIENCE => {
                run.kill().unwrap();
                run.wait().unwrap();
                return false;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
