//! What may differ from client to client: lifetimes, the window for retries, rotation itself, and what is thought of a
//! retry from elsewhere.

use std::time::Duration;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use signet::domain::client::Lifetimes;
use signet::domain::client::SecurityProfile;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::FamilyId;
use signet::domain::ids::SessionId;

use super::app;
use super::app_with;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::party::Answer;
use crate::support::party::Party;
use crate::support::party::opened;

const OFFLINE: &str = "openid email offline_access";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

on_both_databases! {
    the_profile_fapi2_does_not_rotate,
    rf_14_fapi2_revoked_while_it_is_used,
    rf_08_signing_out_ends_what_is_not_offline,
}

#[tokio::test]
async fn rf_09_lifetimes_of_one_client() {
    let app = app().await;
    let short = Party::register(&app, &Party::web(&app), "short", |client| {
        client.lifetimes = Lifetimes {
            refresh_absolute: Some(Duration::from_hours(2)),
            refresh_idle: Some(Duration::from_mins(50)),
            ..Lifetimes::default()
        };
    })
    .await;
    let idle = short.sign_in(OFFLINE).await;
    app.wait(50 * 60);
    short.refresh(idle.refresh()).await.refused("invalid_grant");

    let mut tokens = short.sign_in(OFFLINE).await;
    for _ in 0..3 {
        app.wait(39 * 60);
        tokens = short.refresh(tokens.refresh()).await.tokens();
    }
    app.wait(3 * 60);
    short.refresh(tokens.refresh()).await.refused("invalid_grant");
    // Nobody else's have changed.
    let web = Party::web(&app);
    let tokens = web.sign_in(OFFLINE).await;
    app.wait(13 * 86_400);
    web.refresh(tokens.refresh()).await.tokens();
}

#[tokio::test]
async fn rf_03_the_window_of_one_client() {
    let app = app().await;
    let spa = Party::spa(&app);
    let party = |id: &'static str, seconds: u64| {
        Party::register(&app, &spa, id, move |client| {
            client.lifetimes.refresh_retry_window = Some(Duration::from_secs(seconds));
        })
    };
    let (patient, strict) = (party("patient", 600).await, party("strict", 0).await);
    let first = patient.sign_in(OFFLINE).await;
    let next = patient.refresh(first.refresh()).await.tokens();
    app.wait(599);
    assert_eq!(patient.refresh(first.refresh()).await.tokens().refresh(), next.refresh());
    app.wait(1);
    patient.refresh(first.refresh()).await.refused("invalid_grant");

    let first = strict.sign_in(OFFLINE).await;
    let next = strict.refresh(first.refresh()).await.tokens();
    strict.refresh(first.refresh()).await.refused("invalid_grant");
    strict.refresh(next.refresh()).await.refused("invalid_grant");
}

/// FAPI 2.0 Security Profile section 5.3.2.1; F2-60: what was used before is still good half a minute later.
async fn the_profile_fapi2_does_not_rotate(app: App) {
    let party = Party::register(&app, &Party::web(&app), "bank", |client| {
        client.security_profile = SecurityProfile::Fapi2;
    })
    .await;
    let first = party.sign_in(OFFLINE).await;
    let id = family(first.refresh());
    for day in 0..20 {
        app.wait(86_400);
        let again = party.refresh(first.refresh()).await.tokens();
        assert_eq!(again.refresh(), first.refresh(), "day {day}");
        assert_eq!(opened(again.id_token()).1["auth_time"], opened(first.id_token()).1["auth_time"]);
    }
    // Used every day, it outlives its idle time, but not its absolute end.
    let stored = app.signet.store.family(id).await.unwrap().unwrap();
    assert_eq!((stored.generation, stored.successor, stored.rotated_at), (1, None, None));
    app.wait(10 * 86_400);
    party.refresh(first.refresh()).await.refused("invalid_grant");

    // A failed request and another client change nothing here either.
    let first = party.sign_in(OFFLINE).await;
    Party::web(&app).refresh(first.refresh()).await.refused("invalid_grant");
    party.with_secret(Some("wrong")).refresh(first.refresh()).await.unknown_client(true);
    party.refresh(first.refresh()).await.tokens();
}

async fn rf_14_fapi2_revoked_while_it_is_used(app: App) {
    let party = Party::register(&app, &Party::web(&app), "bank", |client| {
        client.security_profile = SecurityProfile::Fapi2;
    })
    .await;
    let first = party.sign_in(OFFLINE).await;
    // Long enough for every use to move the idle end on.
    app.wait(3600);
    let (store, now) = (&app.signet.store, app.signet.now());
    let (used, ended) = tokio::join!(
        party.refresh(first.refresh()),
        store.revoke_family(family(first.refresh()), RevocationReason::Administrator, Reach::Immediate, now)
    );
    assert!(ended.unwrap() && [200, 400].contains(&used.status.as_u16()));
    party.refresh(first.refresh()).await.refused("invalid_grant");
}

async fn rf_08_signing_out_ends_what_is_not_offline(app: App) {
    let party = Party::web(&app);
    let mut browser = Browser::new();
    let code = party.code(&mut browser, "openid email").await;
    let online = party.redeem(&code).await.tokens();
    let code = party.code(&mut browser, OFFLINE).await;
    let offline = party.redeem(&code).await.tokens();
    let sid = opened(online.id_token()).1["sid"].as_str().unwrap().to_owned();
    assert_eq!(opened(offline.id_token()).1["sid"], sid.as_str());
    let session = SessionId::new(sid).unwrap();
    assert!(app.signet.end_session(&session, Reach::Immediate).await.unwrap());
    party.refresh(online.refresh()).await.refused("invalid_grant");
    party.userinfo(online.access()).await.unauthorized();
    party.refresh(offline.refresh()).await.tokens();
}

/// A reuse that cannot be written down is no answer: 503, and the family ends when the token comes again.
#[tokio::test]
async fn rf_14_a_revocation_that_cannot_be_written() {
    let app = app().await;
    let party = Party::web(&app);
    let first = party.sign_in(OFFLINE).await;
    let second = party.refresh(first.refresh()).await.tokens();
    let third = party.refresh(second.refresh()).await.tokens();
    let file = app.signet.config.database.url.reveal().strip_prefix("sqlite://").unwrap().to_owned();
    let mut other = SqliteConnection::establish(&file).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let answer = party.refresh(first.refresh()).await;
    assert_eq!(answer.status.as_u16(), 503, "{answer:?}");
    other.batch_execute("ROLLBACK").unwrap();
    party.refresh(first.refresh()).await.refused("invalid_grant");
    party.refresh(third.refresh()).await.refused("invalid_grant");
    party.userinfo(third.access()).await.unauthorized();
}

/// A public client in time, but from another browser: answered and written down, or theft where that is configured.
#[tokio::test]
async fn rf_03_a_retry_from_elsewhere() {
    for theft in [false, true] {
        let setting = if theft { "true" } else { "false" };
        let app = app_with(&[("tokens.refresh_retry_elsewhere_is_theft", setting)]).await;
        for (party, other_agent, seen) in [
            (Party::spa(&app), "curl/8.5", true),
            // The same browser after an update, and somebody who proves to be the client.
            (Party::spa(&app), "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0", false),
            (Party::web(&app), "curl/8.5", false),
        ] {
            let before = alarms(&app).await.len();
            let first = party.sign_in(OFFLINE).await;
            let next = from(&party, FIREFOX, first.refresh()).await.tokens();
            app.wait(5);
            let again = from(&party, other_agent, first.refresh()).await;
            let alarms = alarms(&app).await;
            assert_eq!(alarms.len() - before, usize::from(seen), "{other_agent}");
            if seen {
                let expected = (r#""first":"127.0.0.0/24 firefox""#, r#""again":"127.0.0.0/24 curl""#);
                let alarm = alarms.last().unwrap();
                assert!(alarm.contains(expected.0) && alarm.contains(expected.1), "{alarm}");
                assert!(alarm.contains(if theft { "family revoked" } else { "answered" }), "{alarm}");
            }
            if seen && theft {
                again.refused("invalid_grant");
                party.refresh(next.refresh()).await.refused("invalid_grant");
                party.userinfo(next.access()).await.unauthorized();
            } else {
                assert_eq!(again.tokens().refresh(), next.refresh());
                party.refresh(next.refresh()).await.tokens();
            }
        }
    }
}

async fn from(party: &Party, user_agent: &str, token: &str) -> Answer {
    let mut party = party.clone();
    party.http = reqwest::Client::builder().user_agent(user_agent).no_proxy().build().unwrap();
    party.refresh(token).await
}

async fn alarms(app: &App) -> Vec<String> {
    app.signet.flush_audit().await.unwrap();
    let entries = app.signet.store.audit_after(0, 1000).await.unwrap();
    let details = entries.into_iter().filter(|row| row.entry.event == "refresh_elsewhere");
    details.map(|row| row.entry.detail).collect()
}

fn family(token: &str) -> FamilyId {
    let rest = token.strip_prefix("sgr_").expect("a refresh token");
    FamilyId::new(rest.split('.').next().expect("a family")).expect("an id")
}
