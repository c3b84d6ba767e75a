//! Our own cookie reader and writer.
//!
//! The framework's reader decodes percent signs in cookie *names* and trims Unicode spaces, so that a sibling
//! domain could forge a `__Host-` cookie; it also gives up on all cookies when one of them is not UTF-8. This one
//! compares raw bytes, looks at one name only, and wants it exactly once.

use std::time::Duration;

use actix_web::http::header::COOKIE;
use actix_web::http::header::HeaderMap;

/// The cookies that we set. All hold opaque values, never data of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Who is signed in. A new value at every login.
    Session,
    /// Which browser this is, before anyone has signed in.
    Browser,
    /// That somebody has signed in here before, so that guesses from elsewhere cannot lock them out.
    Device,
    /// Who is signed in, for `/forward-auth` alone: goes to the applications of a whole domain.
    Gateway,
    /// The language chosen on a page.
    Locale,
    /// What the playground must remember from start to callback (dev only).
    Playground,
    /// A refresh token of the session API. It goes to `/auth` and nowhere else, and with no request of another site.
    Refresh(Slot),
}

/// How long a browser is known to have been signed in before.
pub const DEVICE_REMEMBERED: Duration = Duration::from_hours(4320);

/// Which of the refresh cookies of a browser: one for each client whose pages are used in it, and no more than these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Slot {
    #[default]
    First,
    Second,
    Third,
    Fourth,
}

impl Slot {
    pub const ALL: [Self; 4] = [Self::First, Self::Second, Self::Third, Self::Fourth];
}

impl Cookie {
    const fn bare_name(self) -> &'static str {
        match self {
            Self::Session => "signet_session",
            Self::Browser => "signet_browser",
            Self::Device => "signet_device",
            Self::Gateway => "signet_gateway",
            Self::Locale => "signet_locale",
            Self::Playground => "signet_playground",
            Self::Refresh(Slot::First) => "refresh_token",
            Self::Refresh(Slot::Second) => "refresh_token_2",
            Self::Refresh(Slot::Third) => "refresh_token_3",
            Self::Refresh(Slot::Fourth) => "refresh_token_4",
        }
    }
}

/// Reads and writes cookies for one issuer: `__Host-` and `Secure` under https, plain over http on loopback.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// The scheme of the *issuer* decides, never what a request claims about itself.
    #[must_use]
    pub fn of_issuer(issuer: &str) -> Self {
        Self { secure: issuer.starts_with("https://") }
    }

    fn name(self, cookie: Cookie) -> String {
        let prefix = match (self.secure, cookie) {
            (false, _) => "",
            // A `__Host-` cookie has neither a domain nor a path of its own (RFC 6265bis section 4.1.3.2).
            (true, Cookie::Gateway) => "__Secure-",
            (true, Cookie::Refresh(_)) => "",
            (true, _) => "__Host-",
        };
        format!("{prefix}{}", cookie.bare_name())
    }

    /// The value of a cookie. A cookie that is there twice, or has characters that we never write, counts as
    /// absent: one of the two was planted, and nobody can say which.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, cookie: Cookie) -> Option<String> {
        let name = self.name(cookie);
        let mut found: Option<&[u8]> = None;
        for header in headers.get_all(COOKIE) {
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                let mut halves = pair.splitn(2, |byte| *byte == b'=');
                let (Some(key), Some(value)) = (halves.next(), halves.next()) else { continue };
                if trim_ows(key) != name.as_bytes() {
                    continue;
                }
                if found.is_some() {
                    tracing::warn!(event = "cookie_duplicated", cookie = cookie.bare_name(), "cookie ignored");
                    return None;
                }
                found = Some(trim_ows(value));
            }
        }
        let value = found?;
        let ours = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~');
        if value.is_empty() || value.len() > 512 || !value.iter().all(ours) {
            return None;
        }
        String::from_utf8(value.to_vec()).ok()
    }

    /// A `Set-Cookie` value. Without `max_age` the cookie goes with the browser session.
    #[must_use]
    pub fn write(self, cookie: Cookie, value: &str, max_age: Option<Duration>) -> String {
        let name = self.name(cookie);
        let secure = if self.secure { "; Secure" } else { "" };
        let mut text = match cookie {
            Cookie::Refresh(_) => format!("{name}={value}; HttpOnly{secure}; SameSite=Strict; Path=/auth"),
            // Lax: the session must survive the top-level GET that brings people here from an app.
            _ => format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"),
        };
        if let Some(max_age) = max_age {
            text.push_str("; Max-Age=");
            text.push_str(&max_age.as_secs().to_string());
        }
        text
    }

    /// A `Set-Cookie` value for all hosts of a domain.
    #[must_use]
    pub fn write_for(self, domain: &str, cookie: Cookie, value: &str, max_age: Duration) -> String {
        format!("{}; Domain={domain}", self.write(cookie, value, Some(max_age)))
    }

    /// A `Set-Cookie` value that removes the cookie, with the same attributes.
    #[must_use]
    pub fn clear(self, cookie: Cookie) -> String {
        self.write(cookie, "", Some(Duration::ZERO))
    }
}

/// RFC 9110 section 5.6.3: optional whitespace is space and tab, nothing else.
fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::Cookie;
    use super::Cookies;
    use super::Slot;
    use actix_web::http::header::COOKIE;
    use actix_web::http::header::HeaderMap;
    use actix_web::http::header::HeaderValue;

    fn read(headers: &[&[u8]]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(COOKIE, HeaderValue::from_bytes(header).unwrap());
        }
        Cookies::of_issuer("https://id.example.test").read(&map, Cookie::Session)
    }

    #[test]
    fn se_01_attributes() {
        let secure = Cookies::of_issuer("https://id.example.test").write(Cookie::Session, "v", None);
        assert_eq!(secure, "__Host-signet_session=v; Path=/; HttpOnly; SameSite=Lax; Secure");
        let dev = Cookies::of_issuer("http://localhost:8080").write(Cookie::Session, "v", None);
        assert_eq!(dev, "signet_session=v; Path=/; HttpOnly; SameSite=Lax");
        let hour = std::time::Duration::from_hours(1);
        let shared =
            Cookies::of_issuer("https://id.example.test").write_for("example.test", Cookie::Gateway, "v", hour);
        assert_eq!(
            shared,
            "__Secure-signet_gateway=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600; Domain=example.test"
        );
    }

    #[test]
    fn se_01_attributes_of_the_refresh_cookie() {
        let first = Cookie::Refresh(Slot::First);
        let secure = Cookies::of_issuer("https://id.example.test").write(first, "v", None);
        assert_eq!(secure, "refresh_token=v; HttpOnly; Secure; SameSite=Strict; Path=/auth");
        let dev = Cookies::of_issuer("http://localhost:8080").clear(first);
        assert_eq!(dev, "refresh_token=; HttpOnly; SameSite=Strict; Path=/auth; Max-Age=0");
        let names: std::collections::BTreeSet<_> = Slot::ALL.map(|slot| Cookie::Refresh(slot).bare_name()).into();
        assert_eq!(names.len(), Slot::ALL.len());
    }

    #[test]
    fn se_02_the_prefix_is_compared_byte_by_byte() {
        assert_eq!(read(&[b"__Host-signet_session=good"]), Some("good".to_owned()));
        assert_eq!(read(&[b"%5F%5FHost-signet_session=evil"]), None);
        assert_eq!(read(&[b"__host-signet_session=evil"]), None);
        assert_eq!(
            read(
                "\u{a0}__Host-signet_session=evil".as_bytes().split_at(0).1.chunks(1000).collect::<Vec<_>>().as_slice()
            ),
            None
        );
        assert_eq!(read(&["\u{2003}__Host-signet_session=evil".as_bytes()]), None);
    }

    #[test]
    fn se_03_two_cookies_of_the_name_are_none() {
        assert_eq!(read(&[b"__Host-signet_session=evil; __Host-signet_session=good"]), None);
        assert_eq!(read(&[b"__Host-signet_session=good", b"__Host-signet_session=good"]), None);
    }

    #[test]
    fn se_04_a_poisoned_neighbour_changes_nothing() {
        assert_eq!(read(&[b"x=\xff\xfe; __Host-signet_session=good; y=%zz"]), Some("good".to_owned()));
        assert_eq!(read(&[b"\xff=1", b"__Host-signet_session=good"]), Some("good".to_owned()));
        assert_eq!(read(&[b"__Host-signet_session=b\xffd"]), None);
    }
}
