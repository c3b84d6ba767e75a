//! The application that somebody is on the way to.

use serde::Serialize;

use super::super::link::Destination;
use super::super::link::Image;
use super::super::link::Link;
use crate::domain::client::Presentation;
use crate::domain::uri::WebUri;

/// The application that somebody is on the way to.
#[derive(Debug, Clone, Serialize)]
pub struct App {
    /// `client_name`.
    pub name: String,
    /// Where the answer goes; `None` when it does not leave this server.
    pub destination: Option<Destination>,
    pub about: About,
    /// It registered itself: nobody here has looked at what it says.
    pub unverified: bool,
}

/// What it says of itself, OpenID Connect Registration section 2: "the server SHOULD display this image to the End-User". The
/// browser loads the logo, from that one origin; this server loads none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct About {
    pub logo: Option<Image>,
    pub home: Option<Link>,
    pub policy: Option<Link>,
    pub terms: Option<Link>,
}

impl From<&Presentation> for About {
    fn from(told: &Presentation) -> Self {
        let link = |uri: &Option<WebUri>| uri.as_ref().and_then(|uri| Link::parse(uri.as_str()));
        Self {
            logo: told.logo_uri.as_ref().and_then(|uri| Image::parse(uri.as_str())),
            home: link(&told.client_uri),
            policy: link(&told.policy_uri),
            terms: link(&told.tos_uri),
        }
    }
}
