//! The dispatcher. Time zero is when everything began; attempts begin at 1000.

use super::ask;
use super::ask_as;
use super::query;
use crate::domain::client::Client;
use crate::domain::consent::Consent;
use crate::domain::ids::ClientId;
use crate::domain::ids::RequestId;
use crate::domain::ids::SessionId;
use crate::domain::ids::Subject;
use crate::domain::ids::UserId;
use crate::domain::request::Attempt;
use crate::domain::request::AuthorizationRequest;
use crate::domain::request::Consented;
use crate::domain::scope::Scope;
use crate::domain::secret::SecretHash;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::protocol::authorize::LoginReason;
use crate::protocol::authorize::Step;
use crate::protocol::authorize::with_hint;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::at;
use crate::protocol::fixtures::authentication;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::public;
use crate::protocol::fixtures::scope;
use crate::protocol::id_token_hint::Hint;

/// As every client that sees the same names as all others.
fn next_step(
    request: &AuthorizationRequest,
    attempt: Option<&Attempt>,
    session: Option<&Session>,
    consent: Option<&Consent>,
    client: &Client,
    now: Timestamp,
) -> Step {
    let subject = session.map(|session| Subject::public(&session.user_id));
    crate::protocol::authorize::next_step(request, attempt, session, subject.as_ref(), consent, client, now)
}

#[test]
fn pr_11_the_person_of_the_hint_or_nobody() {
    let hint =
        |client: &str, sub: &str| Hint { client_id: ClientId::new(client).unwrap(), sub: sub.to_owned(), sid: None };
    let hinted = |request, client, sub| with_hint(request, &hint(client, sub), &confidential());
    let silent = || ask(&[("prompt", "none")]).unwrap();
    let of_ada = hinted(silent(), "c1", "ada").unwrap();
    assert_eq!(step(&of_ada, None, Some(&session(0)), 1_000), issued());
    let of_bob = hinted(silent(), "c1", "bob").unwrap();
    assert_eq!(refused_with(&step(&of_bob, None, Some(&session(0)), 1_000)), ErrorCode::LoginRequired);
    assert_eq!(refused_with(&step(&of_ada, None, None, 1_000)), ErrorCode::LoginRequired);
    let shown = hinted(ask(&[]).unwrap(), "c1", "bob").unwrap();
    assert_eq!(step(&shown, None, Some(&session(0)), 1_000), Step::Login(LoginReason::SomebodyElse));
    assert_eq!(hinted(silent(), "c2", "ada").unwrap_err().code, ErrorCode::InvalidRequest);
    let named = AuthorizationRequest { subject: Some(Subject::new("bob").unwrap()), ..silent() };
    assert_eq!(hinted(named, "c1", "ada").unwrap_err().code, ErrorCode::InvalidRequest);
}

fn session(authenticated_at: i64) -> Session {
    Session {
        id: SessionId::new("s").unwrap(),
        hash: SecretHash::from_bytes([1; 32]),
        user_id: UserId::new("ada").unwrap(),
        authentication: authentication(authenticated_at),
        created_at: at(0),
        last_seen_at: at(0),
        idle_expires_at: at(5_000),
        expires_at: at(10_000),
        ended_at: None,
    }
}

fn attempt(request: &AuthorizationRequest) -> Attempt {
    Attempt {
        id: RequestId::new("r").unwrap(),
        browser: SecretHash::from_bytes([2; 32]),
        request: request.clone(),
        created_at: at(1_000),
        expires_at: at(2_000),
        consented: None,
        account_selected: false,
        finished_at: None,
    }
}

fn allowed_by(user: &str, scope: Scope) -> Consented {
    Consented { user_id: UserId::new(user).unwrap(), scope }
}

fn consent(text: &str) -> Consent {
    Consent {
        user_id: UserId::new("ada").unwrap(),
        client_id: ClientId::new("c1").unwrap(),
        scope: scope(text),
        granted_at: at(0),
    }
}

fn step(request: &AuthorizationRequest, attempt: Option<&Attempt>, session: Option<&Session>, now: i64) -> Step {
    next_step(request, attempt, session, Some(&consent("openid")), &confidential(), at(now))
}

fn issued() -> Step {
    Step::Issue { scope: scope("openid") }
}

fn refused_with(step: &Step) -> ErrorCode {
    let Step::Refuse(error) = step else { panic!("not refused: {step:?}") };
    error.code
}

#[test]
fn a_live_session_and_a_remembered_consent_issue_at_once() {
    assert_eq!(step(&ask(&[]).unwrap(), None, Some(&session(0)), 1_000), issued());
}

#[test]
fn a_dead_session_is_none() {
    let request = ask(&[]).unwrap();
    let signed_out = Step::Login(LoginReason::SignedOut);
    assert_eq!(step(&request, None, None, 1_000), signed_out);
    assert_eq!(step(&request, None, Some(&session(0)), 5_000), signed_out);
    let ended = Session { ended_at: Some(at(1)), ..session(0) };
    assert_eq!(step(&request, None, Some(&ended), 1_000), signed_out);
}

#[test]
fn pr_01_prompt_none_never_shows_a_page() {
    let request = ask(&[("prompt", "none")]).unwrap();
    assert_eq!(step(&request, None, Some(&session(0)), 1_000), issued());
    assert_eq!(refused_with(&step(&request, None, None, 1_000)), ErrorCode::LoginRequired);
    let unasked = next_step(&request, None, Some(&session(0)), None, &confidential(), at(1_000));
    assert_eq!(refused_with(&unasked), ErrorCode::ConsentRequired);
    for max_age in ["0", "10"] {
        let old = ask(&[("prompt", "none"), ("max_age", max_age)]).unwrap();
        assert_eq!(refused_with(&step(&old, None, Some(&session(0)), 1_000)), ErrorCode::LoginRequired);
    }
}

/// Also for what no request can say today (`none` with `select_account`) and for the person of a hint.
#[test]
fn pr_01_none_is_no_page_whatever_else_is_asked() {
    let mut request = ask(&[("prompt", "none")]).unwrap();
    request.prompt.select_account = true;
    assert_eq!(refused_with(&step(&request, None, Some(&session(0)), 1_000)), ErrorCode::AccountSelectionRequired);
    request.prompt.select_account = false;
    request.subject = Some(Subject::new("somebody-else").unwrap());
    assert_eq!(refused_with(&step(&request, None, Some(&session(0)), 1_000)), ErrorCode::LoginRequired);
}

/// One login to become the person of the hint, and not one after the other.
#[test]
fn pr_11_somebody_else_who_has_just_signed_in_is_refused() {
    let mut request = ask(&[]).unwrap();
    request.subject = Some(Subject::new("somebody-else").unwrap());
    let attempt = attempt(&request);
    let before = step(&request, Some(&attempt), Some(&session(999)), 1_001);
    assert_eq!(before, Step::Login(LoginReason::SomebodyElse));
    let during = step(&request, Some(&attempt), Some(&session(1_000)), 1_001);
    assert_eq!(refused_with(&during), ErrorCode::LoginRequired);
}

#[test]
fn pr_02_pr_03_prompt_login_is_satisfied_by_one_login() {
    for changes in [&[("prompt", "login")][..], &[("prompt", "login"), ("max_age", "0")], &[("max_age", "0")]] {
        let request = ask(changes).unwrap();
        assert!(matches!(step(&request, None, Some(&session(999)), 999), Step::Login(_)));
        let attempt = attempt(&request);
        assert!(matches!(step(&request, Some(&attempt), Some(&session(999)), 1_001), Step::Login(_)));
        assert_eq!(step(&request, Some(&attempt), Some(&session(1_000)), 1_500), issued());
    }
}

#[test]
fn pr_06_max_age_counts_from_the_login() {
    let request = ask(&[("max_age", "100")]).unwrap();
    assert_eq!(step(&request, None, Some(&session(900)), 1_000), issued());
    assert_eq!(step(&request, None, Some(&session(899)), 1_000), Step::Login(LoginReason::TooLongAgo));
    let ahead = step(&request, None, Some(&session(2_000)), 1_000);
    assert_eq!(ahead, issued());
}

#[test]
fn select_account_by_choice_or_login() {
    let request = ask(&[("prompt", "select_account")]).unwrap();
    assert_eq!(step(&request, None, Some(&session(0)), 1_000), Step::SelectAccount);
    let fresh = attempt(&request);
    assert_eq!(step(&request, Some(&fresh), Some(&session(0)), 1_001), Step::SelectAccount);
    assert_eq!(step(&request, Some(&fresh), Some(&session(1_001)), 1_001), issued());
    let chosen = Attempt { account_selected: true, ..fresh };
    assert_eq!(step(&request, Some(&chosen), Some(&session(0)), 1_001), issued());
}

#[test]
fn consent_for_what_is_missing() {
    let request = ask(&[("scope", "openid+email+profile")]).unwrap();
    let missing = Step::Consent { missing: scope("email profile") };
    assert_eq!(step(&request, None, Some(&session(0)), 1_000), missing);
    let partly = Attempt { consented: Some(allowed_by("ada", scope("email"))), ..attempt(&request) };
    assert_eq!(step(&request, Some(&partly), Some(&session(0)), 1_001), Step::Consent { missing: scope("profile") });
    let all = Attempt { consented: Some(allowed_by("ada", scope("openid email profile"))), ..attempt(&request) };
    let issue = Step::Issue { scope: scope("openid email profile") };
    assert_eq!(next_step(&request, Some(&all), Some(&session(0)), None, &confidential(), at(1_001)), issue);
    let own = Client { first_party: true, ..confidential() };
    assert_eq!(next_step(&request, None, Some(&session(0)), None, &own, at(1_000)), issue);
}

#[test]
fn prompt_consent_asks_again_also_for_own_applications() {
    let request = ask(&[("prompt", "consent")]).unwrap();
    let missing = Step::Consent { missing: scope("openid") };
    let own = Client { first_party: true, ..confidential() };
    for client in [&confidential(), &own] {
        let ask =
            |attempt| next_step(&request, attempt, Some(&session(0)), Some(&consent("openid")), client, at(1_001));
        assert_eq!(ask(None), missing);
        let allowed = Attempt { consented: Some(allowed_by("ada", scope("openid"))), ..attempt(&request) };
        assert_eq!(ask(Some(&allowed)), issued());
    }
}

#[test]
fn pr_13_no_silent_grant_when_the_client_could_be_anyone() {
    let changes = [("client_id", "p1"), ("redirect_uri", "http://127.0.0.1:9/cb")];
    let request = ask_as(Some(&public()), &query(&changes)).unwrap();
    let consent = Consent { client_id: ClientId::new("p1").unwrap(), ..consent("openid") };
    let ask = |client: &Client| next_step(&request, None, Some(&session(0)), Some(&consent), client, at(1_000));
    assert_eq!(ask(&public()), Step::Consent { missing: scope("openid") });
    assert_eq!(ask(&Client { first_party: true, ..public() }), issued());
    // One that will have to prove itself at the token endpoint could not.
    let known = Client { token_endpoint_auth_methods: confidential().token_endpoint_auth_methods, ..public() };
    assert_eq!(ask(&known), issued());
}

#[test]
fn consent_of_another_person_or_client_counts_for_nothing() {
    let request = ask(&[]).unwrap();
    let bob = Consent { user_id: UserId::new("bob").unwrap(), ..consent("openid") };
    let c2 = Consent { client_id: ClientId::new("c2").unwrap(), ..consent("openid") };
    for other in [bob, c2] {
        let step = next_step(&request, None, Some(&session(0)), Some(&other), &confidential(), at(1_000));
        assert_eq!(step, Step::Consent { missing: scope("openid") });
    }
}

#[test]
fn ui_04_what_another_person_has_just_allowed_counts_for_nothing() {
    let request = ask(&[]).unwrap();
    let by = |user| Attempt { consented: Some(allowed_by(user, scope("openid"))), ..attempt(&request) };
    let ask = |attempt| next_step(&request, Some(&attempt), Some(&session(0)), None, &confidential(), at(1_001));
    assert_eq!(ask(by("bob")), Step::Consent { missing: scope("openid") });
    assert_eq!(ask(by("ada")), issued());
}

#[test]
fn ru_32_a_client_edited_in_the_middle() {
    let request = ask(&[]).unwrap();
    for client in
        [Client { redirect_uris: Vec::new(), ..confidential() }, Client { disabled: true, ..confidential() }, public()]
    {
        let step = next_step(&request, None, Some(&session(0)), Some(&consent("openid")), &client, at(1_000));
        assert!(matches!(step, Step::Page(_)));
    }
    let less = Client { scope: scope("email"), ..confidential() };
    let step = next_step(&request, None, Some(&session(0)), Some(&consent("openid")), &less, at(1_000));
    assert_eq!(refused_with(&step), ErrorCode::InvalidScope);
}

#[test]
fn an_answered_or_old_attempt_starts_again() {
    let request = ask(&[]).unwrap();
    let answered = Attempt { finished_at: Some(at(1_001)), ..attempt(&request) };
    assert_eq!(step(&request, Some(&answered), Some(&session(0)), 1_002), Step::Restart);
    assert_eq!(step(&request, Some(&attempt(&request)), Some(&session(0)), 2_000), Step::Restart);
}
