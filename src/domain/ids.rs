//! Names of things. None of them is secret; what must not be guessed is in [`super::secret`].

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// Why a text is not a usable identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 1 to {max} characters of printable ASCII without spaces, quotes and backslashes")]
pub struct InvalidId {
    max: usize,
}

const MAX_ID: usize = 255;

fn check(text: &str) -> Result<(), InvalidId> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if text.is_empty() || text.len() > MAX_ID || !text.bytes().all(allowed) {
        return Err(InvalidId { max: MAX_ID });
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text as it is; compares byte by byte ever after.
            ///
            /// # Errors
            /// [`InvalidId`] when it is empty, longer than 255 bytes or has characters beyond printable ASCII.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// `client_id` of RFC 6749 section 2.2. Compared byte by byte; case matters.
    ClientId;
    /// A person: never changed, never given to another one.
    UserId;
    /// The subject identifier `sub` of OpenID Connect Core section 2: how one client names a person. The [`UserId`] for
    /// clients that all see the same, else one of the client's sector (section 8.1).
    Subject;
    /// The public name of a browser session: the `sid` claim of OpenID Connect Front-Channel Logout section 3.
    /// The cookie holds another, secret value.
    SessionId;
    /// One sign-in attempt of one browser tab at one client, from authorization request to response.
    RequestId;
    /// One refresh family: everything that descends from one redeemed code. The `grant_id` claim of access tokens.
    FamilyId;
    /// `kid` of RFC 7517 section 4.5.
    KeyId;
    /// `jti` of RFC 7519 section 4.1.7.
    TokenId;
    /// An initial access token of RFC 7591 section 3, where it is listed and revoked.
    InitialTokenId;
}

/// How the `sub` of every person begins.
pub const USER_PREFIX: &str = "usr_";

impl Subject {
    /// How clients name a person that all see the same.
    #[must_use]
    pub fn public(user: &UserId) -> Self {
        Self(user.0.clone())
    }
}

impl ClientId {
    /// Whether a person could have this name too. A service's token has its `client_id` as `sub`: "Authorization
    /// servers SHOULD NOT allow clients to influence their `client_id` or any claim that could cause confusion with a
    /// genuine resource owner" (RFC 9700 section 4.15.1).
    #[must_use]
    pub fn could_be_a_person(&self) -> bool {
        self.0.starts_with(USER_PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::ClientId;

    #[test]
    fn sc_06_a_client_has_not_the_name_of_a_person() {
        assert!(ClientId::new("usr_ykpEr1zkp82rD5nKssXNLh").unwrap().could_be_a_person());
        assert!(!ClientId::new("demo-web").unwrap().could_be_a_person());
    }

    #[test]
    fn only_printable_ascii_names_a_thing() {
        assert!(ClientId::new("demo-web").is_ok());
        for bad in ["", " demo", "demo web", "demo\0", "d\u{e9}mo", "a\"b", "a\\b", "a\nb", &"x".repeat(256)] {
            assert!(ClientId::new(bad).is_err(), "{bad:?}");
        }
    }
}
