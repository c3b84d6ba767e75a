//! The dispatcher: no loop, no page where none is allowed, no code without login and consent.

use proptest::option;
use proptest::prelude::any;
use proptest::prelude::prop_assert;
use proptest::prelude::prop_assert_eq;
use proptest::proptest;

use signet::domain::ids::RequestId;
use signet::domain::ids::SessionId;
use signet::domain::ids::UserId;
use signet::domain::request::Attempt;
use signet::domain::request::AuthorizationRequest;
use signet::domain::request::Consented;
use signet::domain::scope::Scope;
use signet::domain::secret::SecretHash;
use signet::domain::session::Authentication;
use signet::domain::session::AuthenticationMethod;
use signet::domain::session::Session;
use signet::domain::time::Timestamp;
use signet::protocol::authorize::Step;
use signet::protocol::authorize::next_step;

use crate::support::CHALLENGE;
use crate::support::ask;
use crate::support::client;

const CB: &str = "https://c1.test/cb";
const BEGUN: i64 = 10_000;

fn ada() -> UserId {
    UserId::new("ada").unwrap()
}

fn session(authenticated_at: i64) -> Session {
    Session {
        id: SessionId::new("s").unwrap(),
        hash: SecretHash::from_bytes([1; 32]),
        user_id: ada(),
        authentication: Authentication {
            time: Timestamp::from_seconds(authenticated_at),
            methods: vec![AuthenticationMethod::Password],
        },
        created_at: Timestamp::EPOCH,
        last_seen_at: Timestamp::EPOCH,
        idle_expires_at: Timestamp::from_seconds(1_000_000),
        expires_at: Timestamp::from_seconds(1_000_000),
        ended_at: None,
    }
}

fn attempt(request: &AuthorizationRequest) -> Attempt {
    Attempt {
        id: RequestId::new("r").unwrap(),
        browser: SecretHash::from_bytes([2; 32]),
        request: request.clone(),
        created_at: Timestamp::from_seconds(BEGUN),
        expires_at: Timestamp::from_seconds(BEGUN + 900),
        consented: None,
        account_selected: false,
        finished_at: None,
    }
}

fn request(prompt: &str, max_age: Option<u32>) -> AuthorizationRequest {
    let max_age = max_age.map(|seconds| seconds.to_string());
    let mut pairs = vec![
        ("client_id", "c1"),
        ("redirect_uri", CB),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("prompt", prompt),
    ];
    pairs.extend(max_age.as_deref().map(|seconds| ("max_age", seconds)));
    ask(&client(CB, false, true), &pairs).unwrap()
}

proptest! {
    /// PR-02, PR-03: somebody who does what each page asks reaches the code in at most three pages, whatever the
    /// prompts, `max_age` and the session before; and every page that had to be shown was.
    #[test]
    fn doing_what_is_asked_ends_in_a_code(
        login in any::<bool>(), consent in any::<bool>(), select in any::<bool>(),
        max_age in option::of(0_u32..5_000), signed_in_at in option::of(0_i64..BEGUN), pause in 1_i64..200,
    ) {
        let words = [(login, "login"), (consent, "consent"), (select, "select_account")];
        let prompt: Vec<&str> = words.iter().filter(|(asked, _)| *asked).map(|(_, word)| *word).collect();
        let request = request(&prompt.join(" "), max_age);
        let client = client(CB, false, true);
        let mut attempt = attempt(&request);
        let mut session_now = signed_in_at.map(session);
        let mut now = BEGUN;
        let (mut logins, mut consents, mut choices) = (0, 0, 0);
        loop {
            prop_assert!(logins + consents + choices <= 3);
            let at = Timestamp::from_seconds(now);
            now += pause;
            match next_step(&request, Some(&attempt), session_now.as_ref(), None, None, &client, at) {
                Step::Login(_) => { logins += 1; session_now = Some(session(now)); }
                Step::SelectAccount => { choices += 1; attempt.account_selected = true; }
                Step::Consent { missing } => { consents += 1; attempt.consented = Some(Consented { user_id: ada(), scope: missing }); }
                Step::Issue { scope } => { prop_assert_eq!(scope, Scope::parse("openid email").unwrap()); break; }
                other => panic!("{other:?}"),
            }
        }
        let too_old = max_age.is_some_and(|limit| {
            limit == 0 || signed_in_at.is_some_and(|at| BEGUN - at > i64::from(limit))
        });
        prop_assert_eq!(consents, 1);
        prop_assert!(logins <= 1 && (logins == 1 || !(login || signed_in_at.is_none() || too_old)));
        // A login made for another reason chooses the account too.
        prop_assert!(choices <= i32::from(select) && (choices == 1 || !select || logins == 1));
    }

    /// PR-01: with `prompt=none` there is an answer for the client and never a page.
    #[test]
    fn none_shows_nothing(max_age in option::of(0_u32..5_000), signed_in_at in option::of(0_i64..BEGUN), own in any::<bool>()) {
        let request = request("none", max_age);
        let mut client = client(CB, false, true);
        client.first_party = own;
        let session = signed_in_at.map(session);
        let step = next_step(&request, None, session.as_ref(), None, None, &client, Timestamp::from_seconds(BEGUN));
        let silent = matches!(step, Step::Issue { .. } | Step::Refuse(_));
        let refused = matches!(step, Step::Refuse(_));
        prop_assert!(silent && (own || refused));
    }
}
