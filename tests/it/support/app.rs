//! A provider in this process: a database of its own, a clock that stands still until it is moved, a real socket.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use signet::ambient::ManualClock;
use signet::ambient::OsEntropy;
use signet::ambient::SeededEntropy;
use signet::config::Config;
use signet::config::Sources;
use signet::crypto::seal::MasterKey;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::domain::user::Email;
use signet::domain::user::User;
use signet::flow::Signet;
use signet::flow::error::FlowError;
use signet::flow::open::Parts;
use signet::http::Web;
use signet::http::server;
use signet::http::tls::Tls;
use signet::store::Store;
use signet::store::migrate::migrate;
use tempfile::TempDir;
use url::Url;

use super::database::Kind;
use super::database::options;
use super::postgres::Cluster;

/// 2026-11-22T12:00:00Z, where every clock starts.
pub(crate) const NOON: i64 = 1_795_348_800_000_000;

/// A running provider with the demo data of `serve --dev`.
pub(crate) struct App {
    /// The issuer, `http://localhost:PORT`; https with `server.tls.certificate`.
    pub(crate) base: Url,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) signet: Arc<Signet>,
    /// What the listener shows, with `server.tls.certificate`.
    pub(crate) tls: Option<Arc<Tls>>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl App {
    /// A provider on a database of its own. `None` when the machine has no PostgreSQL to offer.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        Self::start_with(kind, &[]).await
    }

    /// The same with some keys of the configuration, such as `("tokens.code", "30s")`.
    pub(crate) async fn start_with(kind: Kind, settings: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // An algorithm that is added to the template's would not sign for two weeks.
        let empty = kind == Kind::Postgres || settings.iter().any(|(key, _)| *key == "keys.algorithms");
        let database = match kind {
            Kind::Sqlite if empty => {
                let url = format!("sqlite://{}", folder.path().join("signet.db").display());
                migrate(&url).expect("migrations");
                url
            }
            Kind::Sqlite => {
                let file = folder.path().join("signet.db");
                std::fs::copy(template(), &file).expect("a copy of the template");
                format!("sqlite://{}", file.display())
            }
            Kind::Postgres => Cluster::shared()?.database(),
        };
        Some(Self::start_on(folder, &database, empty, settings, true).await)
    }

    /// The same without what only `serve --dev` shows and says. On SQLite.
    pub(crate) async fn start_as_serve(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("signet.db");
        std::fs::copy(template(), &file).expect("a copy of the template");
        let database = format!("sqlite://{}", file.display());
        Self::start_on(folder, &database, false, settings, false).await
    }

    /// The same on a database without demo data.
    pub(crate) async fn start_empty_as_serve(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = format!("sqlite://{}", folder.path().join("signet.db").display());
        migrate(&database).expect("migrations");
        Self::start_on(folder, &database, false, settings, false).await
    }

    /// A provider on an empty, migrated database that the test itself looks after.
    pub(crate) async fn start_at(database: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_on(folder, database, true, &[], true).await
    }

    /// Another node on the same database.
    pub(crate) async fn another_node(&self) -> Self {
        self.another_node_with(&[]).await
    }

    /// Another node on the same database, with some keys of the configuration.
    pub(crate) async fn another_node_with(&self, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = self.signet.config.database.url.reveal().to_owned();
        let issuer = self.base.as_str().trim_end_matches('/');
        let mut settings = [&[("server.issuer", issuer)], settings].concat();
        settings.extend(self.signet.config.denylist.url.as_ref().map(|url| ("denylist.url", url.reveal())));
        Self::start_on(folder, &url, false, &settings, self.signet.dev).await
    }

    /// A provider on whatever is there, if it can be opened.
    pub(crate) async fn start_on_what_is_left(database: &str) -> Result<Self, FlowError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::open(folder, database, &[], true).await
    }

    async fn start_on(folder: TempDir, database: &str, empty: bool, settings: &[(&str, &str)], dev: bool) -> Self {
        let app = Self::open(folder, database, settings, dev).await.expect("a provider");
        if empty {
            fill(&app.signet).await;
        } else {
            move_demo_api(&app.signet).await;
        }
        app
    }

    async fn open(folder: TempDir, database: &str, settings: &[(&str, &str)], dev: bool) -> Result<Self, FlowError> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let scheme = if settings.iter().any(|(key, _)| *key == "server.tls.certificate") { "https" } else { "http" };
        let base = format!("{scheme}://localhost:{}", listener.local_addr().expect("an address").port());
        let mut overrides = vec![
            ("server.issuer".to_owned(), base.clone()),
            ("server.workers".to_owned(), "2".to_owned()),
            ("database.url".to_owned(), database.to_owned()),
            // The least that Argon2 accepts here: these tests are not about its strength.
            ("passwords.memory".to_owned(), "8 MiB".to_owned()),
            ("passwords.iterations".to_owned(), "1".to_owned()),
        ];
        overrides.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let sources = Sources { overrides, dev: true, ..Sources::default() };
        let config = Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config;
        let clock = Arc::new(ManualClock::at(NOON));
        let store = Store::open(database, options())?;
        let parts = Parts { config, store, master: master(), clock: clock.clone(), entropy: Arc::new(OsEntropy), dev };
        let signet = Arc::new(Signet::open(parts).await?);
        let tls = signet.config.tls.files().map(|(certificate, key)| {
            let client_ca = signet.config.tls.client_ca.as_deref();
            Arc::new(Tls::from_files(certificate, key, client_ca, clock.clone()).expect("a certificate"))
        });
        let (handle, thread) = serve(Web::new(Arc::clone(&signet)).expect("pages"), listener, tls.clone());
        let base = Url::parse(&base).expect("a URL");
        Ok(Self { base, clock, signet, tls, handle, thread: Some(thread), _folder: folder })
    }

    /// An address of this provider.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("a URL")
    }

    /// A registered client, as it is stored.
    pub(crate) async fn client(&self, id: &str) -> Client {
        let id = ClientId::new(id).expect("a client id");
        self.signet.store.client(id).await.expect("the database").expect("a client")
    }

    /// Ada, as she is stored.
    pub(crate) async fn ada(&self) -> User {
        let email = Email::parse("ada@example.test").expect("an address");
        self.signet.store.user_by_email(email).await.expect("the database").expect("ada")
    }

    /// Moves the clock on.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let stop = self.handle.stop(false);
        let thread = self.thread.take();
        // Stopping is asynchronous and the test's own runtime may be the one that is dropping this.
        let _ = thread::spawn(move || {
            System::new().block_on(stop);
            thread.map(JoinHandle::join)
        })
        .join();
    }
}

fn serve(web: Web, listener: TcpListener, tls: Option<Arc<Tls>>) -> (ServerHandle, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        System::new().block_on(async move {
            let web = actix_web::web::Data::new(web);
            // It is stopped by its handle.
            let server = server::build(&web, vec![listener], tls.as_deref(), std::future::pending());
            let server = server.expect("a server");
            sender.send(server.handle()).expect("the test waits for it");
            server.await.expect("the server runs");
        });
    });
    (receiver.recv().expect("the server starts"), thread)
}

/// The same master key for all: the template's keys are sealed under it.
pub(crate) fn master() -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(1))
}

async fn fill(signet: &Arc<Signet>) {
    signet.tend_keys().await.expect("keys");
    signet.create_demo_data().await.expect("demo data");
}

/// The demo data of the template name the demo API of another port.
async fn move_demo_api(signet: &Signet) {
    for mut client in signet.store.clients().await.expect("the database") {
        if client.audiences.iter().any(|audience| audience.ends_with("/demo-api")) {
            let audiences = vec![signet.demo_api()];
            if client.audiences != audiences {
                client.audiences = audiences;
                signet.store.replace_client(client).await.expect("the database");
            }
        }
    }
}

/// A SQLite database with keys and demo data. Made once: two RSA keys for each test would cost more than the tests.
fn template() -> &'static std::path::Path {
    static TEMPLATE: OnceLock<(TempDir, std::path::PathBuf)> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("signet.db");
        let url = format!("sqlite://{}", file.display());
        migrate(&url).expect("migrations");
        let overrides = vec![
            ("database.url".to_owned(), url.clone()),
            ("passwords.memory".to_owned(), "8 MiB".to_owned()),
            ("passwords.iterations".to_owned(), "1".to_owned()),
        ];
        let sources = Sources { overrides, dev: true, ..Sources::default() };
        let config = Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config;
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let clock = Arc::new(ManualClock::at(NOON));
                let store = Store::open(&url, options()).expect("a database");
                let entropy = Arc::new(OsEntropy);
                let parts = Parts { config, store, master: master(), clock, entropy, dev: true };
                fill(&Arc::new(Signet::open(parts).await.expect("a provider"))).await;
            });
        })
        .join()
        .expect("the template is made");
        // What is still in the write-ahead log would be missing from a copy of the file.
        let mut connection = <diesel::SqliteConnection as diesel::Connection>::establish(&file.display().to_string())
            .expect("the template opens");
        diesel::connection::SimpleConnection::batch_execute(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)")
            .expect("a checkpoint");
        (folder, file)
    };
    &TEMPLATE.get_or_init(make).1
}
