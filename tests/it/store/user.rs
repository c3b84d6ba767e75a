use signet::domain::family::RevocationReason;
use signet::domain::user::Email;
use signet::domain::user::PasswordHash;
use signet::store::code::RedeemCode;
use signet::store::user::CreateUser;
use signet::store::user::UpdateUser;

use crate::support::database::Database;
use crate::support::nouns::*;

pub(super) async fn comes_back_as_it_was(db: Database) {
    let mut ada = user("ada");
    assert_eq!(db.store.create_user(ada.clone()).await, Ok(CreateUser::Created));
    assert_eq!(db.store.user(user_id("ada")).await, Ok(Some(ada.clone())));
    assert_eq!(db.store.user_by_email(ada.email.clone()).await, Ok(Some(ada.clone())));
    ada.claims.name = Some("Ada \u{c5}".to_owned());
    ada.updated_at = later(1);
    assert_eq!(db.store.update_user(ada.clone()).await, Ok(UpdateUser::Updated));
    assert_eq!(db.store.user(user_id("ada")).await, Ok(Some(ada)));
    assert_eq!(db.store.user(user_id("bob")).await, Ok(None));
}

pub(super) async fn one_address_one_account(db: Database) {
    db.store.create_user(user("ada")).await.unwrap();
    let mut twin = user("twin");
    twin.email = user("ada").email;
    assert_eq!(db.store.create_user(twin.clone()).await, Ok(CreateUser::Taken));
    assert_eq!(db.store.update_user(twin.clone()).await, Ok(UpdateUser::Unknown));
    db.store.create_user(user("twin")).await.unwrap();
    assert_eq!(db.store.update_user(twin).await, Ok(UpdateUser::EmailTaken));
    assert_eq!(db.store.user(user_id("twin")).await, Ok(Some(user("twin"))));
}

pub(super) async fn pages(db: Database) {
    for name in ["c", "a", "b"] {
        db.store.create_user(user(name)).await.unwrap();
    }
    let page = db.store.users(None, 2).await.unwrap();
    assert_eq!(page, [user("a"), user("b")]);
    let after = Some(Email::parse("b@example.test").unwrap());
    assert_eq!(db.store.users(after, 2).await, Ok(vec![user("c")]));
}

pub(super) async fn password_change_ends_all_but_this_session(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.begin_session(session("s2", "ada"), None, None).await.unwrap();
    for (name, sid) in [("c2", "s1"), ("c3", "s2")] {
        let mut code = code(name);
        code.session_id = session_id(sid);
        db.store.issue_code(code, None, NOON).await.unwrap();
    }
    let new = PasswordHash::from_phc("$new");
    let changed = db.store.set_password(user_id("ada"), new.clone(), later(1), Some(session_id("s2"))).await;
    assert_eq!(changed, Ok(true));
    assert_eq!(db.store.user(user_id("ada")).await.unwrap().unwrap().password, Some(new.clone()));
    assert_eq!(db.store.session(hash("s1")).await.unwrap().unwrap().0.ended_at, Some(later(1)));
    assert_eq!(db.store.session(hash("s2")).await.unwrap().unwrap().0.ended_at, None);
    let revoked = db.store.family(family_id("f1")).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!(revoked.reason, RevocationReason::UserChanged);
    for name in ["c2", "c3"] {
        assert_eq!(db.store.redeem_code(hash(name), later(1), family("f2")).await, Ok(RedeemCode::Unknown));
    }
    assert_eq!(db.store.set_password(user_id("nobody"), new, later(1), None).await, Ok(false));
}

pub(super) async fn rehash_only_of_what_was_compared(db: Database) {
    furnish(&db.store).await;
    let old = user("ada").password.unwrap();
    let [one, two] = ["$1", "$2"].map(PasswordHash::from_phc);
    assert_eq!(db.store.rehash_password(user_id("ada"), old.clone(), one.clone()).await, Ok(true));
    assert_eq!(db.store.rehash_password(user_id("ada"), old, two).await, Ok(false));
    assert_eq!(db.store.user(user_id("ada")).await.unwrap().unwrap().password, Some(one));
    assert_eq!(db.store.session(hash("s1")).await.unwrap().unwrap().0.ended_at, None);
}

pub(super) async fn disabling_ends_everything(db: Database) {
    furnish_with_family(&db.store).await;
    db.store.issue_code(code("c2"), None, NOON).await.unwrap();
    assert_eq!(db.store.set_user_disabled(user_id("ada"), true, later(1)).await, Ok(true));
    assert!(db.store.session(hash("s1")).await.unwrap().unwrap().0.ended_at.is_some());
    assert!(db.store.family(family_id("f1")).await.unwrap().unwrap().revoked.is_some());
    assert_eq!(db.store.redeem_code(hash("c2"), later(1), family("f2")).await, Ok(RedeemCode::Unknown));
    // Enabling brings nothing back.
    assert_eq!(db.store.set_user_disabled(user_id("ada"), false, later(2)).await, Ok(true));
    assert_eq!(db.store.redeem_code(hash("c2"), later(2), family("f2")).await, Ok(RedeemCode::Unknown));
    assert_eq!(db.store.set_user_disabled(user_id("nobody"), true, later(1)).await, Ok(false));
}
