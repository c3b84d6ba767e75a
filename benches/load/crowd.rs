//! Many people in the database: some whose sessions the driver knows, and as many as are wanted that only lie there.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use diesel::Connection;
use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use signet::ambient::Clock;
use signet::ambient::OsEntropy;
use signet::ambient::SystemClock;
use signet::crypto::hash;
use signet::crypto::password;
use signet::domain::consent::Consent;
use signet::domain::ids::ClientId;
use signet::domain::ids::SessionId;
use signet::domain::ids::UserId;
use signet::domain::scope::Scope;
use signet::domain::secret::SecretKind;
use signet::domain::session::Authentication;
use signet::domain::session::AuthenticationMethod;
use signet::domain::session::Session;
use signet::domain::time::Timestamp;
use signet::domain::user::Email;
use signet::domain::user::PasswordHash;
use signet::domain::user::StandardClaims;
use signet::domain::user::User;
use signet::store::Options;
use signet::store::Store;

use crate::Fault;
use crate::site;

/// How many people the driver signs in for.
pub(crate) const PEOPLE: usize = 2_000;
/// Sessions that lie in the database beside theirs.
pub(crate) const OTHER_SESSIONS: u64 = 100_000;

/// Where the people are kept.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(String),
    Postgres(String),
}

impl Database {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{path}"),
            Self::Postgres(url) => url.clone(),
        }
    }

    fn open(&self) -> Result<Store, Fault> {
        Ok(Store::open(&self.url(), Options::default())?)
    }

    /// Statements that this driver makes itself, for what no use case does.
    async fn run(&self, sql: &str) -> Result<(), Fault> {
        match self {
            Self::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(path)?;
                connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA cache_size = -1000000")?;
                connection.batch_execute(sql)?;
            }
            Self::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
                let connection = tokio::spawn(connection);
                client.batch_execute(sql).await?;
                drop(client);
                connection.await??;
            }
        }
        Ok(())
    }

    async fn columns(&self, table: &str) -> Result<Vec<String>, Fault> {
        match self {
            Self::Sqlite(path) => {
                #[derive(QueryableByName)]
                struct Column {
                    #[diesel(sql_type = Text)]
                    name: String,
                }
                let mut connection = SqliteConnection::establish(path)?;
                let query = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns: Vec<Column> = diesel::sql_query(query).load(&mut connection)?;
                Ok(columns.into_iter().map(|column| column.name).collect())
            }
            Self::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
                let connection = tokio::spawn(connection);
                let query = "SELECT column_name::text FROM information_schema.columns \
                             WHERE table_schema = current_schema() AND table_name = $1";
                let rows = client.query(query, &[&table]).await?;
                drop(client);
                connection.await??;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            }
        }
    }
}

/// The e-mail address of one of the people the driver signs in for.
pub(crate) fn address(index: usize) -> String {
    format!("person-{}@example.test", index % PEOPLE)
}

/// The people the driver signs in for: their session cookies. All have the one password, hashed once.
pub(crate) async fn sign_in(database: &Database, count: usize) -> Result<Vec<String>, Fault> {
    let store = database.open()?;
    let password = password::hash(site::PASSWORD, &password::Params::default(), &OsEntropy)?;
    futures_util::stream::iter((0..count).map(|index| one(&store, &password, index))).buffered(64).try_collect().await
}

async fn one(store: &Store, password: &PasswordHash, index: usize) -> Result<String, Fault> {
    let now = Timestamp::from_micros(SystemClock::new().unix_micros());
    let id = UserId::new(hash::random_id("usr_", &OsEntropy))?;
    let user = User {
        id: id.clone(),
        email: Email::parse(&address(index))?,
        password: Some(password.clone()),
        roles: BTreeSet::new(),
        claims: StandardClaims { name: Some("Ada Example".to_owned()), ..StandardClaims::default() },
        disabled: false,
        created_at: now,
        updated_at: now,
    };
    store.create_user(user).await?;
    let (secret, hash) = hash::new_secret(SecretKind::Session, &OsEntropy);
    let session = Session {
        id: SessionId::new(hash::random_id("ses_", &OsEntropy))?,
        hash,
        user_id: id.clone(),
        authentication: Authentication { time: now, methods: vec![AuthenticationMethod::Password] },
        created_at: now,
        last_seen_at: now,
        idle_expires_at: now.plus(Duration::from_hours(24)),
        expires_at: now.plus(Duration::from_hours(24)),
        ended_at: None,
    };
    store.begin_session(session, None, None).await?;
    for client in [site::WEB, site::WEB_ES256] {
        let consent = Consent {
            user_id: id.clone(),
            client_id: ClientId::new(client)?,
            scope: Scope::parse("openid profile email offline_access")?,
            granted_at: now,
        };
        store.remember_consent(consent).await?;
    }
    Ok(secret.reveal().to_owned())
}

/// Sessions nobody uses, each of another person.
pub(crate) async fn add_sessions(database: &Database, count: u64) -> Result<(), Fault> {
    copy(database, "users", count, &people("s")).await?;
    copy(
        database,
        "sessions",
        count,
        &[("hash", random(database)), ("id", named("'ses_ballast'", 1)), ("user_id", named("'usr_ballast-s'", 1))],
    )
    .await
}

/// People and refresh families nobody uses: ten for each person.
pub(crate) async fn add_families(database: &Database, people_count: u64) -> Result<(), Fault> {
    copy(database, "users", people_count, &people("f")).await?;
    copy(
        database,
        "families",
        people_count * 10,
        &[
            ("id", named("'fam_ballast'", 1)),
            ("user_id", named("'usr_ballast-f'", 10)),
            ("session_id", "NULL".to_owned()),
            ("current_hash", random(database)),
            ("previous_hash", random(database)),
        ],
    )
    .await
}

fn people(kind: &str) -> [(&'static str, String); 2] {
    [
        ("id", named(&format!("'usr_ballast-{kind}'"), 1)),
        ("email", format!("'ballast-{kind}-' || n.i || '@example.test'")),
    ]
}

/// A name with a number in it; `each` rows in turn have the same.
fn named(prefix: &str, each: u64) -> String {
    format!("{prefix} || substr('0000000000', 1, 10 - length(CAST(n.i / {each} AS TEXT))) || (n.i / {each})")
}

fn random(database: &Database) -> String {
    match database {
        Database::Sqlite(_) => "randomblob(32)",
        Database::Postgres(_) => "sha256(convert_to(n.i::text || random()::text, 'UTF8'))",
    }
    .to_owned()
}

/// Copies some row of `table`, `count` times, with other values for some columns. In the file it is in order, as it would be
/// after years, and so are all indexes but those by hash.
async fn copy(database: &Database, table: &str, count: u64, other: &[(&str, String)]) -> Result<(), Fault> {
    const AT_ONCE: u64 = 1_000_000;
    let columns = database.columns(table).await?;
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let changed = other.iter().find(|(name, _)| name == column);
            changed.map_or_else(|| format!("pattern.{column}"), |(_, value)| value.clone())
        })
        .collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    let mut from = 0;
    while from < count {
        let to = (from + AT_ONCE).min(count);
        let numbers = match database {
            Database::Sqlite(_) => {
                format!(
                    "(WITH RECURSIVE c(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM c WHERE i < {to} - 1) \
                     SELECT i FROM c)"
                )
            }
            Database::Postgres(_) => format!("(SELECT generate_series({from}, {to} - 1) AS i)"),
        };
        let sql = format!(
            "INSERT INTO {table} ({columns}) SELECT {values} FROM {numbers} AS n, \
             (SELECT * FROM {table} ORDER BY created_at LIMIT 1) AS pattern"
        );
        database.run(&sql).await?;
        from = to;
    }
    match database {
        Database::Sqlite(_) => Ok(()),
        // As autovacuum would do some minutes later.
        Database::Postgres(_) => database.run(&format!("ANALYZE {table}")).await,
    }
}

/// How many bytes a SQLite file has.
pub(crate) fn size(database: &Database) -> u64 {
    match database {
        Database::Sqlite(path) => std::fs::metadata(Path::new(path)).map_or(0, |file| file.len()),
        Database::Postgres(_) => 0,
    }
}
