//! All rows of one database into another, of either kind: `signet db move`, `backup` and `restore`.
//!
//! A row travels as a JSON object, which both databases can make of a row and can read as one; bytes are written `\x`
//! and hexadecimal digits. Which columns there are says the database, so that a migration has nothing to add here
//! but the name of a new table. The target takes everything in one transaction, or nothing.
//!
//! Blocking, as the migrations are, and on a thread of its own.

mod postgres;
mod sqlite;

use super::Address;
use super::error::StoreError;
use super::migrate;
use super::migrate::MigrationState;
use super::migrate::Progress;

/// Every table, what others refer to first. A test compares it with the databases.
pub const TABLES: &[&str] = &[
    "versions",
    "instance",
    "signing_keys",
    "clients",
    "initial_tokens",
    "registrations",
    "users",
    "sessions",
    "session_clients",
    "attempts",
    "consents",
    "codes",
    "families",
    "denials",
    "logout_deliveries",
    "assertions",
    "throttles",
    "setup_links",
    "audit",
    "jwks_readers",
    "key_usage",
];

/// The only table in which a migration itself writes rows: counters, which come along like everything else.
const COUNTERS: &str = "versions";

/// What must be true of the database that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// No server works with it, and none can begin to: what it answered after this would be lost.
    Alone,
    /// One moment of it is read while servers go on.
    Snapshot,
}

/// Rows that have come over, table by table, in the order of [`TABLES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred(pub Vec<(&'static str, usize)>);

/// Why nothing was transferred.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    #[error("{0} has this database open: stop every server and every other command that works with it first")]
    InUse(String),
    #[error("the target is not empty: its table {0} has rows")]
    NotEmpty(&'static str),
    #[error("there is nothing in it: no table has a row")]
    Nothing,
    /// Which of the two.
    #[error("the {0} was made by an older version: `signet db migrate` brings it up to this one first")]
    Older(&'static str),
    #[error("the {0} was made by a newer version: use that one for this")]
    Newer(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for TransferError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies everything from the database at `from` to the one at `to`, which must have no rows; its tables are made when it
/// has none. `from` is not changed.
///
/// # Errors
/// [`TransferError`]; whatever it is, the target has no rows then.
pub fn transfer(from: &str, to: &str, hold: Hold) -> Result<Transferred, TransferError> {
    let (source, target) = (Address::parse(from)?, Address::parse(to)?);
    of_this_version("source", &migrate::status(from)?)?;
    let states = migrate::status(to)?;
    if states.iter().all(|state| state.progress == Progress::Pending) {
        migrate::migrate(to)?;
    } else {
        of_this_version("target", &states)?;
    }
    migrate::apart(|| {
        let mut target = open(&target)?;
        target.claim_as_target()?;
        if let Some(table) = first_with_rows(target.as_mut())? {
            return Err(TransferError::NotEmpty(table));
        }
        let mut source = open(&source)?;
        source.claim_as_source(hold)?;
        if first_with_rows(source.as_mut())?.is_none() {
            return Err(TransferError::Nothing);
        }
        target.clear(COUNTERS)?;
        let mut counts = Vec::new();
        for table in TABLES {
            counts.push((*table, copy(source.as_mut(), target.as_mut(), table)?));
        }
        target.set_last_audit_number(source.last_audit_number()?)?;
        source.check_claim(hold)?;
        target.commit()?;
        Ok(Transferred(counts))
    })
}

fn open(address: &Address) -> Result<Box<dyn End>, StoreError> {
    Ok(match address {
        Address::Sqlite(path) => Box::new(sqlite::File::open(path)?),
        Address::Postgres(url) => Box::new(postgres::Server::open(url)?),
    })
}

fn of_this_version(which: &'static str, states: &[MigrationState]) -> Result<(), TransferError> {
    if states.iter().any(|state| state.progress == Progress::Unknown) {
        return Err(TransferError::Newer(which));
    }
    if states.iter().any(|state| state.progress == Progress::Pending) {
        return Err(TransferError::Older(which));
    }
    Ok(())
}

fn first_with_rows(end: &mut dyn End) -> Result<Option<&'static str>, StoreError> {
    for table in TABLES.iter().filter(|table| **table != COUNTERS) {
        if end.has_rows(table)? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

fn copy(source: &mut dyn End, target: &mut dyn End, table: &'static str) -> Result<usize, TransferError> {
    let columns = target.columns(table)?;
    let of_source = source.columns(table)?;
    let missing = |some: &[Column], others: &[Column]| {
        some.iter().any(|column| !others.iter().any(|other| other.name == column.name))
    };
    if columns.is_empty() || missing(&columns, &of_source) || missing(&of_source, &columns) {
        return Err(StoreError::internal(format!("the table {table} has other columns there")).into());
    }
    let mut count = 0;
    source.read(table, &of_source, &mut |rows| {
        let written = target.write(table, &columns, &format!("[{}]", rows.join(",")))?;
        if written != rows.len() {
            return Err(StoreError::internal(format!("{written} rows of {} arrived in {table}", rows.len())));
        }
        count += written;
        Ok(())
    })?;
    Ok(count)
}

/// A column, by the name and the type that its database gives it.
#[derive(Debug, diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    kind: String,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    row: String,
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    number: i64,
}

/// How many rows travel in one statement.
const CHUNK: usize = 500;

type Give<'a> = dyn FnMut(&[String]) -> Result<(), StoreError> + 'a;

/// One of the two databases. Statements are made of names in [`TABLES`] and in the catalog, never of values.
trait End {
    /// Begins a transaction that nobody else can write beside.
    fn claim_as_target(&mut self) -> Result<(), TransferError>;

    /// Begins a transaction that sees one moment.
    fn claim_as_source(&mut self, hold: Hold) -> Result<(), TransferError>;

    /// Whether what was claimed still holds.
    fn check_claim(&mut self, hold: Hold) -> Result<(), TransferError>;

    fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError>;

    fn has_rows(&mut self, table: &str) -> Result<bool, StoreError>;

    fn clear(&mut self, table: &str) -> Result<(), StoreError>;

    /// Gives all rows as JSON objects, some at a time.
    fn read(&mut self, table: &str, columns: &[Column], give: &mut Give<'_>) -> Result<(), StoreError>;

    /// Writes a JSON array of rows; how many they were.
    fn write(&mut self, table: &str, columns: &[Column], rows: &str) -> Result<usize, StoreError>;

    /// The highest number that an audit event ever had: none is given twice, even when the event is gone.
    fn last_audit_number(&mut self) -> Result<i64, StoreError>;

    fn set_last_audit_number(&mut self, number: i64) -> Result<(), StoreError>;

    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// The names of columns in a statement.
fn list(columns: &[Column], of: impl Fn(&Column) -> String) -> String {
    columns.iter().map(of).collect::<Vec<_>>().join(", ")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
