//! nginx and `HAProxy` with the files of `examples/several-nodes`, on ports of their own; ended with the test.

use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

const START_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// The program; `None` when this machine has none.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
        folders.map(|folder| folder.join(self.name())).find(|program| program.is_file())
    }

    /// The file that we recommend, with these ports.
    fn file(self, port: u16, nodes: &[u16]) -> String {
        let mut text = match self {
            Self::Nginx => include_str!("../../examples/several-nodes/nginx.conf"),
            Self::Haproxy => include_str!("../../examples/several-nodes/haproxy.cfg"),
        }
        .to_owned();
        let own = match self {
            Self::Nginx => ("listen 8080;", format!("listen 127.0.0.1:{port};")),
            Self::Haproxy => ("bind :8080", format!("bind 127.0.0.1:{port}")),
        };
        let mut changes = vec![(own.0.to_owned(), own.1)];
        for (number, node) in (8101..).zip(nodes) {
            changes.push((format!("127.0.0.1:{number}"), format!("127.0.0.1:{node}")));
        }
        for (from, to) in changes {
            assert_eq!(text.matches(&from).count(), 1, "{from} in the file for {}", self.name());
            text = text.replace(&from, &to);
        }
        text
    }
}

#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    folder: TempDir,
}

impl Proxy {
    pub(crate) async fn start(kind: Kind, port: u16, nodes: &[u16]) -> Self {
        let program = kind.program().expect("looked for before");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("proxy.conf");
        // One process, which ends with the test.
        let text = kind.file(port, nodes).replace("daemon off;", "daemon off; master_process off;");
        std::fs::write(&file, &text).expect("a file");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(program);
        match kind {
            Kind::Nginx => command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&file),
            Kind::Haproxy => command.args(["-db", "-f"]).arg(&file),
        };
        command.current_dir(folder.path()).env("HOME", folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let mut proxy = Self { child: command.spawn().expect("the proxy starts"), folder };
        for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return proxy;
            }
            let ended = proxy.child.try_wait().expect("the state of the proxy").is_some();
            assert!(!ended, "{} ended:\n{}\n{text}", kind.name(), proxy.log());
            tokio::time::sleep(POLL).await;
        }
        panic!("{} does not listen within {START_LIMIT:?}", kind.name());
    }

    /// What it has complained about.
    pub(crate) fn log(&self) -> String {
        read(&self.folder.path().join("log"))
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
