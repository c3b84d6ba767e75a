//! PostgreSQL: single statements go through a few shared connections, which carry many at once (pipelining);
//! transactions take a connection of their own from a pool. All connections live on a thread of the store, so that
//! no worker of the server can hold up the others.

mod connect;
mod listen;
#[expect(clippy::duplicate_mod, reason = "each statement is written once and compiled for both backends")]
#[path = "sql/mod.rs"]
pub(super) mod sql;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::RunQueryDsl;
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::pooled_connection::RecyclingMethod;
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::pooled_connection::deadpool::Pool;
use futures_util::FutureExt;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::Options;
use super::error::StoreError;
use connect::Link;
use listen::Ear;

pub(super) use connect::Connector;
pub(super) use connect::Patience;

/// How the statements see a connection here: shared, so that it can carry several at once.
pub(super) type Conn<'a> = &'a AsyncPgConnection;

/// A PostgreSQL database.
pub struct Postgres {
    connector: Arc<Connector>,
    slots: Vec<Slot>,
    turn: AtomicUsize,
    pool: Transactions,
    options: Options,
    ear: Ear,
    runtime: Option<Runtime>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    pub(super) fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-postgres")
            .enable_all()
            .build()
            .map_err(|error| StoreError::unavailable(error.to_string()))?;
        let patience = Patience { connect: options.connect_timeout, statement: Some(options.statement_timeout) };
        let connector = Arc::new(Connector::new(url, patience, runtime.handle().clone())?);
        let shared = (options.max_connections / 3).clamp(1, 4);
        let pooled = options.max_connections.saturating_sub(shared).max(2);
        let pool = Transactions::new(&connector, pooled, options)?;
        let slots = std::iter::repeat_with(Slot::default).take(shared).collect();
        Ok(Self {
            connector,
            slots,
            turn: AtomicUsize::new(0),
            pool,
            options,
            ear: Ear::default(),
            runtime: Some(runtime),
        })
    }

    /// A shared connection. A broken one is replaced here, by whoever needs it next.
    pub(super) async fn shared(&self) -> Result<Arc<Link>, StoreError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        let slot = self.slots.get(turn).ok_or_else(|| StoreError::internal("a store without connections"))?;
        if let Some(link) = slot.live() {
            return Ok(link);
        }
        let connecting = timeout(self.options.connect_timeout, slot.connecting.lock());
        let _alone = connecting.await.map_err(|_| StoreError::unavailable("connecting takes too long"))?;
        if let Some(link) = slot.live() {
            return Ok(link);
        }
        let link = Arc::new(self.connector.connect().await?);
        *slot.link.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&link));
        Ok(link)
    }

    pub(super) async fn bounded<T>(
        &self,
        statement: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // The server has the same limit; this one is for a server that no longer answers.
        let late = self.options.statement_timeout.saturating_add(Duration::from_millis(500));
        timeout(late, statement).await.unwrap_or_else(|_| Err(StoreError::unavailable("no answer in time")))
    }

    pub(super) async fn wait_for_change(&self, within: Duration) {
        let Some(runtime) = &self.runtime else { return };
        self.ear.wait(within, &self.connector, runtime.handle()).await;
    }

    pub(super) fn pool(&self) -> Transactions {
        self.pool.clone()
    }

    /// Runs a transaction where the end of a request cannot cut it in the middle.
    pub(super) async fn uncut<T: Send + 'static>(
        &self,
        transaction: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let runtime = self.runtime.as_ref().ok_or_else(|| StoreError::internal("the store is being closed"))?;
        let limit = self.options.connect_timeout.saturating_add(self.options.statement_timeout);
        let task = runtime.spawn(timeout(limit, transaction));
        match task.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_late)) => Err(StoreError::unavailable("no answer in time")),
            Err(broken) => Err(StoreError::internal(broken.to_string())),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Dropped on a worker of another runtime, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Default)]
struct Slot {
    link: RwLock<Option<Arc<Link>>>,
    connecting: tokio::sync::Mutex<()>,
}

impl Slot {
    fn live(&self) -> Option<Arc<Link>> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().filter(|link| link.is_live()).cloned()
    }
}

/// The pool of connections for transactions.
#[derive(Clone)]
pub(super) struct Transactions {
    pool: Pool<AsyncPgConnection>,
    options: Options,
}

impl Transactions {
    fn new(connector: &Arc<Connector>, size: usize, options: Options) -> Result<Self, StoreError> {
        let mut config = ManagerConfig::<AsyncPgConnection>::default();
        // One that was cut off is found out by its BEGIN.
        config.recycling_method = RecyclingMethod::Fast;
        let connector = Arc::clone(connector);
        config.custom_setup = Box::new(move |_url| {
            let connector = Arc::clone(&connector);
            let connect = async move {
                let link = connector.connect().await;
                link.map(Link::into_conn)
                    .map_err(|error| diesel::ConnectionError::BadConnection(error.detail().to_owned()))
            };
            connect.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config("", config);
        let pool = Pool::builder(manager).max_size(size).build();
        Ok(Self { pool: pool.map_err(|error| StoreError::internal(error.to_string()))?, options })
    }

    /// A connection inside a transaction. One that the server has closed meanwhile is passed over.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut last = StoreError::unavailable("no connection is free");
        for _ in 0..=self.pool.status().max_size {
            let taken = timeout(self.options.connect_timeout, self.pool.get());
            let taken = taken.await.map_err(|_| StoreError::unavailable("no connection is free"))?;
            let object = taken.map_err(|error| StoreError::unavailable(error.to_string()))?;
            let transaction = Transaction { object: Some(object) };
            match transaction.command("BEGIN ISOLATION LEVEL READ COMMITTED").await {
                Ok(()) => return Ok(transaction),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// A transaction. Dropped without an end, it takes its connection with it.
pub(super) struct Transaction {
    object: Option<Object<AsyncPgConnection>>,
}

impl Transaction {
    pub(super) fn conn(&self) -> Result<Conn<'_>, StoreError> {
        self.object.as_deref().ok_or_else(|| StoreError::internal("a transaction has ended"))
    }

    async fn command(&self, sql: &str) -> Result<(), StoreError> {
        Ok(SimpleAsyncConnection::batch_execute(&mut self.conn()?, sql).await?)
    }

    /// Commits what went well and rolls back what did not.
    pub(super) async fn end<T>(mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let sql = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.command(sql).await;
        if ended.is_ok() && !matches!(outcome, Err(StoreError::Unavailable { .. })) {
            // Back into the pool.
            drop(self.object.take());
        }
        outcome.and_then(|value| ended.map(|()| value))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

pub(super) mod clock {
    use diesel::dsl::sql;
    use diesel::sql_types::BigInt;
    use diesel_async::RunQueryDsl;

    use super::Conn;
    use super::StoreError;
    use crate::domain::time::Timestamp;

    /// What the clock of the database server shows.
    pub(in crate::store) async fn time(conn: &mut Conn<'_>) -> Result<Timestamp, StoreError> {
        let clock = sql::<BigInt>("(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint");
        Ok(Timestamp::from_micros(diesel::select(clock).get_result(conn).await?))
    }
}

/// Row locks, so that granting something and ending it cannot pass each other. A lock is held until the transaction
/// ends; the order is users before clients.
mod hold {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;

    use super::super::schema::clients;
    use super::super::schema::users;
    use super::Conn;
    use super::StoreError;

    /// Others may hold the user too; nobody changes it.
    pub(super) async fn user(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
        let query = users::table.filter(users::id.eq(id)).select(users::id).for_share();
        query.load::<String>(conn).await?;
        Ok(())
    }

    /// Nobody else holds or changes the user.
    pub(super) async fn user_for_change(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
        let query = users::table.filter(users::id.eq(id)).select(users::id).for_no_key_update();
        query.load::<String>(conn).await?;
        Ok(())
    }

    /// Nobody deletes the client.
    pub(super) async fn client(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
        let query = clients::table.filter(clients::id.eq(id)).select(clients::id).for_key_share();
        query.load::<String>(conn).await?;
        Ok(())
    }
}

/// Tells the other nodes, when and only when the transaction commits. PostgreSQL lets such commits pass one at a time,
/// so this is for what changes seldom.
mod announce {
    use diesel::sql_query;
    use diesel::sql_types::Text;
    use diesel_async::RunQueryDsl;

    use super::Conn;
    use super::StoreError;
    use super::listen::CHANNEL;

    pub(super) async fn change(conn: &mut Conn<'_>, what: &'static str) -> Result<(), StoreError> {
        let notify = sql_query("SELECT pg_notify($1, $2)").bind::<Text, _>(CHANNEL).bind::<Text, _>(what);
        notify.execute(conn).await?;
        Ok(())
    }
}
