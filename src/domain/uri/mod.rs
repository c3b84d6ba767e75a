//! Redirect URIs and origins. Registered ones are parsed; presented ones are only ever compared, byte by byte
//! (RFC 9700 section 2.1: "Authorization servers MUST utilize exact string matching").

mod web;

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::client::ApplicationType;

pub use web::InvalidWebUri;
pub use web::WebUri;

/// A redirect URI as registered, OpenID Connect Registration section 2.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a redirect URI cannot be registered. The text is for the person who registers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    #[error("a redirect URI is an absolute URI of at most {} printable ASCII characters", RedirectUri::MAX_LENGTH)]
    Shape,
    #[error("a redirect URI has no fragment (RFC 6749 section 3.1.2)")]
    Fragment,
    #[error("wildcards do not exist in redirect URIs (RFC 9700 section 2.1)")]
    Wildcard,
    #[error("a redirect URI has no user information")]
    UserInfo,
    #[error("http is for loopback addresses only, such as localhost; use https")]
    PlainHttp,
    #[error("this scheme is not allowed; native apps use a reverse domain name such as com.example.app:/callback")]
    Scheme,
    #[error("the query already has a parameter that the response adds (code, state, iss, error, ...)")]
    ResponseParameter,
}

const RESPONSE_PARAMETERS: [&str; 11] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "response",
    "access_token",
    "id_token",
    "token_type",
    "session_state",
];

impl RedirectUri {
    pub const MAX_LENGTH: usize = 2000;

    /// Checks what a client wants to register.
    ///
    /// # Errors
    /// [`InvalidRedirectUri`] says which rule is broken.
    pub fn register(text: &str, application: ApplicationType) -> Result<Self, InvalidRedirectUri> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.bytes().all(written_out) {
            return Err(InvalidRedirectUri::Shape);
        }
        if text.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        if text.contains('*') {
            return Err(InvalidRedirectUri::Wildcard);
        }
        let url = Url::parse(text).map_err(|_| InvalidRedirectUri::Shape)?;
        if url.query_pairs().any(|(name, _)| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
            return Err(InvalidRedirectUri::ResponseParameter);
        }
        match url.scheme() {
            "https" | "http" => on_the_web(text, &url)?,
            scheme => private_use(text, scheme, application)?,
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, as in a sector identifier (OpenID Connect Core section 8.1); an app's own scheme has none.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        host(&self.0)
    }

    /// Whether a client of this kind may be answered at `presented`.
    ///
    /// "The authorization server MUST allow any port to be specified at the time of the request for loopback IP
    /// redirect URIs" (RFC 8252 section 7.3), which is for native apps alone; all else is compared byte by byte.
    #[must_use]
    pub fn matches(&self, presented: &str, application: ApplicationType) -> bool {
        if self.0 == presented {
            return true;
        }
        application == ApplicationType::Native
            && match (Loopback::split(&self.0), Loopback::split(presented)) {
                (Some(own), Some(other)) => own.host == other.host && own.rest == other.rest,
                _ => false,
            }
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn host(text: &str) -> Option<String> {
    Url::parse(text).ok()?.host_str().map(str::to_owned)
}

fn written_out(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'^' | b'|')
}

/// What is wrong between the scheme and the path.
enum BadAuthority {
    Shape,
    UserInfo,
    PlainHttp,
}

impl From<BadAuthority> for InvalidRedirectUri {
    fn from(fault: BadAuthority) -> Self {
        match fault {
            BadAuthority::Shape => Self::Shape,
            BadAuthority::UserInfo => Self::UserInfo,
            BadAuthority::PlainHttp => Self::PlainHttp,
        }
    }
}

/// `https`, or `http` on a loopback host.
fn on_the_web(text: &str, url: &Url) -> Result<(), BadAuthority> {
    if url.scheme() == "https" {
        return authority(text, "https://", url);
    }
    authority(text, "http://", url)?;
    Loopback::split(text).map(|_| ()).ok_or(BadAuthority::PlainHttp)
}

fn authority(text: &str, prefix: &str, url: &Url) -> Result<(), BadAuthority> {
    // The parser forgives `https:/host`, `https:host` and `https:///host`; a registration is written in full.
    let authority = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.split(['/', '?']).next())
        .filter(|authority| !authority.is_empty())
        .ok_or(BadAuthority::Shape)?;
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(BadAuthority::UserInfo);
    }
    url.host().map(|_| ()).ok_or(BadAuthority::Shape)
}

fn private_use(text: &str, scheme: &str, application: ApplicationType) -> Result<(), InvalidRedirectUri> {
    // "apps MUST use a URI scheme based on a domain name under their control, expressed in reverse order"
    // (RFC 8252 section 7.1), and "only a single slash ("/") appears after the scheme component".
    let rest = text.get(scheme.len()..).unwrap_or_default();
    let reverse_domain = scheme.contains('.') && !scheme.starts_with('.') && !scheme.ends_with('.');
    let single_slash = rest.starts_with(":/") && !rest.starts_with("://");
    if application == ApplicationType::Native && reverse_domain && single_slash {
        return Ok(());
    }
    Err(InvalidRedirectUri::Scheme)
}

/// `http://` on this computer, split without any normalisation.
struct Loopback<'a> {
    host: &'a str,
    rest: &'a str,
}

impl<'a> Loopback<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let after = text.strip_prefix("http://")?;
        let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| after.starts_with(host))?;
        let after_host = after.get(host.len()..)?;
        let rest = match after_host.strip_prefix(':') {
            None => after_host,
            Some(with_port) => {
                let digits = with_port.bytes().take_while(u8::is_ascii_digit).count();
                let port = with_port.get(..digits)?;
                if port.starts_with('0') || port.parse::<u16>().is_err() {
                    return None;
                }
                with_port.get(digits..)?
            }
        };
        (rest.is_empty() || rest.starts_with('/') || rest.starts_with('?')).then_some(Self { host, rest })
    }
}

/// A web origin that may call us from a browser, RFC 6454: scheme, host and port, no path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(String);

/// Why a text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is https://host[:port], or http:// on a loopback host, without a path")]
pub struct InvalidOrigin;

impl Origin {
    /// Checks what a client wants to register.
    ///
    /// # Errors
    /// [`InvalidOrigin`] when it has a path, another scheme, or plain http beyond loopback.
    pub fn register(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let secure = url.scheme() == "https" || Loopback::split(text).is_some_and(|loopback| loopback.rest.is_empty());
        if !secure || url.origin().ascii_serialization() != text {
            return Err(InvalidOrigin);
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the `Origin` header `presented` is this one. A native app's loopback origin stands for every port.
    #[must_use]
    pub fn matches(&self, presented: &str, application: ApplicationType) -> bool {
        if self.0 == presented {
            return true;
        }
        application == ApplicationType::Native
            && match (Loopback::split(&self.0), Loopback::split(presented)) {
                (Some(own), Some(other)) => own.host == other.host && own.rest.is_empty() && other.rest.is_empty(),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::ApplicationType::Native;
    use super::super::client::ApplicationType::Web;
    use super::InvalidRedirectUri;
    use super::InvalidWebUri;
    use super::Origin;
    use super::RedirectUri;
    use super::WebUri;

    fn registered(text: &str) -> RedirectUri {
        RedirectUri::register(text, Native).unwrap()
    }

    #[test]
    fn ru_01_exact_match_one_byte_off() {
        let text = "https://c1.test/cb";
        let uri = registered(text);
        assert!(uri.matches(text, Web));
        for index in 0..text.len() {
            let mut dropped = text.to_owned();
            dropped.remove(index);
            let mut doubled = text.to_owned();
            doubled.insert(index, text.as_bytes()[index] as char);
            assert!(!uri.matches(&dropped, Native), "{dropped}");
            assert!(!uri.matches(&doubled, Native), "{doubled}");
        }
    }

    #[test]
    fn ru_13_loopback_port_of_native_apps() {
        for base in ["http://127.0.0.1", "http://[::1]", "http://localhost"] {
            let uri = registered(&format!("{base}/cb"));
            assert!(uri.matches(&format!("{base}:1/cb"), Native));
            assert!(uri.matches(&format!("{base}:65535/cb"), Native));
            for bad in [
                ":0/cb",
                ":65536/cb",
                ":080/cb",
                ":/cb",
                ":8x/cb",
                ":80@evil.test/cb",
                ".evil.test/cb",
                "@evil.test/cb",
                ":80/CB",
                ":80/cb?a",
                ":80/cb/",
            ] {
                assert!(!uri.matches(&format!("{base}{bad}"), Native), "{base}{bad}");
            }
        }
        assert!(!registered("http://127.0.0.1/cb").matches("http://localhost:1/cb", Native));
    }

    #[test]
    fn ru_16_loopback_port_is_fixed_for_web_clients() {
        assert!(!registered("http://127.0.0.1/cb").matches("http://127.0.0.1:9/cb", Web));
    }

    #[test]
    fn registration_refuses() {
        use InvalidRedirectUri as E;
        for (text, fault) in [
            ("", E::Shape),
            ("/cb", E::Shape),
            ("https:/c1.test/cb", E::Shape),
            ("https:///c1.test/cb", E::Shape),
            ("https:\\\\c1.test\\cb", E::Shape),
            ("https://c1.test/c b", E::Shape),
            ("https://c1.test/cb#", E::Fragment),
            ("https://*.c1.test/cb", E::Wildcard),
            ("https://a@c1.test/cb", E::UserInfo),
            ("http://c1.test/cb", E::PlainHttp),
            ("http://127.0.0.1.evil.test/cb", E::PlainHttp),
            ("https://c1.test/cb?code=x&state=y&iss=z", E::ResponseParameter),
            ("javascript:alert(1)", E::Scheme),
            ("JaVaScRiPt:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("app:/cb", E::Scheme),
            ("com.app:cb", E::Scheme),
            ("com.app://host", E::Scheme),
        ] {
            assert_eq!(RedirectUri::register(text, Native), Err(fault), "{text}");
        }
        assert_eq!(RedirectUri::register("com.app:/cb", Web), Err(E::Scheme));
        assert!(RedirectUri::register("com.app:/cb", Native).is_ok());
    }

    #[test]
    fn a_web_uri_is_no_redirect_uri() {
        use InvalidWebUri as E;
        for good in ["https://c1.test/keys", "https://c1.test/request#hash", "http://localhost:9/keys"] {
            assert!(WebUri::register(good).is_ok(), "{good}");
        }
        for (text, fault) in [
            ("", E::Shape),
            ("/keys", E::Shape),
            ("https:/c1.test/keys", E::Shape),
            ("https://c1.test/k eys", E::Shape),
            ("https://a@c1.test/keys", E::UserInfo),
            ("http://c1.test/keys", E::PlainHttp),
            ("javascript:alert(1)", E::Scheme),
            ("DATA:text/html,x", E::Scheme),
            ("com.app:/keys", E::Scheme),
        ] {
            assert_eq!(WebUri::register(text), Err(fault), "{text}");
            assert!(!fault.to_string().contains("redirect"), "{fault}");
        }
    }

    #[test]
    fn origins() {
        assert!(Origin::register("https://c1.test").is_ok());
        assert!(Origin::register("http://localhost:3000").is_ok());
        for bad in ["https://c1.test/", "http://c1.test", "null", "*", "https://C1.test", "https://a@c1.test"] {
            assert!(Origin::register(bad).is_err(), "{bad}");
        }
        let loopback = Origin::register("http://localhost").unwrap();
        assert!(loopback.matches("http://localhost:5173", Native));
        assert!(!loopback.matches("http://localhost:5173", Web));
        assert!(!loopback.matches("http://localhost.evil.test", Native));
    }
}
