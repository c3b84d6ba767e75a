//! People who sign in.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::ids::UserId;
use super::time::Timestamp;

/// A person who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub password: Option<PasswordHash>,
    pub roles: BTreeSet<Role>,
    pub claims: StandardClaims,
    /// A disabled user gets nothing, anywhere.
    pub disabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An e-mail address as a name to sign in with: NFC, lower case, no spaces around it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Why a text is not an e-mail address that can be signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address has one @ with something before and after it, no spaces, and at most 254 characters")]
pub struct InvalidEmail;

impl Email {
    /// # Errors
    /// [`InvalidEmail`]; the rules are loose, because only a delivered message proves an address.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = match text.trim() {
            ascii if ascii.is_ascii() => ascii.to_ascii_lowercase(),
            // Lower case may compose where upper case does not (J and U+030C), hence once more.
            other => other.nfc().collect::<String>().to_lowercase().nfc().collect(),
        };
        let plain =
            !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\' | ','));
        match text.split_once('@') {
            Some((local, domain))
                if plain && !local.is_empty() && !domain.is_empty() && !domain.contains('@') && text.len() <= 254 =>
            {
                Ok(Self(text))
            }
            _ => Err(InvalidEmail),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;
    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// A PHC string such as `$argon2id$v=19$...`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    #[must_use]
    pub fn from_phc(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a person may do, as applications see it: the `roles` claim of RFC 9068 section 2.2.3.1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Role(String);

/// Why a text is not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role has 1 to 64 characters: letters, digits and . _ : / -")]
pub struct InvalidRole;

impl Role {
    /// # Errors
    /// [`InvalidRole`] for other characters; a comma would break the header that lists roles to a gateway.
    pub fn parse(text: &str) -> Result<Self, InvalidRole> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'-');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(InvalidRole);
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Role {
    type Error = InvalidRole;
    fn try_from(text: String) -> Result<Self, InvalidRole> {
        Self::parse(&text)
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.0
    }
}

/// The claims of OpenID Connect Core section 5.1, but for `sub`, `email` and `updated_at`, which [`User`] has itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StandardClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthdate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    pub email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    pub phone_number_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// OpenID Connect Core section 5.1.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Email;
    use super::Role;
    use unicode_normalization::UnicodeNormalization;

    #[test]
    fn one_account_has_one_spelling() {
        assert_eq!(Email::parse(" Ada@Example.TEST ").unwrap().as_str(), "ada@example.test");
        assert_eq!(Email::parse("re\u{301}ne@example.test"), Email::parse("r\u{e9}ne@example.test"));
        for upper in ["J\u{30c}ana@example.test", "H\u{331}@example.test", "T\u{308}@example.test"] {
            let once = Email::parse(upper).unwrap();
            assert_eq!(Email::parse(once.as_str()), Ok(once.clone()), "{upper:?}");
            assert_eq!(Email::parse(&upper.to_lowercase().nfc().collect::<String>()), Ok(once), "{upper:?}");
        }
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\0", "<a@b>"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_role_fits_into_a_header() {
        assert!(Role::parse("shop:editor").is_ok());
        for bad in ["", "a,b", "a b", "\u{e9}", "a\n"] {
            assert!(Role::parse(bad).is_err(), "{bad:?}");
        }
    }
}
