//! A throw-away Redis server on a port of its own, without a file.

use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

pub(crate) struct Redis {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    /// None when Redis is not installed.
    pub(crate) fn start_new() -> Option<Self> {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join("redis-server").is_file());
        if !found {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut redis = Self { port, folder: tempfile::tempdir().unwrap(), child: None };
        redis.start();
        Some(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/0", self.port)
    }

    /// Starts it again, empty.
    pub(crate) fn start(&mut self) {
        let mut server = Command::new("redis-server");
        server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", PASSWORD, "--port"]);
        server.arg(self.port.to_string()).arg("--dir").arg(self.folder.path());
        self.child = Some(server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("redis-server did not start on port {}", self.port);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It goes on existing and answers nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// What somebody else may do there.
    pub(crate) async fn command(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let (name, rest) = words.split_first().unwrap();
        redis::cmd(name).arg(rest).query_async(&mut connection).await.unwrap()
    }
}

const PASSWORD: &str = "correct-horse";

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says by name what was left out; with `SIGNET_TEST_REQUIRE_ALL=1` that is a failure.
pub(crate) fn left_out() {
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    assert!(std::env::var_os("SIGNET_TEST_REQUIRE_ALL").is_none_or(|value| value != "1"), "{name} needs Redis");
    // Not a print: those are swallowed when a test passes.
    let _ = std::io::stderr().write_all(format!("NOT RUN, Redis is not installed: {name}\n").as_bytes());
}
