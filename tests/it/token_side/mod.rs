//! The token side, attacked: token endpoint, userinfo, keys and discovery. Each test carries the name of the case it
//! is about; every answer goes through the checks of [`Answer`](crate::support::party::Answer).

mod claims;
mod client_assertion;
mod client_auth;
mod client_keys;
mod code;
mod database_down;
mod discovery;
mod exchange;
mod forge;
mod inspect;
mod introspect;
mod jwks;
mod jwt;
mod keys;
mod raw;
mod refresh;
mod refresh_races;
mod refresh_terms;
mod revoke;
mod scope;
mod targets;
mod userinfo;
mod wire;

use std::future::Future;

use crate::support::app::App;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::postgres::left_out;

/// Runs one case on a provider of its own, or says that it cannot.
fn run<F: Future<Output = ()>>(kind: Kind, case: impl FnOnce(App) -> F) {
    block_on(async {
        match App::start(kind).await {
            Some(app) => case(app).await,
            None => left_out(),
        }
    });
}

/// A provider on SQLite, for what no database decides.
async fn app() -> App {
    App::start(Kind::Sqlite).await.expect("SQLite is always there")
}

/// The same with some keys of the configuration.
async fn app_with(settings: &[(&str, &str)]) -> App {
    App::start_with(Kind::Sqlite, settings).await.expect("SQLite is always there")
}

/// Makes `sqlite::CASE` and `postgres::CASE` of each `CASE`, an `async fn(App)` of the same file.
macro_rules! on_both_databases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {$(
            #[test]
            fn $case() {
                crate::token_side::run(crate::support::database::Kind::Sqlite, super::$case);
            }
        )*}
        mod postgres {$(
            #[test]
            fn $case() {
                crate::token_side::run(crate::support::database::Kind::Postgres, super::$case);
            }
        )*}
    };
}
use on_both_databases;
