//! From what was written to a type that cannot be wrong.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;
use serde_json::json;

use super::node::Node;
use super::node::Written;
use super::text::parse_duration;
use super::text::parse_size;
use super::text::show_duration;
use super::text::show_size;
use crate::domain::secret::Secret;

/// A type that a key can have.
pub(super) trait Value: Sized {
    /// Whether the value is kept out of messages and may come from a file of its own (`..._file`).
    const SECRET: bool = false;

    /// What is allowed, to go on after "must be".
    fn expected() -> String;

    /// JSON Schema 2020-12 of the TOML form.
    fn schema() -> Json {
        json!({ "type": "string" })
    }

    fn read(node: &Node) -> Result<Self, Refusal>;

    /// What the key is when nobody gave it and it has no default; nothing when it has to be given.
    fn absent() -> Option<Self> {
        None
    }

    /// The value as `config show` prints it; secrets masked.
    fn show(&self) -> Json;
}

/// A value that the type of its key does not have.
pub(super) struct Refusal {
    pub(super) value: String,
    pub(super) expected: String,
    pub(super) range: Option<Range<usize>>,
}

impl Refusal {
    pub(super) fn of(node: &Node, expected: impl Into<String>) -> Self {
        Self { value: node.to_string(), expected: expected.into(), range: node.range.clone() }
    }
}

/// Reads a node that must be text.
pub(super) fn text<T: Value>(node: &Node) -> Result<&str, Refusal> {
    node.text().ok_or_else(|| Refusal::of(node, T::expected()))
}

/// Reads a node that must be text of a form.
pub(super) fn parsed<T: Value>(node: &Node, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Refusal> {
    parse(text::<T>(node)?).ok_or_else(|| Refusal::of(node, T::expected()))
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// For bounds of buffers.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Value for Size {
    fn expected() -> String {
        "a size such as \"64 KiB\" (B, KiB, MiB, GiB)".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$" })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| parse_size(text).map(Self))
    }
    fn show(&self) -> Json {
        json!(show_size(self.0))
    }
}

impl Value for Duration {
    fn expected() -> String {
        "a duration such as \"90d\", \"10m\" or \"250ms\" (d, h, m, s, ms)".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(0|([0-9]+(d|h|m|s|ms))+)$" })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, parse_duration)
    }
    fn show(&self) -> Json {
        json!(show_duration(*self))
    }
}

impl Value for String {
    fn expected() -> String {
        "text".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        let text = text::<Self>(node)?;
        if text.chars().any(char::is_control) {
            return Err(Refusal::of(node, "text without control characters"));
        }
        Ok(text.to_owned())
    }
    fn show(&self) -> Json {
        json!(self)
    }
}

impl Value for PathBuf {
    fn expected() -> String {
        "a path".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| (!text.is_empty() && !text.contains('\0')).then(|| Self::from(text)))
    }
    fn show(&self) -> Json {
        json!(self.display().to_string())
    }
}

impl Value for SocketAddr {
    fn expected() -> String {
        "an address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\"".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| text.parse().ok())
    }
    fn show(&self) -> Json {
        json!(self.to_string())
    }
}

impl Value for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        match &node.written {
            Written::Boolean(truth) => Ok(*truth),
            Written::Bare(text) if text == "true" => Ok(true),
            Written::Bare(text) if text == "false" => Ok(false),
            _ => Err(Refusal::of(node, Self::expected())),
        }
    }
    fn show(&self) -> Json {
        json!(self)
    }
}

impl Value for u32 {
    fn expected() -> String {
        "a whole number, 0 or more".to_owned()
    }
    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0 })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        let number = match &node.written {
            Written::Integer(number) => Self::try_from(*number).ok(),
            Written::Bare(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| Refusal::of(node, Self::expected()))
    }
    fn show(&self) -> Json {
        json!(self)
    }
}

impl Value for Secret {
    const SECRET: bool = true;
    fn expected() -> String {
        "text that is not empty".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| (!text.is_empty()).then(|| Self::new(text)))
    }
    fn show(&self) -> Json {
        json!("***")
    }
}

impl<T: Value> Value for Option<T> {
    const SECRET: bool = T::SECRET;
    fn expected() -> String {
        T::expected()
    }
    fn schema() -> Json {
        T::schema()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        T::read(node).map(Some)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn show(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::show)
    }
}

impl<T: Value> Value for Vec<T> {
    const SECRET: bool = T::SECRET;
    fn expected() -> String {
        format!("a list; each element is {}", T::expected())
    }
    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        let nodes = node.list().ok_or_else(|| Refusal::of(node, Self::expected()))?;
        nodes.iter().map(T::read).collect()
    }
    fn show(&self) -> Json {
        Json::Array(self.iter().map(T::show).collect())
    }
}

/// Implements [`Value`] for what is one text: what it should look like, how it is read, and what is shown of it.
macro_rules! written {
    ($type:ty: $expected:literal, $read:expr, $show:expr) => {
        impl $crate::config::value::Value for $type {
            fn expected() -> String {
                $expected.to_owned()
            }
            fn read(node: &$crate::config::node::Node) -> Result<Self, $crate::config::value::Refusal> {
                $crate::config::value::parsed(node, $read)
            }
            fn show(&self) -> serde_json::Value {
                let show: fn(&Self) -> String = $show;
                show(self).into()
            }
        }
    };
}
pub(super) use written;

/// Implements [`Value`] for an enum with one text for each variant.
macro_rules! choice {
    ($type:ty: $($text:literal => $variant:path),+ $(,)?) => {
        impl $crate::config::value::Value for $type {
            fn expected() -> String {
                concat!("one of", $(" \"", $text, "\""),+).to_owned()
            }
            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($text),+] })
            }
            fn read(node: &$crate::config::node::Node) -> Result<Self, $crate::config::value::Refusal> {
                $crate::config::value::parsed(node, |text| match text {
                    $($text => Some($variant),)+
                    _ => None,
                })
            }
            fn show(&self) -> serde_json::Value {
                match self {
                    $($variant => serde_json::json!($text),)+
                }
            }
        }
    };
}
pub(super) use choice;

/// Bounds of a key, ends included.
#[derive(Debug)]
pub(super) struct Between<T>(pub(super) T, pub(super) T);

/// A rule of one key beyond its type.
pub(super) trait Rule<T> {
    fn accepts(&self, value: &T) -> bool;
    fn allowed(&self) -> String;
}

impl<T: Value + PartialOrd> Rule<T> for Between<T> {
    fn accepts(&self, value: &T) -> bool {
        self.0 <= *value && *value <= self.1
    }
    fn allowed(&self) -> String {
        format!("from {} to {}", plain(&self.0.show()), plain(&self.1.show()))
    }
}

/// A rule for a value that may be absent.
impl<T: Value + PartialOrd> Rule<Option<T>> for Between<T> {
    fn accepts(&self, value: &Option<T>) -> bool {
        value.as_ref().is_none_or(|value| Rule::<T>::accepts(self, value))
    }
    fn allowed(&self) -> String {
        Rule::<T>::allowed(self)
    }
}

/// A list that is not empty.
#[derive(Debug)]
pub(super) struct NotEmpty;

impl<T> Rule<Vec<T>> for NotEmpty {
    fn accepts(&self, value: &Vec<T>) -> bool {
        !value.is_empty()
    }
    fn allowed(&self) -> String {
        "at least one element".to_owned()
    }
}

/// JSON text without quotes around strings, for tables and messages.
pub(super) fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
