//! A SQLite file as one end of a transfer.

use std::path::Path;
use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::connection::DefaultLoadingMode;
use diesel::connection::SimpleConnection;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;

use crate::store::error::StoreError;
use crate::store::sqlite::connect;

use super::CHUNK;
use super::Column;
use super::End;
use super::Give;
use super::Hold;
use super::Number;
use super::Row;
use super::TransferError;
use super::list;
use super::quoted;

/// Long enough for another command to end; a server does not.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct File(SqliteConnection);

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut conn = connect(path, PATIENCE)?;
        conn.batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
        Ok(Self(conn))
    }

    fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.0.batch_execute(sql)?)
    }

    /// Every connection keeps the file for as long as it is open (of a WAL database it holds SHARED also between two
    /// transactions), so whoever gets it EXCLUSIVE is alone, and stays it.
    fn claim_alone(&mut self) -> Result<(), TransferError> {
        self.execute("PRAGMA locking_mode = EXCLUSIVE;")?;
        match self.execute("BEGIN IMMEDIATE") {
            Err(StoreError::Unavailable { detail }) if detail.contains("locked") => {
                Err(TransferError::InUse("another process".to_owned()))
            }
            other => Ok(other?),
        }
    }
}

fn is_blob(column: &Column) -> bool {
    column.kind == "BLOB"
}

impl End for File {
    fn claim_as_target(&mut self) -> Result<(), TransferError> {
        self.claim_alone()
    }

    fn claim_as_source(&mut self, hold: Hold) -> Result<(), TransferError> {
        match hold {
            Hold::Alone => self.claim_alone(),
            Hold::Snapshot => Ok(self.execute("BEGIN DEFERRED")?),
        }
    }

    fn check_claim(&mut self, _hold: Hold) -> Result<(), TransferError> {
        Ok(())
    }

    fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError> {
        let columns = sql_query("SELECT name, type AS kind FROM pragma_table_info(?) ORDER BY cid");
        Ok(columns.bind::<Text, _>(table).load(&mut self.0)?)
    }

    fn has_rows(&mut self, table: &str) -> Result<bool, StoreError> {
        let count = sql_query(format!("SELECT EXISTS (SELECT 1 FROM {}) AS number", quoted(table)));
        Ok(count.get_result::<Number>(&mut self.0)?.number == 1)
    }

    fn clear(&mut self, table: &str) -> Result<(), StoreError> {
        self.execute(&format!("DELETE FROM {}", quoted(table)))
    }

    fn read(&mut self, table: &str, columns: &[Column], give: &mut Give<'_>) -> Result<(), StoreError> {
        let members = list(columns, |column| {
            let name = quoted(&column.name);
            // To `hex`, NULL is nothing but a blob without bytes.
            let value = if is_blob(column) { format!("iif({name} IS NULL, NULL, '\\x' || hex({name}))") } else { name };
            format!("'{}', {value}", column.name.replace('\'', "''"))
        });
        let rows = sql_query(format!("SELECT json_object({members}) AS row FROM {}", quoted(table)));
        let mut chunk = Vec::with_capacity(CHUNK);
        // Row by row out of the file: a table may be larger than memory.
        for row in rows.load_iter::<Row, DefaultLoadingMode>(&mut self.0)? {
            chunk.push(row?.row);
            if chunk.len() == CHUNK {
                give(&chunk)?;
                chunk.clear();
            }
        }
        if chunk.is_empty() { Ok(()) } else { give(&chunk) }
    }

    fn write(&mut self, table: &str, columns: &[Column], rows: &str) -> Result<usize, StoreError> {
        let names = list(columns, |column| quoted(&column.name));
        let values = list(columns, |column| {
            let value = format!("value ->> '{}'", column.name.replace('\'', "''"));
            if is_blob(column) { format!("unhex(substr({value}, 3))") } else { value }
        });
        let insert = format!("INSERT INTO {} ({names}) SELECT {values} FROM json_each(?)", quoted(table));
        Ok(sql_query(insert).bind::<Text, _>(rows).execute(&mut self.0)?)
    }

    fn last_audit_number(&mut self) -> Result<i64, StoreError> {
        let last = sql_query("SELECT coalesce(max(seq), 0) AS number FROM sqlite_sequence WHERE name = 'audit'");
        Ok(last.get_result::<Number>(&mut self.0)?.number)
    }

    fn set_last_audit_number(&mut self, number: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM sqlite_sequence WHERE name = 'audit'")?;
        let set = sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES ('audit', ?)");
        set.bind::<BigInt, _>(number).execute(&mut self.0)?;
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.execute("COMMIT")
    }
}
