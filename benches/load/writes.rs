//! How much one code-flow round writes to the database, seen from outside of the server.
//!
//! Commits are counted where SQLite writes them: each transaction ends with a frame of the write-ahead log whose header
//! says how large the database is after it (<https://www.sqlite.org/fileformat2.html#walformat>). Rows are counted by
//! triggers on every table, put there for this and taken away again.

use std::fs;
use std::path::Path;

use diesel::Connection;
use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;

use crate::Fault;
use crate::drive::Step;
use crate::process::Process;
use crate::steps::Round;
use crate::wire::Wire;

/// One after another, so that no two share a commit.
const ROUNDS: u32 = 20;

/// For one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writes {
    pub(crate) commits: f64,
    pub(crate) pages: f64,
    pub(crate) rows: f64,
}

/// Runs some rounds alone and looks at what they left.
pub(crate) async fn count(server: &Process, database: &Path, round: &mut Round) -> Result<Writes, Fault> {
    let mut wire = Wire::connect(server.address).await?;
    let (commits, pages) = log_growth(database, &mut wire, round).await?;
    let counter = Counter::install(database)?;
    repeat(round, &mut wire).await?;
    let rows = counter.remove()?;
    Ok(Writes { commits, pages, rows: rows / f64::from(ROUNDS) })
}

async fn log_growth(database: &Path, wire: &mut Wire, round: &mut Round) -> Result<(f64, f64), Fault> {
    // The log may start over between two looks at it, after a checkpoint; then look again.
    for _ in 0..5 {
        round.step(wire).await?;
        let before = Log::read(database)?;
        repeat(round, wire).await?;
        let after = Log::read(database)?;
        if before.salt == after.salt {
            let each = |after: u32, before: u32| f64::from(after.saturating_sub(before)) / f64::from(ROUNDS);
            return Ok((each(after.commits, before.commits), each(after.frames, before.frames)));
        }
    }
    Err("the write-ahead log does not stand still long enough to count commits".into())
}

async fn repeat(round: &mut Round, wire: &mut Wire) -> Result<(), Fault> {
    for _ in 0..ROUNDS {
        round.step(wire).await?;
    }
    Ok(())
}

struct Log {
    salt: Vec<u8>,
    commits: u32,
    frames: u32,
}

impl Log {
    fn read(database: &Path) -> Result<Self, Fault> {
        let bytes = fs::read(format!("{}-wal", database.display()))?;
        let (header, rest) = bytes.split_at_checked(32).ok_or("an empty write-ahead log")?;
        let page_size = usize::try_from(number(header, 8)?)?;
        let salt = header.get(16..24).unwrap_or_default().to_vec();
        let (mut commits, mut frames) = (0, 0);
        for frame in rest.chunks_exact(24 + page_size) {
            // What lies behind the last frame of this turn is left from an earlier one, with other salts.
            if frame.get(8..16) != Some(salt.as_slice()) {
                break;
            }
            frames += 1;
            commits += u32::from(number(frame, 4)? != 0);
        }
        Ok(Self { salt, commits, frames })
    }
}

fn number(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let four = bytes.get(at..at + 4).ok_or("a cut write-ahead log")?;
    Ok(u32::from_be_bytes(four.try_into()?))
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Triggers that count changed rows.
struct Counter {
    connection: SqliteConnection,
    tables: Vec<String>,
}

const CHANGES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

impl Counter {
    fn install(database: &Path) -> Result<Self, Fault> {
        let mut connection = SqliteConnection::establish(&database.display().to_string())?;
        connection.batch_execute("PRAGMA busy_timeout = 5000")?;
        let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";
        let tables: Vec<Table> = diesel::sql_query(query).load(&mut connection)?;
        let tables: Vec<String> = tables.into_iter().map(|table| table.name).collect();
        let triggers = each_change(&tables, |table, change| {
            format!(
                "CREATE TRIGGER load_{change}_{table} AFTER {change} ON {table} \
                 BEGIN UPDATE load_counter SET count = count + 1; END;"
            )
        });
        connection.batch_execute(&format!(
            "BEGIN IMMEDIATE; CREATE TABLE load_counter (count BIGINT NOT NULL); \
             INSERT INTO load_counter VALUES (0); {triggers} COMMIT;"
        ))?;
        Ok(Self { connection, tables })
    }

    fn remove(mut self) -> Result<f64, Fault> {
        let counted: Count = diesel::sql_query("SELECT count FROM load_counter").get_result(&mut self.connection)?;
        let triggers = each_change(&self.tables, |table, change| format!("DROP TRIGGER load_{change}_{table};"));
        self.connection.batch_execute(&format!("BEGIN IMMEDIATE; {triggers} DROP TABLE load_counter; COMMIT;"))?;
        Ok(counted.count as f64)
    }
}

fn each_change(tables: &[String], sql: impl Fn(&str, &str) -> String) -> String {
    tables.iter().flat_map(|table| CHANGES.map(|change| sql(table, change))).collect()
}
