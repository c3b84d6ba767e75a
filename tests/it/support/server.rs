//! The built `signet` program, started for one test and ended with it.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::net::TcpListener;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use super::installation;
use super::installation::Said;
use super::raw;
use super::tls;
use super::tls::Client;

/// Unoptimised builds make an RSA key at start, and a machine may be busy with other things.
const START_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);

/// A running `signet serve`, ready to answer. Ended, by its id, when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The issuer: `http://localhost:PORT`.
    pub(crate) base: Url,
    log: Arc<Mutex<String>>,
    /// How much of the log was written before the server was ready: the start box, which shows the demo secrets.
    started_at: usize,
    /// Where it was started.
    folder: PathBuf,
    /// A dev server's own, which goes with it.
    own: Option<TempDir>,
}

impl Server {
    /// Starts a dev server on free ports and waits until it is ready.
    pub(crate) async fn dev() -> Self {
        Self::dev_with(&[]).await
    }

    /// The same with more environment variables.
    pub(crate) async fn dev_with(environment: &[(&str, &str)]) -> Self {
        Self::dev_on(free_port(), environment).await
    }

    /// The same on a port of one's own choice.
    pub(crate) async fn dev_on(port: u16, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut serve = command(folder.path());
        serve.args(["serve", "--dev", "--port", &port.to_string()]).envs(environment.iter().copied());
        let mut server = Self::spawn(serve, folder.path(), port);
        server.own = Some(folder);
        server.wait_until_ready().await;
        server
    }

    /// `signet serve` in the folder of an installation that outlives it.
    pub(crate) async fn installed(folder: &Path, port: u16) -> Self {
        let mut server = Self::installed_now(folder, port);
        server.wait_until_ready().await;
        server
    }

    /// The same where the kernel refuses to let files grow beyond a limit instead of killing who tries.
    pub(crate) async fn installed_on_a_small_disk(folder: &Path, port: u16) -> Self {
        let serve = command(folder);
        let mut shell = Command::new("sh");
        shell.current_dir(folder);
        for (name, value) in serve.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(serve.get_program()).arg("serve");
        let mut server = Self::spawn(shell, folder, port);
        server.wait_until_ready().await;
        server
    }

    /// The same without waiting for it.
    pub(crate) fn installed_now(folder: &Path, port: u16) -> Self {
        let mut serve = command(folder);
        serve.arg("serve");
        Self::spawn(serve, folder, port)
    }

    /// `serve` of any command, in the folder of an installation, until it is ready.
    pub(crate) async fn with(mut serve: Command, folder: &Path, port: u16) -> Self {
        serve.arg("serve");
        let mut server = Self::spawn(serve, folder, port);
        server.wait_until_ready().await;
        server
    }

    /// Any command that starts a server which speaks https on `port` of localhost.
    pub(crate) async fn https(serve: Command, folder: &Path, port: u16) -> Self {
        let mut server = Self::spawn(serve, folder, port);
        server.base = Url::parse(&format!("https://localhost:{port}")).expect("a URL");
        for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
            if let Some(status) = server.child.try_wait().expect("the state of the server") {
                panic!("the server ended with {status} before it was ready:\n{}", server.all_log());
            }
            if let Ok(mut stream) = Client::gullible().connect(&server.base)
                && tls::status(&tls::exchange(&mut stream, &raw::request("GET", "/health/ready", "", ""))) == 200
            {
                server.started_at = server.all_log().len();
                return server;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the server was not ready within {START_LIMIT:?}:\n{}", server.all_log());
    }

    fn spawn(mut serve: Command, folder: &Path, port: u16) -> Self {
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = serve.spawn().expect("the signet program starts");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("standard output"), &log);
        collect(child.stderr.take().expect("standard error"), &log);
        let base = Url::parse(&format!("http://localhost:{port}")).expect("a URL");
        Self { child, base, log, started_at: 0, folder: folder.to_owned(), own: None }
    }

    /// The absolute URL of a path of this server.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("a path")
    }

    /// The same program for another command, where it finds this server.
    pub(crate) fn command(&self) -> Command {
        command(&self.folder)
    }

    pub(crate) fn port(&self) -> u16 {
        self.base.port().expect("a port")
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs another command where it finds this server, to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        installation::run(self.command(), args, "")
    }

    /// Until the log has these words in it.
    pub(crate) async fn wait_for_log(&self, words: &str) {
        for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
            if self.all_log().contains(words) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("{words:?} is not in the log within {START_LIMIT:?}:\n{}", self.all_log());
    }

    /// What was written before the server was ready.
    pub(crate) fn start_box(&self) -> String {
        self.all_log().get(..self.started_at).unwrap_or_default().to_owned()
    }

    /// Where it was started, and where it left word of itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything written since the server was ready, both streams together.
    pub(crate) fn log(&self) -> String {
        self.all_log().get(self.started_at..).unwrap_or_default().to_owned()
    }

    /// Asks the server to stop, as an operator does, and waits for it; gives its exit code.
    pub(crate) async fn stop(self) -> Option<i32> {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(asked.success(), "the server was gone before it was asked to stop:\n{}", self.all_log());
        self.ended().await
    }

    /// Waits for its end, for which somebody has asked; gives its exit code.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
            if let Some(status) = self.child.try_wait().expect("the state of the server") {
                return status.code();
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the server did not stop within {START_LIMIT:?}:\n{}", self.all_log());
    }

    /// Whether it is still running; SIGKILL ends it, and nothing is flushed, nobody says goodbye.
    pub(crate) fn kill(mut self) -> bool {
        let alive = self.child.try_wait().expect("the state of the server").is_none();
        drop(self.child.kill());
        self.child.wait().expect("its end");
        alive
    }

    pub(crate) async fn wait_until_ready(&mut self) {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let ready = self.url("/health/ready");
        for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
            if let Some(status) = self.child.try_wait().expect("the state of the server") {
                panic!("the server ended with {status} before it was ready:\n{}", self.all_log());
            }
            if http.get(ready.clone()).send().await.is_ok_and(|answer| answer.status().is_success()) {
                self.started_at = self.all_log().len();
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the server was not ready within {START_LIMIT:?}:\n{}", self.all_log());
    }

    fn all_log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
        // Only now: nobody writes there any more.
        drop(self.own.take());
    }
}

/// The program that this build made, in a folder of its own, without settings of whoever runs the tests.
pub(crate) fn command(folder: &Path) -> Command {
    command_of(Path::new(env!("CARGO_BIN_EXE_signet")), folder)
}

/// The same of another build.
pub(crate) fn command_of(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("XDG_DATA_HOME", folder.join("share"))
        .env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SIGNET_") {
            command.env_remove(name);
        }
    }
    command
}

/// Reads a stream to its end on a thread, so that the server never waits for us.
fn collect(stream: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// Below the ports that the system gives to outgoing connections (32768 and up): one of those may take a port between the
/// moment at which it was found free and the moment at which its server binds it.
const PORTS: Range<u16> = 12_000..32_000;

/// A port that is free, and whose next one is too: the admin listener takes that. No two tests of this process get the
/// same; other processes begin elsewhere.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let pairs = u32::from(PORTS.end - PORTS.start) / 2;
    let start = std::process::id().wrapping_mul(2_654_435_761) >> 16;
    for _ in 0..pairs {
        let pair = (start + TAKEN.fetch_add(1, Ordering::Relaxed)) % pairs;
        let port = PORTS.start + 2 * u16::try_from(pair).expect("within the ports");
        if [port, port + 1].into_iter().all(is_free) {
            return port;
        }
    }
    panic!("no two free ports side by side");
}

fn is_free(port: u16) -> bool {
    // A server may listen on either or on all addresses.
    ["127.0.0.1", "0.0.0.0"].into_iter().all(|address| TcpListener::bind((address, port)).is_ok())
}
