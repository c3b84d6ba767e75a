//! JSON from strangers. `serde_json` keeps the last of two members with one name; here that is an error.

use std::cell::Cell;
use std::fmt;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error as _;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 16;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("not JSON")]
    Syntax,
    #[error("a member occurs twice")]
    Duplicate,
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("a string has a NUL character")]
    Nul,
}

/// Reads one JSON value (RFC 8259) in UTF-8 without a byte order mark and with nothing after it.
///
/// # Errors
/// [`JsonError`]: no JSON, a member named twice in one object, more than [`MAX_DEPTH`] levels, a NUL (which a
/// database could not keep).
pub fn strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let fault = Cell::new(JsonError::Syntax);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, fault: &fault }.deserialize(&mut deserializer).map_err(|_| fault.get())?;
    deserializer.end().map_err(|_| JsonError::Syntax)?;
    Ok(value)
}

/// Reads the `NumericDate` of RFC 7519 section 2 as whole seconds.
///
/// # Errors
/// [`NotNumericDate`] for anything but an integer of the years 1970 to 9999: a fraction, an exponent, a text, null.
pub fn numeric_date(value: &Value) -> Result<i64, NotNumericDate> {
    value.as_i64().filter(|seconds| (0..YEAR_10000).contains(seconds)).ok_or(NotNumericDate)
}

const YEAR_10000: i64 = 253_402_300_800;

/// Not a whole number of seconds between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number of seconds between the years 1970 and 9999")]
pub struct NotNumericDate;

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a Cell<JsonError>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(JsonError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, fault: self.fault })
    }

    fn text<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        if text.contains('\0') { Err(self.refuse(JsonError::Nul)) } else { Ok(text.to_owned()) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.refuse(JsonError::Syntax))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = self.text::<A::Error>(&name)?;
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                self.fault.set(JsonError::Duplicate);
                return Err(A::Error::custom(JsonError::Duplicate));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::JsonError;
    use super::MAX_DEPTH;
    use super::NotNumericDate;
    use super::numeric_date;
    use super::strict;
    use serde_json::json;

    #[test]
    fn jw_15_strict_json() {
        use JsonError as E;
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert!(strict(&nested(MAX_DEPTH)).is_ok());
        for (bytes, fault) in [
            (&br#"{"a":1,"a":1}"#[..], E::Duplicate),
            (br#"{"a":1,"\u0061":2}"#, E::Duplicate),
            (br#"{"x":[{"a":1,"b":2,"a":3}]}"#, E::Duplicate),
            (br#"{"sub":"a\u0000"}"#, E::Nul),
            (br#"{"a\u0000":1}"#, E::Nul),
            (br#"{"sub":"\ud800"}"#, E::Syntax),
            (br#"{"sub":"\ud800\u0041"}"#, E::Syntax),
            (b"{\"sub\":\"\xff\"}", E::Syntax),
            (b"\xef\xbb\xbf{}", E::Syntax),
            (b"\xff\xfe{\0}\0", E::Syntax),
            (b"{\0}\0", E::Syntax),
            (b"{}{}", E::Syntax),
            (b"{} x", E::Syntax),
            (b"{}\0", E::Syntax),
            (b"", E::Syntax),
            (b"{'a':1}", E::Syntax),
            (b"{\"a\":1,}", E::Syntax),
            (b"{\"a\":01}", E::Syntax),
            (b"{\"a\":1e999}", E::Syntax),
            (b"{\"a\":NaN}", E::Syntax),
            (&nested(MAX_DEPTH + 1), E::TooDeep),
            (&nested(100_000), E::TooDeep),
        ] {
            assert_eq!(strict(bytes), Err(fault), "{}", String::from_utf8_lossy(bytes));
        }
        let good = br#" {"a":[1,-1,1.5,true,null,"\ud83d\ude00"],"b":{"a":{}}} "#;
        assert_eq!(strict(good).unwrap(), json!({"a": [1, -1, 1.5, true, null, "\u{1f600}"], "b": {"a": {}}}));
    }

    #[test]
    fn jw_14_only_whole_seconds_of_four_digit_years_are_times() {
        for good in [0, 1, 1_795_348_800, 253_402_300_799_i64] {
            assert_eq!(numeric_date(&json!(good)), Ok(good));
        }
        for bad in [
            "1e300",
            "9223372036854775808",
            "9223372036854775807",
            "18446744073709551615",
            "10000000000000000000",
            "253402300800",
            "-1",
            "0.5",
            "1e1",
            "1.0",
            "\"1\"",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            assert_eq!(numeric_date(&strict(bad.as_bytes()).unwrap()), Err(NotNumericDate), "{bad}");
        }
    }
}
