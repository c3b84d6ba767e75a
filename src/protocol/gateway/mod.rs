//! What a reverse proxy asks at `/forward-auth`, and what the application behind it is told.
//!
//! ```text
//! query -> Asked { family, audience, demands }     strict: what is not understood is refused, for it may be a demand
//! Asked + Identity -> demands hold?  -> headers of the family, every one of them
//! original address -> ReturnAddress                only to hosts on the list
//! ```

mod return_address;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use return_address::NoWayBack;
pub use return_address::ReturnAddress;

use super::error::OAuthError;
use super::params;
use crate::domain::scope::Scope;
use crate::domain::user::Role;

/// The longest value of one parameter, in bytes after decoding.
const MAX_VALUE: usize = 2000;

/// The names under which an application expects to be told who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Remote,
    XAuthRequest,
    XForwarded,
    Seed,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `sub`: unique and never given to somebody else, which no name and no address can promise.
    Subject,
    /// The roles, separated by commas.
    Roles,
    Name,
    PreferredUsername,
    Email,
}

impl Family {
    pub const ALL: [Self; 4] = [Self::Remote, Self::XAuthRequest, Self::XForwarded, Self::Seed];

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == text)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::XAuthRequest => "xauthrequest",
            Self::XForwarded => "xforwarded",
            Self::Seed => "seed",
        }
    }

    /// Every header of the family, in lower case. All of them are in every answer, empty when there is nothing to
    /// say: a proxy that copies them overwrites what a client has sent under these names.
    #[must_use]
    pub const fn headers(self) -> &'static [(&'static str, Field)] {
        match self {
            Self::Remote => &[
                ("remote-user", Field::Subject),
                ("remote-groups", Field::Roles),
                ("remote-name", Field::Name),
                ("remote-email", Field::Email),
            ],
            Self::XAuthRequest => &[
                ("x-auth-request-user", Field::Subject),
                ("x-auth-request-email", Field::Email),
                ("x-auth-request-groups", Field::Roles),
                ("x-auth-request-preferred-username", Field::PreferredUsername),
            ],
            Self::XForwarded => &[
                ("x-forwarded-user", Field::Subject),
                ("x-forwarded-email", Field::Email),
                ("x-forwarded-groups", Field::Roles),
                ("x-forwarded-preferred-username", Field::PreferredUsername),
            ],
            Self::Seed => &[("x-user-id", Field::Subject), ("x-user-roles", Field::Roles)],
        }
    }

    /// Whether it says more than an access token does, so that the person has to be looked up.
    #[must_use]
    pub fn needs_profile(self) -> bool {
        self != Self::Seed
    }
}

/// What the proxy's configuration asks for, in the query of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub family: Family,
    /// What an access token must be meant for; one of those that are configured.
    pub audience: Option<String>,
    /// Each must hold; within one, commas separate roles of which any will do.
    roles: Vec<String>,
    /// Each must hold.
    scope: Vec<String>,
}

impl Asked {
    /// Reads the query. Elsewhere unknown and empty parameters are ignored (RFC 6749 section 3.1); here `roles=admin`
    /// for `role=admin`, or a variable that was empty, would open a door.
    ///
    /// # Errors
    /// `invalid_request` for a parameter that is unknown, empty, unreadable, or sent twice though it may not be.
    pub fn parse(query: &str) -> Result<Self, OAuthError> {
        let (mut family, mut audience) = (None, None);
        let (mut roles, mut scope) = (Vec::new(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = params::decode(value.as_bytes(), MAX_VALUE).ok().filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| wrong("A parameter is empty or cannot be read"))?;
            let before = match name {
                "headers" => {
                    let chosen = Family::parse(&value).ok_or_else(|| wrong("No such family of headers"))?;
                    family.replace(chosen).map(|_| ())
                }
                "audience" => audience.replace(value).map(|_| ()),
                "role" => {
                    roles.push(value);
                    None
                }
                "scope" => {
                    scope.extend(value.split(' ').map(str::to_owned));
                    None
                }
                _ => return Err(wrong("A parameter is unknown; known are headers, audience, role and scope")),
            };
            if before.is_some() {
                return Err(wrong("headers and audience can be sent once"));
            }
        }
        Ok(Self { family: family.unwrap_or(Family::Seed), audience, roles, scope })
    }

    /// Whether somebody with these roles, and with a token of this scope, may pass. Who is signed in with a session
    /// alone has no scope.
    ///
    /// # Errors
    /// `insufficient_scope`, RFC 6750 section 3.1.
    pub fn check(&self, roles: &[Role], scope: Option<&Scope>) -> Result<(), OAuthError> {
        let has_role = |role: &str| roles.iter().any(|own| own.as_str() == role);
        if !self.roles.iter().all(|any| any.split(',').any(has_role)) {
            return Err(OAuthError::insufficient_scope("The person has not the role that this needs"));
        }
        if !self.scope.iter().all(|value| scope.is_some_and(|scope| scope.contains(value))) {
            return Err(OAuthError::insufficient_scope("The access token has not the scope that this needs"));
        }
        Ok(())
    }

    /// The scope that is asked for, for the challenge.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        Scope::parse(&self.scope.join(" ")).ok()
    }
}

fn wrong(what: &'static str) -> OAuthError {
    OAuthError::invalid_request(what)
}

/// Who is calling, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    pub subject: &'a str,
    pub roles: &'a [Role],
    pub profile: Option<&'a Profile>,
    /// What of the profile may be told: an access token tells no more than its scope. None: everything.
    pub scope: Option<&'a Scope>,
}

/// What only the database knows of a person, ready to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    pub preferred_username: String,
    /// Empty unless it was verified: applications take an address for an account.
    pub email: String,
}

impl Profile {
    /// Takes values as they are and makes them fit for headers.
    #[must_use]
    pub fn new(name: Option<&str>, preferred_username: Option<&str>, verified_email: Option<&str>) -> Self {
        let fit = |value: Option<&str>| value.map(for_a_header).unwrap_or_default();
        Self { name: fit(name), preferred_username: fit(preferred_username), email: fit(verified_email) }
    }
}

impl Identity<'_> {
    /// The value of a header; empty when there is nothing to say.
    #[must_use]
    pub fn value(&self, field: Field) -> Cow<'_, str> {
        let told = |needs: &str| self.profile.filter(|_| self.scope.is_none_or(|scope| scope.contains(needs)));
        let text = match field {
            Field::Subject => return Cow::Borrowed(self.subject),
            Field::Roles => return joined(self.roles),
            Field::Name => told("profile").map(|profile| profile.name.as_str()),
            Field::PreferredUsername => told("profile").map(|profile| profile.preferred_username.as_str()),
            Field::Email => told("email").map(|profile| profile.email.as_str()),
        };
        Cow::Borrowed(text.unwrap_or_default())
    }
}

/// No role has a comma in it.
fn joined(roles: &[Role]) -> Cow<'_, str> {
    match roles {
        [] => Cow::Borrowed(""),
        [one] => Cow::Borrowed(one.as_str()),
        many => Cow::Owned(many.iter().map(Role::as_str).collect::<Vec<_>>().join(",")),
    }
}

/// What is not visible ASCII or an inner space becomes `%XX`, and so does `%` itself: `decodeURIComponent` and its
/// like give the text back. Raw UTF-8 would be read as Latin-1 by some and refused by others.
fn for_a_header(text: &str) -> String {
    let text = text.trim_matches([' ', '\t']);
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (byte.is_ascii_graphic() || byte == b' ') && byte != b'%' {
            value.push(char::from(byte));
        } else {
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::Asked;
    use super::Family;
    use super::Field;
    use super::Identity;
    use super::Profile;
    use super::for_a_header;
    use crate::domain::user::Role;
    use crate::protocol::fixtures::scope;

    fn roles(names: &[&str]) -> Vec<Role> {
        names.iter().map(|name| Role::parse(name).unwrap()).collect()
    }

    #[test]
    fn gw_03_what_is_not_understood_is_refused() {
        assert_eq!(Asked::parse("").unwrap().family, Family::Seed);
        assert_eq!(Asked::parse("headers=remote").unwrap().family, Family::Remote);
        assert_eq!(Asked::parse("audience=https://rs.test").unwrap().audience.as_deref(), Some("https://rs.test"));
        for bad in [
            "headers=other",
            "headers=",
            "headers",
            "headers=seed&headers=seed",
            "role=",
            "role",
            "role=%zz",
            "roles=admin",
            "ROLE=admin",
            "r%6fle=admin",
            "scope=",
            "audience=",
            "audience=a&audience=b",
            "uri=/x",
        ] {
            assert!(Asked::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_role_and_scope_must_hold() {
        let passes = |query: &str, own: &[&str], granted: Option<&str>| {
            let granted = granted.map(scope);
            Asked::parse(query).unwrap().check(&roles(own), granted.as_ref()).is_ok()
        };
        assert!(passes("", &[], None));
        assert!(passes("role=admin", &["admin"], None));
        assert!(!passes("role=admin", &["editor"], None));
        assert!(!passes("role=admin", &["Admin", "admin:x"], None));
        assert!(!passes("role=admin&role=editor", &["admin"], None));
        assert!(passes("role=admin&role=editor", &["admin", "editor"], None));
        assert!(passes("role=admin,editor", &["editor"], None));
        assert!(!passes("role=,", &["editor"], None));
        assert!(passes("scope=a+b", &[], Some("a b c")));
        assert!(!passes("scope=a&scope=d", &[], Some("a b c")));
        assert!(!passes("scope=a++b", &[], Some("a b")));
        assert!(!passes("scope=a", &["admin"], None));
        let needed = |query: &str| Asked::parse(query).unwrap().scope();
        assert_eq!(needed("scope=a+b&scope=c"), Some(scope("a b c")));
        assert_eq!(needed("scope=a++b"), None, "nobody has it");
    }

    #[test]
    fn names_of_headers_are_header_names() {
        for (name, _) in Family::ALL.into_iter().flat_map(Family::headers) {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        }
        assert!(Family::ALL.into_iter().all(|family| Family::parse(family.as_str()) == Some(family)));
        assert!(!Family::Seed.needs_profile() && Family::Remote.needs_profile());
    }

    #[test]
    fn values_are_fit_for_a_header() {
        assert_eq!(for_a_header("Ada Example"), "Ada Example");
        assert_eq!(for_a_header("Ren\u{e9}"), "Ren%C3%A9");
        assert_eq!(for_a_header("100%"), "100%25");
        assert_eq!(for_a_header(" a\r\nX-User-ID: usr_root\0\t"), "a%0D%0AX-User-ID: usr_root%00");
        assert_eq!(for_a_header("\u{2028}"), "%E2%80%A8");
    }

    #[test]
    fn a_token_tells_no_more_than_its_scope() {
        let own = roles(&["admin", "shop:editor"]);
        let profile = Profile::new(Some("Ada"), Some("ada"), Some("ada@example.test"));
        let all = Identity { subject: "usr_1", roles: &own, profile: Some(&profile), scope: None };
        assert_eq!(all.value(Field::Subject), "usr_1");
        assert_eq!(all.value(Field::Roles), "admin,shop:editor");
        assert_eq!(all.value(Field::Email), "ada@example.test");
        assert_eq!((all.value(Field::Name), all.value(Field::PreferredUsername)), ("Ada".into(), "ada".into()));
        assert_eq!(Identity { roles: &own[..1], ..all }.value(Field::Roles), "admin");
        assert_eq!(Identity { roles: &[], ..all }.value(Field::Roles), "");
        let narrow = scope("openid email");
        let some = Identity { scope: Some(&narrow), ..all };
        assert_eq!((some.value(Field::Email), some.value(Field::Name)), ("ada@example.test".into(), "".into()));
        let unknown = Identity { profile: None, ..all };
        assert_eq!(unknown.value(Field::Email), "");
    }
}
