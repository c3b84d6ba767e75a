//! Scope values, RFC 6749 section 3.3.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// A set of scope values. Order and repetition carry no meaning (RFC 6749 section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<String>);

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    #[error("a scope value has a character that RFC 6749 section 3.3 does not allow")]
    Character,
    #[error("more than {} scope values, or one longer than {} characters", Scope::MAX_VALUES, Scope::MAX_LENGTH)]
    TooLong,
}

impl Scope {
    pub const MAX_VALUES: usize = 64;
    pub const MAX_LENGTH: usize = 128;

    /// Reads values separated by single spaces; "scope-token = 1*( %x21 / %x23-5B / %x5D-7E )" (RFC 6749 section 3.3).
    ///
    /// # Errors
    /// [`InvalidScope`] for other characters, empty values (two spaces in a row) and too many or too long values.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let mut values = BTreeSet::new();
        if text.is_empty() {
            return Ok(Self(values));
        }
        for (count, value) in text.split(' ').enumerate() {
            if count >= Self::MAX_VALUES || value.len() > Self::MAX_LENGTH {
                return Err(InvalidScope::TooLong);
            }
            let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            if value.is_empty() || !value.bytes().all(allowed) {
                return Err(InvalidScope::Character);
            }
            values.insert(value.to_owned());
        }
        Ok(Self(values))
    }

    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        self.0.contains(value)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn is_subset(&self, of: &Self) -> bool {
        self.0.is_subset(&of.0)
    }

    #[must_use]
    pub fn intersection(&self, with: &Self) -> Self {
        Self(self.0.intersection(&with.0).cloned().collect())
    }

    #[must_use]
    pub fn union(&self, with: &Self) -> Self {
        Self(self.0.union(&with.0).cloned().collect())
    }

    #[must_use]
    pub fn without(&self, value: &str) -> Self {
        Self(self.0.iter().filter(|own| own.as_str() != value).cloned().collect())
    }

    /// What is left without any of `values`.
    #[must_use]
    pub fn without_any(&self, values: &[&str]) -> Self {
        Self(self.0.iter().filter(|own| !values.contains(&own.as_str())).cloned().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(value)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;
    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::InvalidScope;
    use super::Scope;

    #[test]
    fn a_scope_is_a_set() {
        let scope = Scope::parse("profile openid profile").unwrap();
        assert_eq!(scope.to_string(), "openid profile");
        assert!(Scope::parse("openid").unwrap().is_subset(&scope));
    }

    #[test]
    fn rfc6749_3_3_only_its_characters() {
        for bad in ["a  b", " a", "a ", "a\"", "a\\", "a\u{7f}", "\u{e9}", "a\tb", "a\0"] {
            assert_eq!(Scope::parse(bad), Err(InvalidScope::Character), "{bad:?}");
        }
        let many = vec!["a"; Scope::MAX_VALUES + 1].join(" ");
        assert_eq!(Scope::parse(&many), Err(InvalidScope::TooLong));
    }
}
