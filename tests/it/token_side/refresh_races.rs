//! Refresh with real parallelism, without the socket in between: a thousand uses of one token at once, and refresh
//! against everything that ends a family. `SIGNET_TEST_LONG=1` runs ten thousand races, without it some hundreds.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use signet::ambient::OsEntropy;
use signet::crypto::hash;
use signet::domain::code::Code;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::ClientId;
use signet::domain::ids::FamilyId;
use signet::domain::ids::SessionId;
use signet::domain::ids::UserId;
use signet::domain::request::CodeChallenge;
use signet::domain::scope::Scope;
use signet::domain::secret::SecretKind;
use signet::domain::session::Session;
use signet::domain::user::Email;
use signet::flow::Signet;
use signet::flow::clients::AuthenticatedClient;
use signet::flow::error::FlowError;
use signet::protocol::client_auth::presented;
use signet::protocol::error::ErrorCode;
use signet::protocol::params::Params;
use signet::protocol::params::TOKEN;
use signet::store::StoreError;
use signet::store::code::IssueCode;
use signet::store::session::BeginSession;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::on_both_databases;
use crate::support::app::App;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::SECRET;
use crate::support::party::VERIFIER;
use crate::support::postgres::left_out;

const AT_ONCE: usize = 1000;
/// Races under way at one time.
const ABREAST: usize = 8;

on_both_databases! {
    rf_02_a_thousand_at_once,
    rf_14_refresh_against_revoke,
    rf_08_refresh_against_logout,
}

/// Of 10,000: half against each, half of that on each database.
fn races() -> usize {
    let many = std::env::var_os("SIGNET_TEST_LONG").is_some_and(|value| value == "1");
    if many { 2500 } else { 96 }
}

async fn rf_02_a_thousand_at_once(app: App) {
    thousand(&[Arc::clone(&app.signet)]).await;
}

#[test]
fn rf_02_a_thousand_at_once_on_two_nodes() {
    block_on(async {
        let Some(app) = App::start(Kind::Postgres).await else { return left_out() };
        let other = app.another_node().await;
        thousand(&[Arc::clone(&app.signet), Arc::clone(&other.signet)]).await;
    });
}

/// One family, one live token, and every caller has it.
async fn thousand(nodes: &[Arc<Signet>]) {
    for id in ["demo-web", "demo-spa"] {
        let first = nodes.first().unwrap();
        let caller = caller(first, id).await;
        let (family, _, token) = begin(first, &caller).await;
        let gate = Arc::new(Barrier::new(AT_ONCE));
        let mut racers = JoinSet::new();
        for signet in nodes.iter().cycle().take(AT_ONCE) {
            let (signet, caller, token, gate) = (Arc::clone(signet), caller.clone(), token.clone(), Arc::clone(&gate));
            racers.spawn(async move {
                gate.wait().await;
                patiently(&signet, &caller, &token).await
            });
        }
        let answers = racers.join_all().await;
        let successors: HashSet<&str> = answers.iter().map(|tokens| text(tokens, "refresh_token")).collect();
        let access: HashSet<&str> = answers.iter().map(|tokens| text(tokens, "access_token")).collect();
        assert_eq!((answers.len(), successors.len(), access.len()), (AT_ONCE, 1, AT_ONCE), "{id}");
        let owner = ada(first).await;
        let of_ada = first.store.families_of_user(owner).await.unwrap();
        let (own, stored) = (of_ada.iter().find(|own| own.id == family).unwrap(), of_ada.len());
        assert!(own.revoked.is_none() && own.generation == 2, "{id}: {own:?} of {stored}");
        // It is the live one, and the only one.
        let successor = successors.into_iter().next().unwrap().to_owned();
        refresh(first, &caller, &successor).await.expect("it goes on");
        assert_refused(refresh(first, &caller, &token).await);
    }
}

async fn rf_14_refresh_against_revoke(app: App) {
    let succeeded = race(&app, |signet, family, _| async move {
        let reason = RevocationReason::Administrator;
        assert!(signet.revoke_family(&family, reason, Reach::Immediate).await.unwrap());
    })
    .await;
    println!("{} races, {succeeded} refreshes came before the revocation", races());
}

async fn rf_08_refresh_against_logout(app: App) {
    let succeeded = race(&app, |signet, _, session| async move {
        assert!(signet.end_session(&session, Reach::Immediate).await.unwrap());
    })
    .await;
    println!("{} races, {succeeded} refreshes came before the logout", races());
}

/// A client follows a family, presenting what it was given last, while the family is ended. Once that is acknowledged
/// nothing is refreshed any more, whoever holds what.
async fn race<F>(app: &App, end: impl Fn(Arc<Signet>, FamilyId, SessionId) -> F + Clone + Send + 'static) -> usize
where
    F: Future<Output = ()> + Send,
{
    let caller = caller(&app.signet, "demo-web").await;
    let mut lanes = JoinSet::new();
    for lane in 0..ABREAST {
        let (signet, caller, end) = (Arc::clone(&app.signet), caller.clone(), end.clone());
        lanes.spawn(async move {
            let mut succeeded = 0;
            for round in 0..races().div_ceil(ABREAST) {
                let (family, session, token) = begin(&signet, &caller).await;
                let over = Arc::new(AtomicBool::new(false));
                let follower =
                    tokio::spawn(follow(Arc::clone(&signet), caller.clone(), token.clone(), Arc::clone(&over)));
                // From at once to after some refreshes.
                let pause = 400 * ((lane + round * 3) % 10);
                tokio::time::sleep(Duration::from_micros(pause.try_into().unwrap())).await;
                end(Arc::clone(&signet), family.clone(), session).await;
                over.store(true, Ordering::SeqCst);
                let given = follower.await.expect("no panic");
                succeeded += given.len();
                for tokens in &given {
                    assert_refused(refresh(&signet, &caller, text(tokens, "refresh_token")).await);
                    let access = signet.check_access_token(text(tokens, "access_token"), signet.issuer()).await;
                    assert!(matches!(access, Err(FlowError::Refused(_))), "an access token outlives its grant");
                }
                assert_refused(refresh(&signet, &caller, &token).await);
                let family = signet.store.family(family).await.unwrap().unwrap();
                assert!(family.revoked.is_some() && family.successor.is_none(), "{family:?}");
            }
            succeeded
        });
    }
    lanes.join_all().await.into_iter().sum()
}

/// Refreshes until refused, twice at once each time, as two tabs do; gives all answers.
async fn follow(signet: Arc<Signet>, caller: AuthenticatedClient, token: String, over: Arc<AtomicBool>) -> Vec<Value> {
    let mut given: Vec<Value> = Vec::new();
    let mut presents = token;
    for _ in 0..50 {
        let was_over = over.load(Ordering::SeqCst);
        let other_tab = {
            let (signet, caller, token) = (Arc::clone(&signet), caller.clone(), presents.clone());
            tokio::spawn(async move { refresh(&signet, &caller, &token).await })
        };
        let outcomes = [refresh(&signet, &caller, &presents).await, other_tab.await.expect("no panic")];
        let (answered, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert!(!was_over || answered.is_empty(), "refreshed after the end was acknowledged");
        let goes_on = refused.is_empty();
        refused.into_iter().for_each(assert_refused);
        given.extend(answered.into_iter().flatten());
        let Some(newest) = given.last().filter(|_| goes_on) else { break };
        newest["refresh_token"].as_str().expect("a token").clone_into(&mut presents);
    }
    let successors: HashSet<&str> = given.iter().map(|tokens| text(tokens, "refresh_token")).collect();
    // Two answers for each step, but for the last one.
    assert_eq!(successors.len(), given.len().div_ceil(2), "two living branches");
    given
}

async fn caller(signet: &Signet, id: &str) -> AuthenticatedClient {
    let form = Form::new(&[("client_id", id)]);
    let form = if id == "demo-web" { form.and("client_secret", SECRET) } else { form };
    let presented = presented(&[], &params(&form)).expect("credentials");
    signet.authenticate(&presented, "192.0.2.1").await.expect("a client")
}

/// A session of ada and a family in it; gives their names and the first refresh token.
async fn begin(signet: &Signet, caller: &AuthenticatedClient) -> (FamilyId, SessionId, String) {
    let (_, session_hash) = hash::new_secret(SecretKind::Session, &OsEntropy);
    let session_id = SessionId::new(hash::random_id("ses_", &OsEntropy)).unwrap();
    let (owner, now) = (ada(signet).await, signet.now());
    let end = now.plus(Duration::from_hours(10));
    let session = Session {
        id: session_id.clone(),
        hash: session_hash,
        user_id: owner.clone(),
        created_at: now,
        last_seen_at: now,
        idle_expires_at: end,
        expires_at: end,
        ..nouns::session("s", "ada")
    };
    assert_eq!(signet.store.begin_session(session, None, None).await.unwrap(), BeginSession::Begun);
    let (secret, code_hash) = hash::new_secret(SecretKind::Code, &OsEntropy);
    let code = Code {
        hash: code_hash,
        client_id: ClientId::new(caller.client().id.as_str()).unwrap(),
        user_id: owner,
        session_id: session_id.clone(),
        redirect_uri: REDIRECT_URI.to_owned(),
        scope: Scope::parse("openid email").unwrap(),
        resources: Vec::new(),
        code_challenge: Some(CodeChallenge::parse(&hash::s256(VERIFIER)).unwrap()),
        issued_at: now,
        expires_at: end,
        ..nouns::code("c")
    };
    assert_eq!(signet.store.issue_code(code, None, now).await.unwrap(), IssueCode::Issued);
    let form = Party::code_form(secret.reveal());
    let tokens = signet.redeem(caller, &params(&form)).await.expect("tokens");
    let tokens = serde_json::to_value(&tokens).unwrap();
    let token = text(&tokens, "refresh_token").to_owned();
    let family = token.strip_prefix("sgr_").unwrap().split('.').next().unwrap();
    (FamilyId::new(family).unwrap(), session_id, token)
}

async fn ada(signet: &Signet) -> UserId {
    let email = Email::parse("ada@example.test").unwrap();
    signet.store.user_by_email(email).await.unwrap().expect("ada").id
}

async fn refresh(signet: &Signet, caller: &AuthenticatedClient, token: &str) -> Result<Value, FlowError> {
    let form = params(&Party::refresh_form(token));
    signet.refresh(caller, &form).await.map(|tokens| serde_json::to_value(&tokens).unwrap())
}

/// As a client does that is told to come back: a thousand at once may be more than a busy machine answers in time.
async fn patiently(signet: &Signet, caller: &AuthenticatedClient, token: &str) -> Value {
    for _ in 0..20 {
        match refresh(signet, caller, token).await {
            Err(FlowError::Store(StoreError::Unavailable { .. })) => tokio::task::yield_now().await,
            other => return other.expect("an answer for everybody"),
        }
    }
    panic!("the database never answers in time");
}

fn assert_refused(outcome: Result<Value, FlowError>) {
    match outcome {
        Err(FlowError::Refused(error)) => assert_eq!(error.code, ErrorCode::InvalidGrant, "{error}"),
        other => panic!("not refused: {:?}", other.map(|_| "tokens")),
    }
}

fn params(form: &Form) -> Params {
    Params::parse(&[form.encoded().as_bytes()], TOKEN).expect("a form")
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().expect("a token")
}
