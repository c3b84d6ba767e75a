//! Where a request came from, as far as it says something about who sends it: the network and the kind of browser.

use std::fmt;

/// A network and a browser family, such as `203.0.113.0/24 firefox`. Coarse on purpose: an address changes within its
/// network and a browser is updated without anybody else being behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    network: String,
    browser: String,
}

/// The longest name of a program that is kept.
const LONGEST: usize = 32;

/// What names a browser, the more special first: each browser also claims to be those that came before it.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "edge"),
    ("OPR/", "opera"),
    ("SamsungBrowser/", "samsung"),
    ("Firefox/", "firefox"),
    ("FxiOS/", "firefox"),
    ("Chrome/", "chrome"),
    ("CriOS/", "chrome"),
    ("Safari/", "safari"),
    ("Mozilla/", "mozilla"),
];

impl Place {
    /// `network`: a prefix of the address, without spaces. `user_agent`: what the request says of itself.
    #[must_use]
    pub fn new(network: &str, user_agent: &str) -> Self {
        let known = BROWSERS.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| (*name).to_owned());
        let browser = known.unwrap_or_else(|| program(user_agent));
        Self { network: network.split_whitespace().collect(), browser }
    }

    /// As [`fmt::Display`] writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (network, browser) = text.split_once(' ')?;
        Some(Self { network: network.to_owned(), browser: browser.to_owned() })
    }
}

/// The first product of RFC 9110 section 10.1.5, without its version: `okhttp/4.12` is `okhttp`.
fn program(user_agent: &str) -> String {
    let letters = user_agent.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter));
    let name: String = letters.take(LONGEST).map(|letter| letter.to_ascii_lowercase()).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.network, self.browser)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    const NETWORK: &str = "203.0.113.0/24";

    fn browser(user_agent: &str) -> String {
        Place::new(NETWORK, user_agent).to_string().split_once(' ').unwrap().1.to_owned()
    }

    #[test]
    fn browsers_by_family() {
        for (user_agent, family) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "firefox"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "chrome",
            ),
            ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", "edge"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", "safari"),
            ("okhttp/4.12.0", "okhttp"),
            ("MyApp/3 CFNetwork/1.0 Darwin/25", "myapp"),
            ("", "unknown"),
            ("\u{1f980}", "unknown"),
        ] {
            assert_eq!(browser(user_agent), family, "{user_agent}");
        }
        assert_eq!(browser(&"x".repeat(10_000)).len(), 32);
    }

    #[test]
    fn an_update_is_no_other_browser() {
        let (old, new) = (Place::new(NETWORK, "Firefox/144.0"), Place::new(NETWORK, "Firefox/145.0"));
        assert_eq!(old, new);
        assert_eq!(Place::parse(&old.to_string()), Some(old));
    }
}
