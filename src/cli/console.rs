//! Where a command talks: data to stdout, prose to stderr, questions to whoever sits at the terminal.

use std::fmt;
use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;

use crate::config::Config;
use crate::crypto::password;
use crate::domain::secret::Secret;

use super::Failure;
use super::output::Listing;
use super::output::Output;
use super::output::Record;

/// The streams of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    /// Whether stdout is a terminal.
    terminal: bool,
    /// Whether somebody can be asked.
    attended: bool,
}

impl Console {
    #[must_use]
    pub(super) fn of_process() -> Self {
        Self { terminal: io::stdout().is_terminal(), attended: io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// Whether what is printed on stdout goes to somebody's eyes.
    #[must_use]
    pub(super) const fn shows_to_a_person(self) -> bool {
        self.terminal
    }

    /// Prints rows on stdout.
    ///
    /// # Errors
    /// When stdout cannot be written to.
    pub(super) fn list(self, listing: &Listing, output: Output) -> Result<(), Failure> {
        unless_closed(listing.write(output, self.terminal, &mut io::stdout().lock()))
    }

    /// Prints one thing on stdout.
    ///
    /// # Errors
    /// When stdout cannot be written to.
    pub(super) fn show(self, record: &Record, output: Output) -> Result<(), Failure> {
        let _ = self;
        unless_closed(record.write(output, &mut io::stdout().lock()))
    }

    /// Prints text on stdout as it is.
    ///
    /// # Errors
    /// When stdout cannot be written to.
    pub(super) fn print(self, text: &impl fmt::Display) -> Result<(), Failure> {
        let _ = self;
        unless_closed(writeln!(io::stdout().lock(), "{text}"))
    }

    /// Prose, on stderr. Nobody may be reading it, which changes nothing.
    pub(super) fn say(self, text: &impl fmt::Display) {
        let _ = self;
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// What was done, and to which database.
    pub(super) fn wrote(self, text: &impl fmt::Display, config: &Config) {
        self.say(&format!("{text}\nDatabase: {}", config.database.url));
    }

    /// Before something is destroyed: says what will break and wants `name` typed. `yes` answers beforehand.
    ///
    /// # Errors
    /// Exit code 5 when somebody typed something else, or nobody is there to ask.
    pub(super) fn confirm(self, harm: &str, name: &str, yes: bool) -> Result<(), Failure> {
        self.say(&harm);
        if yes {
            return Ok(());
        }
        if !self.attended {
            return Err(Failure::refused(&"Nothing was changed: say --yes, or run this at a terminal"));
        }
        let _ = write!(io::stderr().lock(), "Type {name} to go on: ");
        let mut typed = String::new();
        io::stdin().lock().read_line(&mut typed)?;
        if typed.trim() == name {
            return Ok(());
        }
        Err(Failure::refused(&"Nothing was changed"))
    }

    /// A new password: from standard input, or asked for twice without echo.
    ///
    /// # Errors
    /// Exit code 2 when there is nobody to ask and standard input was not offered, 5 when it breaks a rule.
    pub(super) fn new_password(self, from_stdin: bool, config: &Config) -> Result<Secret, Failure> {
        let secret = if from_stdin {
            read_line_of_stdin(password::MAX_LENGTH)?
        } else if self.attended {
            let first = Secret::new(rpassword::prompt_password("Password: ")?);
            let second = Secret::new(rpassword::prompt_password("Again: ")?);
            if first.reveal() != second.reveal() {
                return Err(Failure::failed(&"The two passwords differ; nothing was changed"));
            }
            first
        } else {
            return Err(Failure::usage(&"There is no terminal to ask at: give the password with --password-stdin"));
        };
        let least = usize::try_from(config.passwords.min_length).unwrap_or(usize::MAX);
        if secret.reveal().chars().count() < least {
            return Err(Failure::refused(&format!(
                "A password has at least {least} characters (passwords.min_length)"
            )));
        }
        if secret.reveal().len() > password::MAX_LENGTH {
            return Err(Failure::refused(&format!("A password has at most {} bytes", password::MAX_LENGTH)));
        }
        Ok(secret)
    }
}

/// All of standard input but the line end that `echo` adds. A little more than `most` bytes are read, so that a longer
/// text shows as one.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub(super) fn read_line_of_stdin(most: usize) -> Result<Secret, Failure> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(3);
    let mut text = String::new();
    io::stdin().lock().take(limit).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

/// `signet keys list | head -1` is not a failure.
fn unless_closed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// `1 session`, `2 sessions`.
#[must_use]
pub(super) fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
