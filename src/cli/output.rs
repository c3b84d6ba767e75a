//! How verbs print, and the exit codes they end with.

use std::io;
use std::io::Write;

use clap::Args;
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
    /// One JSON array; one JSON object where there is one thing.
    Json,
    /// One JSON object on each line.
    Jsonl,
    /// The names alone, one on each line.
    Name,
    /// NAME=value lines that a shell can read.
    Env,
}

/// The `--output` flag of a verb.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// Form of what goes to stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Rows with named columns. The column names are the JSON fields.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Json>>,
    /// Which column names the thing.
    pub name: usize,
}

impl Listing {
    /// Prints all rows. `terminal` says whether `out` is one.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn write(&self, output: Output, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        match output {
            Output::Table => self.table(terminal, out),
            Output::Json => writeln!(out, "{}", escaped(&format!("{:#}", Json::Array(self.objects().collect())))),
            Output::Jsonl => self.objects().try_for_each(|object| writeln!(out, "{}", escaped(&object.to_string()))),
            Output::Name => self
                .rows
                .iter()
                .filter_map(|row| row.get(self.name))
                .try_for_each(|name| writeln!(out, "{}", plain(name))),
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
            table.add_row(row.iter().map(cell));
        }
        for line in table.lines() {
            let line = line.trim_end();
            // Every cell is padded by a space on each side, which the first column of a pipe does without.
            writeln!(out, "{}", if terminal { line } else { line.strip_prefix(' ').unwrap_or(line) })?;
        }
        Ok(())
    }
}

/// One thing: fields in order, the first one names it. The field names are those of JSON.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub fields: Vec<(&'static str, Json)>,
}

impl Record {
    /// Prints it.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn write(&self, output: Output, out: &mut impl Write) -> io::Result<()> {
        match output {
            Output::Table => {
                let width = self.fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                self.fields
                    .iter()
                    .try_for_each(|(name, value)| writeln!(out, "{:width$}  {}", name.replace('_', " "), cell(value)))
            }
            Output::Json => writeln!(out, "{}", escaped(&format!("{:#}", self.object()))),
            Output::Jsonl => writeln!(out, "{}", escaped(&self.object().to_string())),
            Output::Name => self.fields.first().map_or(Ok(()), |(_, value)| writeln!(out, "{}", plain(value))),
            Output::Env => self.fields.iter().try_for_each(|(name, value)| writeln!(out, "{}", env_line(name, value))),
        }
    }

    fn object(&self) -> Json {
        Json::Object(self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }
}

/// As people read it: a dash for nothing, spaces between the items of a list.
fn cell(value: &Json) -> String {
    match value {
        Json::Null => "\u{2013}".to_owned(),
        Json::Array(items) if items.is_empty() => "\u{2013}".to_owned(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        other => plain(other),
    }
}

/// Text as it is, nothing as nothing, the rest as JSON; without what could command a terminal.
#[must_use]
pub fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => clean(text),
        Json::Null => String::new(),
        other => clean(&other.to_string()),
    }
}

/// Text without what could command a terminal.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|character| !commands(*character)).collect()
}

/// JSON that means the same and commands no terminal: `serde_json` escapes only what RFC 8259 section 7 says must be.
fn escaped(json: &str) -> String {
    let escape = |character: char| match character {
        // Between members: inside a text it is escaped already.
        '\n' => "\n".to_owned(),
        character if commands(character) => format!("\\u{:04x}", u32::from(character)),
        character => character.to_string(),
    };
    json.chars().map(escape).collect()
}

/// Whether a terminal does something with it instead of showing it.
#[must_use]
pub fn commands(character: char) -> bool {
    character.is_control() || turns_around(character)
}

/// The explicit directional characters of Unicode Bidirectional Algorithm section 2: one column would reorder the rest
/// of its line.
fn turns_around(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    use super::commands;
    use super::env_line;
    use super::escaped;
    use super::plain;
    use serde_json::json;

    fn printed(output: Output, terminal: bool) -> String {
        let listing = Listing {
            columns: vec!["client_id", "secret"],
            rows: vec![vec![json!("web"), json!("it's")], vec![json!("a-long-one"), json!(null)]],
            name: 0,
        };
        let mut out = Vec::new();
        listing.write(output, terminal, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pipe_gets_no_borders() {
        assert_eq!(printed(Output::Table, false), "CLIENT ID   SECRET\nweb         it's\na-long-one  \u{2013}\n");
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
        assert_eq!(plain(&json!("Bank\u{202e}moc.\u{2066}x")), "Bankmoc.x");
        let value = json!({"a\u{9b}\u{7f}": ["\u{202e}\u{1b}\n\"é"]});
        for json in [value.to_string(), format!("{value:#}")] {
            let escaped = escaped(&json);
            assert!(!escaped.chars().any(|character| character != '\n' && commands(character)), "{escaped:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
        }
    }
}
