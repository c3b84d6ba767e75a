//! A throw-away PostgreSQL cluster: a folder of its own, a Unix socket, fsync on, gone when the tests are.

use std::io::Write;
use std::os::unix::fs::chown;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::time::Duration;

use signet::store::migrate::migrate;

/// A running cluster. A process beside it waits for the end of the tests, however they end, and clears it away.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    _keeper: Child,
}

const TEMPLATE: &str = "signet_template";

impl Cluster {
    /// The cluster that most tests share; None when PostgreSQL is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start_new).as_ref()
    }

    /// A cluster of one's own, to be stopped and started.
    pub(crate) fn start_new() -> Option<Self> {
        let programs = programs()?;
        let folder = own_folder();
        let data = folder.join("data");
        let mut initdb = as_owner(&programs.join("initdb"));
        initdb.args(["-A", "trust", "-U", "signet", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data);
        run(&mut initdb);
        let cluster = Self::kept(programs, folder);
        cluster.start();
        cluster.psql("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        migrate(&cluster.url(TEMPLATE)).unwrap();
        Some(cluster)
    }

    /// Another one that follows this one, and without which this one acknowledges nothing from here on.
    pub(crate) fn synchronous_standby(&self) -> Self {
        let folder = own_folder();
        let mut copy = as_owner(&self.programs.join("pg_basebackup"));
        copy.args(["-U", "signet", "-X", "stream", "-c", "fast", "-R", "-h"]).arg(&self.folder).arg("-D");
        run(copy.arg(folder.join("data")));
        let standby = Self::kept(self.programs.clone(), folder);
        standby.start();
        self.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.psql("postgres", "SELECT pg_reload_conf()");
        for _ in 0..600 {
            if self.psql("postgres", "SELECT sync_state FROM pg_stat_replication").trim() == "sync" {
                return standby;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the standby does not follow");
    }

    /// Makes a standby the one that is written to.
    pub(crate) fn promote(&self) {
        run(self.pg_ctl().args(["-w", "promote"]));
    }

    /// A folder is cleared away by a process beside us when we end, however that comes about.
    fn kept(programs: PathBuf, folder: PathBuf) -> Self {
        let stop = as_owner(&programs.join("pg_ctl"));
        let mut words = vec![stop.get_program().to_owned()];
        words.extend(stop.get_args().map(ToOwned::to_owned));
        // Its standard input is a pipe from here: it ends when this process does, even by SIGKILL.
        let mut keeper = Command::new("sh");
        keeper.args([
            "-c",
            "trap '' INT TERM HUP; read _; d=$1; shift; \"$@\" -D \"$d/data\" -m immediate -w stop; rm -rf \"$d\"",
            "keeper",
        ]);
        keeper.arg(&folder).args(&words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = keeper.spawn().unwrap();
        Self { programs, folder, _keeper: keeper }
    }

    /// The socket that it listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Ends without writing anything more: the next start recovers from its log.
    pub(crate) fn abort(&self) {
        run(self.pg_ctl().args(["-w", "-m", "immediate", "stop"]));
    }

    /// SIGKILL for the server; its processes see that and end. Nobody starts it again.
    pub(crate) fn crash(&self) {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let id = file.lines().next().unwrap();
        run(Command::new("kill").args(["-KILL", id]));
        let data = self.folder.join("data");
        let lives = |process: &PathBuf| std::fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == data);
        while std::fs::read_dir("/proc").unwrap().flatten().any(|process| lives(&process.path())) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn start(&self) {
        let options = format!("-k {} -c listen_addresses= -c max_connections=200", self.folder.display());
        let mut start = self.pg_ctl();
        start.args(["-w", "-o", &options, "-l"]).arg(self.folder.join("log")).arg("start");
        run(&mut start);
    }

    pub(crate) fn stop(&self) {
        run(self.pg_ctl().args(["-w", "-m", "fast", "stop"]));
    }

    /// A new, migrated database.
    pub(crate) fn database(&self) -> String {
        // Two copies of one template at once get in each other's way.
        static TURN: Mutex<u32> = Mutex::new(0);
        let mut turn = TURN.lock().unwrap();
        *turn += 1;
        let name = format!("t{turn}");
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        self.url(&name)
    }

    /// A new database without tables.
    pub(crate) fn empty_database(&self, name: &str) -> String {
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "signet", "-d", database, "-c", sql, "-h"]);
        run(psql.arg(&self.folder))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=signet", self.folder.display())
    }

    fn pg_ctl(&self) -> Command {
        let mut command = as_owner(&self.programs.join("pg_ctl"));
        command.arg("-D").arg(self.folder.join("data"));
        command
    }
}

/// Says by name what was left out; with `SIGNET_TEST_REQUIRE_ALL=1` that is a failure.
pub(crate) fn left_out() {
    left_out_because("PostgreSQL is not installed");
}

/// The same for another reason.
pub(crate) fn left_out_because(why: &str) {
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    assert!(std::env::var_os("SIGNET_TEST_REQUIRE_ALL").is_none_or(|value| value != "1"), "{name}: {why}");
    // Not a print: those are swallowed when a test passes.
    let _ = std::io::stderr().write_all(format!("not run: {name}: {why}\n").as_bytes());
}

fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|folder| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file()))
}

fn own_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("signet-pg-").tempdir().unwrap().keep();
    if let Some(owner) = Owner::find() {
        chown(&folder, Some(owner.uid), Some(owner.gid)).unwrap();
    }
    folder
}

/// PostgreSQL refuses to run as root: who runs it instead.
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    fn find() -> Option<Self> {
        let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
        if own != 0 {
            return None;
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let entry = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        };
        Some(entry("postgres").or_else(|| entry("nobody")).expect("root without anybody to run PostgreSQL as"))
    }
}

fn as_owner(program: &Path) -> Command {
    let mut command = match Owner::find() {
        None => Command::new(program),
        Some(owner) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={}", owner.uid)).arg(format!("--regid={}", owner.gid)).arg("--clear-groups");
            command.arg(program);
            command
        }
    };
    command.current_dir("/");
    command
}

/// Output goes to a file, not a pipe: the server would keep a pipe open.
fn run(command: &mut Command) -> String {
    let output = tempfile::NamedTempFile::new().unwrap();
    let errors = output.reopen().unwrap();
    command.stdin(Stdio::null()).stdout(output.reopen().unwrap()).stderr(errors);
    let status = command.status().unwrap();
    let said = std::fs::read_to_string(output.path()).unwrap();
    assert!(status.success(), "{command:?}: {said}");
    said
}
