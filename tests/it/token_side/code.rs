//! Authorization codes at the token endpoint.

use std::collections::HashSet;
use std::future::Future;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet::ambient::OsEntropy;
use signet::crypto::hash;
use signet::domain::client::GrantType;
use signet::domain::ids::ClientId;
use signet::domain::secret::Secret;
use signet::domain::secret::SecretKind;
use tokio::task::JoinSet;

use super::app;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Answer;
use crate::support::party::Party;
use crate::support::party::VERIFIER;
use crate::support::postgres::left_out;

on_both_databases! {
    co_01_a_second_use_ends_what_the_first_began,
    co_02_race_64_parallel_redemptions,
    co_05_a_code_lives_sixty_seconds,
    co_08_user_disabled,
    co_08_password_changed,
    co_08_signed_out,
    co_08_client_deleted,
    co_08_client_disabled,
    co_08_grant_taken_from_the_client,
}

async fn co_01_a_second_use_ends_what_the_first_began(app: App) {
    let party = Party::web(&app);
    let code = party.code(&mut Browser::new(), "openid offline_access").await;
    let tokens = party.redeem(&code).await.tokens();
    assert!(party.userinfo(tokens.access()).await.status.is_success());
    // The module oidcc-codereuse-30seconds; and long after the code has expired.
    app.wait(30);
    party.redeem(&code).await.refused("invalid_grant");
    party.userinfo(tokens.access()).await.unauthorized();
    party.refresh(tokens.refresh()).await.refused("invalid_grant");
    app.wait(3600);
    party.redeem(&code).await.refused("invalid_grant");
}

async fn co_02_race_64_parallel_redemptions(app: App) {
    race(&[Party::web(&app)], &Party::web(&app)).await;
}

/// 64 redemptions at once, spread over `nodes`, of each of several codes: one success, and none of what it gave
/// survives the others, which were replays.
async fn race(nodes: &[Party], party: &Party) {
    let mut browser = Browser::new();
    for round in 0..6 {
        let code = party.code(&mut browser, "openid offline_access").await;
        let mut racers = JoinSet::new();
        for party in nodes.iter().cycle().take(64) {
            let (party, code) = (party.clone(), code.clone());
            racers.spawn(async move { party.redeem(&code).await });
        }
        let answers: Vec<Answer> = racers.join_all().await;
        let (won, lost): (Vec<Answer>, Vec<Answer>) =
            answers.into_iter().partition(|answer| answer.status.is_success());
        let [won] = won.as_slice() else { panic!("round {round}: {} redemptions of one code", won.len()) };
        for answer in &lost {
            answer.refused("invalid_grant");
        }
        let tokens = won.tokens();
        party.userinfo(tokens.access()).await.unauthorized();
        party.refresh(tokens.refresh()).await.refused("invalid_grant");
    }
}

#[test]
fn co_02_race_on_two_nodes() {
    block_on(async {
        let Some(app) = App::start(Kind::Postgres).await else { return left_out() };
        let other = app.another_node().await;
        let party = Party::web(&app);
        race(&[party.clone(), party.at(&other)], &party).await;
    });
}

#[tokio::test]
async fn co_03_cross_client() {
    let app = app().await;
    let web = Party::web(&app);
    let other = Party::register(&app, &web, "other-web", |_| {}).await;
    let mut browser = Browser::new();
    for wrong in [&other, &Party::spa(&app)] {
        for late in [0, 61] {
            let code = web.code(&mut browser, "openid").await;
            app.wait(late);
            wrong.redeem(&code).await.refused("invalid_grant");
            // The wrong client has spent nothing.
            let answer = web.redeem(&code).await;
            if late == 0 {
                answer.tokens();
            } else {
                answer.refused("invalid_grant");
            }
        }
    }
}

#[tokio::test]
async fn co_04_a_code_in_another_shape() {
    let app = app().await;
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid").await;
    let other = party.code(&mut browser, "openid").await;
    let mut shapes: Vec<String> = (0..code.len())
        .map(|at| {
            let flipped = if &code[at..=at] == "A" { "B" } else { "A" };
            format!("{}{flipped}{}", &code[..at], &code[at + 1..])
        })
        .filter(|shape| *shape != code)
        .collect();
    for at in [1, code.len() / 2, code.len() - 1] {
        shapes.extend([code[..at].to_owned(), code[at..].to_owned(), format!("{}{}", &code[..at], &other[at..])]);
    }
    shapes.extend(["=", "A", " ", ".", "%00"].map(|tail| format!("{code}{tail}")));
    shapes.extend([code.to_lowercase(), code.to_uppercase(), format!(" {code}"), format!("{code}{code}")]);
    // One time in 64 both codes end in the same character: then that shape is the code itself.
    for shape in shapes.iter().filter(|shape| **shape != other && **shape != code) {
        party.redeem(shape).await.refused("invalid_grant");
    }
    for shape in [format!("{code}\0"), format!("{code}\n"), "x".repeat(2000)] {
        party.redeem(&shape).await.refused("invalid_request");
    }
    party.redeem("").await.refused("invalid_request");
    party.redeem(&code).await.tokens();
    party.redeem(&other).await.tokens();
}

async fn co_05_a_code_lives_sixty_seconds(app: App) {
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid").await;
    app.wait(59);
    party.redeem(&code).await.tokens();
    for late in [60, 61] {
        let code = party.code(&mut browser, "openid").await;
        app.wait(late);
        party.redeem(&code).await.refused("invalid_grant");
    }
}

#[tokio::test]
async fn co_06_other_one_time_values_are_no_codes() {
    let app = app().await;
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid offline_access").await;
    let tokens = party.redeem(&code).await.tokens();
    let cookies: Vec<String> = browser.cookies().map(|(_, cookie)| cookie.value.clone()).collect();
    assert!(!cookies.is_empty());
    let mut others = cookies.clone();
    others.extend([tokens.refresh().to_owned(), "fam_x".to_owned()]);
    for value in others {
        party.redeem(&value).await.refused("invalid_grant");
        // The kind is a part of the hash: another prefix does not make it a code either.
        let tail = value.rsplit_once('_').map_or(value.as_str(), |(_, tail)| tail);
        party.redeem(&format!("{}{tail}", SecretKind::Code.prefix())).await.refused("invalid_grant");
    }
    // And a code is no refresh token, access token or session.
    let code = party.code(&mut browser, "openid").await;
    party.refresh(&code).await.refused("invalid_grant");
    party.userinfo(&code).await.unauthorized();
    party.redeem(&code).await.tokens();
}

#[tokio::test]
async fn co_07_a_used_code_in_foreign_hands_ends_nothing() {
    let app = app().await;
    let web = Party::web(&app);
    let spa = Party::spa(&app);
    let other = Party::register(&app, &web, "other-web", |_| {}).await;
    let code = web.code(&mut Browser::new(), "openid").await;
    let tokens = web.redeem(&code).await.tokens();
    other.redeem(&code).await.refused("invalid_grant");
    spa.redeem(&code).await.refused("invalid_grant");
    assert!(web.userinfo(tokens.access()).await.status.is_success());

    // Anybody may name a public client. Who has its used code from a history or a log, but not the verifier, cannot
    // sign anybody out.
    let code = spa.code(&mut Browser::new(), "openid").await;
    let tokens = spa.redeem(&code).await.tokens();
    spa.token(Party::code_form(&code).without("code_verifier")).await.refused("invalid_grant");
    spa.token(Party::code_form(&code).set("code_verifier", &"a".repeat(43))).await.refused("invalid_grant");
    spa.token(Party::code_form(&code).without("redirect_uri")).await.refused("invalid_grant");
    assert!(spa.userinfo(tokens.access()).await.status.is_success());
}

/// Gets a code, lets something happen, and finds that the code has died of it.
async fn dies_of<F: Future<Output = ()>>(app: &App, event: impl FnOnce(Browser) -> F) {
    let party = Party::web(app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid").await;
    event(browser).await;
    party.redeem(&code).await.refused("invalid_grant");
}

async fn co_08_user_disabled(app: App) {
    dies_of(&app, async |_| {
        let (ada, now) = (app.ada().await.id, app.signet.now());
        assert!(app.signet.store.set_user_disabled(ada.clone(), true, now).await.unwrap());
        // What is enabled again is the user, not what was issued before.
        assert!(app.signet.store.set_user_disabled(ada, false, now).await.unwrap());
    })
    .await;
}

async fn co_08_password_changed(app: App) {
    dies_of(&app, async |_| {
        let ada = app.ada().await.id;
        assert!(app.signet.set_password(&ada, Secret::new("another-horse-battery")).await.unwrap());
    })
    .await;
}

async fn co_08_signed_out(app: App) {
    dies_of(&app, async |mut browser| {
        let page = browser.open(&app.url("/end_session")).await;
        let page = browser.press(&page, "logout-confirm", &[]).await;
        assert!(!page.status.is_client_error(), "{}", page.text);
    })
    .await;
}

async fn co_08_client_deleted(app: App) {
    dies_of(&app, async |_| {
        let id = ClientId::new("demo-web").unwrap();
        assert!(app.signet.store.delete_client(id, app.signet.now()).await.unwrap());
    })
    .await;
    // As soon as the node has noticed, the client is unknown.
    app.signet.clients.forget();
    Party::web(&app).redeem("sgc_x").await.unknown_client(true);
}

async fn co_08_client_disabled(app: App) {
    dies_of(&app, async |_| {
        let mut client = app.client("demo-web").await;
        client.disabled = true;
        assert!(app.signet.store.replace_client(client).await.unwrap());
    })
    .await;
}

async fn co_08_grant_taken_from_the_client(app: App) {
    let party = Party::web(&app);
    let code = party.code(&mut Browser::new(), "openid").await;
    let mut client = app.client("demo-web").await;
    client.grant_types.remove(&GrantType::AuthorizationCode);
    assert!(app.signet.store.replace_client(client).await.unwrap());
    app.signet.clients.forget();
    party.redeem(&code).await.refused("unauthorized_client");
}

#[test]
fn co_09_entropy() {
    let mut seen = HashSet::new();
    for _ in 0..100_000 {
        let (code, _) = hash::new_secret(SecretKind::Code, &OsEntropy);
        let random = code.reveal().strip_prefix(SecretKind::Code.prefix()).unwrap().to_owned();
        assert_eq!(URL_SAFE_NO_PAD.decode(&random).unwrap().len(), 32);
        assert!(seen.insert(random), "a code twice");
    }
}

#[tokio::test]
async fn co_09_only_hashes_are_stored() {
    let app = app().await;
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let unused = party.code(&mut browser, "openid offline_access").await;
    let code = party.code(&mut browser, "openid offline_access").await;
    let first = party.redeem(&code).await.tokens();
    let next = party.refresh(first.refresh()).await.tokens();
    let mut secrets = vec![unused, code, crate::support::party::SECRET.to_owned(), VERIFIER.to_owned()];
    for tokens in [&first, &next] {
        secrets.extend([tokens.access(), tokens.refresh(), tokens.id_token()].map(str::to_owned));
    }
    secrets.extend(browser.cookies().map(|(_, cookie)| cookie.value.clone()));
    let file = app.signet.config.database.url.reveal().strip_prefix("sqlite://").unwrap().to_owned();
    let mut kept = std::fs::read(&file).unwrap();
    kept.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
    assert!(contains(&kept, b"demo-web"), "the right file");
    for secret in secrets {
        let random = secret.split_once('_').map_or(secret.as_str(), |(_, tail)| tail);
        for text in [secret.as_str(), random] {
            assert!(text.len() < 16 || !contains(&kept, text.as_bytes()), "{text} is in the database");
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn co_10_errors_echo_nothing() {
    let app = app().await;
    let party = Party::web(&app);
    let code = party.code(&mut Browser::new(), "openid").await;
    let wrong = "wrong-verifier-wrong-verifier-wrong-verifier";
    for form in [
        Party::code_form(&code).set("redirect_uri", "http://localhost:1/elsewhere"),
        Party::code_form(&code).set("code_verifier", wrong),
        Party::code_form(&code),
        Party::code_form(&code).and("code", &code),
    ] {
        let answer = party.token(form).await;
        assert!(answer.status.is_client_error());
        for secret in [code.as_str(), VERIFIER, wrong, "elsewhere"] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
            assert!(!format!("{:?}", answer.headers).contains(secret), "{:?}", answer.headers);
        }
    }
}

#[tokio::test]
async fn ru_31_the_redirect_uri_of_the_authorization_request() {
    let app = app().await;
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid").await;
    for uri in [
        "http://127.0.0.1:47110/callback",
        "http://localhost:47111/callback",
        "http://localhost:47110/Callback",
        "http://LOCALHOST:47110/callback",
        "http://localhost:47110/callback/",
        "http://localhost:47110/callback?",
    ] {
        party.token(Party::code_form(&code).set("redirect_uri", uri)).await.refused("invalid_grant");
    }
    for missing in [Party::code_form(&code).without("redirect_uri"), Party::code_form(&code).set("redirect_uri", "")] {
        party.token(missing).await.refused("invalid_grant");
    }
    // Still bound to the right one, and still good.
    party.redeem(&code).await.tokens();
}

#[tokio::test]
async fn pk_03_pk_05_a_wrong_verifier_spends_the_code() {
    let app = app().await;
    let mut browser = Browser::new();
    for party in [Party::web(&app), Party::spa(&app)] {
        for wrong in ["", VERIFIER.to_lowercase().as_str(), "a", &"a".repeat(43)] {
            let code = party.code(&mut browser, "openid").await;
            party.token(Party::code_form(&code).set("code_verifier", wrong)).await.refused("invalid_grant");
            party.redeem(&code).await.refused("invalid_grant");
        }
    }
}
