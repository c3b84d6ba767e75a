//! One SQLite connection, as the statements see it. A statement runs where it is awaited and is ready the first time it
//! is polled. It is parsed once: later it is found among the prepared ones, by its type when that says everything, or
//! else by its text.

use std::future::Ready;
use std::future::ready;
use std::marker::PhantomData;
use std::vec::IntoIter;

use diesel::QueryResult;
use diesel::SqliteConnection;
use diesel::connection::Connection;
use diesel::connection::LoadConnection;
use diesel::connection::SimpleConnection;
use diesel::query_builder::AsQuery;
use diesel::query_builder::AstPass;
use diesel::query_builder::Query;
use diesel::query_builder::QueryBuilder;
use diesel::query_builder::QueryFragment;
use diesel::query_builder::QueryId;
use diesel::row::IntoOwnedRow;
use diesel::sql_types::Untyped;
use diesel::sqlite::Sqlite;
use diesel::sqlite::query_builder::SqliteQueryBuilder;
use diesel_async::AsyncConnectionCore;
use diesel_async::SimpleAsyncConnection;
use futures_util::stream::Iter;

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

impl SimpleAsyncConnection for Conn<'_> {
    fn batch_execute(&mut self, query: &str) -> impl Future<Output = QueryResult<()>> + Send {
        ready(self.inner.batch_execute(query))
    }
}

type Cursor<'conn, 'query> = <SqliteConnection as LoadConnection>::Cursor<'conn, 'query>;
type BorrowedRow<'conn, 'query> = <SqliteConnection as LoadConnection>::Row<'conn, 'query>;
type OwnedRow<'conn, 'query> = <BorrowedRow<'conn, 'query> as IntoOwnedRow<'conn, Sqlite>>::OwnedRow;

impl AsyncConnectionCore for Conn<'_> {
    type ExecuteFuture<'conn, 'query> = Ready<QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = Ready<QueryResult<Self::Stream<'conn, 'query>>>;
    type Stream<'conn, 'query> = Iter<IntoIter<QueryResult<Self::Row<'conn, 'query>>>>;
    type Row<'conn, 'query> = OwnedRow<'conn, 'query>;
    type Backend = Sqlite;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Sqlite> + QueryId + 'query,
    {
        let query = source.as_query();
        ready(match query.is_safe_to_cache_prepared(&Sqlite) {
            Ok(true) => LoadConnection::load(&mut self.inner, Typeless(query)).map(rows),
            Ok(false) => LoadConnection::load(&mut self.inner, ByText::new(query)).map(rows),
            Err(error) => Err(error),
        })
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Sqlite> + QueryId + 'query,
    {
        ready(match source.is_safe_to_cache_prepared(&Sqlite) {
            Ok(true) => self.inner.execute_returning_count(&source),
            Ok(false) => self.inner.execute_returning_count(&ByText::new(source)),
            Err(error) => Err(error),
        })
    }
}

/// All rows, so that none is borrowed from the statement any more. What fails ends them.
fn rows<'conn, 'query>(cursor: Cursor<'conn, 'query>) -> Iter<IntoIter<QueryResult<OwnedRow<'conn, 'query>>>> {
    let mut names = None;
    let rows: Vec<_> = cursor.map(|row| row.map(|row| row.into_owned(&mut names))).collect();
    futures_util::stream::iter(rows)
}

/// A query whose column types are the business of whoever reads its rows.
struct Typeless<Q>(Q);

impl<Q> Query for Typeless<Q> {
    type SqlType = Untyped;
}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Typeless<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

impl<Q: QueryId> QueryId for Typeless<Q> {
    type QueryId = Typeless<Q::QueryId>;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

/// A query of which diesel cannot tell that its type is always the same text: every update, and every list of values.
/// The text can: texts are kept, but not those of long lists, of which there would be as many as there are lengths.
struct ByText<Q> {
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

impl<Q> Query for ByText<Q> {
    type SqlType = Untyped;
}

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
