//! The application of README and docs/gateway.md, behind both proxies.

use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use tokio::net::TcpStream;

use crate::gateway::bearer;
use crate::gateway::echo::values;
use crate::gateway::proxy::Kind;
use crate::gateway::proxy::Proxy;
use crate::gateway::proxy::left_out;
use crate::support::app::App;
use crate::support::database;
use crate::support::database::block_on;
use crate::support::postgres::left_out_because;
use crate::support::raw;
use crate::support::server::free_port;

struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn shows_what_it_is_told(kind: Kind) {
    block_on(async {
        let port = free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/gateway/app.py");
        let mut command = Command::new("python3");
        command.args([script, &port.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else { return left_out_because("python3 is not installed") };
        let _python = Python(child);
        for _ in 0..1000 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let app = App::start(database::Kind::Sqlite).await.expect("SQLite is always there");
        let upstream = format!("http://127.0.0.1:{port}");
        let Some(proxy) = Proxy::start(kind, app.base.as_str(), &upstream, &[]).await else { return left_out(kind) };
        let headers = format!("{}X-User-ID: somebody-else\r\n", bearer(&app).await);
        let answer = raw::send(&proxy.base, &raw::request("GET", "/page", &headers, "")).await;
        assert!(answer.status == 200 && answer.body.starts_with("GET /page\n"), "{answer:?}");
        assert_eq!(values(&answer.body, "x-user-id"), [app.ada().await.id.as_str()], "{}", answer.body);
    });
}

#[test]
fn the_example_behind_nginx() {
    shows_what_it_is_told(Kind::Nginx);
}

#[test]
fn the_example_behind_caddy() {
    shows_what_it_is_told(Kind::Caddy);
}
