use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use diesel::Connection;
use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;
use signet::store::Options;
use signet::store::Store;
use signet::store::StoreError;
use signet::store::migrate::Progress;
use signet::store::migrate::migrate;
use signet::store::migrate::status;

use crate::support::database::Database;
use crate::support::database::Kind;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

fn several_nodes_at_once(url: &str) {
    let before = status(url).unwrap();
    assert!(before.iter().all(|state| state.progress == Progress::Pending) && !before.is_empty());
    let applied: usize = std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..6).map(|_| scope.spawn(|| migrate(url).unwrap().applied.len())).collect();
        nodes.into_iter().map(|node| node.join().unwrap()).sum()
    });
    let after = status(url).unwrap();
    assert_eq!(applied, after.len());
    assert!(after.iter().all(|state| state.progress == Progress::Applied));
}

#[test]
fn sqlite_several_nodes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new folder/si%gn?et.db".replace('?', "#"));
    several_nodes_at_once(&format!("sqlite://{}", file.display()));
    // It holds hashes of passwords.
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn postgres_several_nodes_at_once() {
    let Some(cluster) = Cluster::shared() else { return left_out() };
    several_nodes_at_once(&cluster.empty_database("nodes"));
}

#[test]
fn opening_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("signet.db").display());
    assert!(matches!(Store::open(&url, Options::default()), Err(StoreError::Unavailable { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    for bad in ["", "mysql://h/db", "sqlite://", "sqlite://:memory:", "/var/lib/signet.db", "postgres://h/db?x=y"] {
        assert!(matches!(Store::open(bad, Options::default()), Err(StoreError::Address(_))), "{bad}");
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    required: i64,
}

/// Table, column, type and NOT NULL are the same on both; STRICT tables call BIGINT and BOOLEAN an INTEGER.
#[test]
fn both_databases_have_the_same_columns() {
    let Some(postgres) = Database::new(Kind::Postgres) else { return left_out() };
    let name = postgres.url.split(['/', '?']).nth(3).unwrap();
    let listed = Cluster::shared().unwrap().psql(
        name,
        "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || (is_nullable = 'NO')::int \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
    );
    let of_postgres: BTreeMap<String, String> = listed
        .lines()
        .map(|line| {
            let (place, rest) = line.split_once(' ').unwrap();
            let kind = rest.replace("bigint", "INTEGER").replace("boolean", "INTEGER").replace("bytea", "BLOB");
            (place.to_owned(), kind.replace("text", "TEXT"))
        })
        .collect();
    let sqlite = Database::new(Kind::Sqlite).unwrap();
    let file = sqlite.folder.path().join("signet.db");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let columns: Vec<Column> = sql_query(
        "SELECT t.name || '.' || c.name AS place, c.type AS kind, CAST(c.\"notnull\" AS BIGINT) AS required \
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'",
    )
    .load(&mut conn)
    .unwrap();
    let of_sqlite: BTreeMap<String, String> =
        columns.into_iter().map(|column| (column.place, format!("{} {}", column.kind, column.required))).collect();
    assert!(of_sqlite.len() > 70, "{}", of_sqlite.len());
    assert_eq!(of_sqlite, of_postgres);
}
