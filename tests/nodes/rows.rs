//! Every column of every row, before and after `db move`: as each database itself shows it.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::Connection;
use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_query;
use diesel::sql_types::Text;
use signet::store::migrate::migrate;
use signet::store::transfer::Hold;
use signet::store::transfer::TABLES;
use signet::store::transfer::TransferError;
use signet::store::transfer::transfer;

use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Table and column to its type.
fn columns(file: &mut SqliteConnection) -> Vec<(String, Vec<(String, String)>)> {
    let listed = lines(
        file,
        "SELECT t.name || ' ' || c.name || ' ' || c.type AS line FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid",
    );
    let mut tables: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in listed {
        let words: Vec<&str> = line.split(' ').collect();
        if tables.last().is_none_or(|(table, _)| table != words[0]) {
            tables.push((words[0].to_owned(), Vec::new()));
        }
        tables.last_mut().unwrap().1.push((words[1].to_owned(), words[2].to_owned()));
    }
    tables
}

fn lines(file: &mut SqliteConnection, sql: &str) -> Vec<String> {
    sql_query(sql).load::<Line>(file).unwrap().into_iter().map(|line| line.line).collect()
}

fn open(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(file.to_str().unwrap()).unwrap()
}

/// Rows that are hard to carry, in every table. Texts of one row are all the same, so that names lead somewhere.
fn fill(file: &mut SqliteConnection) {
    const TEXTS: [&str; 5] = [
        "plain",
        "it''s \"quoted\" \\ back\\slashed\n\ttabbed, \u{e9}t\u{e9} \u{1f980} {\"a\":[1,true,null]}",
        "0123",
        "",
        "true",
    ];
    const BLOBS: [&str; 5] = ["00ff7f80", "5c7841", "", "01", "e299a5c3"];
    // More than a number of JavaScript holds, and the least there is.
    const NUMBERS: [&str; 5] = ["9007199254740993", "-9223372036854775808", "0", "-1", "1795348800000000"];
    file.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    let all = columns(file);
    for table in TABLES {
        let (_, columns) = all.iter().find(|(name, _)| name == table).unwrap_or_else(|| panic!("no table {table}"));
        let required = lines(file, &format!("SELECT name AS line FROM pragma_table_info('{table}') WHERE \"notnull\""));
        for row in 0..5 {
            let values = columns.iter().map(|(column, kind)| match kind.as_str() {
                // The last row has nothing where that is possible.
                _ if row == 4 && !required.contains(column) => "NULL".to_owned(),
                "TEXT" => format!("'{}'", TEXTS[row]),
                "BLOB" => format!("x'{}'", BLOBS[row]),
                "INTEGER" if is_switch(column) => (row % 2).to_string(),
                "INTEGER" => NUMBERS[row].to_owned(),
                other => panic!("{table}.{column} is {other}"),
            });
            let values = values.collect::<Vec<_>>().join(", ");
            file.batch_execute(&format!("INSERT INTO {table} VALUES ({values})")).unwrap();
        }
    }
    // More than go into one statement of the transfer.
    file.batch_execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) \
         INSERT INTO assertions SELECT CAST('jti' || i AS BLOB), i FROM n; \
         UPDATE sqlite_sequence SET seq = seq + 100 WHERE name = 'audit'",
    )
    .unwrap();
}

fn is_switch(column: &str) -> bool {
    ["disabled", "backchannel_logout", "offline", "account_selected"].contains(&column)
}

/// Each table with its rows, in no order.
type Contents = BTreeMap<String, Vec<String>>;

/// Names the first row that differs: all of them would be a long text.
#[track_caller]
fn same(found: &Contents, wanted: &Contents) {
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (table, rows) in wanted {
        let strange = found[table].iter().find(|row| !rows.contains(row));
        let missing = rows.iter().find(|row| !found[table].contains(row));
        assert_eq!((strange, missing), (None, None), "{table}");
        assert_eq!(found[table].len(), rows.len(), "{table}");
    }
}

fn contents_of_file(file: &mut SqliteConnection) -> Contents {
    let mut contents = Contents::new();
    for (table, columns) in columns(file) {
        let shown = columns.iter().map(|(column, kind)| match kind.as_str() {
            "BLOB" => format!("iif({column} IS NULL, 'nothing', lower(hex({column})))"),
            _ => format!("iif({column} IS NULL, 'nothing', hex(CAST({column} AS TEXT)))"),
        });
        let shown = shown.collect::<Vec<_>>().join(" || ' ' || ");
        let mut rows = lines(file, &format!("SELECT {shown} AS line FROM {table}"));
        rows.sort();
        contents.insert(table, rows);
    }
    contents
}

fn contents_of_server(cluster: &Cluster, url: &str) -> Contents {
    let name = url.split(['/', '?']).nth(3).unwrap();
    let listed = cluster.psql(
        name,
        "SELECT table_name || ' ' || string_agg(CASE data_type \
             WHEN 'bytea' THEN format('coalesce(encode(%I, ''hex''), ''nothing'')', column_name) \
             WHEN 'boolean' THEN format('coalesce(upper(encode(%I::int::text::bytea, ''hex'')), ''nothing'')', column_name) \
             ELSE format('coalesce(upper(encode(convert_to(%I::text, ''UTF8''), ''hex'')), ''nothing'')', column_name) END, \
             ' || '' '' || ' ORDER BY ordinal_position) \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%' GROUP BY table_name",
    );
    let mut contents = Contents::new();
    for line in listed.lines() {
        let (table, shown) = line.split_once(' ').unwrap();
        let mut rows: Vec<String> =
            cluster.psql(name, &format!("SELECT {shown} FROM {table}")).lines().map(str::to_owned).collect();
        rows.sort();
        contents.insert(table.to_owned(), rows);
    }
    contents
}

/// A file with rows in every table, and its address.
fn furnished(folder: &Path) -> (String, Contents) {
    let path = folder.join("old.db");
    let url = format!("sqlite://{}", path.display());
    migrate(&url).unwrap();
    let mut file = open(&path);
    fill(&mut file);
    (url, contents_of_file(&mut file))
}

#[test]
fn every_table_is_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let (_, contents) = furnished(folder.path());
    let mut listed: Vec<&str> = TABLES.to_vec();
    listed.sort_unstable();
    assert_eq!(contents.keys().collect::<Vec<_>>(), listed, "name new tables in TABLES of src/store/transfer.rs");
}

#[test]
fn every_column_of_every_row_arrives_and_comes_back() {
    let Some(cluster) = Cluster::shared() else { return left_out() };
    let folder = tempfile::tempdir().unwrap();
    let (old, before) = furnished(folder.path());
    let server = cluster.empty_database("moved");
    let moved = transfer(&old, &server, Hold::Alone).unwrap();
    for (table, count) in &moved.0 {
        assert_eq!(*count, before[*table].len(), "{table}");
    }
    assert!(before.values().all(|rows| rows.len() >= 5) && before["assertions"].len() == 1239, "{:?}", moved.0);
    same(&contents_of_server(cluster, &server), &before);
    let path = folder.path().join("back.db");
    let back = format!("sqlite://{}", path.display());
    assert_eq!(transfer(&server, &back, Hold::Alone).unwrap(), moved);
    same(&contents_of_file(&mut open(&path)), &before);
    // The source is what it was.
    same(&contents_of_file(&mut open(&folder.path().join("old.db"))), &before);
    // No number of an event is given twice, though the rows that had the last hundred are gone.
    let add = "INSERT INTO audit (at, event, actor, detail) VALUES (1, 'e', 'a', '{}')";
    let name = server.split(['/', '?']).nth(3).unwrap();
    let number = cluster.psql(name, &format!("{add} RETURNING id"));
    assert_eq!(number.trim(), "9007199254741094");
    let mut file = open(&path);
    file.batch_execute(add).unwrap();
    assert_eq!(lines(&mut file, "SELECT CAST(max(id) AS TEXT) AS line FROM audit"), ["9007199254741094"]);
}

#[test]
fn all_or_nothing() {
    let Some(cluster) = Cluster::shared() else { return left_out() };
    let folder = tempfile::tempdir().unwrap();
    let (old, before) = furnished(folder.path());
    let server = cluster.empty_database("refusing");
    migrate(&server).unwrap();
    let empty = contents_of_server(cluster, &server);
    // The last of the tables takes nothing.
    cluster.psql("refusing", "ALTER TABLE key_usage ADD CONSTRAINT never CHECK (tokens = -5)");
    assert!(matches!(transfer(&old, &server, Hold::Alone), Err(TransferError::Store(_))));
    same(&contents_of_server(cluster, &server), &empty);
    cluster.psql("refusing", "ALTER TABLE key_usage DROP CONSTRAINT never");
    transfer(&old, &server, Hold::Alone).unwrap();
    same(&contents_of_server(cluster, &server), &before);
    // Now it has something.
    assert_eq!(transfer(&old, &server, Hold::Alone), Err(TransferError::NotEmpty("instance")));
    same(&contents_of_server(cluster, &server), &before);
}

#[test]
fn only_between_databases_of_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let (old, _) = furnished(folder.path());
    let new = format!("sqlite://{}", folder.path().join("new.db").display());
    let mut file = open(&folder.path().join("old.db"));
    file.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000001')").unwrap();
    drop(file);
    assert_eq!(transfer(&old, &new, Hold::Alone), Err(TransferError::Newer("source")));
    let mut file = open(&folder.path().join("old.db"));
    file.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version > '20261122000001'").unwrap();
    drop(file);
    assert_eq!(transfer(&old, &new, Hold::Alone), Err(TransferError::Older("source")));
    assert!(!folder.path().join("new.db").exists());
    let empty = format!("sqlite://{}", folder.path().join("empty.db").display());
    migrate(&empty).unwrap();
    assert_eq!(transfer(&empty, &new, Hold::Alone), Err(TransferError::Nothing));
}

/// A database that somebody has open is not moved, but is copied.
#[test]
fn alone_means_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (old, before) = furnished(folder.path());
    let mut server = open(&folder.path().join("old.db"));
    lines(&mut server, "SELECT name AS line FROM versions");
    let path = folder.path().join("copy.db");
    let copy = format!("sqlite://{}", path.display());
    assert_eq!(transfer(&old, &copy, Hold::Alone), Err(TransferError::InUse("another process".to_owned())));
    // It may write in the middle; one moment is what is copied.
    server.batch_execute("BEGIN IMMEDIATE; DELETE FROM assertions").unwrap();
    transfer(&old, &copy, Hold::Snapshot).unwrap();
    server.batch_execute("COMMIT").unwrap();
    same(&contents_of_file(&mut open(&path)), &before);
}
