//! What is wrong with a configuration, where, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Every fault of one run, in the order of the file, then of the environment.
#[derive(Debug, Clone, thiserror::Error)]
pub struct ConfigErrors {
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong, or (as a warning) unwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    /// One sentence: the key, the value unless it is a secret, what is allowed.
    pub message: String,
    /// The line of the file with a caret under it; absent where it could show a secret.
    pub excerpt: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    File {
        path: PathBuf,
        at: Option<Position>,
    },
    Env {
        name: String,
    },
    Flag {
        path: String,
    },
    /// The configuration as a whole: a value that nobody gave, or several that do not fit together.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("configuration"),
            Self::File { path, at: Some(at) } => write!(f, "{}:{}:{}", path.display(), at.line, at.column),
            Self::File { path, at: None } => write!(f, "{}", path.display()),
            Self::Env { name } => write!(f, "environment: {name}"),
            // The message names the key; which flag it came from is not known here.
            Self::Flag { .. } => f.write_str("command line"),
        }
    }
}

/// Line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// The text of the configuration file, for turning byte ranges into lines and columns.
pub(super) struct SourceText {
    pub(super) path: PathBuf,
    text: String,
}

/// How much of a line an excerpt may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Line,
    /// Up to the end of the range: what follows an unknown key may be a misspelt secret.
    UpToRange,
    Nothing,
}

impl SourceText {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Position { line, column }
    }

    pub(super) fn fault(&self, range: Option<Range<usize>>, show: Show, message: String) -> Fault {
        let at = range.as_ref().map(|range| self.position(range.start));
        let excerpt = range.and_then(|range| self.excerpt(&range, show));
        Fault { place: Place::File { path: self.path.clone(), at }, message, excerpt }
    }

    fn excerpt(&self, range: &Range<usize>, show: Show) -> Option<String> {
        let Position { line, column } = self.position(range.start);
        let whole = self.text.lines().nth(line - 1)?;
        let marked = self.text.get(range.clone())?.lines().next().unwrap_or("").chars().count().max(1);
        let shown = match show {
            Show::Nothing => return None,
            Show::UpToRange => whole.chars().take(column - 1 + marked).collect(),
            Show::Line if may_hold_secret(whole) => return None,
            Show::Line => whole.to_owned(),
        };
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let indent = " ".repeat(column - 1);
        let carets = "^".repeat(marked);
        Some(format!("{number} | {shown}\n{gutter} | {indent}{carets}"))
    }
}

/// Whether a line of the file is better not repeated on a terminal or in a log.
fn may_hold_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["secret", "password", "master_key", "url"].iter().any(|word| line.contains(word))
        || (line.contains("://") && line.contains('@'))
}
