//! The administrators' commands of the built program, against databases of its own and against running dev servers.

mod clients;
mod database;
mod grammar;
mod keys;
mod sessions;
mod tokens;
mod users;

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::command;

/// How a command ended and what it said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// What it printed as JSON, after success.
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        // ECMA-48: every command to a terminal begins with this character.
        assert!(!self.out.contains('\u{1b}') && !self.err.contains('\u{1b}'), "escape codes in a pipe: {self:?}");
        self
    }
}

/// Runs a command to its end; `input` is its whole standard input.
fn run(mut command: Command, args: &[&str], input: &str) -> Said {
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the signet program starts");
    // A command that does not read it has closed it, which is as good.
    drop(child.stdin.take().expect("standard input").write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder to work in; `./data/signet.db` or what its `signet.toml` says.
struct Installation {
    folder: TempDir,
}

impl Installation {
    /// Nothing there yet.
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// With a configuration file and a migrated database.
    fn with(toml: &str) -> Self {
        let installation = Self::empty();
        // The least that Argon2 accepts here: these tests are not about its strength.
        let toml = format!("{toml}\n[passwords]\nmemory = \"8 MiB\"\niterations = 1\n");
        std::fs::write(installation.folder.path().join("signet.toml"), toml).expect("a configuration file");
        let migrated = installation.run(&["db", "migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated:?}");
        installation
    }

    fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, "")
    }

    fn run_with(&self, args: &[&str], input: &str) -> Said {
        run(command(self.folder.path()), args, input)
    }
}
