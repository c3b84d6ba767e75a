//! nginx and Caddy, started by hand on a free port with what `signet proxy-config` prints, ended with the test.

use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use url::Url;

use crate::support::postgres::left_out_because;
use crate::support::server::command;
use crate::support::server::free_port;

const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// The program; `None` when this machine has none.
    pub(super) fn program(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
        folders.map(|folder| folder.join(self.name())).find(|program| program.is_file())
    }
}

#[derive(Debug)]
pub(super) struct Proxy {
    child: Child,
    /// Where browsers reach the application: `http://localhost:PORT` unless it is said otherwise.
    pub(super) base: Url,
    _folder: TempDir,
}

impl Proxy {
    pub(super) async fn start(kind: Kind, issuer: &str, upstream: &str, options: &[&str]) -> Option<Self> {
        Self::start_on(kind, ("localhost", "127.0.0.1"), issuer, upstream, options).await
    }

    /// `host` is that of the application's address, and the address itself to reach it at.
    pub(super) async fn start_on(
        kind: Kind,
        host: (&str, &str),
        issuer: &str,
        upstream: &str,
        options: &[&str],
    ) -> Option<Self> {
        let program = kind.program()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let base = format!("http://{}:{port}", host.0);
        let issuer = issuer.trim_end_matches('/');
        let mut arguments = vec!["--issuer", issuer, "--upstream", upstream, "--app", &base];
        arguments.extend(options);
        let printed = printed(kind.name(), &arguments);
        let file = write(kind, folder.path(), &printed);
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut child = run(kind, &program, folder.path(), &file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the proxy starts");
        for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
            if TcpStream::connect((host.1, port)).await.is_ok() {
                return Some(Self { child, base: Url::parse(&base).expect("a URL"), _folder: folder });
            }
            let ended = child.try_wait().expect("the state of the proxy").is_some();
            let said = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(!ended, "{} ended:\n{}\n{printed}", kind.name(), said());
            tokio::time::sleep(POLL).await;
        }
        drop(child.kill());
        panic!("{} does not listen within {START_LIMIT:?}", kind.name());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What `signet proxy-config` prints.
pub(super) fn printed(proxy: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = command(folder.path()).args(["proxy-config", proxy]).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Writes a printed file to where its proxy reads it. nginx reads it as one of `conf.d`.
pub(super) fn write(kind: Kind, folder: &Path, printed: &str) -> PathBuf {
    let file = folder.join("app.conf");
    std::fs::write(&file, printed).expect("a file");
    if kind == Kind::Caddy {
        return file;
    }
    let main = folder.join("nginx.conf");
    // The one that README and docs/gateway.md start, but in one process.
    let text = include_str!("../../../examples/gateway/nginx.conf");
    assert!(text.contains("include /tmp/gateway/app.conf;") && text.contains("daemon off;"), "{text}");
    let text =
        text.replace("/tmp/gateway/app.conf", "app.conf").replace("daemon off;", "daemon off; master_process off;");
    std::fs::write(&main, text).expect("a file");
    main
}

fn run(kind: Kind, program: &Path, folder: &Path, file: &Path) -> Command {
    let mut command = Command::new(program);
    match kind {
        Kind::Nginx => command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file),
        Kind::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file),
    };
    surroundings(&mut command, folder);
    command
}

/// The proxy's own check of a file; what it said when it refuses.
pub(super) fn validate(kind: Kind, printed: &str) -> Option<Result<(), String>> {
    let program = kind.program()?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = write(kind, folder.path(), printed);
    let mut command = Command::new(program);
    match kind {
        Kind::Nginx => command.args(["-t", "-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(file),
        Kind::Caddy => command.args(["validate", "--adapter", "caddyfile", "--config"]).arg(file),
    };
    surroundings(&mut command, folder.path());
    let output = command.output().expect("it runs");
    Some(match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

/// Nothing is read from or left in anybody's home, and Caddy's own control port stays closed.
fn surroundings(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.env("CADDY_ADMIN", "off");
}

/// Says by name what was left out; with `SIGNET_TEST_REQUIRE_ALL=1` that is a failure.
pub(super) fn left_out(kind: Kind) {
    left_out_because(&format!("{} is not installed", kind.name()));
}
