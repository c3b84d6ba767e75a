use super::AuthorizeFailure;
use super::LoginReason;
use super::Step;
use super::client_id;
use super::validate;
use super::with_hint;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::consent::Consent;
use crate::domain::ids::ClientId;
use crate::domain::ids::RequestId;
use crate::domain::ids::SessionId;
use crate::domain::ids::Subject;
use crate::domain::ids::UserId;
use crate::domain::request::Attempt;
use crate::domain::request::AuthorizationRequest;
use crate::domain::request::Consented;
use crate::domain::request::ResponseMode;
use crate::domain::scope::Scope;
use crate::domain::secret::SecretHash;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::CHALLENGE;
use crate::protocol::fixtures::at;
use crate::protocol::fixtures::authentication;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::public;
use crate::protocol::fixtures::scope;
use crate::protocol::id_token_hint::Hint;
use crate::protocol::params::AUTHORIZE;
use crate::protocol::params::Params;

const GOOD: [(&str, &str); 7] = [
    ("client_id", "c1"),
    ("redirect_uri", "https%3A%2F%2Fc1.test%2Fcb"),
    ("response_type", "code"),
    ("scope", "openid"),
    ("state", "st+te"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// The good request with some parameters set; `-` leaves one out.
fn query(changes: &[(&str, &str)]) -> String {
    let kept = GOOD.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let all = kept.chain(changes.iter().filter(|(_, value)| *value != "-"));
    all.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn ask_as(client: Option<&Client>, query: &str) -> Result<AuthorizationRequest, AuthorizeFailure> {
    validate(&Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap(), client, false)
}

fn ask(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, AuthorizeFailure> {
    ask_as(Some(&confidential()), &query(changes))
}

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
    super::next_step(request, attempt, session, subject.as_ref(), consent, client, now)
}

/// The error that goes back to the client, with the state of the request.
fn back(outcome: Result<AuthorizationRequest, AuthorizeFailure>) -> ErrorCode {
    match outcome {
        Err(AuthorizeFailure::Redirect { to, error }) => {
            assert_eq!(to.redirect_uri, "https://c1.test/cb");
            assert_eq!(to.state.as_deref(), Some("st te"));
            error.code
        }
        other => panic!("not sent back: {other:?}"),
    }
}

fn page(outcome: Result<AuthorizationRequest, AuthorizeFailure>) -> String {
    match outcome {
        Err(AuthorizeFailure::Page(error)) => error.to_string(),
        other => panic!("not a page: {other:?}"),
    }
}

#[test]
fn a_good_request() {
    let changes =
        [("nonce", "n"), ("prompt", "login+consent"), ("max_age", "0"), ("ui_locales", "de-AT+en+../x++123456789")];
    let request = ask(&changes).unwrap();
    assert_eq!(request.redirect_uri, "https://c1.test/cb");
    assert_eq!(request.response_mode, ResponseMode::Query);
    assert_eq!(request.state.as_deref(), Some("st te"));
    assert_eq!(request.nonce.as_deref(), Some("n"));
    assert_eq!(request.code_challenge.unwrap().as_str(), CHALLENGE);
    assert!(request.prompt.login && request.prompt.consent && !request.prompt.none);
    assert_eq!(request.max_age, Some(0));
    assert_eq!(request.ui_locales, ["de-AT", "en"]);
    let [longest, longer] = [34, 35].map(|length| "abcd-efgh".repeat(4).chars().take(length).collect::<String>() + "z");
    let request = ask(&[("ui_locales", &format!("{longest}+{longer}+{}", "x+".repeat(20)))]).unwrap();
    assert_eq!(request.ui_locales, [vec![longest], vec!["x".to_owned(); 9]].concat());
}

#[test]
fn ru_02_to_ru_10_only_the_registered_bytes() {
    for uri in [
        "https://c1.test.evil.test/cb",
        "https://c1.test@evil.test/cb",
        "https://c1.test:x@evil.test/cb",
        "https://c1.test%5C@evil.test/cb",
        "https:/c1.test/cb",
        "//c1.test/cb",
        "https://c1.test/x/../cb",
        "https://c1.test/cb;a=b",
        "https://C1.test/cb",
        "https://c1.test:443/cb",
        "+https://c1.test/cb",
        "https://c1.test/cb%20",
        "https://c1.test/cb?",
        "https://c1.test/cb?x=1",
        "https://c1.test/cb%23",
        "https://c1.test/cb%23x",
        "https://c1xtest/cb",
    ] {
        page(ask(&[("redirect_uri", uri)]));
    }
}

#[test]
fn ru_12_no_first_use_trust() {
    let client = Client { redirect_uris: Vec::new(), ..confidential() };
    page(ask_as(Some(&client), &query(&[])));
}

#[test]
fn ru_20_unknown_client_looks_like_a_bad_uri() {
    let disabled = Client { disabled: true, ..confidential() };
    let bad_uri = page(ask(&[("redirect_uri", "https://evil.test")]));
    assert_eq!(page(ask_as(None, &query(&[]))), bad_uri);
    assert_eq!(page(ask_as(Some(&disabled), &query(&[]))), bad_uri);
    assert_eq!(page(ask_as(Some(&public()), &query(&[]))), bad_uri);
    for id in ["-", "c1%00", "%ff", "c%20", "C1"] {
        assert_eq!(page(ask(&[("client_id", id)])), bad_uri, "{id}");
    }
    let twice = Params::parse(&[b"client_id=c1&client_id=c1"], AUTHORIZE).unwrap();
    assert!(client_id(&twice).is_err());
}

#[test]
fn ru_21_no_error_goes_to_a_bad_uri() {
    for change in [
        ("response_type", "-"),
        ("response_type", "token"),
        ("scope", "%22"),
        ("prompt", "none+login"),
        ("max_age", "x"),
        ("code_challenge", "-"),
        ("request", "x"),
        ("response_mode", "form_post.jwt"),
        ("state", "%00"),
    ] {
        page(ask(&[change, ("redirect_uri", "https://evil.test")]));
    }
}

#[test]
fn ru_22_ru_23_uri_missing_or_twice() {
    page(ask(&[("redirect_uri", "-")]));
    page(ask(&[("redirect_uri", "")]));
    let good = query(&[]);
    for other in ["https://evil.test", "https://c1.test/cb"] {
        page(ask_as(Some(&confidential()), &format!("{good}&redirect_uri={other}")));
        page(ask_as(Some(&confidential()), &format!("redirect_uri={other}&{good}")));
    }
}

#[test]
fn ap_01_every_other_parameter_twice_goes_back() {
    for name in ["response_type", "scope", "nonce", "prompt", "display", "claims", "code_challenge", "login_hint"] {
        let outcome = ask_as(Some(&confidential()), &format!("{}&{name}=a&{name}=a", query(&[])));
        assert_eq!(back(outcome), ErrorCode::InvalidRequest, "{name}");
    }
    let Err(AuthorizeFailure::Redirect { to, .. }) = ask_as(Some(&confidential()), &format!("{}&state=x", query(&[])))
    else {
        panic!("not sent back")
    };
    assert_eq!(to.state, None);
}

#[test]
fn ap_03_empty_challenge_is_none() {
    assert_eq!(back(ask(&[("code_challenge", ""), ("code_challenge_method", "")])), ErrorCode::InvalidRequest);
}

#[test]
fn ap_15_array_shapes_are_unknown_names() {
    assert!(ask(&[("scope[]", "admin"), ("scope[a]", "b"), ("foo", "%c3%a9")]).is_ok());
}

#[test]
fn ap_16_odd_display_and_locales_are_ignored() {
    let request = ask(&[("display", "hologram"), ("ui_locales", "xx-%3Cscript%3E+../../etc/passwd+se")]).unwrap();
    assert_eq!(request.ui_locales, ["se"]);
}

#[test]
fn rm_01_rm_03_rm_04_response_type() {
    for other in ["token", "id_token+token", "code+token", "CODE", "code+code", "code+", "id_token", "foo", "none"] {
        assert_eq!(back(ask(&[("response_type", other)])), ErrorCode::UnsupportedResponseType, "{other}");
    }
    assert_eq!(back(ask(&[("response_type", "-")])), ErrorCode::InvalidRequest);
}

#[test]
fn rm_05_client_without_the_grant() {
    let client = Client { grant_types: [GrantType::ClientCredentials].into(), ..confidential() };
    assert_eq!(back(ask_as(Some(&client), &query(&[]))), ErrorCode::UnauthorizedClient);
}

#[test]
fn rm_06_response_mode() {
    assert_eq!(ask(&[("response_mode", "form_post")]).unwrap().response_mode, ResponseMode::FormPost);
    for other in ["fragment", "QUERY", "form_post.jwt", "web_message"] {
        assert_eq!(back(ask(&[("response_mode", other)])), ErrorCode::InvalidRequest, "{other}");
    }
    let Err(AuthorizeFailure::Redirect { to, .. }) = ask(&[("response_mode", "form_post"), ("response_type", "-")])
    else {
        panic!("not sent back")
    };
    assert_eq!(to.response_mode, ResponseMode::FormPost);
}

#[test]
fn ro_08_request_objects_are_not_supported() {
    assert_eq!(back(ask(&[("request", "a.b.c")])), ErrorCode::RequestNotSupported);
    let uri = "http://169.254.169.254/x";
    assert_eq!(back(ask(&[("request_uri", uri), ("response_type", "-")])), ErrorCode::RequestUriNotSupported);
    assert_eq!(back(ask(&[("registration", "%7B%7D")])), ErrorCode::RegistrationNotSupported);
}

#[test]
fn pr_04_pr_05_prompt() {
    for bad in [
        "none+login",
        "login+none",
        "none+consent",
        "none+select_account",
        "foo",
        "login+foo",
        "LOGIN",
        "login++consent",
        "+login",
    ] {
        assert_eq!(back(ask(&[("prompt", bad)])), ErrorCode::InvalidRequest, "{bad}");
    }
    assert!(ask(&[("prompt", "login+login")]).unwrap().prompt.login);
    assert!(ask(&[("prompt", "none+none")]).unwrap().prompt.none);
}

#[test]
fn pr_06_max_age_bounds() {
    for (text, seconds) in [("0", 0), ("1000000000", 1_000_000_000), ("9007199254740993", 9_007_199_254_740_993)] {
        assert_eq!(ask(&[("max_age", text)]).unwrap().max_age, Some(seconds));
    }
    for bad in ["-1", "1.5", "1e9", "9223372036854775808", "99999999999999999999999999", "%2B1", "0x1", "+1"] {
        assert_eq!(back(ask(&[("max_age", bad)])), ErrorCode::InvalidRequest, "{bad}");
    }
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

#[test]
fn pr_12_login_hint_has_a_limit() {
    assert!(ask(&[("login_hint", "%3Cscript%3E")]).is_ok());
    assert_eq!(back(ask(&[("login_hint", &"a".repeat(257))])), ErrorCode::InvalidRequest);
}

#[test]
fn pr_14_offline_access_needs_consent_and_the_grant() {
    let asked = |client: &Client, changes: &[(&str, &str)]| {
        let changes: Vec<_> = changes.iter().copied().chain([("scope", "openid+offline_access")]).collect();
        ask_as(Some(client), &query(&changes)).unwrap().scope.to_string()
    };
    assert_eq!(asked(&confidential(), &[]), "openid");
    assert_eq!(asked(&confidential(), &[("prompt", "consent")]), "offline_access openid");
    assert_eq!(asked(&Client { first_party: true, ..confidential() }, &[]), "offline_access openid");
    let no_refresh = Client { grant_types: [GrantType::AuthorizationCode].into(), ..confidential() };
    assert_eq!(asked(&no_refresh, &[("prompt", "consent")]), "openid");
}

#[test]
fn pk_01_no_challenge() {
    let none = [("code_challenge", "-"), ("code_challenge_method", "-")];
    assert_eq!(back(ask(&none)), ErrorCode::InvalidRequest);
    let exempt = Client { require_pkce: false, ..confidential() };
    assert_eq!(ask_as(Some(&exempt), &query(&none)).unwrap().code_challenge, None);
    assert!(ask_as(Some(&exempt), &query(&[])).unwrap().code_challenge.is_some());
}

#[test]
fn pk_01_public_clients_are_never_exempt() {
    let client = Client { require_pkce: false, ..public() };
    let changes = [
        ("client_id", "p1"),
        ("redirect_uri", "http://127.0.0.1:4711/cb"),
        ("code_challenge", "-"),
        ("code_challenge_method", "-"),
    ];
    let outcome = ask_as(Some(&client), &query(&changes));
    assert!(matches!(outcome, Err(AuthorizeFailure::Redirect { .. })));
    assert!(ask_as(Some(&client), &query(&changes[..2])).is_ok());
}

#[test]
fn pk_04_plain_is_refused() {
    let exempt = Client { require_pkce: false, ..confidential() };
    for method in ["plain", "-", "", "s256", "S512"] {
        for client in [&exempt, &confidential()] {
            let outcome = ask_as(Some(client), &query(&[("code_challenge_method", method)]));
            assert_eq!(back(outcome), ErrorCode::InvalidRequest, "{method}");
        }
    }
    let alone = ask_as(Some(&exempt), &query(&[("code_challenge", "-")]));
    assert_eq!(back(alone), ErrorCode::InvalidRequest);
}

#[test]
fn pk_06_shape_of_the_challenge() {
    for challenge in ["a", &"a".repeat(42), &"a".repeat(44), &"%2B".repeat(43), &"%3D".repeat(43), &"%2F".repeat(43)] {
        assert_eq!(back(ask(&[("code_challenge", challenge)])), ErrorCode::InvalidRequest);
    }
}

#[test]
fn sc_03_sc_04_scope() {
    for bad in ["%22", "a%5Cb", "openid++email", "%20openid", "-", "admin", "openid%09email"] {
        let code = back(ask(&[("scope", bad)]));
        assert!(matches!(code, ErrorCode::InvalidScope | ErrorCode::InvalidRequest), "{bad}");
    }
    assert_eq!(ask(&[("scope", "openid+admin+email+email")]).unwrap().scope, scope("openid email"));
    let no_openid = Client { scope: scope("api:read"), ..confidential() };
    let outcome = ask_as(Some(&no_openid), &query(&[("scope", "openid+api:read")]));
    assert_eq!(back(outcome), ErrorCode::InvalidScope);
}

#[test]
fn sc_05_resource() {
    let client = Client { audiences: vec!["https://rs1.test".to_owned()], ..confidential() };
    assert!(ask_as(Some(&client), &query(&[("resource", "https://rs1.test")])).is_ok());
    let outcome = ask_as(Some(&client), &query(&[("resource", "https://rs2.test")]));
    assert_eq!(back(outcome), ErrorCode::InvalidTarget);
}

#[test]
fn sc_09_plain_oauth_without_openid() {
    assert_eq!(ask(&[("scope", "profile")]).unwrap().scope, scope("profile"));
}

// The dispatcher. Time zero is when everything began; attempts begin at 1000.

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
