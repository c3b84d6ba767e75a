use std::time::Duration;

use signet::store::throttle::Policy;
use signet::store::throttle::Throttle;
use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

const POLICY: Policy = Policy { limit: 5, window: Duration::from_mins(1), block: Duration::from_mins(5) };

pub(super) async fn never_more_than_the_limit(db: Database) {
    let nodes = [db.store.clone(), db.another_node()];
    let mut racers = JoinSet::new();
    for (_, store) in (0..64).zip(nodes.iter().cycle().cloned()) {
        racers.spawn(async move { store.throttle_take([1; 32], NOON, POLICY).await.unwrap() });
    }
    let allowed = racers.join_all().await.into_iter().filter(|outcome| *outcome == Throttle::Allowed).count();
    assert_eq!(allowed, 5);
    assert_eq!(db.store.throttle_take([2; 32], NOON, POLICY).await, Ok(Throttle::Allowed));
}

pub(super) async fn window_and_block(db: Database) {
    let take = |seconds| db.store.throttle_take([1; 32], later(seconds), POLICY);
    for seconds in 0..5 {
        assert_eq!(take(seconds).await, Ok(Throttle::Allowed), "{seconds}");
    }
    assert_eq!(take(10).await, Ok(Throttle::Wait(Duration::from_mins(5))));
    assert_eq!(take(110).await, Ok(Throttle::Wait(Duration::from_secs(200))));
    // The block has been served.
    for seconds in 310..315 {
        assert_eq!(take(seconds).await, Ok(Throttle::Allowed), "{seconds}");
    }
    assert_eq!(take(320).await, Ok(Throttle::Wait(Duration::from_mins(5))));
    db.store.throttle_settle(Vec::new(), Some([1; 32])).await.unwrap();
    for seconds in 320..325 {
        assert_eq!(take(seconds).await, Ok(Throttle::Allowed), "{seconds}");
    }
    // The window has passed.
    assert_eq!(take(380).await, Ok(Throttle::Allowed));
}

pub(super) async fn nothing_is_allowed_when_the_limit_is_zero(db: Database) {
    let never = Policy { limit: 0, ..POLICY };
    for seconds in [0, 1, 300, 301] {
        let outcome = db.store.throttle_take([1; 32], later(seconds), never).await;
        assert!(matches!(outcome, Ok(Throttle::Wait(_))), "{seconds}");
    }
}

pub(super) async fn several_budgets_pay_together(db: Database) {
    let wide = Policy { limit: 7, ..POLICY };
    let both = || db.store.throttle_take_of_each(vec![([1; 32], wide), ([2; 32], POLICY)], NOON);
    for round in 0..5 {
        assert_eq!(both().await, Ok(Throttle::Allowed), "{round}");
    }
    // The second has nothing left; the first has paid until then, and not after its own end.
    for round in 0..3 {
        assert!(matches!(both().await, Ok(Throttle::Wait(_))), "{round}");
    }
    assert!(matches!(db.store.throttle_take([1; 32], NOON, wide).await, Ok(Throttle::Wait(_))));
    let none_left = || db.store.throttle_take_of_each(vec![([1; 32], wide), ([3; 32], POLICY)], NOON);
    for _ in 0..9 {
        assert!(matches!(none_left().await, Ok(Throttle::Wait(_))));
    }
    db.store.throttle_settle(vec![[3; 32]], Some([2; 32])).await.unwrap();
    for bucket in [[2; 32], [3; 32]] {
        for round in 0..5 {
            assert_eq!(db.store.throttle_take(bucket, NOON, POLICY).await, Ok(Throttle::Allowed), "{bucket:?} {round}");
        }
        assert!(matches!(db.store.throttle_take(bucket, NOON, POLICY).await, Ok(Throttle::Wait(_))));
    }
}

pub(super) async fn what_is_given_back_does_not_count(db: Database) {
    for round in 0..20 {
        assert_eq!(db.store.throttle_take([1; 32], NOON, POLICY).await, Ok(Throttle::Allowed), "{round}");
        db.store.throttle_settle(vec![[1; 32]], None).await.unwrap();
    }
    for round in 0..5 {
        assert_eq!(db.store.throttle_take([1; 32], NOON, POLICY).await, Ok(Throttle::Allowed), "{round}");
    }
    assert!(matches!(db.store.throttle_take([1; 32], NOON, POLICY).await, Ok(Throttle::Wait(_))));
    // A block is served, whoever succeeds meanwhile.
    db.store.throttle_settle(vec![[1; 32]], None).await.unwrap();
    assert!(matches!(db.store.throttle_take([1; 32], NOON, POLICY).await, Ok(Throttle::Wait(_))));
    db.store.throttle_settle(vec![[9; 32]], None).await.unwrap();
}
