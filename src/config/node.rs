//! A value as it was written, before it has a meaning: from TOML with its byte range, or as bare text from the
//! environment, a flag or a secret file.

use std::fmt;
use std::ops::Range;

use toml_edit::Item;
use toml_edit::Value as TomlValue;

/// Has no `Debug`: it may be a secret.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) written: Written,
    /// Bytes in the file; absent for values from elsewhere.
    pub(super) range: Option<Range<usize>>,
}

#[derive(Clone)]
pub(super) enum Written {
    /// Text whose type nobody declared; may be read as a number, a boolean or a list.
    Bare(String),
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    /// What no key takes: floats, dates, tables.
    Other(&'static str),
}

impl Node {
    pub(super) fn bare(text: impl Into<String>) -> Self {
        Self { written: Written::Bare(text.into()), range: None }
    }

    pub(super) fn from_item(item: &Item) -> Self {
        match item {
            Item::Value(value) => Self::from_value(value),
            Item::ArrayOfTables(_) => Self { written: Written::Other("a list of tables"), range: item.span() },
            Item::Table(_) | Item::None => Self { written: Written::Other("a table"), range: item.span() },
        }
    }

    pub(super) fn from_value(value: &TomlValue) -> Self {
        let written = match value {
            TomlValue::String(text) => Written::Text(text.value().clone()),
            TomlValue::Integer(number) => Written::Integer(*number.value()),
            TomlValue::Boolean(truth) => Written::Boolean(*truth.value()),
            TomlValue::Array(list) => Written::List(list.iter().map(Self::from_value).collect()),
            TomlValue::Float(_) => Written::Other("a fraction"),
            TomlValue::Datetime(_) => Written::Other("a date"),
            TomlValue::InlineTable(_) => Written::Other("a table"),
        };
        Self { written, range: value.span() }
    }

    /// The text, declared as such or bare.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.written {
            Written::Bare(text) | Written::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list. Bare text is a JSON array when it is in brackets, else separated by commas.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        match &self.written {
            Written::List(nodes) => Some(nodes.clone()),
            Written::Bare(text) if is_json_list(text) => {
                let values: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
                values.into_iter().map(Self::from_json).collect()
            }
            Written::Bare(text) if text.trim().is_empty() => Some(Vec::new()),
            Written::Bare(text) => Some(text.split(',').map(|part| Self::bare(part.trim())).collect()),
            _ => None,
        }
    }

    fn from_json(value: serde_json::Value) -> Option<Self> {
        let written = match value {
            serde_json::Value::String(text) => Written::Text(text),
            serde_json::Value::Bool(truth) => Written::Boolean(truth),
            serde_json::Value::Number(number) => Written::Integer(number.as_i64()?),
            _ => return None,
        };
        Some(Self { written, range: None })
    }
}

/// `[::1]:8080` starts with a bracket too.
fn is_json_list(text: &str) -> bool {
    text.trim_start().starts_with('[') && text.trim_end().ends_with(']')
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.written {
            Written::Bare(text) | Written::Text(text) => write!(f, "{text:?}"),
            Written::Integer(number) => write!(f, "{number}"),
            Written::Boolean(truth) => write!(f, "{truth}"),
            Written::List(_) => f.write_str("a list"),
            Written::Other(what) => f.write_str(what),
        }
    }
}
