//! The pages of signing out, and the account page.

use serde::Serialize;

use crate::domain::family::Reach;
use crate::domain::secret::Secret;

use super::Csp;
use super::Destination;
use super::Page;
use super::ScopeLine;
use super::reveal;

/// What a sign-out ends here; names a sentence of the pages.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogoutLevel {
    RefreshRevocation,
    Immediate,
}

impl From<Reach> for LogoutLevel {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::RefreshOnly => Self::RefreshRevocation,
            Reach::Immediate => Self::Immediate,
        }
    }
}

/// `signed_out.html`.
#[derive(Debug, Clone, Serialize)]
pub struct SignedOutPage {
    pub back: Option<BackTo>,
    /// What tells applications in this browser (Front-Channel Logout section 2).
    pub frames: Vec<Destination>,
}

/// The application that asked for a logout, and the way back there.
#[derive(Debug, Clone, Serialize)]
pub struct BackTo {
    pub app: String,
    pub uri: Destination,
}

/// `account.html`: posts `action` = `sign-out` with `session`, `sign-out-everywhere`, or `remove` with `client`.
#[derive(Debug, Clone, Serialize)]
pub struct AccountPage {
    #[serde(serialize_with = "reveal")]
    pub csrf: Secret,
    pub email: String,
    /// Claim `name`.
    pub name: Option<String>,
    /// Of signing one browser out.
    pub level: LogoutLevel,
    pub sessions: Vec<AccountSession>,
    pub applications: Vec<AccountApplication>,
}

/// One browser in which somebody is signed in. Times as in `2026-11-22 12:00`, UTC.
#[derive(Debug, Clone, Serialize)]
pub struct AccountSession {
    pub id: String,
    pub current: bool,
    pub since: String,
    pub last_seen: String,
    pub applications: Vec<String>,
}

/// An application that has access.
#[derive(Debug, Clone, Serialize)]
pub struct AccountApplication {
    pub id: String,
    pub name: String,
    pub scopes: Vec<ScopeLine>,
    pub since: String,
}

/// `logout_confirm.html`: posts to `/end_session`, `decision` = `sign-out` or `stay`.
#[derive(Debug, Clone, Serialize)]
pub struct LogoutConfirmPage {
    #[serde(serialize_with = "reveal")]
    pub csrf: Secret,
    pub email: String,
    pub level: LogoutLevel,
    /// The application that sent them here.
    pub app_name: Option<String>,
    /// Further hidden inputs, so that the answer can be given without a second look-up.
    pub fields: Vec<(String, String)>,
    /// Where they will be sent afterwards.
    pub destination: Option<Destination>,
}

impl Page for SignedOutPage {
    const TEMPLATE: &'static str = "signed_out.html";
    fn csp(&self) -> Csp {
        if self.frames.is_empty() { Csp::default() } else { Csp::default().scripts().frames(&self.frames) }
    }
}

impl Page for AccountPage {
    const TEMPLATE: &'static str = "account.html";
    fn csp(&self) -> Csp {
        Csp::default().submits()
    }
}

impl Page for LogoutConfirmPage {
    const TEMPLATE: &'static str = "logout_confirm.html";
    fn csp(&self) -> Csp {
        Csp::default().submits_towards(self.destination.as_ref())
    }
}
