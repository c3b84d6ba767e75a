use tokio::task::JoinSet;

use crate::support::database::Database;
use crate::support::nouns::*;

pub(super) async fn cj_02_is_used_once(db: Database) {
    let node = db.another_node();
    assert_eq!(db.store.spend_assertion([1; 32], later(90)).await, Ok(true));
    for store in [&db.store, &node] {
        assert_eq!(store.spend_assertion([1; 32], later(90)).await, Ok(false));
        assert_eq!(store.spend_assertion([1; 32], later(900)).await, Ok(false));
    }
    assert_eq!(node.spend_assertion([2; 32], later(90)).await, Ok(true));
}

pub(super) async fn cj_02_one_of_64_at_once(db: Database) {
    let nodes = [db.store.clone(), db.another_node(), db.another_node()];
    for round in 0..10 {
        let mut racers = JoinSet::new();
        for (_, store) in (0..64).zip(nodes.iter().cycle().cloned()) {
            racers.spawn(async move { store.spend_assertion([round; 32], later(90)).await.unwrap() });
        }
        let won = racers.join_all().await;
        assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
    }
}

pub(super) async fn cj_03_is_remembered_until_its_end(db: Database) {
    db.store.spend_assertion([1; 32], later(90)).await.unwrap();
    // Clocks of nodes may be two minutes apart.
    let gone = async |at| db.store.sweep(later(at), later(0), 10).await.unwrap().assertions;
    assert_eq!((gone(90).await, gone(209).await), (0, 0));
    assert_eq!(db.store.spend_assertion([1; 32], later(90)).await, Ok(false));
    assert_eq!(gone(210).await, 1);
}
