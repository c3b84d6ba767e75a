//! Connections to PostgreSQL: TLS, time limits, and a pause after a failure.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures_util::StreamExt;
use futures_util::stream;
use rustls::ClientConfig;
use rustls::RootCertStore;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_postgres::AsyncMessage;
use tokio_postgres::Config;
use tokio_postgres::Connection;
use tokio_postgres::NoTls;
use tokio_postgres::config::Host;
use tokio_postgres::config::SslMode;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::tls::TlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::error::StoreError;

use super::Conn;

/// After a failed attempt, how long nobody tries again: a crowd of requests must not become a crowd of connections.
const PAUSE: Duration = Duration::from_millis(200);

/// How long to wait for the server.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Patience {
    pub(in crate::store) connect: Duration,
    /// None: as long as it takes.
    pub(in crate::store) statement: Option<Duration>,
}

/// A connection, and whether it still stands.
pub(in crate::store) struct Link {
    conn: AsyncPgConnection,
    closed: Arc<AtomicBool>,
}

impl Link {
    pub(in crate::store) fn conn(&self) -> Conn<'_> {
        &self.conn
    }

    pub(in crate::store) fn into_conn(self) -> AsyncPgConnection {
        self.conn
    }

    pub(in crate::store) fn is_live(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// After trouble the connection is not used again: statements under way may end, nobody begins another one.
    pub(in crate::store) fn settle<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Unavailable { .. }) = outcome {
            self.closed.store(true, Ordering::Release);
        }
        outcome
    }
}

pub(in crate::store) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    patience: Patience,
    runtime: Handle,
    pausing: Arc<AtomicBool>,
}

impl Connector {
    pub(in crate::store) fn new(url: &str, patience: Patience, runtime: Handle) -> Result<Self, StoreError> {
        let (url, roots) = own_options(url);
        let mut config: Config =
            url.parse().map_err(|_| StoreError::Address("PostgreSQL does not know some part of it"))?;
        config.connect_timeout(patience.connect).keepalives_idle(Duration::from_secs(30));
        // A standby can be read, but it redeems nothing and revokes nothing; of several hosts, the one that is written to.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if let Some(limit) = patience.statement {
            config.tcp_user_timeout(limit.saturating_mul(2));
        }
        if config.get_application_name().is_none() {
            config.application_name("signet");
        }
        let over_network = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
        let tls =
            if over_network && config.get_ssl_mode() != SslMode::Disable { Some(tls(roots.as_deref())?) } else { None };
        Ok(Self { config, tls, patience, runtime, pausing: Arc::default() })
    }

    /// Connects on the store's own runtime, which then drives the connection.
    pub(in crate::store) async fn connect(&self) -> Result<Link, StoreError> {
        self.connect_hearing(Arc::default()).await
    }

    /// The same; `heard` is notified of every notification, and of the end of the connection.
    pub(in crate::store) async fn connect_hearing(&self, heard: Arc<Notify>) -> Result<Link, StoreError> {
        if self.pausing.load(Ordering::Acquire) {
            return Err(StoreError::unavailable("connecting failed a moment ago"));
        }
        let attempt = attempt(self.config.clone(), self.tls.clone(), self.patience, self.runtime.clone(), heard);
        // A server that accepts and then says nothing is as good as none.
        let limit = self.patience.connect.saturating_mul(2);
        let outcome = match self.runtime.spawn(timeout(limit, attempt)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_late)) => Err(StoreError::unavailable("connecting takes too long")),
            Err(broken) => Err(StoreError::internal(broken.to_string())),
        };
        if outcome.is_err() && !self.pausing.swap(true, Ordering::AcqRel) {
            let pausing = Arc::clone(&self.pausing);
            self.runtime.spawn(async move {
                sleep(PAUSE).await;
                pausing.store(false, Ordering::Release);
            });
        }
        outcome
    }
}

async fn attempt(
    config: Config,
    tls: Option<MakeRustlsConnect>,
    patience: Patience,
    runtime: Handle,
    heard: Arc<Notify>,
) -> Result<Link, StoreError> {
    let Some(tls) = tls else {
        return open(&config, NoTls, patience, &runtime, heard).await;
    };
    let outcome = open(&config, tls, patience, &runtime, Arc::clone(&heard)).await;
    match outcome {
        // `prefer` promises nothing: as with libpq, a certificate that nobody vouches for means no TLS.
        Err(error) if config.get_ssl_mode() == SslMode::Prefer && error.detail().contains("TLS handshake") => {
            let mut plain = config;
            plain.ssl_mode(SslMode::Disable);
            open(&plain, NoTls, patience, &runtime, heard).await
        }
        outcome => outcome,
    }
}

async fn open<T>(
    config: &Config,
    tls: T,
    patience: Patience,
    runtime: &Handle,
    heard: Arc<Notify>,
) -> Result<Link, StoreError>
where
    T: MakeTlsConnect<tokio_postgres::Socket> + Send,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<tokio_postgres::Socket>>::Future: Send,
{
    let refused = |error: tokio_postgres::Error| StoreError::unavailable(full_text(&error));
    let (client, connection) = config.connect(tls).await.map_err(|error| {
        let detail = full_text(&error);
        StoreError::unavailable(format!("{}: {detail}", places(config)))
    })?;
    let closed = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&closed);
    runtime.spawn(async move {
        drive(connection, &heard).await;
        ended.store(true, Ordering::Release);
        heard.notify_one();
    });
    let limit = patience.statement.map_or(0, |limit| limit.as_millis());
    // A used code must never come back after a crash of the server, whatever the role's default is.
    let session = format!(
        "SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = 10000; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    );
    client.batch_execute(&session).await.map_err(refused)?;
    Ok(Link { conn: AsyncPgConnection::try_from(client).await?, closed })
}

/// Until the connection ends; every statement under way is told by itself why.
async fn drive<S, T>(mut connection: Connection<S, T>, heard: &Notify)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    while let Some(Ok(message)) = messages.next().await {
        if let AsyncMessage::Notification(_) = message {
            heard.notify_one();
        }
    }
}

/// Where we tried, as an administrator reads it.
fn places(config: &Config) -> String {
    let ports = config.get_ports();
    let place = |(number, host): (usize, &Host)| {
        // One port for each host, one for all, or the usual one.
        let port = ports.get(number).or(ports.first()).unwrap_or(&5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    };
    config.get_hosts().iter().enumerate().map(place).collect::<Vec<_>>().join(", ")
}

/// The library shows only the kind of an error; the reason is behind it.
fn full_text(error: &tokio_postgres::Error) -> String {
    let reason = std::error::Error::source(error).map(ToString::to_string);
    if reason.is_some_and(|reason| reason.contains("does not allow writes")) {
        return "the database is read-only: a standby, or default_transaction_read_only".to_owned();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(reason) = source {
        text.push_str(": ");
        text.push_str(&reason.to_string());
        source = reason.source();
    }
    text
}

/// Options that libpq knows and our library does not. We always verify, so `verify-ca` and `verify-full` are `require`.
fn own_options(url: &str) -> (String, Option<PathBuf>) {
    let Some((address, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut roots = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", "verify-ca" | "verify-full")) => kept.push("sslmode=require"),
            Some(("sslrootcert", path)) => {
                let path = url::form_urlencoded::parse(path.as_bytes()).next();
                roots = path.map(|(path, _)| PathBuf::from(path.as_ref()));
            }
            _ => kept.push(pair),
        }
    }
    (format!("{address}?{}", kept.join("&")), roots)
}

fn tls(roots: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let found = match roots {
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
        None => rustls_native_certs::load_native_certs(),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if roots.is_some() && store.is_empty() {
        return Err(StoreError::Address("sslrootcert names a file without a certificate"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::internal(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::own_options;

    #[test]
    fn libpq_spellings_of_tls_are_understood() {
        let (url, roots) = own_options("postgres://u@h/db?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&a=b");
        assert_eq!(url, "postgres://u@h/db?sslmode=require&a=b");
        assert_eq!(roots.unwrap().to_str(), Some("/etc/ca.pem"));
        assert_eq!(own_options("postgres://u@h/db").0, "postgres://u@h/db");
    }
}
