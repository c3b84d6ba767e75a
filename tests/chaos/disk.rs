//! DB-04, DB-12: the disk is full, the file is read-only or locked while people use a server on SQLite.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use signet::ambient::Clock;
use signet::ambient::SystemClock;

use crate::kills::lives::settle;
use crate::load::Load;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::visitor;
use crate::visitor::Site;

struct Scene {
    installation: Installation,
    server: Server,
    site: Site,
    file: PathBuf,
    load: Load,
}

impl Scene {
    async fn open() -> Self {
        let installation = Installation::on(Kind::Sqlite, "").expect("SQLite is always there");
        let store = installation.store();
        visitor::furnish(&store).await;
        let people = visitor::arrive(&store, 600).await;
        drop(store);
        let (folder, port) = (installation.folder.path(), installation.port);
        let server = Server::installed_on_a_small_disk(folder, port).await;
        let site = Site::at(&format!("http://127.0.0.1:{}", installation.port));
        site.has_next_keys().await;
        let file = PathBuf::from(installation.database.strip_prefix("sqlite://").expect("a file"));
        let load = Load::start(&site, people).await;
        Self { installation, server, site, file, load }
    }

    fn other(&self) -> SqliteConnection {
        let mut other = SqliteConnection::establish(self.file.to_str().expect("UTF-8")).expect("the database");
        other.batch_execute("PRAGMA busy_timeout = 20000").expect("it is done");
        other
    }

    /// Until it serves again by itself; says how long that took.
    async fn recovers(&mut self, what: &str) {
        let clock = SystemClock::new();
        self.load.is_ready().await;
        self.load.goes_on().await;
        self.load.stays(200).await;
        let (answered, away) = self.load.counts();
        let line =
            format!("{what}: back after {:?}; {answered} answered, {away} times 503 so far\n", clock.monotonic());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    async fn ends(self) {
        let Self { installation, site, file, load, server } = self;
        settle(load.stop().await, false, &site).await;
        assert_eq!(crate::crash::integrity(&file), "ok");
        drop((server, installation));
    }
}

/// The kernel refuses to let a file grow, as it does on a full disk; later there is room again.
#[test]
fn db_04_the_disk_is_full_for_a_while() {
    block_on(async {
        let mut scene = Scene::open().await;
        for _ in 0..2 {
            // The log of writes is the file that grows; what it has now is what it keeps.
            let wal = std::fs::metadata(scene.file.with_extension("db-wal")).map_or(0, |file| file.len());
            limit(&scene.server, &format!("{}:", wal.max(4096)));
            scene.load.is_unavailable().await;
            scene.load.stays(503).await;
            limit(&scene.server, "unlimited:");
            scene.recovers("full disk").await;
        }
        scene.ends().await;
    });
}

/// Sets the soft limit for the size of files of a running process. The hard one stays, so nobody special is needed.
fn limit(server: &Server, size: &str) {
    let id = server.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={size}")]).status();
    assert!(done.expect("prlimit of util-linux").success());
}

/// The files cannot be written to for a while, not even by who has opened them, as on a disk that was remounted read-only
/// because of its faults.
#[test]
fn db_04_the_file_is_read_only_for_a_while() {
    block_on(async {
        if let Err(why) = ReadOnly::is_possible() {
            let line = format!("not run: SQLite on a file that becomes read-only: {why}\n");
            return drop(std::io::stderr().write_all(line.as_bytes()));
        }
        let mut scene = Scene::open().await;
        for _ in 0..2 {
            let files = [scene.file.clone(), scene.file.with_extension("db-wal")];
            let read_only = ReadOnly::make(&files).expect("it was possible before");
            scene.load.is_unavailable().await;
            scene.load.stays(503).await;
            drop(read_only);
            scene.recovers("read-only").await;
        }
        scene.ends().await;
    });
}

/// Files that nobody can write to, root included, until this is dropped.
struct ReadOnly(Vec<PathBuf>);

impl ReadOnly {
    fn make(files: &[PathBuf]) -> Result<Self, String> {
        chattr("+i", files).map(|()| Self(files.to_vec()))
    }

    /// It takes a right that containers seldom have, and a file system that knows it.
    fn is_possible() -> Result<(), String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let _read_only = Self::make(&[file.path().to_owned()])?;
        let written = file.write_all(b"one");
        written.map_or(Ok(()), |()| Err("`chattr +i` does not stop who has a file open".to_owned()))
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        chattr("-i", &self.0).expect("what was made is unmade");
    }
}

fn chattr(change: &str, files: &[PathBuf]) -> Result<(), String> {
    let output = Command::new("chattr").arg(change).args(files).output().map_err(|fault| format!("chattr: {fault}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// Another process holds the lock beyond every time limit; a backup is made meanwhile and at other times.
#[test]
fn db_12_locked_and_backed_up() {
    block_on(async {
        let mut scene = Scene::open().await;
        let mut other = scene.other();
        other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
        scene.load.is_unavailable().await;
        scene.load.stays(503).await;
        other.batch_execute("ROLLBACK").expect("no lock");
        scene.recovers("locked").await;

        let before = scene.load.counts().1;
        for number in 0..3 {
            let copy = scene.file.with_file_name(format!("copy-{number}.db"));
            let statement = format!("VACUUM INTO '{}'", copy.display());
            let mut other = scene.other();
            let made = tokio::task::spawn_blocking(move || other.batch_execute(&statement)).await;
            made.expect("a thread").expect("a backup");
            assert_eq!(crate::crash::integrity(&copy), "ok");
            scene.load.goes_on().await;
        }
        assert_eq!(scene.load.counts().1, before, "a backup costs nobody an answer");
        scene.ends().await;
    });
}
