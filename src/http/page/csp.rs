//! `Content-Security-Policy`, one for each page: nothing is allowed that the page does not do.

use std::fmt;

use super::link::Destination;
use super::link::Image;

/// How the policy of a page ends that others may frame. The headers of such an answer have no `X-Frame-Options`.
pub const FRAMED: &str = "; frame-ancestors *; base-uri 'none'";

/// What a page may do beyond showing itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Csp {
    scripts: bool,
    connects: bool,
    submits: Submits,
    /// The source of an image of others.
    image: Option<String>,
    /// Sources that it shows in frames.
    frames: Vec<String>,
    /// Pages of any origin may show it in a frame.
    framed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Submits {
    #[default]
    Nowhere,
    Here,
    /// Here, and the redirects that follow may lead to this source.
    To(String),
}

impl Csp {
    /// A page with scripts of ours.
    #[must_use]
    pub fn scripts(mut self) -> Self {
        self.scripts = true;
        self
    }

    /// A page whose scripts call endpoints of ours.
    #[must_use]
    pub fn connects(mut self) -> Self {
        self.connects = true;
        self
    }

    /// A page that loads these addresses in frames.
    #[must_use]
    pub fn frames(mut self, addresses: &[Destination]) -> Self {
        self.frames = addresses.iter().map(Destination::csp_source).collect();
        self.frames.sort();
        self.frames.dedup();
        self
    }

    /// A page that shows this image of others.
    #[must_use]
    pub fn shows(mut self, image: Option<&Image>) -> Self {
        self.image = image.map(|image| image.csp_source().to_owned());
        self
    }

    /// A page that is made to be shown in a frame of others.
    #[must_use]
    pub fn framed(mut self) -> Self {
        self.framed = true;
        self
    }

    /// A page with forms for us.
    #[must_use]
    pub fn submits(mut self) -> Self {
        self.submits = Submits::Here;
        self
    }

    /// A page with forms, after which the browser is sent on to `destination`. Chromium holds `form-action` against
    /// every redirect that follows a form: the way to the client must be named, and as a client may itself be a broker
    /// that redirects further, every https address with it. Otherwise the sign-in would die without a word.
    #[must_use]
    pub fn submits_towards(mut self, destination: Option<&Destination>) -> Self {
        self.submits = destination.map_or(Submits::Here, |destination| Submits::To(destination.csp_source()));
        self
    }
}

impl fmt::Display for Csp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("default-src 'none'; style-src 'self'; img-src 'self'")?;
        if let Some(source) = &self.image {
            write!(f, " {source}")?;
        }
        if self.scripts {
            f.write_str("; script-src 'self'")?;
        }
        if self.connects {
            f.write_str("; connect-src 'self'")?;
        }
        match &self.submits {
            Submits::Nowhere => f.write_str("; form-action 'none'")?,
            Submits::Here => f.write_str("; form-action 'self'")?,
            Submits::To(source) if source.starts_with("https:") => f.write_str("; form-action 'self' https:")?,
            Submits::To(source) => write!(f, "; form-action 'self' https: {source}")?,
        }
        if !self.frames.is_empty() {
            write!(f, "; frame-src {}", self.frames.join(" "))?;
        }
        f.write_str(if self.framed { FRAMED } else { "; frame-ancestors 'none'; base-uri 'none'" })
    }
}
