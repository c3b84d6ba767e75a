//! How verbs print, and the exit codes they end with.

use std::io;
use std::io::Write;

use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets;
use serde_json::Map;
use serde_json::Value as Json;

/// Done.
pub const OK: u8 = 0;
/// It did not work.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// There was nothing to change.
pub const UNCHANGED: u8 = 3;
/// What was named does not exist.
pub const NOT_FOUND: u8 = 4;
/// A safety rule forbids it.
pub const REFUSED: u8 = 5;
/// `EX_UNAVAILABLE` of sysexits: server or database cannot be reached.
pub const UNAVAILABLE: u8 = 69;
/// `EX_CONFIG` of sysexits: the configuration is wrong.
pub const CONFIGURATION: u8 = 78;

/// The form of what a verb prints on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people; without borders when stdout is not a terminal.
    #[default]
    Table,
    /// One JSON array.
    Json,
    /// One JSON object on each line.
    Jsonl,
    /// The first column alone, one on each line.
    Name,
    /// NAME=value lines that a shell can read.
    Env,
}

/// Rows with named columns; the first one names the thing. The column names are the JSON fields.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Json>>,
}

impl Listing {
    /// Prints all rows. `terminal` says whether `out` is one.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn write(&self, output: Output, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        match output {
            Output::Table => self.table(terminal, out),
            Output::Json => writeln!(out, "{:#}", Json::Array(self.objects().collect())),
            Output::Jsonl => self.objects().try_for_each(|object| writeln!(out, "{object}")),
            Output::Name => {
                self.rows.iter().filter_map(|row| row.first()).try_for_each(|name| writeln!(out, "{}", plain(name)))
            }
            Output::Env => {
                let pairs = self.rows.iter().flat_map(|row| self.columns.iter().zip(row));
                pairs.map(|(column, value)| env_line(column, value)).try_for_each(|line| writeln!(out, "{line}"))
            }
        }
    }

    fn objects(&self) -> impl Iterator<Item = Json> {
        self.rows.iter().map(|row| {
            let fields = self.columns.iter().map(|column| (*column).to_owned()).zip(row.iter().cloned());
            Json::Object(fields.collect::<Map<_, _>>())
        })
    }

    fn table(&self, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(if terminal { presets::UTF8_HORIZONTAL_ONLY } else { presets::NOTHING });
        table.set_header(self.columns.iter().map(|column| column.to_uppercase().replace('_', " ")));
        for row in &self.rows {
            table.add_row(row.iter().map(plain));
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Text as it is, nothing as nothing, the rest as JSON. Control characters could command a terminal, so they go.
#[must_use]
pub fn plain(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    text.chars().filter(|character| !character.is_control()).collect()
}

/// `NAME='value'` for a shell: the name in capitals, the value in single quotes where it needs them.
#[must_use]
pub fn env_line(name: &str, value: &Json) -> String {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let value = plain(value);
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte);
    if value.bytes().all(safe) {
        format!("{name}={value}")
    } else {
        format!("{name}='{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;
    use super::Output;
    use super::env_line;
    use serde_json::json;

    fn printed(output: Output, terminal: bool) -> String {
        let listing = Listing {
            columns: vec!["client_id", "secret"],
            rows: vec![vec![json!("web"), json!("it's")], vec![json!("a-long-one"), json!(null)]],
        };
        let mut out = Vec::new();
        listing.write(output, terminal, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pipe_gets_no_borders() {
        assert_eq!(printed(Output::Table, false), " CLIENT ID   SECRET\n web         it's\n a-long-one\n");
        assert!(printed(Output::Table, true).contains('═'));
    }

    #[test]
    fn machine_forms() {
        assert_eq!(printed(Output::Name, false), "web\na-long-one\n");
        assert_eq!(printed(Output::Env, false), "CLIENT_ID=web\nSECRET='it'\\''s'\nCLIENT_ID=a-long-one\nSECRET=\n");
        assert_eq!(printed(Output::Jsonl, false).lines().count(), 2);
        let parsed: serde_json::Value = serde_json::from_str(&printed(Output::Json, false)).unwrap();
        assert_eq!(parsed[1], json!({"client_id": "a-long-one", "secret": null}));
    }

    #[test]
    fn nothing_commands_a_terminal_or_a_shell() {
        assert_eq!(env_line("name", &json!("a\u{1b}[2Jb")), "NAME='a[2Jb'");
        assert_eq!(env_line("name", &json!("$(x)")), "NAME='$(x)'");
    }
}
