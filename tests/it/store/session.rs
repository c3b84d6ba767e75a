use std::time::Duration;

use signet::domain::code::Code;
use signet::domain::consent::Consent;
use signet::domain::denial::Denial;
use signet::domain::denial::Denied;
use signet::domain::family::Family;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::session::Session;
use signet::domain::user::PasswordHash;
use signet::store::code::RedeemCode;
use signet::store::family::BeginFamily;
use signet::store::session::BeginSession;
use signet::store::session::MOST_ALIVE;

use crate::support::database::Database;
use crate::support::nouns::*;

pub(super) async fn comes_back_with_its_user(db: Database) {
    furnish(&db.store).await;
    assert_eq!(db.store.session(hash("s1")).await, Ok(Some((session("s1", "ada"), user("ada")))));
    assert_eq!(db.store.session(hash("s2")).await, Ok(None));
}

pub(super) async fn comes_back_with_what_its_user_has_allowed(db: Database) {
    furnish(&db.store).await;
    let at = |client| db.store.session_and_consent(hash("s1"), client_id(client));
    let allowed = |user, client| Consent {
        user_id: user_id(user),
        client_id: client_id(client),
        scope: scope("openid email"),
        granted_at: later(5),
    };
    db.store.create_client(client("c2")).await.unwrap();
    for (user, client) in [("bob", "demo-web"), ("ada", "c2")] {
        db.store.remember_consent(allowed(user, client)).await.unwrap();
    }
    assert_eq!(at("demo-web").await, Ok(Some((session("s1", "ada"), user("ada"), None))));
    assert_eq!(at("c2").await, Ok(Some((session("s1", "ada"), user("ada"), Some(allowed("ada", "c2"))))));
    assert_eq!(db.store.session_and_consent(hash("s2"), client_id("c2")).await, Ok(None));
}

pub(super) async fn of_a_disabled_user_is_not_begun(db: Database) {
    furnish(&db.store).await;
    db.store.set_user_disabled(user_id("bob"), true, NOON).await.unwrap();
    for name in ["bob", "nobody"] {
        assert_eq!(db.store.begin_session(session("s2", name), None, None).await, Ok(BeginSession::UserGone));
    }
    assert_eq!(db.store.session(hash("s2")).await, Ok(None));
}

/// A password takes long to compare; a thief who waits in that queue must not outlast `set_password`.
pub(super) async fn with_a_former_password_is_not_begun(db: Database) {
    furnish(&db.store).await;
    let (former, new) = (PasswordHash::from_phc("$former"), PasswordHash::from_phc("$new"));
    db.store.set_password(user_id("ada"), former.clone(), NOON, None).await.unwrap();
    assert_eq!(
        db.store.begin_session(session("s2", "ada"), None, Some(former.clone())).await,
        Ok(BeginSession::Begun(session_id("s2")))
    );
    db.store.set_password(user_id("ada"), new.clone(), later(1), None).await.unwrap();
    let late = db.store.begin_session(session("s3", "ada"), None, Some(former)).await;
    assert_eq!(late, Ok(BeginSession::PasswordChanged));
    assert_eq!(db.store.session(hash("s3")).await, Ok(None));
    assert_eq!(
        db.store.begin_session(session("s4", "ada"), None, Some(new)).await,
        Ok(BeginSession::Begun(session_id("s4")))
    );
}

pub(super) async fn logout_ends_codes_and_families(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.issue_code(code("c2"), None, NOON).await.unwrap();
    let mut offline = family("offline");
    offline.scope = scope("openid offline_access");
    assert_eq!(db.store.redeem_code(hash("c2"), NOON, offline).await, Ok(RedeemCode::Fresh));
    db.store.issue_code(code("c3"), None, NOON).await.unwrap();
    assert_eq!(db.store.end_session(session_id("s1"), Reach::Immediate, later(1)).await, Ok(true));
    assert_eq!(db.store.end_session(session_id("s1"), Reach::Immediate, later(2)).await, Ok(false));
    assert_eq!(db.store.end_session(session_id("s9"), Reach::Immediate, later(2)).await, Ok(false));
    assert_eq!(db.store.session(hash("s1")).await.unwrap().unwrap().0.ended_at, Some(later(1)));
    let revoked = db.store.family(family_id("f1")).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!(revoked.reason, RevocationReason::Logout);
    assert_eq!(db.store.family(family_id("offline")).await.unwrap().unwrap().revoked, None);
    let denied = db.store.denials_since(0).await.unwrap().entries;
    assert!(
        matches!(denied.as_slice(), [Denial { denied: Denied::Grant(id), .. }] if *id == family_id("f1")),
        "{denied:?}"
    );
    assert_eq!(db.store.redeem_code(hash("c3"), later(1), family("f3")).await, Ok(RedeemCode::Unknown));
}

pub(super) async fn replaced_by_the_same_user_goes_on(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.issue_code(code("c2"), None, NOON).await.unwrap();
    let begun = db.store.begin_session(session("s2", "ada"), Some(hash("s1")), None).await;
    assert_eq!(begun, Ok(BeginSession::Begun(session_id("s1"))), "clients know it by this name");
    assert_eq!(db.store.session(hash("s1")).await, Ok(None), "the old secret is dead");
    assert_eq!(db.store.session(hash("s2")).await.unwrap().unwrap().0.id, session_id("s1"));
    assert_eq!(db.store.redeem_code(hash("c2"), NOON, family("f2")).await, Ok(RedeemCode::Fresh));
    for name in ["f1", "f2"] {
        let family = db.store.family(family_id(name)).await.unwrap().unwrap();
        assert_eq!((family.session_id, family.revoked), (Some(session_id("s1")), None));
    }
}

pub(super) async fn replaced_by_another_user_ends(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.issue_code(code("c2"), None, NOON).await.unwrap();
    db.store.begin_session(session("s2", "bob"), Some(hash("s1")), None).await.unwrap();
    assert!(db.store.session(hash("s1")).await.unwrap().unwrap().0.ended_at.is_some());
    assert_eq!(db.store.session(hash("s2")).await.unwrap().unwrap().1, user("bob"));
    assert_eq!(db.store.redeem_code(hash("c2"), NOON, family("f2")).await, Ok(RedeemCode::Unknown));
}

pub(super) async fn its_end_is_of_nothing_else(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.begin_session(session("s2", "ada"), None, None).await.unwrap();
    for name in ["c2", "c3"] {
        db.store.issue_code(Code { session_id: session_id("s2"), ..code(name) }, None, NOON).await.unwrap();
    }
    let redeem = async |name: &str, family| db.store.redeem_code(hash(name), NOON, family).await;
    assert_eq!(redeem("c2", family("f2")).await, Ok(RedeemCode::Fresh));
    let removed = db.store.revoke_family(family_id("f1"), RevocationReason::Client, Reach::RefreshOnly, NOON).await;
    assert_eq!(removed, Ok(true));
    assert_eq!(db.store.end_session(session_id("s1"), Reach::Immediate, later(1)).await, Ok(true));
    let reason =
        async |name| db.store.family(family_id(name)).await.unwrap().unwrap().revoked.map(|revoked| revoked.reason);
    assert_eq!((reason("f1").await, reason("f2").await), (Some(RevocationReason::Client), None));
    assert_eq!(db.store.denials_since(0).await.unwrap().entries.len(), 1);
    assert_eq!(redeem("c3", family("f3")).await, Ok(RedeemCode::Fresh));
    // What was redeemed is kept, so that its second use is seen.
    assert_eq!(redeem("c1", family("f4")).await, Ok(RedeemCode::Replayed { family_id: family_id("f1") }));
}

/// The name of a session that has ended is not taken up again.
pub(super) async fn ended_does_not_go_on(db: Database) {
    furnish(&db.store).await;
    db.store.end_session(session_id("s1"), Reach::Immediate, later(1)).await.unwrap();
    let begun = db.store.begin_session(session("s2", "ada"), Some(hash("s1")), None).await;
    assert_eq!(begun, Ok(BeginSession::Begun(session_id("s2"))));
}

/// What ends is of whom the session is of, and not of whoever signed in first.
pub(super) async fn its_end_is_of_its_own_user(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.begin_session(session("bobs", "bob"), None, None).await.unwrap();
    let bobs = Family { user_id: user_id("bob"), session_id: Some(session_id("bobs")), ..family("f2") };
    assert_eq!(db.store.begin_family(bobs, None, None).await, Ok(BeginFamily::Begun));
    for (number, (session, family)) in [("bobs", "f2"), ("s1", "f1")].into_iter().enumerate() {
        assert_eq!(db.store.end_session(session_id(session), Reach::Immediate, later(1)).await, Ok(true));
        assert!(db.store.family(family_id(family)).await.unwrap().unwrap().revoked.is_some(), "{family}");
        assert_eq!(db.store.denials_since(0).await.unwrap().entries.len(), number + 1);
    }
}

/// Room is made by the oldest session of this user, and only when there is none: what has ended takes up none.
pub(super) async fn room_is_made_by_ones_own(db: Database) {
    furnish(&db.store).await;
    let begin = async |session: Session| db.store.begin_session(session, None, None).await.unwrap();
    begin(session("bobs", "bob")).await;
    for number in 1..MOST_ALIVE {
        begin(Session { created_at: later(1), ..session(&format!("n{number}"), "ada") }).await;
    }
    let alive = async |name| db.store.session(hash(name)).await.unwrap().unwrap().0.ended_at.is_none();
    assert_eq!(db.store.end_session(session_id("n1"), Reach::RefreshOnly, later(2)).await, Ok(true));
    begin(Session { created_at: later(3), ..session("fits", "ada") }).await;
    assert!(alive("s1").await && alive("bobs").await);
    // Of a node whose clock is behind: the new one stays.
    begin(Session { created_at: NOON.minus(Duration::from_secs(1)), ..session("too-many", "ada") }).await;
    assert!(!alive("s1").await && alive("bobs").await && alive("too-many").await);
    assert_eq!(db.store.live_sessions_of_user(user_id("ada"), later(4)).await, Ok(MOST_ALIVE));
}

/// Idle or at the end of its life: either is enough.
pub(super) async fn two_ends_of_a_session(db: Database) {
    furnish(&db.store).await;
    let live = async |at| {
        let listed = db.store.live_sessions(None, later(at), 10).await.unwrap().len();
        (listed, db.store.live_sessions_of_user(user_id("ada"), later(at)).await.unwrap())
    };
    assert_eq!((live(3599).await, live(3600).await), ((1, 1), (0, 0)));
    db.store.touch_session(hash("s1"), later(3599), later(90_000)).await.unwrap();
    assert_eq!((live(86_399).await, live(86_400).await), ((1, 1), (0, 0)));
    db.store.begin_session(session("s2", "bob"), None, None).await.unwrap();
    assert_eq!(live(1).await, (2, 1));
    db.store.end_session(session_id("s1"), Reach::Immediate, later(2)).await.unwrap();
    assert_eq!(live(1).await, (1, 0));
}

pub(super) async fn touch_never_takes_time_away(db: Database) {
    furnish(&db.store).await;
    assert_eq!(db.store.touch_session(hash("s1"), later(20), later(3620)).await, Ok(true));
    assert_eq!(db.store.touch_session(hash("s1"), later(10), later(3610)).await, Ok(false));
    let touched = db.store.session(hash("s1")).await.unwrap().unwrap().0;
    assert_eq!((touched.last_seen_at, touched.idle_expires_at), (later(20), later(3620)));
    db.store.end_session(session_id("s1"), Reach::Immediate, later(21)).await.unwrap();
    assert_eq!(db.store.touch_session(hash("s1"), later(30), later(3630)).await, Ok(false));
}
