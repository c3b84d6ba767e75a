//! HTTPS of our own: what the listener agrees to, where its certificate comes from, and the server that the
//! conformance suite is run against.

mod clients;
mod conformance;
mod discovery;
mod files;
mod handshake;
mod limits;
mod local;
mod reload;

use std::path::PathBuf;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use tempfile::TempDir;

use crate::support::app::App;
use crate::support::database::Kind;
use crate::support::https::Authority;
use crate::support::tls::Client;

/// A provider that speaks https, in this process, and who vouches for it.
struct Stage {
    app: App,
    authority: Authority,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With some more keys of the configuration.
    async fn with(settings: &[(&str, &str)]) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a temporary folder"));
        authority.write(&folder.path().join("ca.pem"));
        let (certificate, key) = authority.write_pair(folder.path(), "server", &["localhost", "127.0.0.1"], 90);
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let own = [("server.tls.certificate", certificate.as_str()), ("server.tls.key", key.as_str())];
        let app = App::start_with(Kind::Sqlite, &[&own, settings].concat()).await.expect("SQLite is always there");
        // Certificates are made by the clock of this machine.
        app.clock.set(SystemClock::new().unix_micros());
        Self { app, authority, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Somebody who believes the authority.
    fn client(&self) -> Client {
        Client::trusting(&self.file("ca.pem"))
    }
}
