//! The one place that decides what happens next. Login and consent pages only ever come back to it.

use std::time::Duration;

use super::super::error::ErrorCode;
use super::super::error::OAuthError;
use super::client::PUBLIC;
use crate::domain::client::Client;
use crate::domain::consent::Consent;
use crate::domain::ids::Subject;
use crate::domain::request::Attempt;
use crate::domain::request::AuthorizationRequest;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;

/// What happens next with an authorization request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The client may no longer be answered there: a page.
    Page(OAuthError),
    /// The attempt is answered or too old: begin another one for the same request.
    Restart,
    Login(LoginReason),
    SelectAccount,
    /// The person is asked about the scope values that nothing allows yet.
    Consent {
        missing: Scope,
    },
    /// A code for this scope.
    Issue {
        scope: Scope,
    },
    /// `prompt=none` and somebody would have to do something: the client is told.
    Refuse(OAuthError),
}

/// Why somebody has to sign in (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginReason {
    SignedOut,
    /// `prompt=login`
    Prompted,
    /// `max_age`
    TooLongAgo,
    /// The client named the person it wants, and it is not the one who is signed in.
    SomebodyElse,
}

/// Decides. `attempt` is absent until somebody has had to do something; `session` is one whose user is enabled;
/// `subject` is how the client names that user, `consent` what that user has allowed it before.
#[must_use]
pub fn next_step(
    request: &AuthorizationRequest,
    attempt: Option<&Attempt>,
    session: Option<&Session>,
    subject: Option<&Subject>,
    consent: Option<&Consent>,
    client: &Client,
    now: Timestamp,
) -> Step {
    // The client may have been edited since the request was checked.
    if client.disabled || client.id != request.client_id || !client.redirects_to(&request.redirect_uri) {
        let detail = format!("client {} was changed during the sign-in", request.client_id);
        return Step::Page(OAuthError::invalid_request(PUBLIC).detail(detail));
    }
    if attempt.is_some_and(|attempt| !attempt.is_open(now)) {
        return Step::Restart;
    }
    let session = match login(request, attempt, session, now) {
        Ok(session) => session,
        Err(_) if request.prompt.none => {
            return refuse(ErrorCode::LoginRequired, "Nobody is signed in, or too long ago");
        }
        Err(reason) => return Step::Login(reason),
    };
    // Core 3.1.2.2: the OP "MUST NOT reply with an ID Token or Access Token for a different user" than the one asked
    // for, "even if they have an active session with the Authorization Server".
    if request.subject.as_ref().is_some_and(|wanted| Some(wanted) != subject) {
        if request.prompt.none || signed_in_during(attempt, session) {
            return refuse(ErrorCode::LoginRequired, "Somebody else is signed in");
        }
        return Step::Login(LoginReason::SomebodyElse);
    }
    if request.prompt.select_account && !account_is_chosen(attempt, session) {
        if request.prompt.none {
            return refuse(ErrorCode::AccountSelectionRequired, "An account must be chosen");
        }
        return Step::SelectAccount;
    }
    let scope = request.scope.intersection(&client.scope);
    if scope.is_empty() {
        return Step::Refuse(OAuthError::invalid_scope("This client may ask for none of these scope values"));
    }
    let asked = request.asks_for().intersection(&client.scope);
    let missing = unallowed(&asked, request, attempt, session, consent, client);
    match (missing.is_empty(), request.prompt.none) {
        (true, _) => Step::Issue { scope },
        (false, true) => refuse(ErrorCode::ConsentRequired, "The person must be asked first"),
        (false, false) => Step::Consent { missing },
    }
}

fn refuse(code: ErrorCode, description: &'static str) -> Step {
    Step::Refuse(OAuthError::new(code, description))
}

fn login<'a>(
    request: &AuthorizationRequest,
    attempt: Option<&Attempt>,
    session: Option<&'a Session>,
    now: Timestamp,
) -> Result<&'a Session, LoginReason> {
    let session = session.filter(|session| session.is_live(now)).ok_or(LoginReason::SignedOut)?;
    // One login of this attempt answers `prompt=login` and every `max_age`, even 0; otherwise they would ask for ever.
    if signed_in_during(attempt, session) {
        return Ok(session);
    }
    // "the Authorization Server SHOULD prompt the End-User for reauthentication" (OpenID Connect Core 3.1.2.1).
    if request.prompt.login {
        return Err(LoginReason::Prompted);
    }
    // "If the elapsed time is greater than this value, the OP MUST attempt to actively re-authenticate the End-User";
    // 0 is the same as `prompt=login`.
    let elapsed = now.since(session.authentication.time);
    let too_long = |max_age: u64| max_age == 0 || elapsed > Duration::from_secs(max_age);
    match request.max_age {
        Some(max_age) if too_long(max_age) => Err(LoginReason::TooLongAgo),
        _ => Ok(session),
    }
}

fn signed_in_during(attempt: Option<&Attempt>, session: &Session) -> bool {
    attempt.is_some_and(|attempt| session.authentication.time >= attempt.created_at)
}

fn account_is_chosen(attempt: Option<&Attempt>, session: &Session) -> bool {
    attempt.is_some_and(|attempt| attempt.account_selected) || signed_in_during(attempt, session)
}

/// The values of `scope` that nobody has allowed. Asked about all of it when `prompt=consent`, and never when the
/// client is the operator's own.
fn unallowed(
    scope: &Scope,
    request: &AuthorizationRequest,
    attempt: Option<&Attempt>,
    session: &Session,
    consent: Option<&Consent>,
    client: &Client,
) -> Scope {
    // Whoever signed in since then has not been asked.
    let just_allowed = attempt
        .and_then(|attempt| attempt.consented.as_ref())
        .filter(|consented| consented.user_id == session.user_id)
        .map(|consented| consented.scope.clone())
        .unwrap_or_default();
    if client.first_party && !request.prompt.consent {
        return Scope::default();
    }
    let remembered = consent
        .filter(|_| !request.prompt.consent && identity_is_assured(request, client))
        .filter(|consent| consent.user_id == session.user_id && consent.client_id == client.id)
        .map(|consent| consent.scope.clone())
        .unwrap_or_default();
    let allowed = just_allowed.union(&remembered);
    allowed.iter().fold(scope.clone(), |missing, value| missing.without(value))
}

/// "The authorization server SHOULD NOT process repeated authorization requests automatically (without active
/// resource owner interaction) without authenticating the client or relying on other measures" (RFC 6749 section
/// 10.2). A public client on a loopback address or a private-use scheme could be any program on the device; one
/// behind https is who owns that name.
fn identity_is_assured(request: &AuthorizationRequest, client: &Client) -> bool {
    !client.is_public() || request.redirect_uri.starts_with("https://")
}
