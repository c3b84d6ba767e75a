//! Addresses that a page may link or post to. Escaping alone does not make `javascript:` harmless, so a page only
//! ever gets addresses of these types.

use serde::Serialize;
use url::Host;
use url::Url;

/// An address for `href`: https, or http on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Link(String);

impl Link {
    /// `None` for every other scheme and for what is no address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = parse(text)?;
        let allowed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        allowed.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An image of others for `src`: as a [`Link`], and of an origin that a policy can name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Image {
    link: Link,
    #[serde(skip)]
    source: String,
}

impl Image {
    /// `None` for what is no [`Link`], and for hosts that a source expression cannot have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { link: Link::parse(text)?, source: host_source(&parse(text)?)? })
    }

    pub(super) fn csp_source(&self) -> &str {
        &self.source
    }
}

/// Where the answer to an authorization request goes: the checked `redirect_uri`, as pages need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Destination {
    uri: String,
    /// Shown to the person: `shop.test`, `localhost:3000`, `com.example.app`. Never decoded, so a look-alike name is
    /// seen as `xn--...`.
    label: String,
    /// It is a program on the person's own computer, which any program there could pretend to be.
    loopback: bool,
    /// It is an app that has claimed a scheme of its own.
    private_use: bool,
}

impl Destination {
    /// Reads a redirect URI that has passed the checks of the authorization request. `None` when it is no address, or
    /// one to which a form must not go (`javascript:`, plain http beyond this computer).
    #[must_use]
    pub fn parse(redirect_uri: &str) -> Option<Self> {
        let url = parse(redirect_uri)?;
        let loopback = is_loopback(&url);
        let private_use = match url.scheme() {
            "https" => false,
            "http" if loopback => false,
            // A reverse domain name (RFC 8252 section 7.1) has a dot; no scheme known to browsers has one.
            scheme if scheme.contains('.') => true,
            _ => return None,
        };
        let label = if private_use {
            url.scheme().to_owned()
        } else {
            let host = url.host_str()?;
            url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
        };
        Some(Self { uri: redirect_uri.to_owned(), label, loopback, private_use })
    }

    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What people see of it: host and port, or the scheme of an app.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The source expression of CSP Level 3 section 2.3.1 that covers it. Built from parts of the parsed address that
    /// cannot hold a space, `;` or `,`.
    pub(super) fn csp_source(&self) -> String {
        let Some(url) = parse(&self.uri) else { return "'self'".to_owned() };
        if !self.private_use
            && let Some(source) = host_source(&url)
        {
            return source;
        }
        // A host source cannot be an IPv6 address, nor can it have `_`: the scheme is the narrowest that is left.
        format!("{}:", url.scheme())
    }
}

/// The origin as a source expression, when it can be one.
fn host_source(url: &Url) -> Option<String> {
    let origin = url.origin().ascii_serialization();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'/');
    let named = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_)));
    (named && origin.bytes().all(plain)).then_some(origin)
}

fn parse(text: &str) -> Option<Url> {
    // The parser drops tabs, line breaks and outer spaces; what a browser would then see is not what was checked.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    Url::parse(text).ok()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;
    use super::Image;
    use super::Link;

    #[test]
    fn ui_10_only_harmless_addresses_become_links() {
        for good in ["https://shop.test/", "http://localhost:3000/x", "http://127.0.0.1/", "http://[::1]:9/"] {
            assert!(Link::parse(good).is_some(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "http://shop.test/",
            "//shop.test",
            "/x",
            "com.app:/x",
            "",
        ] {
            assert!(Link::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn rm_08_a_destination_never_runs_in_our_page() {
        for bad in ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "http://shop.test/cb", "app:/cb", "x"] {
            assert!(Destination::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn csp_sources_are_origins_or_schemes() {
        for (uri, source) in [
            ("https://shop.test/cb?x=1;script-src%20*", "https://shop.test"),
            ("https://shop.test:8443/cb", "https://shop.test:8443"),
            ("http://localhost:3000/cb", "http://localhost:3000"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:3000"),
            ("http://[::1]:3000/cb", "http:"),
            ("https://a_b.test/cb", "https:"),
            ("https://a;b.test/cb", "https:"),
            ("https://a,b.test/cb", "https:"),
            ("https://a'b.test/cb", "https:"),
            ("com.example.app:/cb;script-src", "com.example.app:"),
        ] {
            assert_eq!(Destination::parse(uri).unwrap().csp_source(), source, "{uri}");
        }
    }

    #[test]
    fn ui_10_an_image_comes_from_an_origin_that_a_policy_can_name() {
        let image = Image::parse("https://cdn.shop.test:8443/logo.png?x=1;img-src%20*").unwrap();
        assert_eq!(image.csp_source(), "https://cdn.shop.test:8443");
        for bad in ["data:image/png;base64,x", "http://shop.test/x.png", "http://[::1]:3000/x", "https://a;b.test/x"] {
            assert!(Image::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn labels_show_the_host_undecoded() {
        let label = |uri| Destination::parse(uri).unwrap().label;
        assert_eq!(label("https://xn--pypal-4ve.test/cb"), "xn--pypal-4ve.test");
        assert_eq!(label("http://localhost:3000/cb"), "localhost:3000");
        assert_eq!(label("com.example.app:/cb"), "com.example.app");
    }
}
