//! What each template may show: one struct for each page.

mod app;
mod decoder;
mod playground;
mod samples;
mod signing_out;

use serde::Serialize;
use serde::Serializer;
use tera::Context;

use super::Page;
use super::PageError;
use super::csp::Csp;
use super::link::Destination;
use super::link::Link;
use super::template_error;
use crate::domain::ids::RequestId;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;

pub use app::About;
pub use app::App;
pub use decoder::DecoderPage;
pub use playground::PlaygroundOutcome;
pub use playground::PlaygroundPage;
pub use playground::PlaygroundParameter;
pub use playground::PlaygroundResultPage;
pub(super) use samples::each_sample;
pub use signing_out::AccountApplication;
pub use signing_out::AccountPage;
pub use signing_out::AccountSession;
pub use signing_out::BackTo;
pub use signing_out::LogoutConfirmPage;
pub use signing_out::LogoutLevel;
pub use signing_out::SignedOutPage;

/// What every form carries back: proof that this browser got the page, and the attempt it belongs to.
#[derive(Debug, Clone, Serialize)]
pub struct Form {
    /// Hidden input `csrf`.
    #[serde(serialize_with = "reveal")]
    pub csrf: Secret,
    /// Hidden input `request`.
    pub request: RequestId,
}

/// `login.html`: posts `username`, `password` to `/login`.
#[derive(Debug, Clone, Serialize)]
pub struct LoginPage {
    pub form: Form,
    /// `None` when somebody signs in to this provider itself.
    pub app: Option<App>,
    /// What stands in the field: `login_hint`, or what was typed before.
    pub username: String,
    pub error: Option<LoginError>,
    pub notice: Option<LoginNotice>,
    /// The password of the demo user. Only ever set by `serve --dev`.
    #[serde(serialize_with = "reveal_option")]
    pub prefill_password: Option<Secret>,
}

/// Why a sign-in did not succeed. Unknown users and wrong passwords are the same to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LoginError {
    Credentials,
    /// Too many tries; whole minutes until the next one, at least 1.
    Throttled {
        minutes: u64,
    },
    /// The server cannot check passwords at this moment.
    Busy,
    /// The form did not come from a page of this browser: cookies were cleared or are switched off.
    Stale,
}

/// Why somebody sees this page though they may not expect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginNotice {
    /// The attempt had expired and has been started again.
    Restarted,
    /// They are signed in, but the application wants to be sure.
    Confirm,
}

/// `select_account.html`: posts `choice` = `continue` or `other` to `/select_account`.
#[derive(Debug, Clone, Serialize)]
pub struct SelectAccountPage {
    pub form: Form,
    pub app: App,
    pub email: String,
    /// Claim `name`.
    pub name: Option<String>,
}

/// `consent.html`: posts `decision` = `allow`, `deny` or `switch`, and `remember` = `yes` or nothing, to `/consent`.
#[derive(Debug, Clone, Serialize)]
pub struct ConsentPage {
    pub form: Form,
    pub app: App,
    pub email: String,
    pub scopes: Vec<ScopeLine>,
}

/// One line of what the application will be able to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeLine {
    pub value: String,
    /// There is a text for it; others are shown as they are.
    pub known: bool,
}

impl ScopeLine {
    const KNOWN: [&'static str; 7] = ["openid", "profile", "email", "address", "phone", "roles", "offline_access"];

    /// The lines of `scope`: first those that there are words for, in a steady order, then the others.
    #[must_use]
    pub fn list(scope: &Scope) -> Vec<Self> {
        let known = Self::KNOWN.into_iter().filter(|value| scope.contains(value)).map(|value| (value, true));
        let others = scope.iter().filter(|value| !Self::KNOWN.contains(value)).map(|value| (value, false));
        known.chain(others).map(|(value, known)| Self { value: value.to_owned(), known }).collect()
    }
}

/// `error.html`. The status is the caller's.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorPage {
    pub kind: ErrorKind,
    /// `req_...`, by which an administrator finds the cause.
    pub reference: String,
    /// Error code and public sentence, as a client would be told them. Never anything that was sent.
    pub cause: Option<String>,
    /// A way on, when there is a safe one.
    pub back: Option<Link>,
    /// In dev mode only.
    pub details: Option<ErrorDetails>,
}

/// What the person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The application sent them here with a request that cannot be answered.
    Request,
    /// The form is too old, or its cookies are gone, and cannot be started again.
    Expired,
    /// A link that works once was used before or is too old.
    Link,
    NotFound,
    TooMany,
    /// The database is down or the server is busy.
    Unavailable,
    /// Our own fault.
    Internal,
}

/// The exact cause, for the person who builds the application.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorDetails {
    /// RFC 6749 section 4.1.2.1.
    pub error: String,
    pub description: String,
    /// What was sent, what is allowed, how to mend it: name and value.
    pub facts: Vec<(String, String)>,
}

/// `home.html`, the page behind the issuer itself.
#[derive(Debug, Clone, Serialize)]
pub struct HomePage {
    pub issuer: String,
}

/// `check_session.html`, Session Management section 3.2.
#[derive(Debug, Clone, Serialize)]
pub struct CheckSessionPage {
    /// The cookie that stands for the browser's state.
    pub cookie: String,
}

/// `form_post.html`, OAuth 2.0 Form Post Response Mode.
#[derive(Clone, Serialize)]
pub struct FormPostPage {
    pub app_name: String,
    pub destination: Destination,
    /// The parameters of the response, which hold the code.
    pub fields: Vec<(String, String)>,
}

impl std::fmt::Debug for FormPostPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FormPostPage").field("destination", &self.destination).finish_non_exhaustive()
    }
}

/// `setup.html`, the first administrator: posts `email`, `password` and `csrf` to the address it was read from.
#[derive(Debug, Clone, Serialize)]
pub struct SetupPage {
    #[serde(serialize_with = "reveal")]
    pub csrf: Secret,
    pub email: String,
    pub error: Option<SetupError>,
    /// In characters.
    pub min_password: usize,
}

/// What is wrong with the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetupError {
    Email,
    PasswordShort,
    PasswordLong,
    Taken,
}

/// `setup_done.html`.
#[derive(Debug, Clone, Serialize)]
pub struct SetupDonePage {
    pub email: String,
    pub issuer: String,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
    fn csp(&self) -> Csp {
        let app = self.app.as_ref();
        let logo = app.and_then(|app| app.about.logo.as_ref());
        Csp::default().scripts().shows(logo).submits_towards(app.and_then(|app| app.destination.as_ref()))
    }
}

impl Page for SelectAccountPage {
    const TEMPLATE: &'static str = "select_account.html";
    fn csp(&self) -> Csp {
        Csp::default().submits_towards(self.app.destination.as_ref())
    }
}

impl Page for ConsentPage {
    const TEMPLATE: &'static str = "consent.html";
    fn csp(&self) -> Csp {
        Csp::default().shows(self.app.about.logo.as_ref()).submits_towards(self.app.destination.as_ref())
    }
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
    fn csp(&self) -> Csp {
        Csp::default()
    }
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "home.html";
    fn csp(&self) -> Csp {
        Csp::default()
    }
}

impl Page for CheckSessionPage {
    const TEMPLATE: &'static str = "check_session.html";
    fn csp(&self) -> Csp {
        Csp::default().scripts().framed()
    }
}

impl Page for FormPostPage {
    const TEMPLATE: &'static str = "form_post.html";
    fn csp(&self) -> Csp {
        Csp::default().scripts().submits_towards(Some(&self.destination))
    }
}

impl Page for SetupPage {
    const TEMPLATE: &'static str = "setup.html";
    fn csp(&self) -> Csp {
        Csp::default().scripts().submits()
    }
}

impl Page for SetupDonePage {
    const TEMPLATE: &'static str = "setup_done.html";
    fn csp(&self) -> Csp {
        Csp::default()
    }
}

/// A page filled with sample data, whatever its type.
pub(super) trait Sample {
    fn template(&self) -> &'static str;
    #[cfg(test)]
    fn policy(&self) -> String;
    fn context(&self) -> Result<Context, PageError>;
}

impl<P: Page> Sample for P {
    fn template(&self) -> &'static str {
        P::TEMPLATE
    }

    #[cfg(test)]
    fn policy(&self) -> String {
        self.csp().to_string()
    }

    fn context(&self) -> Result<Context, PageError> {
        Context::from_serialize(self).map_err(|fault| template_error(&fault))
    }
}

fn reveal<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.reveal())
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn reveal_option<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.reveal()),
        None => serializer.serialize_none(),
    }
}
