//! Who reads the keys, and how much each key signs.

use signet::domain::ids::KeyId;
use signet::store::reader::MOST_READERS;
use signet::store::reader::Reader;
use signet::store::usage::Usage;

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::nouns::later;
use crate::support::party::Party;

const JWKS: &str = "/.well-known/jwks.json";

fn reader(agent: &str, from: u64, to: u64, fetches: i64) -> Reader {
    Reader {
        address: "192.0.2.0/24".to_owned(),
        agent: agent.to_owned(),
        first_at: later(from),
        last_at: later(to),
        fetches,
        etag: format!("\"{to}\""),
    }
}

pub(super) async fn add_up_over_nodes(db: Database) {
    db.store.count_readers(vec![reader("a", 1, 5, 2), reader("b", 2, 2, 1)]).await.unwrap();
    db.another_node().count_readers(vec![reader("a", 3, 9, 4)]).await.unwrap();
    // A node that counts late.
    db.store.count_readers(vec![reader("a", 3, 4, 1)]).await.unwrap();
    let all = db.store.readers().await.unwrap();
    assert_eq!(all, [Reader { first_at: later(1), ..reader("a", 1, 9, 7) }, reader("b", 2, 2, 1)]);
}

pub(super) async fn usage_adds_up_over_nodes(db: Database) {
    let usage = |kid: &str, hour, tokens| Usage { kid: KeyId::new(kid).unwrap(), hour, tokens };
    db.store.add_key_usage(vec![usage("k1", 7, 1), usage("k1", 8, 2), usage("k2", 8, 3)]).await.unwrap();
    db.another_node().add_key_usage(vec![usage("k1", 8, 5)]).await.unwrap();
    assert_eq!(db.store.key_usage(8).await.unwrap(), [usage("k1", 8, 7), usage("k2", 8, 3)]);
}

pub(super) async fn what_is_old_is_swept(db: Database) {
    let usage = |hour| Usage { kid: KeyId::new("k1").unwrap(), hour, tokens: 1 };
    let now = later(0);
    let hour = now.seconds() / 3600;
    db.store.add_key_usage(vec![usage(hour - 24 * 91), usage(hour - 24 * 89)]).await.unwrap();
    db.store.count_readers(vec![reader("a", 0, 0, 1), reader("b", 86_400, 86_400, 1)]).await.unwrap();
    let swept = db.store.sweep(now, later(0), 10).await.unwrap();
    assert_eq!((swept.readers, swept.usage), (0, 1));
    let swept = db.store.sweep(later(90 * 86_400), later(0), 10).await.unwrap();
    assert_eq!((swept.readers, swept.usage), (1, 1));
    assert_eq!(db.store.readers().await.unwrap(), [reader("b", 86_400, 86_400, 1)]);
}

#[test]
fn ds_03_the_table_of_readers_is_bounded() {
    crate::support::database::run(Kind::Sqlite, async |db: Database| {
        let many: Vec<Reader> = (0..MOST_READERS + 50).map(|number| reader(&number.to_string(), 1, 1, 1)).collect();
        for batch in many.chunks(1000) {
            db.store.count_readers(batch.to_vec()).await.unwrap();
        }
        let all = db.store.readers().await.unwrap();
        assert_eq!(i64::try_from(all.len()).unwrap(), MOST_READERS + 1);
        let other = all.iter().find(|reader| reader.agent == "other").unwrap();
        assert_eq!((other.address.as_str(), other.fetches), ("other", 50));
    });
}

#[test]
fn fetches_are_counted_by_what_was_served() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        let http = Party::web(&app).http;
        let url = app.url(JWKS);
        let first = http.get(url.clone()).header("user-agent", "jose/v6.2.17").send().await.unwrap();
        let etag = first.headers().get("etag").unwrap().to_str().unwrap().to_owned();
        http.get(url.clone()).header("user-agent", "jose/v6.2.17").header("if-none-match", &etag).send().await.unwrap();
        http.get(url.clone()).header("user-agent", "x".repeat(4000)).send().await.unwrap();
        // Shows nobody a key.
        http.head(url).header("user-agent", "looks-only").send().await.unwrap();
        app.signet.flush_readers().await.unwrap();
        app.signet.flush_readers().await.unwrap();
        let readers = app.signet.readers().await.unwrap();
        let mut seen: Vec<(String, i64)> =
            readers.iter().map(|reader| (reader.agent.clone(), reader.fetches)).collect();
        seen.sort();
        assert_eq!(seen, [("jose/v6.2.17".to_owned(), 2), ("x".repeat(80), 1)]);
        assert!(readers.iter().all(|reader| reader.etag == etag));
        assert!(readers.iter().all(|reader| ["127.0.0.0/24", "::/48"].contains(&reader.address.as_str())));
    });
}

#[test]
fn tokens_are_counted_by_key() {
    block_on(async {
        let app = App::start(Kind::Sqlite).await.unwrap();
        // An access token and an ID token, by two keys.
        Party::web(&app).sign_in("openid").await;
        app.signet.flush_key_usage().await.unwrap();
        app.signet.flush_key_usage().await.unwrap();
        let tokens = app.signet.tokens_in_24_hours().await.unwrap();
        assert_eq!(tokens.values().copied().collect::<Vec<_>>(), [1, 1]);
        app.wait(25 * 60 * 60);
        assert!(app.signet.tokens_in_24_hours().await.unwrap().is_empty());
    });
}
