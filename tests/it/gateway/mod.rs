//! Forward authentication: the endpoint itself, and real nginx and Caddy with the very files that `signet proxy-config`
//! prints, in front of a service that shows every byte it was sent.

mod browser;
mod cookie;
mod down;
mod echo;
mod endpoint;
mod example;
mod files;
mod forged;
mod ours;
mod paths;
mod proxy;
mod revoked;
mod upgrade;

use std::future::Future;

use url::Url;

use crate::support::app::App;
use crate::support::database::Kind as Database;
use crate::support::database::block_on;
use crate::support::party::Party;
use crate::support::raw;

use self::echo::Echo;
use self::proxy::Kind;
use self::proxy::Proxy;

/// A provider, a service, and a proxy in front of the service that asks the provider.
struct Gateway {
    app: App,
    echo: Echo,
    proxy: Proxy,
}

impl Gateway {
    /// `options` are more of `signet proxy-config`. `None` when the machine has no such proxy.
    async fn start(kind: Kind, options: &[&str]) -> Option<Self> {
        let app = App::start(Database::Sqlite).await.expect("SQLite is always there");
        let echo = Echo::start();
        let proxy = Proxy::start(kind, app.base.as_str(), &echo.url(), options).await?;
        Some(Self { app, echo, proxy })
    }

    /// `GET target` at the proxy, with more header lines, each ended by CR LF.
    async fn get(&self, target: &str, headers: &str) -> raw::Answer {
        raw::send(&self.proxy.base, &raw::request("GET", target, headers, "")).await
    }

    /// The header lines of somebody with an access token for the demo API.
    async fn ada(&self) -> String {
        bearer(&self.app).await
    }
}

/// `Authorization` with an access token of ada's for the demo API.
async fn bearer(app: &App) -> String {
    let tokens = Party::web(app).sign_in("openid profile email").await;
    format!("Authorization: Bearer {}\r\n", tokens.access())
}

fn run<F: Future<Output = ()>>(kind: Kind, options: &'static [&'static str], case: impl FnOnce(Gateway) -> F) {
    block_on(async {
        match Gateway::start(kind, options).await {
            Some(gateway) => case(gateway).await,
            None => proxy::left_out(kind),
        }
    });
}

/// Makes `nginx::CASE` and `caddy::CASE` of each `CASE`, an `async fn(Gateway)`.
macro_rules! through_both {
    ($($case:ident),* $(,)?) => {
        mod nginx {$(
            #[test]
            fn $case() {
                crate::gateway::run(crate::gateway::proxy::Kind::Nginx, &[], super::$case);
            }
        )*}
        mod caddy {$(
            #[test]
            fn $case() {
                crate::gateway::run(crate::gateway::proxy::Kind::Caddy, &[], super::$case);
            }
        )*}
    };
}
use through_both;

/// The check itself, without a proxy.
async fn check(base: &Url, query: &str, headers: &str) -> raw::Answer {
    raw::send(base, &raw::request("GET", &format!("/forward-auth{query}"), headers, "")).await
}
