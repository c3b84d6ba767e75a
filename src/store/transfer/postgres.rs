//! A PostgreSQL database as one end of a transfer.

use std::thread::sleep;
use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use tokio::runtime::Runtime;

use crate::store::error::StoreError;
use crate::store::migrate::postgres;

use super::CHUNK;
use super::Column;
use super::End;
use super::Give;
use super::Hold;
use super::Number;
use super::Row;
use super::TABLES;
use super::TransferError;
use super::list;
use super::quoted;

/// How often, and how many times, to look again for a connection that is just being closed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 20;

pub(super) struct Server {
    conn: AsyncConnectionWrapper<AsyncPgConnection>,
    _driver: Runtime,
}

impl Server {
    pub(super) fn open(url: &str) -> Result<Self, StoreError> {
        let (driver, conn) = postgres(url)?;
        let mut server = Self { conn, _driver: driver };
        // The other end may take its time.
        server.execute(
            "SET idle_in_transaction_session_timeout = 0; SET bytea_output = 'hex'; SET lock_timeout = '5s'",
        )?;
        Ok(server)
    }

    fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.conn.batch_execute(sql)?)
    }

    fn begin_and_lock(&mut self, mode: &str) -> Result<(), TransferError> {
        let tables = TABLES.iter().map(|table| quoted(table)).collect::<Vec<_>>().join(", ");
        // The locks come before the first snapshot.
        match self.execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE {tables} IN {mode} MODE")) {
            Err(StoreError::Unavailable { detail }) if detail.contains("lock timeout") => {
                Err(TransferError::InUse("a transaction".to_owned()))
            }
            other => Ok(other?),
        }
    }

    /// Connections of servers and commands, but this one. A server always has one: it waits for announcements.
    fn others(&mut self) -> Result<i64, StoreError> {
        let others = sql_query(
            "SELECT count(*) AS number FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND application_name IN ('signet', current_setting('application_name'))",
        );
        Ok(others.get_result::<Number>(&mut self.conn)?.number)
    }
}

impl End for Server {
    fn claim_as_target(&mut self) -> Result<(), TransferError> {
        self.begin_and_lock("SHARE ROW EXCLUSIVE")
    }

    fn claim_as_source(&mut self, hold: Hold) -> Result<(), TransferError> {
        if hold == Hold::Snapshot {
            return Ok(self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?);
        }
        for _ in 0..LOOKS {
            if self.others()? == 0 {
                break;
            }
            sleep(LOOK_EVERY);
        }
        self.begin_and_lock("EXCLUSIVE")?;
        self.check_claim(hold)
    }

    fn check_claim(&mut self, hold: Hold) -> Result<(), TransferError> {
        // What is asked of the catalog of connections is not part of a snapshot.
        match self.others()? {
            others if others > 0 && hold == Hold::Alone => {
                Err(TransferError::InUse(format!("another process ({others} connections named \"signet\")")))
            }
            _ => Ok(()),
        }
    }

    fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError> {
        let columns = sql_query(
            "SELECT attname::text AS name, format_type(atttypid, NULL) AS kind FROM pg_attribute \
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        );
        Ok(columns.bind::<Text, _>(quoted(table)).load(&mut self.conn)?)
    }

    fn has_rows(&mut self, table: &str) -> Result<bool, StoreError> {
        let count = sql_query(format!("SELECT EXISTS (SELECT 1 FROM {})::int::bigint AS number", quoted(table)));
        Ok(count.get_result::<Number>(&mut self.conn)?.number == 1)
    }

    fn clear(&mut self, table: &str) -> Result<(), StoreError> {
        self.execute(&format!("DELETE FROM {}", quoted(table)))
    }

    fn read(&mut self, table: &str, _columns: &[Column], give: &mut Give<'_>) -> Result<(), StoreError> {
        let table = quoted(table);
        self.execute(&format!(
            "DECLARE transfer NO SCROLL CURSOR FOR SELECT row_to_json(t)::text AS row FROM {table} t"
        ))?;
        loop {
            let rows: Vec<Row> = sql_query(format!("FETCH {CHUNK} FROM transfer")).load(&mut self.conn)?;
            if rows.is_empty() {
                return self.execute("CLOSE transfer");
            }
            give(&rows.into_iter().map(|row| row.row).collect::<Vec<_>>())?;
        }
    }

    fn write(&mut self, table: &str, columns: &[Column], rows: &str) -> Result<usize, StoreError> {
        let names = list(columns, |column| quoted(&column.name));
        let table = quoted(table);
        let insert = format!(
            "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE \
             SELECT {names} FROM json_populate_recordset(NULL::{table}, $1::json)"
        );
        Ok(sql_query(insert).bind::<Text, _>(rows).execute(&mut self.conn)?)
    }

    fn last_audit_number(&mut self) -> Result<i64, StoreError> {
        let last = sql_query(
            "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('audit', 'id')::regclass), 0) AS number",
        );
        Ok(last.get_result::<Number>(&mut self.conn)?.number)
    }

    fn set_last_audit_number(&mut self, number: i64) -> Result<(), StoreError> {
        // A sequence has no 0: nothing was numbered yet.
        if number > 0 {
            let set = sql_query("SELECT setval(pg_get_serial_sequence('audit', 'id')::regclass, $1) AS number");
            set.bind::<BigInt, _>(number).get_result::<Number>(&mut self.conn)?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.execute("COMMIT")
    }
}
