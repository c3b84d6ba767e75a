//! One SQLite connection, as the statements see it. A statement runs where it is awaited and is ready the first time it
//! is polled. It is parsed once: later it is found among the prepared ones, by its type when that says everything, or
//! else by its text.

use std::future::Ready;
use std::future::ready;
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::SqliteConnection;
use diesel::connection::Connection;
use diesel::query_builder::AsQuery;
use diesel::query_builder::AstPass;
use diesel::query_builder::Query;
use diesel::query_builder::QueryBuilder;
use diesel::query_builder::QueryFragment;
use diesel::query_builder::QueryId;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sqlite::Sqlite;
use diesel::sqlite::query_builder::SqliteQueryBuilder;

use crate::store::error::StoreError;

/// The lifetime is PostgreSQL's, whose connections are shared.
pub(in crate::store) struct Conn<'a> {
    inner: SqliteConnection,
    shared: PhantomData<&'a ()>,
}

impl Conn<'_> {
    pub(in crate::store) fn new(inner: SqliteConnection) -> Self {
        Self { inner, shared: PhantomData }
    }

    /// The whole database, as its file would be.
    #[cfg(feature = "simulation")]
    pub(in crate::store) fn image(&mut self) -> Vec<u8> {
        self.inner.serialize_database_to_buffer().to_vec()
    }

    /// Statements as they are written, none of which is kept.
    #[cfg(feature = "simulation")]
    pub(in crate::store) fn batch_execute(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(diesel::connection::SimpleConnection::batch_execute(&mut self.inner, sql)?)
    }

    pub(super) fn run(&mut self, statement: Fixed) -> Result<(), StoreError> {
        self.inner.execute_returning_count(&statement)?;
        Ok(())
    }
}

/// What the writer says around its jobs. Parsed once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fixed {
    Begin,
    Commit,
    Savepoint,
    Release,
    RollbackToSavepoint,
    Checkpoint,
}

impl QueryFragment<Sqlite> for Fixed {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(match self {
            Self::Begin => "BEGIN IMMEDIATE",
            Self::Commit => "COMMIT",
            Self::Savepoint => "SAVEPOINT job",
            Self::Release => "RELEASE job",
            Self::RollbackToSavepoint => "ROLLBACK TO job",
            Self::Checkpoint => "PRAGMA wal_checkpoint(PASSIVE)",
        });
        Ok(())
    }
}

/// Found by its text: one type is several statements.
impl QueryId for Fixed {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

/// What `diesel_async` calls so, for a database that has nothing to wait for: rows are read where SQLite has them.
pub(in crate::store) trait RunQueryDsl: Sized {
    /// How many rows changed.
    fn execute(self, conn: &mut Conn<'_>) -> Ready<QueryResult<usize>>
    where
        Self: QueryFragment<Sqlite> + QueryId,
    {
        ready(match self.is_safe_to_cache_prepared(&Sqlite) {
            Ok(true) => conn.inner.execute_returning_count(&self),
            Ok(false) => conn.inner.execute_returning_count(&ByText::new(self)),
            Err(error) => Err(error),
        })
    }

    fn load<'query, U>(self, conn: &mut Conn<'_>) -> Ready<QueryResult<Vec<U>>>
    where
        Self: AsQuery<Query: QueryFragment<Sqlite> + LoadQuery<'query, SqliteConnection, U>>,
        ByText<Self::Query>: LoadQuery<'query, SqliteConnection, U>,
    {
        let query = self.as_query();
        ready(match query.is_safe_to_cache_prepared(&Sqlite) {
            Ok(true) => query.internal_load(&mut conn.inner).and_then(Iterator::collect),
            Ok(false) => ByText::new(query).internal_load(&mut conn.inner).and_then(Iterator::collect),
            Err(error) => Err(error),
        })
    }

    /// The first row.
    fn get_result<'query, U>(self, conn: &mut Conn<'_>) -> Ready<QueryResult<U>>
    where
        Self: AsQuery<Query: QueryFragment<Sqlite> + LoadQuery<'query, SqliteConnection, U>>,
        ByText<Self::Query>: LoadQuery<'query, SqliteConnection, U>,
    {
        let query = self.as_query();
        ready(match query.is_safe_to_cache_prepared(&Sqlite) {
            Ok(true) => query.internal_load(&mut conn.inner).and_then(first),
            Ok(false) => ByText::new(query).internal_load(&mut conn.inner).and_then(first),
            Err(error) => Err(error),
        })
    }
}

impl<Q> RunQueryDsl for Q {}

fn first<U>(mut rows: impl Iterator<Item = QueryResult<U>>) -> QueryResult<U> {
    rows.next().unwrap_or(Err(diesel::NotFound))
}

/// A query of which diesel cannot tell that its type is always the same text: every update, and every list of values.
/// The text can: texts are kept, but not those of long lists, of which there would be as many as there are lengths.
pub(in crate::store) struct ByText<Q> {
    query: Q,
    is_kept: bool,
}

/// More parameters than any statement of ours has without a list.
const LONG_LIST: usize = 40;

impl<Q: QueryFragment<Sqlite>> ByText<Q> {
    fn new(query: Q) -> Self {
        let mut text = SqliteQueryBuilder::new();
        let is_written = query.to_sql(&mut text, &Sqlite).is_ok();
        Self { query, is_kept: is_written && text.finish().matches('?').count() <= LONG_LIST }
    }
}

impl<Q: Query> Query for ByText<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> diesel::RunQueryDsl<SqliteConnection> for ByText<Q> {}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for ByText<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.query.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &Sqlite) -> QueryResult<bool> {
        Ok(self.is_kept)
    }
}

impl<Q> QueryId for ByText<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}
