//! Second readers: written apart from the program's own, plainer and slower.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Value;

/// JSON that keeps what `serde_json::Value` forgets: members that occur twice.
enum Node {
    Leaf(bool),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn is_strict(&self, depth: usize) -> bool {
        match self {
            Self::Leaf(good) => *good,
            Self::List(items) => depth < 16 && items.iter().all(|item| item.is_strict(depth + 1)),
            Self::Object(members) => {
                let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                depth < 16
                    && names.len() == members.len()
                    && names.iter().all(|name| !name.contains('\0'))
                    && members.iter().all(|(_, value)| value.is_strict(depth + 1))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Leaf(true))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Leaf(true))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Leaf(true))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Leaf(true))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Leaf(true))
            }
            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Leaf(!text.contains('\0')))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
                let mut object = Vec::new();
                while let Some(member) = members.next_entry()? {
                    object.push(member);
                }
                Ok(Node::Object(object))
            }
        }
        from.deserialize_any(Any)
    }
}

/// What a strict reader must read from these bytes, or nothing.
pub(crate) fn json(bytes: &[u8]) -> Option<Value> {
    let node: Node = serde_json::from_slice(bytes).ok()?;
    let value = serde_json::from_slice(bytes).ok()?;
    node.is_strict(0).then_some(value)
}

/// The same for an object.
pub(crate) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match json(bytes) {
        Some(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// A `NumericDate` by the letter: a JSON integer between the years 1970 and 9999.
pub(crate) fn date(value: Option<&Value>) -> Option<i64> {
    let text = value?.to_string();
    let digits = !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| digits && *seconds < 253_402_300_800)
}

/// A text member.
pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

/// Public sentences "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E" (RFC 6749 section 5.2).
pub(crate) fn assert_sendable(error: &signet::protocol::error::OAuthError) {
    let text = error.description();
    assert!(text.len() <= 200 && text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
}
